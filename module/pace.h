/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much is dirty, when that is too much, how fast the origin is, how long a
 * writer should take, and the queue of writers that found the cache full.
 */
#ifndef WB_PACE_H
#define WB_PACE_H

#include <linux/percpu_counter.h>
#include <linux/sched.h>
#include <linux/semaphore.h>
#include <linux/wait.h>

#include "args.h"
#include "index.h"

#define WB_PACE_BATCH	128	/* blocks that a CPU keeps to itself at most */

/**
 * struct wb_pace - watermarks, rate and waiting writers
 * @dirty: dirty blocks; off by @batch a CPU at most when read in a hurry
 * @batch: see there
 * @high: blocks above which writeback starts
 * @low: blocks at which it stops
 * @nudge: blocks above which a writer has to tell somebody: @high, or less while
 *	something is lent (lend.h)
 * @limit: blocks above which writers wait, whatever room there is: what the
 *	origin takes in drain_limit at its measured rate
 * @brake: blocks from which on writers are slowed down, see wb_pace_slot()
 * @full: blocks at which they would stop
 * @urgent: blocks, for which the origin is flushed when writers are slowed down
 * @slots: guards @next_slot and changes of the marks; innermost
 * @next_slot: nanoseconds, when the writers that came so far have had their time
 * @waiting: writers that found no room and are not done
 * @turn: hands the right to allocate while others wait from one writer to the
 *	next, in the order of arrival: a semaphore's waiters are a queue
 * @room: where the writer whose turn it is waits for writeback
 * @rate: bytes a second that the origin took; zero if not known yet
 * @measured: jiffies of work that @rate was measured in, three windows at most
 * @window_start: jiffies; since when @window_bytes were written
 * @window_bytes: see there
 */
struct wb_pace {
	struct percpu_counter dirty;
	s32 batch;
	u64 high;
	u64 low;
	u64 nudge;
	u64 limit;
	u64 brake;
	u64 full;
	u32 urgent;
	spinlock_t slots;	/* guards @next_slot, and the marks */
	u64 next_slot;
	atomic_t waiting;
	struct semaphore turn;
	wait_queue_head_t room;
	u64 rate;
	u64 measured;
	u64 window_start;
	u64 window_bytes;
};

int wb_pace_init(struct wb_pace *p);
void wb_pace_exit(struct wb_pace *p);

/* Takes new marks from @opt and the rate, for as much of the budget as is there. */
void wb_pace_update(struct wb_pace *p, const struct wb_options *opt,
		    const struct wb_pages *pages);

static inline void wb_pace_dirtied(struct wb_pace *p, s64 blocks)
{
	percpu_counter_add_batch(&p->dirty, blocks, READ_ONCE(p->batch));
}

static inline s64 wb_pace_dirty(const struct wb_pace *p)
{
	return percpu_counter_read_positive((struct percpu_counter *)&p->dirty);
}

/* Whether a writer must queue even if there seems to be a free block. */
static inline bool wb_pace_queued(const struct wb_pace *p)
{
	return atomic_read(&p->waiting);
}

/* Exact where it matters: what CPUs keep to themselves is counted near @blocks. */
static inline bool wb_pace_above(struct wb_pace *p, u64 blocks)
{
	return __percpu_counter_compare(&p->dirty, blocks, WB_PACE_BATCH) > 0;
}

/* Whether more may become dirty. */
static inline bool wb_pace_below_limit(struct wb_pace *p)
{
	u64 limit = READ_ONCE(p->limit);

	return limit == U64_MAX || !wb_pace_above(p, limit - 1);
}

/* Whether writers are to be slowed down. */
static inline bool wb_pace_braking(struct wb_pace *p)
{
	u64 brake = READ_ONCE(p->brake);

	return unlikely(wb_pace_dirty(p) > brake) && wb_pace_above(p, brake);
}

/**
 * wb_pace_slot - when a writer may go on
 * @p: the pace
 * @resting: blocks that are written and await a flush of the origin
 * @bytes: that it wants to write
 * @may_wait: take the slot even if it is not now
 *
 * At three quarters of the way from @brake to @full all writers together get the
 * rate that the origin is measured to have, less above and more below, without a
 * step.  What rests goes all at once, and is left out: writers would go by fits and
 * starts.
 *
 * Return: in nanoseconds of ktime_get_ns(), not far ahead; zero for now.  If
 * not zero and @may_wait is false, nothing was taken.
 */
u64 wb_pace_slot(struct wb_pace *p, u32 resting, u64 bytes, bool may_wait);

/* There is room, or may be: have the writer whose turn it is look. */
static inline void wb_pace_wake(struct wb_pace *p)
{
	if (wq_has_sleeper(&p->room))
		wake_up(&p->room);
}

/* Writeback starts a stretch of work; time before it does not count. */
void wb_pace_begin(struct wb_pace *p);

/* It ends. */
void wb_pace_end(struct wb_pace *p);

/* The origin has taken @bytes; in writeback's context.  Returns if the rate is news. */
bool wb_pace_written(struct wb_pace *p, u64 bytes);

#endif /* WB_PACE_H */
