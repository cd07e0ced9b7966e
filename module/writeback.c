// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writeback: when, what, in which order.  How an I/O is made is in wbio.c.
 */
#include <linux/list_sort.h>
#include <linux/sched/mm.h>

#include "store.h"
#include "trace.h"
#include "wbio.h"

#define WB_UNFLUSHED_SHARE	8	/* of the budget: then flush the origin */
#define WB_POLITE		HZ	/* since the last read of the origin */
#define WB_YIELD		(HZ / 20)

/*
 * Reasons
 */

static bool wb_age_reason(struct wb_store *store, enum wb_reason *reason)
{
	u64 age = wb_epoch_age(&store->epochs);

	if (!age)
		return false;
	*reason = WB_REASON_AGE;
	if (age >= msecs_to_jiffies(READ_ONCE(store->opt.max_age)))
		return true;
	*reason = WB_REASON_IDLE;
	return jiffies - READ_ONCE(store->last_io) >=
	       msecs_to_jiffies(READ_ONCE(store->opt.pause_writeback));
}

static bool wb_watermark_reason(struct wb_store *store, enum wb_reason *reason)
{
	struct wb_writeback *wb = &store->wb;
	u64 dirty = wb_pace_dirty(&store->pace);

	wb->above = dirty > READ_ONCE(store->pace.high) ||
		    (wb->above && dirty > READ_ONCE(store->pace.low));
	*reason = WB_REASON_WATERMARK;
	return wb->above;
}

static bool wb_retry_due(struct wb_store *store)
{
	return !list_empty(&store->wb.retry.blocks) &&
	       time_after_eq(jiffies, READ_ONCE(store->health.retry_at));
}

/*
 * To see that all shards are empty takes long where there are many, and this is asked
 * before each I/O: so a full cache stays full for a jiffy.  One that has room is looked
 * at each time: who finds none has kicked us already, and would not do so again.
 */
static bool wb_full(struct wb_store *store)
{
	unsigned long now = jiffies;

	if (store->wb.full_at == now)
		return true;
	if (wb_write_has_room(store))
		return false;
	store->wb.full_at = now;
	return true;
}

static bool wb_reason(struct wb_store *store, enum wb_reason *reason)
{
	u64 durable = wb_epoch_durable(&store->epochs);

	if (READ_ONCE(store->wb.stop) || wb_writeback_held(store))
		return false;
	if (READ_ONCE(store->flush.want) > durable) {
		*reason = READ_ONCE(store->wb.teardown) ? WB_REASON_TEARDOWN :
							  WB_REASON_FLUSH;
		return true;
	}
	if (wb_pace_queued(&store->pace) && wb_full(store)) {
		*reason = WB_REASON_PRESSURE;
		return true;
	}
	if (READ_ONCE(store->frozen))
		return false;
	*reason = WB_REASON_AGE;
	if (wb_retry_due(store))
		return true;
	return wb_watermark_reason(store, reason) || wb_age_reason(store, reason);
}

/*
 * A sweep: collect, sort, write, settle
 */

/*
 * By number; of versions of a block the newest comes last, superseded or not.  Sorting
 * millions takes a while; the comparison is where to yield.
 */
static int wb_block_cmp(void *priv, const struct list_head *a,
			const struct list_head *b)
{
	u32 *count = priv;
	const struct wb_block *ba = list_entry(a, struct wb_block, list);
	const struct wb_block *bb = list_entry(b, struct wb_block, list);

	if (!(++*count & 0xffff))
		cond_resched();
	if (wb_block_nr(ba) != wb_block_nr(bb))
		return wb_block_nr(ba) > wb_block_nr(bb);
	if (ba->epoch != bb->epoch)
		return !wb_stamp_within(ba->epoch, bb->epoch);
	return !wb_block_superseded(ba) && wb_block_superseded(bb);
}

static void wb_sort(struct list_head *list)
{
	u32 count = 0;

	list_sort(&count, list, wb_block_cmp);
}

/* The list is in ascending order; mostly all of it is wanted. */
static void wb_collect_shard(struct wb_shard *s, u64 epoch, struct list_head *to)
{
	struct wb_block *b, *next;

	if (list_empty(&s->dirty))
		return;
	b = list_last_entry(&s->dirty, struct wb_block, list);
	if (wb_stamp_within(b->epoch, epoch)) {
		list_splice_tail_init(&s->dirty, to);
		return;
	}
	list_for_each_entry_safe(b, next, &s->dirty, list) {
		if (!wb_stamp_within(b->epoch, epoch))
			return;
		list_move_tail(&b->list, to);
	}
}

/*
 * Takes each shard's lock even if its list looks empty: that waits out a writer
 * who stamped before the epoch was closed (see epoch.h).
 */
static void wb_collect(struct wb_store *store, u64 epoch)
{
	struct wb_index *ix = store->index;
	u32 i;

	for (i = 0; i < ix->nr_shards; i++) {
		struct wb_shard *s = &ix->shards[i];

		spin_lock(&s->lock);
		wb_collect_shard(s, epoch, &store->wb.sweep);
		spin_unlock(&s->lock);
		cond_resched();
	}
}

static void wb_collect_retry(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;

	list_splice_tail_init(&wb->retry.blocks, &wb->sweep);
}

/*
 * Where epochs may be mixed only the newest version of a block counts; it has
 * the content of the others.  There is more than one only if the mode was just
 * changed.  Of equal blocks only the last can be the one that the map holds.
 */
static void wb_drop_superseded(struct wb_store *store)
{
	struct list_head *sweep = &store->wb.sweep;
	struct wb_block *b, *next;
	struct wb_shard *s;

	list_for_each_entry_safe(b, next, sweep, list) {
		cond_resched();
		if (list_is_last(&b->list, sweep) ||
		    wb_block_nr(b) != wb_block_nr(next))
			continue;
		s = wb_index_shard(store->index, wb_block_nr(b));
		spin_lock(&s->lock);
		list_del_init(&b->list);
		s->nr_dirty--;
		wb_index_give_free(store->index, s, b);
		spin_unlock(&s->lock);
		wb_pace_dirtied(&store->pace, -1);
	}
}

/*
 * Strictly in order the oldest epoch that is not durable, and the open one only
 * when it is its turn; elsewhere all that there is.
 *
 * Whether order is strict is asked after closing: if it is not, then whoever
 * makes it so comes later, and so do the versions that writers make from then on:
 * but for those who had read the open epoch already, all are stamped with epochs
 * behind the one closed here.  The former are waited out when it is collected.
 */
static u64 wb_sweep_target(struct wb_store *store, bool *strict)
{
	u64 next = wb_epoch_durable(&store->epochs) + 1;
	u64 closed;

	*strict = wb_store_strict(store);
	if (*strict && next < wb_epoch_open(&store->epochs))
		return min(next, wb_ranges_limit(store));

	closed = wb_epoch_cut(&store->epochs);
	smp_mb();	/* pairs with that in wb_store_switch() */
	*strict = wb_store_strict(store);
	if (*strict)
		closed = min(closed, next);
	return min(closed, wb_ranges_limit(store));
}

static bool wb_sweep_collect(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;
	bool strict;

	wb->sweep_epoch = wb_sweep_target(store, &strict);
	wb_collect(store, wb->sweep_epoch);
	/* Whoever made a newer version that is in the sweep was waited for. */
	if (wb_retry_due(store) || wb_retry_overtaken(&wb->retry))
		wb_collect_retry(store);
	/* Nothing to do: what is counted may be off by a few blocks. */
	if (list_empty(&wb->sweep) &&
	    (!list_empty(&wb->retry.blocks) ||
	     (!wb->need_flush &&
	      wb->sweep_epoch == wb_epoch_durable(&store->epochs))))
		return false;
	wb_sort(&wb->sweep);
	if (!strict)
		wb_drop_superseded(store);
	return true;
}

/* Strictly in order, a failed epoch holds all later ones. */
static bool wb_sweep_begin(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;

	wb_health_begin(&store->health);
	if (wb_store_strict(store) && !list_empty(&wb->retry.blocks)) {
		if (!wb_retry_due(store))
			return false;
		wb_collect_retry(store);
		wb_sort(&wb->sweep);
	} else if (!wb_sweep_collect(store)) {
		return false;
	}
	wb->failed = false;
	wb_retry_begin(&wb->retry);
	wb_retry_rotate(&wb->retry, &wb->sweep);
	wb->sweeping = true;
	return true;
}

static bool wb_flush_due(struct wb_store *store, enum wb_reason reason)
{
	struct wb_writeback *wb = &store->wb;
	u32 nr = store->index->pages.nr;
	bool urgent;

	if (!wb->nr_unflushed)
		return false;
	if (wb->nr_unflushed >= nr / WB_UNFLUSHED_SHARE)
		return true;
	urgent = wb_pace_queued(&store->pace) || wb_pace_braking(&store->pace);
	if (urgent && wb->nr_unflushed >= READ_ONCE(store->pace.urgent))
		return true;
	if (reason == WB_REASON_WATERMARK)
		return wb_pace_dirty(&store->pace) <=
		       (s64)READ_ONCE(store->pace.low) + wb->nr_unflushed;
	return urgent && !wb->nr_ios;
}

/* Reads of the origin come first, unless a program waits for what is written. */
static bool wb_polite(struct wb_store *store, enum wb_reason reason)
{
	if (reason > WB_REASON_FLUSH || wb_pace_braking(&store->pace))
		return false;
	if (reason == WB_REASON_FLUSH && wb_flush_urgent(&store->flush))
		return false;
	return time_before(jiffies, READ_ONCE(store->last_miss) + WB_POLITE);
}

static u32 wb_jobs(struct wb_store *store, enum wb_reason reason)
{
	struct wb_writeback *wb = &store->wb;
	u32 most = READ_ONCE(store->opt.writeback_jobs);

	if (wb_polite(store, reason))
		return wb_depth_limit(&wb->depth, most, wb->nr_ios,
				      atomic_read(&wb->reads), atomic_read(&wb->served));
	wb_depth_pause(&wb->depth);
	return most;
}

/*
 * With nothing in flight, lets a read end first: just one, and not for long, so that
 * one who reads all the time gets half of a disk that does one thing at a time.  What
 * takes longer may be held up elsewhere, by a limit of its own: not before a read has
 * ended is another waited for.
 */
static void wb_yield(struct wb_writeback *wb)
{
	if (READ_ONCE(wb->yielding))
		return;
	WRITE_ONCE(wb->yielding, true);
	smp_mb();	/* pairs with that in wb_writeback_read_ended() */
	if (atomic_read(&wb->reads))
		wait_event_idle_timeout(wb->wait, !READ_ONCE(wb->yielding), WB_YIELD);
	else
		WRITE_ONCE(wb->yielding, false);
}

void wb_writeback_read_ended(struct wb_writeback *wb)
{
	atomic_inc(&wb->served);
	atomic_dec(&wb->reads);
	smp_mb__after_atomic();	/* pairs with that in wb_yield() */
	if (READ_ONCE(wb->yielding)) {
		WRITE_ONCE(wb->yielding, false);
		wake_up(&wb->wait);
	}
}

static void wb_sweep_write(struct wb_store *store, enum wb_reason reason)
{
	struct wb_writeback *wb = &store->wb;
	u32 jobs = wb_jobs(store, reason);

	if (wb->nr_ios && wb->nr_ios >= jobs) {
		wb_io_wait(store);
		return;
	}
	if (!jobs) {
		wb_yield(wb);
		if (!wb_reason(store, &reason))
			return;
	}
	wb_retry_go_back(&wb->retry, &wb->sweep);
	wb_retry_skip(&wb->retry, &wb->sweep);
	wb_io_submit_next(store, reason);
}

/* Writes on until the sweep is done, the reason is gone or a range is due. */
static void wb_sweep_run(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;
	enum wb_reason reason;
	struct blk_plug plug;

	blk_start_plug(&plug);
	while (!list_empty(&wb->sweep)) {
		wb_io_reap(store);
		if (wb_ranges_turn(store) || !wb_reason(store, &reason))
			break;
		if (wb_flush_due(store, reason))
			wb_io_flush_origin(store);
		else
			wb_sweep_write(store, reason);
		cond_resched();
	}
	blk_finish_plug(&plug);
}

static void wb_quiesce(struct wb_store *store)
{
	wb_depth_pause(&store->wb.depth);
	while (store->wb.nr_ios)
		wb_io_wait(store);
	if (store->wb.nr_unflushed)
		wb_io_flush_origin(store);
}

/*
 * The end of a sweep is the end of its epoch if all of it is durable.  Where
 * blocks that failed earlier were not yet due it ends no epoch, but is no new
 * failure either.
 */
static void wb_sweep_end(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;

	wb_quiesce(store);
	wb_retry_go_back(&wb->retry, &wb->sweep);
	if (!list_empty(&wb->sweep))
		return;
	if (wb->need_flush)
		wb_io_flush_origin(store);
	wb->sweeping = false;
	if (wb->failed) {
		wb_health_failed(store, wb_retry_end(&wb->retry, store->index),
				 wb->retry.whole);
	} else if (list_empty(&wb->retry.blocks)) {
		wb_io_unlimit(store);
		wb_epoch_settle(&store->epochs, wb->sweep_epoch);
		trace_wb_epoch(store->dev, wb->sweep_epoch,
			       wb_epoch_open(&store->epochs) - 1);
		wb_health_recovered(store);
		wb_store_settle_mode(store);
	}
	wb_retry_publish(&wb->retry);
	wb_flush_settle(store, wb->failed);
	if (wb->failed && wb_health_failing(&store->health))
		wb_ranges_refuse(store);
}

/* A flush that failed with nothing left to write is tried again like a write. */
static bool wb_backing_off(struct wb_store *store)
{
	return store->health.attempts &&
	       time_before(jiffies, READ_ONCE(store->health.retry_at));
}

static bool wb_sweep_step(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;
	enum wb_reason reason;

	if (!wb_reason(store, &reason))
		return false;
	if (!wb->sweeping) {
		if (wb_backing_off(store) && list_empty(&wb->retry.blocks))
			return false;
		if (!wb_sweep_begin(store))
			return false;
	}
	wb_sweep_run(store);
	if (list_empty(&wb->sweep))
		wb_sweep_end(store);
	return true;
}

/* Ranges that rest are not to wait for what writeback cannot do now. */
static bool wb_step(struct wb_store *store)
{
	if (READ_ONCE(store->wb.stop) || wb_writeback_held(store))
		return false;
	if (!wb_ranges_turn(store) && wb_sweep_step(store))
		return true;
	if (!wb_ranges_turn(store) && !wb_ranges_left(store))
		return false;
	wb_quiesce(store);
	wb_ranges_apply(store);
	return true;
}

/*
 * The work item
 */

static unsigned long wb_until(u64 limit, u64 since)
{
	return limit > since ? limit - since : 1;
}

/* When to look again: a retry, or what age and idleness ask for. Zero: not by itself. */
static unsigned long wb_next_look(struct wb_store *store)
{
	unsigned long retry_at = READ_ONCE(store->health.retry_at);
	u64 age = wb_epoch_age(&store->epochs);
	unsigned long next, now = jiffies;

	if (wb_writeback_held(store))
		return 0;
	if (!store->health.attempts && wb_pace_queued(&store->pace))
		return 1;
	if (READ_ONCE(store->frozen) && !wb_pace_queued(&store->pace) &&
	    READ_ONCE(store->flush.want) <= wb_epoch_durable(&store->epochs))
		return 0;
	if (store->health.attempts)
		return time_after(retry_at, now) ? retry_at - now : 1;
	if (!age)
		return 0;
	next = wb_until(msecs_to_jiffies(READ_ONCE(store->opt.max_age)), age);
	return min(next, wb_until(msecs_to_jiffies(READ_ONCE(store->opt.pause_writeback)),
				  now - READ_ONCE(store->last_io)));
}

static void wb_run(struct wb_store *store)
{
	wb_store_settle_mode(store);
	wb_pace_begin(&store->pace);
	while (wb_step(store))
		cond_resched();
	wb_quiesce(store);
	wb_store_settle_mode(store);
	wb_retry_publish(&store->wb.retry);
	wb_pace_end(&store->pace);
	wb_store_repace(store);
	wb_pace_wake(&store->pace);
}

static void wb_work(struct work_struct *work)
{
	struct wb_store *store = container_of(to_delayed_work(work),
					      struct wb_store, wb.work);
	struct wb_writeback *wb = &store->wb;
	unsigned long next;
	unsigned int noio;

	/* A kick that was late: what it would look at may be changing hands. */
	if (READ_ONCE(wb->stop))
		return;
	noio = memalloc_noio_save();
	WRITE_ONCE(wb->active, true);
	smp_mb();	/* see wb_writeback_hold() and wb_writeback_interrupt() */
	wb_run(store);
	smp_store_release(&wb->active, false);	/* see wb_writeback_active() */
	memalloc_noio_restore(noio);

	/*
	 * A writer that still saw us active did not kick, and who holds us waits.
	 * Pairs with the barriers in wb_writeback_nudge(), _arm() and _hold(): they
	 * see us inactive or we see the block, or the hold.
	 */
	smp_mb();
	if (wb_writeback_held(store) || READ_ONCE(wb->stop))
		wake_up_all(&store->flush.settled);
	wb_behind_look(store);
	if (READ_ONCE(wb->stop))
		return;
	next = wb_next_look(store);
	if (wb_index_nr_dirty(store->index) > READ_ONCE(store->pace.high) &&
	    !store->health.attempts && !READ_ONCE(store->frozen) &&
	    !wb_writeback_held(store))
		next = 1;
	/*
	 * A writer may have armed it while we were not yet, or not any more, active: that
	 * is for later, and what was wanted before would be lost.  A kick stays a kick.
	 */
	if (next && !queue_delayed_work(wb->wq, &wb->work, next))
		mod_delayed_work(wb->wq, &wb->work, 0);
}

void wb_writeback_kick(struct wb_store *store)
{
	if (!READ_ONCE(store->wb.stop))
		mod_delayed_work(store->wb.wq, &store->wb.work, 0);
}

void wb_writeback_nudge(struct wb_store *store)
{
	smp_mb();	/* see wb_work() */
	if (!READ_ONCE(store->wb.active) && !READ_ONCE(store->frozen) &&
	    !wb_writeback_held(store) && !wb_health_failing(&store->health))
		wb_writeback_kick(store);
}

void wb_writeback_arm(struct wb_store *store)
{
	u32 ms = min(READ_ONCE(store->opt.max_age),
		     READ_ONCE(store->opt.pause_writeback));

	/*
	 * While the work runs, a long delay queued here would keep it from queueing
	 * itself for an earlier time.
	 */
	smp_mb();	/* see wb_work() */
	if (!READ_ONCE(store->wb.stop) && !READ_ONCE(store->wb.active))
		queue_delayed_work(store->wb.wq, &store->wb.work,
				   max(msecs_to_jiffies(ms), 1UL));
}

/*
 * Life
 */

int wb_writeback_init(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;

	INIT_LIST_HEAD(&wb->sweep);
	wb_retry_init(&wb->retry);
	INIT_LIST_HEAD(&wb->unflushed);
	wb_depth_init(&wb->depth);
	INIT_DELAYED_WORK(&wb->work, wb_work);
	wb->stop = true;
	wb->wq = alloc_workqueue("writebehind-%llu",
				 WQ_MEM_RECLAIM | WQ_UNBOUND, 1, store->id);
	if (!wb->wq)
		return -ENOMEM;
	if (wb_io_init(store)) {
		destroy_workqueue(wb->wq);
		wb->wq = NULL;
		return -ENOMEM;
	}
	return 0;
}

void wb_writeback_exit(struct wb_store *store)
{
	if (!store->wb.wq)
		return;
	cancel_delayed_work_sync(&store->wb.work);
	destroy_workqueue(store->wb.wq);
	wb_io_exit(store);
}

void wb_writeback_start(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;

	/* What was left in flight goes on as it began. */
	if (READ_ONCE(wb->stop) && !wb_writeback_active(wb)) {
		cancel_delayed_work_sync(&wb->work);
		wb_io_unlimit(store);
	}
	wb_health_hurry(store);
	wb_events_start(store);
	WRITE_ONCE(wb->teardown, false);
	WRITE_ONCE(wb->stop, false);
	wb_writeback_kick(store);
}

void wb_writeback_interrupt(struct wb_store *store)
{
	WRITE_ONCE(store->wb.stop, true);
	smp_mb();	/* pairs with that in wb_work(): either sees the other */
	wake_up_all(&store->flush.settled);
}

int wb_writeback_settle(struct wb_store *store)
{
	if (wait_event_killable(store->flush.settled, !wb_writeback_active(&store->wb)))
		return -EINTR;
	/* at most one that returns at once, since it is told to stop */
	cancel_delayed_work_sync(&store->wb.work);
	wb_behind_settle(store);
	return 0;
}

static bool wb_writeback_left(struct wb_store *store)
{
	return !wb_writeback_active(&store->wb) || atomic_read(&store->handover_wanted);
}

/*
 * The work waits for all that it has in flight before it returns.  Whoever writes to
 * the origin next has to wait for that too, lest what was in flight comes behind it.
 * The next table of ours does, another target does not.
 */
bool wb_writeback_stop(struct wb_store *store, bool killable, long timeout)
{
	wait_queue_head_t *settled = &store->flush.settled;
	bool over = true;

	wb_writeback_interrupt(store);
	if (wb_rebooting())
		wait_event_idle_timeout(*settled, wb_writeback_left(store), HZ);
	else if (killable)
		over = wait_event_killable_timeout(*settled, wb_writeback_left(store), timeout);
	else
		over = wait_event_idle_timeout(*settled, wb_writeback_left(store), timeout);
	if (!over)
		return false;
	if (wb_writeback_active(&store->wb))
		wb_behind_leave(store);
	else
		cancel_delayed_work_sync(&store->wb.work);
	wb_events_stop(store);
	return true;
}

static bool wb_teardown_over(struct wb_store *store, const struct wb_teardown *td)
{
	return wb_flush_ended(store, td->epoch, td->attempts) || READ_ONCE(store->wb.stop);
}

void wb_teardown_begin(struct wb_store *store, struct wb_teardown *td)
{
	td->left = MAX_SCHEDULE_TIMEOUT;
	if (wb_rebooting())
		td->left = READ_ONCE(store->opt.shutdown_timeout) * HZ;
	td->attempts = wb_flush_attempts(store);
	WRITE_ONCE(store->wb.teardown, true);
	wb_health_hurry(store);
	td->epoch = wb_flush_start(store);
}

bool wb_teardown_wait(struct wb_store *store, struct wb_teardown *td, bool killable,
		      long timeout)
{
	wait_queue_head_t *settled = &store->flush.settled;
	bool over;

	timeout = min(timeout, td->left);
	if (killable)
		over = wait_event_killable_timeout(*settled, wb_teardown_over(store, td),
						   timeout);
	else
		over = wait_event_idle_timeout(*settled, wb_teardown_over(store, td),
					       timeout);
	td->left -= timeout;
	return over || !td->left;
}

bool wb_teardown_end(struct wb_store *store, const struct wb_teardown *td)
{
	WRITE_ONCE(store->wb.teardown, false);
	return wb_epoch_durable(&store->epochs) >= td->epoch;
}

bool wb_writeback_teardown(struct wb_store *store, bool killable)
{
	struct wb_teardown td;

	wb_teardown_begin(store, &td);
	wb_teardown_wait(store, &td, killable, MAX_SCHEDULE_TIMEOUT);
	return wb_teardown_end(store, &td);
}

bool wb_writeback_held(const struct wb_store *store)
{
	return atomic_read(&store->wb.held) && !READ_ONCE(store->wb.let_go);
}

void wb_writeback_let_go(struct wb_store *store)
{
	WRITE_ONCE(store->wb.let_go, true);
	wb_writeback_kick(store);
	wake_up_all(&store->flush.settled);
}

/*
 * The work looks at the count after it became active: it sees it, or is seen
 * here.  One that starts later does nothing.
 */
int wb_writeback_hold(struct wb_store *store)
{
	wait_queue_head_t *settled = &store->flush.settled;
	bool suspending;
	int r;

	do {
		r = wait_event_interruptible(*settled, !READ_ONCE(store->wb.suspending));
		if (r)
			return r;
		atomic_inc(&store->wb.held);
		/* pairs with that in wb_work(), and in wb_writeback_suspending() */
		smp_mb__after_atomic();
		suspending = READ_ONCE(store->wb.suspending);
		wb_flush_wake(store);
		if (!suspending)
			r = wait_event_interruptible(*settled,
						     !wb_writeback_active(&store->wb));
		if (suspending || r)
			wb_writeback_unhold(store);
	} while (suspending && !r);
	return r;
}

/*
 * dm goes on from there to where it waits for what is in flight, and to a drain that
 * cannot be killed: neither ends while somebody holds, who may wait for the device.
 */
void wb_writeback_suspending(struct wb_store *store, bool wait)
{
	WRITE_ONCE(store->wb.suspending, true);
	smp_mb();	/* pairs with that in wb_writeback_hold(): either sees the other */
	if (wait)
		wait_event_killable(store->flush.settled, !wb_writeback_held(store));
}

void wb_writeback_suspended(struct wb_store *store)
{
	WRITE_ONCE(store->wb.suspending, false);
	wake_up_all(&store->flush.settled);
}

void wb_writeback_rest(struct wb_store *store)
{
	atomic_inc(&store->wb.held);
	smp_mb__after_atomic();	/* as above */
	wait_event_killable(store->flush.settled, !wb_writeback_active(&store->wb));
	wb_writeback_unhold(store);
}

void wb_writeback_unhold(struct wb_store *store)
{
	if (!atomic_dec_and_test(&store->wb.held))
		return;
	wb_writeback_kick(store);
	wake_up_all(&store->flush.settled);
}

u32 wb_writeback_blocks(const struct wb_store *store)
{
	return READ_ONCE(store->wb.nr_inflight) + READ_ONCE(store->wb.nr_unflushed);
}

void wb_writeback_forget(struct wb_store *store, struct wb_shard *s,
			 struct wb_block *b, u8 mask)
{
	u8 gone = wb_block_valid(b) & mask;

	if (wb_block_state(b) == WB_DIRTY)
		wb_stat_add(&store->stats, WB_STAT_ABSORBED,
			    (u64)hweight8(gone) << SECTOR_SHIFT);
	wb_block_set_valid(b, wb_block_valid(b) & ~mask);
	if (wb_block_valid(b))
		return;
	wb_index_remove(store->index, s, b);
	list_del_init(&b->list);
	if (wb_block_state(b) == WB_CLEAN) {
		s->nr_clean--;
	} else {
		s->nr_dirty--;
		wb_pace_dirtied(&store->pace, -1);
	}
	wb_index_give_free(store->index, s, b);
}
