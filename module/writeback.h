/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writeback: carries dirty blocks to the origin, sorted, merged, in order.
 *
 * It goes in sweeps.  A sweep collects what is dirty, sorts it by address and
 * writes it from one end to the other; what is written meanwhile is for the
 * next one.  Strictly in order a sweep is one epoch exactly.  One work item does
 * all of it, so a block is never in flight twice, and with nothing in flight the
 * item may do what needs quiet: discards, zeroes, the end of an epoch.
 *
 * A block is clean once its write has completed and, where the origin has a
 * volatile cache, a flush of the origin that was sent after that has succeeded.
 */
#ifndef WB_WRITEBACK_H
#define WB_WRITEBACK_H

#include <linux/bio.h>
#include <linux/llist.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "depth.h"
#include "index.h"
#include "retry.h"

struct wb_store;

/**
 * struct wb_writeback - writeback of a store
 * @wq: runs @work; may be relied on to free memory
 * @work: the one work item; all below but @done, @stop, @held, @let_go, @suspending,
 *	@doubt, @lost_flushes, @teardown, @above, @reads, @served and @yielding belong to it
 * @active: it is running and looks for new work by itself
 * @stop: it must not touch the origin: no table is resumed
 * @held: so many want that nothing is written now
 * @let_go: that does not matter any more
 * @suspending: none is to begin: between presuspend and the end of postsuspend
 * @teardown: what is written now is written for a suspend or removal
 * @above: dirty data was above the high watermark and is not yet below the low
 * @full_at: jiffies when the cache was last seen to be full
 * @sweep: sorted, yet to be written
 * @sweep_epoch: all up to here is durable when the sweep has ended well
 * @sweeping: a sweep has begun and not ended
 * @failed: something could not be written in this sweep
 * @retry: what could not be written, and how it is tried again
 * @unflushed: written, awaiting a flush of the origin
 * @nr_unflushed: length of it
 * @need_flush: something reached the origin since its last good flush
 * @doubt: a flush that was not ours may have failed
 * @lost_flushes: how many flushes of the origin have failed, or may have; wraps
 * @nr_ios: I/Os in flight
 * @nr_inflight: blocks in flight
 * @io_blocks: blocks in an I/O at most
 * @depth: how many are worth it while users read
 * @reads: of the origin, that began while @active
 * @served: of these, that have ended so far; wraps
 * @yielding: the next of them to end is waited for, or was in vain
 * @done: completed I/Os, from interrupt context
 * @wait: woken for @done and @yielding
 * @ios: for an I/O and its first bio
 * @extra: for further bios of a block with holes
 */
struct wb_writeback {
	struct workqueue_struct *wq;
	struct delayed_work work;
	bool active;
	bool stop;
	atomic_t held;
	bool let_go;
	bool suspending;
	bool teardown;
	bool above;
	unsigned long full_at;

	struct list_head sweep;
	u64 sweep_epoch;
	bool sweeping;
	bool failed;
	struct wb_retry retry;
	struct list_head unflushed;
	u32 nr_unflushed;
	bool need_flush;
	bool doubt;
	atomic_t lost_flushes;

	u32 nr_ios;
	u32 nr_inflight;
	u32 io_blocks;
	struct wb_depth depth;
	atomic_t reads;
	atomic_t served;
	bool yielding;
	struct llist_head done;
	wait_queue_head_t wait;
	struct bio_set ios;
	struct bio_set extra;
};

int wb_writeback_init(struct wb_store *store);
void wb_writeback_exit(struct wb_store *store);

/* The origin may be written from now on.  Process context. */
void wb_writeback_start(struct wb_store *store);

/**
 * wb_writeback_settle - wait for what is in flight
 * @store: the store; writeback has been told to stop
 *
 * Sleeps killably.  Return: 0 if the origin is not touched any more, or -EINTR.
 */
int wb_writeback_settle(struct wb_store *store);

/**
 * wb_writeback_stop - tell writeback to stop, and wait
 * @store: the store
 * @killable: whoever writes to the origin next waits for what is in flight, or nobody
 *	will
 * @timeout: in jiffies
 *
 * Sleeps.  The origin is not touched any more after that, but by what is left behind,
 * see behind.h: by who is killed, by init if it takes long, and for somebody who asks for
 * the handover and will wait for it.
 *
 * Return: false if it took longer than @timeout, and is to be called again.
 */
bool wb_writeback_stop(struct wb_store *store, bool killable, long timeout);

/* Ends a drain without waiting for what is in flight; who drains is to stop then. */
void wb_writeback_interrupt(struct wb_store *store);

/* It may have I/O in flight.  What it did before it had none is seen then. */
static inline bool wb_writeback_active(const struct wb_writeback *wb)
{
	return smp_load_acquire(&wb->active);	/* pairs with the release in wb_work() */
}

/* Something may have to be done now.  Any context. */
void wb_writeback_kick(struct wb_store *store);

/* The same from a writer above the watermark: free while writeback is at work. */
void wb_writeback_nudge(struct wb_store *store);

/* A read goes to the origin.  Returns whether its end is to be told.  Any context. */
static inline bool wb_writeback_read_begins(struct wb_writeback *wb)
{
	if (!READ_ONCE(wb->active))
		return false;
	atomic_inc(&wb->reads);
	return true;
}

/* It ended.  Any context. */
void wb_writeback_read_ended(struct wb_writeback *wb);

/*
 * A flush of the origin that somebody else had sent may have failed: ours, which finds
 * nothing left to do, is not to be trusted.  Any context.
 */
static inline void wb_writeback_doubt(struct wb_writeback *wb)
{
	atomic_inc(&wb->lost_flushes);
	WRITE_ONCE(wb->doubt, true);
}

/* Something became dirty: see to it in time.  Any context. */
void wb_writeback_arm(struct wb_store *store);

/*
 * Init removes devices right before it reboots the machine (systemd-shutdown does),
 * waits for whatever that takes, and cannot be killed.
 */
static inline bool wb_rebooting(void)
{
	return is_global_init(current);
}

/**
 * wb_writeback_teardown - write all that is dirty, for a table that goes away
 * @store: the store
 * @killable: who waits can be killed
 *
 * Sleeps for as long as it takes, while rebooting for shutdown_timeout.  Gives up on a
 * device that is failing, and when writeback is told to stop.
 *
 * Return: whether nothing is dirty.
 */
bool wb_writeback_teardown(struct wb_store *store, bool killable);

/**
 * struct wb_teardown - the same step by step, for who has to look up meanwhile
 * @epoch: all up to here is to be durable
 * @attempts: that had been made when it began
 * @left: for so many jiffies it goes on at most
 */
struct wb_teardown {
	u64 epoch;
	u64 attempts;
	long left;
};

void wb_teardown_begin(struct wb_store *store, struct wb_teardown *td);

/* For @timeout jiffies at most.  Returns false if there is still something to wait for. */
bool wb_teardown_wait(struct wb_store *store, struct wb_teardown *td, bool killable,
		      long timeout);

/* Returns whether nothing is dirty. */
bool wb_teardown_end(struct wb_store *store, const struct wb_teardown *td);

/**
 * wb_writeback_hold - nothing is written until wb_writeback_unhold()
 * @store: the store
 *
 * Returns when nothing is in flight, and nothing written awaits a flush of the
 * origin, and no suspend is under way.  Sleeps.  Return: 0, or -ERESTARTSYS with nothing
 * held.
 */
int wb_writeback_hold(struct wb_store *store);
void wb_writeback_unhold(struct wb_store *store);

/*
 * No hold begins from now on, until the device is suspended or is not going to be.  If
 * @wait, for those that there are: sleeps, killably.
 */
void wb_writeback_suspending(struct wb_store *store, bool wait);
void wb_writeback_suspended(struct wb_store *store);

/* Waits until nothing is in flight for a moment.  Sleeps killably. */
void wb_writeback_rest(struct wb_store *store);

/* Nobody's hold counts any more: the machine goes down. */
void wb_writeback_let_go(struct wb_store *store);
bool wb_writeback_held(const struct wb_store *store);

/* Blocks written or being written, for status. */
u32 wb_writeback_blocks(const struct wb_store *store);

/**
 * wb_writeback_forget - sectors of a block need not be kept any more
 * @store: the store
 * @s: the block's shard, locked
 * @b: a block in the map, not in flight
 * @mask: the sectors
 *
 * In writeback's context.  Frees the block if no sector is left.
 */
void wb_writeback_forget(struct wb_store *store, struct wb_shard *s,
			 struct wb_block *b, u8 mask);

#endif /* WB_WRITEBACK_H */
