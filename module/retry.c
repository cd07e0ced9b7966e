// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the origin did not take.
 */
#include "retry.h"

#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "index.h"

#define WB_RETRY_MISSES		8	/* in a row, and */
#define WB_RETRY_PATIENCE	HZ	/* so long in vain: then not all is tried */
#define WB_RETRY_STRIDE		BIT(30)

void wb_retry_init(struct wb_retry *r)
{
	INIT_LIST_HEAD(&r->blocks);
	INIT_LIST_HEAD(&r->skipped);
}

void wb_retry_unlimit(struct wb_retry *r, u32 most)
{
	r->first = most;
	r->most = most;
	r->from = 0;
}

void wb_retry_begin(struct wb_retry *r)
{
	r->whole = list_empty(&r->blocks);
	r->most = r->first;
	r->next = U32_MAX;
	r->misses = 0;
	r->stride = 1;
	r->hit = false;
	r->progress = false;
}

/*
 * Bisecting.  What failed goes in smaller I/Os in the rest of the pass, and the next
 * one begins with half of the smallest I/O that failed.  Where that goes well they
 * double: after an outage all of the backlog has failed, and most of it is good.
 *
 * It comes to an end: if what had failed before fails again, then either some of it
 * was written in I/Os that doubled, and less is left; or the I/Os get smaller, down to
 * single blocks.  To fail with these is no progress.
 *
 * What fails for the first time does not make those larger that failed before.
 */
void wb_retry_missed(struct wb_retry *r, u32 nr, bool again)
{
	u32 half = max_t(u32, nr / 2, 1);

	if (!again)
		half = min(half, r->first);
	r->most = min(r->most, half);
	r->next = min(r->next, half);
	if (!r->misses++)
		r->since = jiffies;
}

void wb_retry_went_well(struct wb_retry *r, u32 nr, bool again, u32 limit)
{
	if (again && nr >= r->most)
		r->most = min(2 * r->most, limit);
	r->misses = 0;
	r->stride = 1;
	r->hit = true;
}

void wb_retry_go_back(struct wb_retry *r, struct list_head *sweep)
{
	if (r->hit)
		list_splice_init(&r->skipped, sweep);
	r->hit = false;
}

/*
 * A disk that takes half a minute for each error is not asked for each block of a
 * large backlog: steps get longer, so a pass is soon over.  Good blocks among bad ones
 * do not suffer: with the first that is written the pass goes back to where it left
 * something out, and each time it does it has less to do; and the next pass begins
 * where this one has left something out first.
 */
void wb_retry_skip(struct wb_retry *r, struct list_head *sweep)
{
	u32 n = r->stride;

	if (r->misses < WB_RETRY_MISSES ||
	    time_before(jiffies, r->since + WB_RETRY_PATIENCE))
		return;
	while (n-- && !list_is_singular(sweep)) {
		list_move_tail(sweep->next, &r->skipped);
		cond_resched();
	}
	r->stride = min_t(u32, 2 * r->stride, WB_RETRY_STRIDE);
}

void wb_retry_rotate(const struct wb_retry *r, struct list_head *sweep)
{
	struct wb_block *b;

	if (!r->from)
		return;
	list_for_each_entry(b, sweep, list) {
		if (wb_block_nr(b) >= r->from) {
			list_rotate_to_front(&b->list, sweep);
			return;
		}
		cond_resched();
	}
}

bool wb_retry_end(struct wb_retry *r, struct wb_index *ix)
{
	struct wb_block *b, *next;
	struct wb_shard *s;

	if (!list_empty(&r->skipped))
		r->from = wb_block_nr(list_first_entry(&r->skipped, struct wb_block, list));
	list_for_each_entry_safe(b, next, &r->skipped, list) {
		s = wb_index_shard(ix, wb_block_nr(b));
		spin_lock(&s->lock);
		wb_block_set_flag(b, WB_FAILED);
		list_move_tail(&b->list, &r->blocks);
		spin_unlock(&s->lock);
		cond_resched();
	}
	if (!r->whole)
		return r->progress;
	if (r->next < r->first)
		r->progress = true;
	if (r->next != U32_MAX)
		r->first = r->next;
	return r->progress;
}

bool wb_retry_overtaken(const struct wb_retry *r)
{
	struct wb_block *b;

	list_for_each_entry(b, &r->blocks, list) {
		if (wb_block_superseded(b))
			return true;
		cond_resched();
	}
	return false;
}

void wb_retry_publish(struct wb_retry *r)
{
	struct wb_block *b;
	u64 lowest = U64_MAX;
	u32 n = 0;

	list_for_each_entry(b, &r->blocks, list) {
		cond_resched();
		lowest = min(lowest, wb_block_nr(b));
		n++;
	}
	WRITE_ONCE(r->nr, n);
	WRITE_ONCE(r->lowest, lowest);
}
