// SPDX-License-Identifier: GPL-2.0-only
/*
 * A write: copied into the map, completed.
 */
#include <linux/device-mapper.h>
#include <linux/highmem.h>

#include "store.h"
#include "trace.h"
#include "write.h"

/* What to do with the block that the map has, when a write comes for it. */
enum wb_overwrite {
	WB_INTO_IT,		/* nobody else looks at its content */
	WB_MAKE_DIRTY,		/* the same, but it was clean */
	WB_NEW_VERSION,		/* in flight, or part of an epoch behind a barrier */
};

static enum wb_overwrite wb_overwrite(const struct wb_store *store,
				      const struct wb_block *b, u64 epoch)
{
	switch (wb_block_state(b)) {
	case WB_CLEAN:
		return WB_MAKE_DIRTY;
	case WB_DIRTY:
		return wb_store_keeps(store, b->epoch, epoch) ? WB_NEW_VERSION :
								WB_INTO_IT;
	default:
		return WB_NEW_VERSION;
	}
}

static void wb_copy_from_bio(void *to, struct bio *bio, struct bvec_iter *iter,
			     unsigned int bytes)
{
	if (bio_op(bio) == REQ_OP_WRITE_ZEROES) {
		memset(to, 0, bytes);
		bio_advance_iter(bio, iter, bytes);
		return;
	}
	while (bytes) {
		struct bio_vec bv = bio_iter_iovec(bio, *iter);
		unsigned int n = min(bytes, bv.bv_len);
		void *from = bvec_kmap_local(&bv);

		memcpy(to, from, n);
		kunmap_local(from);
		bio_advance_iter_single(bio, iter, n);
		to += n;
		bytes -= n;
	}
}

/* The block, on no list, is dirty from now on and belongs to @epoch. */
static void wb_stamp(struct wb_shard *s, struct wb_block *b, u64 epoch)
{
	b->epoch = epoch;
	list_add_tail(&b->list, &s->dirty);
	s->nr_dirty++;
}

/*
 * A new block for number @nr, in the place of @old if there is one.  What the
 * write leaves of the old version is copied first, so that the new one stands
 * for all that is known of the block.
 */
static struct wb_block *wb_new_block(struct wb_index *ix, struct wb_shard *s,
				     u64 nr, struct wb_block *old, u8 mask)
{
	struct wb_block *b = wb_index_take_free(ix, s);
	u8 kept = old ? wb_block_valid(old) & ~mask : 0;

	if (!b)
		return NULL;
	if (kept)
		memcpy(wb_block_data(&ix->pages, b),
		       wb_block_data(&ix->pages, old), WB_BLOCK_SIZE);
	wb_block_set(b, nr, WB_DIRTY, mask | kept);
	if (old)
		wb_index_replace(ix, s, old, b);
	else
		wb_index_insert(ix, s, b);
	return b;
}

/*
 * The block that a write to sectors @mask of block @nr goes into, marked and
 * stamped, or NULL if one more would be dirty, and @may_take is false or there
 * is no free one.
 */
static struct wb_block *wb_claim(struct wb_store *store, struct wb_shard *s,
				 u64 nr, u8 mask, u64 epoch, bool may_take)
{
	struct wb_block *b = wb_index_find(store->index, s, nr);
	enum wb_overwrite how = b ? wb_overwrite(store, b, epoch) : WB_NEW_VERSION;

	switch (how) {
	case WB_INTO_IT:
		wb_stat_add(&store->stats, WB_STAT_ABSORBED,
			    (u64)hweight8(wb_block_valid(b) & mask) << SECTOR_SHIFT);
		wb_block_set_valid(b, wb_block_valid(b) | mask);
		return b;
	case WB_MAKE_DIRTY:
		if (!may_take)
			return NULL;
		list_del(&b->list);
		s->nr_clean--;
		wb_block_set(b, nr, WB_DIRTY, wb_block_valid(b) | mask);
		break;
	case WB_NEW_VERSION:
		b = may_take ? wb_new_block(store->index, s, nr, b, mask) : NULL;
		if (!b)
			return NULL;
		break;
	}
	wb_stamp(s, b, epoch);
	return b;
}

/*
 * As much of the write as lies in one segment, under one hold of the lock: the
 * epoch that is read here is the one that is stamped (see epoch.h).  Returns
 * whether all of it found room.
 */
static bool wb_write_segment(struct wb_store *store, struct bio *bio,
			     struct bvec_iter *iter, bool may_take)
{
	struct wb_index *ix = store->index;
	u64 nr = iter->bi_sector / WB_BLOCK_SECTORS;
	u64 segment = nr >> WB_SEGMENT_SHIFT;
	struct wb_shard *s = wb_index_shard(ix, nr);
	unsigned int first, count;
	struct wb_block *b;
	bool new_epoch;
	u32 dirty;
	u64 epoch;

	spin_lock(&s->lock);
	epoch = wb_epoch_open(&store->epochs);
	dirty = s->nr_dirty;
	do {
		first = iter->bi_sector & (WB_BLOCK_SECTORS - 1);
		count = min(WB_BLOCK_SECTORS - first,
			    iter->bi_size >> SECTOR_SHIFT);
		b = wb_claim(store, s, nr, wb_sector_mask(first, count), epoch,
			     may_take);
		if (!b)
			break;
		wb_copy_from_bio(wb_block_data(&ix->pages, b) +
				 (first << SECTOR_SHIFT), bio, iter,
				 count << SECTOR_SHIFT);
		nr++;
	} while (iter->bi_size && nr >> WB_SEGMENT_SHIFT == segment);
	dirty = s->nr_dirty - dirty;
	new_epoch = dirty && wb_epoch_touch(&store->epochs, epoch);
	spin_unlock(&s->lock);

	if (dirty)
		wb_pace_dirtied(&store->pace, dirty);
	if (new_epoch)
		wb_writeback_arm(store);
	return b;
}

/* @in_turn: nobody came before this writer. */
static bool wb_write_blocks(struct wb_store *store, struct bio *bio,
			    struct bvec_iter *iter, bool in_turn)
{
	while (iter->bi_size)
		if (!wb_write_segment(store, bio, iter,
				      in_turn && wb_pace_below_limit(&store->pace)))
			return false;
	return true;
}

/* Once, and not what a REQ_NOWAIT writer is told to send again. */
static void wb_write_count(struct wb_store *store, const struct bio *bio)
{
	wb_stat_add(&store->stats, WB_STAT_WRITES, 1);
	wb_stat_add(&store->stats, WB_STAT_WRITE, bio->bi_iter.bi_size);
}

static noinline void wb_write_nudge(struct wb_store *store)
{
	wb_lending_look(store);
	if (wb_pace_dirty(&store->pace) > READ_ONCE(store->pace.high))
		wb_writeback_nudge(store);
}

static void wb_write_done(struct wb_store *store, struct bio *bio)
{
	trace_wb_write(store->dev, bio->bi_iter.bi_sector, bio->bi_iter.bi_size,
		       bio->bi_opf & REQ_FUA);
	if (wb_pace_dirty(&store->pace) > READ_ONCE(store->pace.nudge))
		wb_write_nudge(store);
	if (bio->bi_opf & REQ_FUA)
		wb_flush_bio(store, bio);
	else if (unlikely(wb_store_through(store)))
		wb_flush_through(store, bio);
	else
		bio_endio(bio);
}

/*
 * The cache is nearly full
 */

/*
 * Waits for the slot; a writer that is killed goes on at once.  Where writeback
 * is not at work, there is no rate to keep to.  Returns false if it must not wait.
 */
static bool wb_write_brake(struct wb_store *store, struct bio *bio)
{
	bool may_wait = !(bio->bi_opf & REQ_NOWAIT);
	ktime_t until;

	if (wb_health_failing(&store->health) || READ_ONCE(store->frozen) ||
	    wb_writeback_held(store))
		return true;
	until = wb_pace_slot(&store->pace, READ_ONCE(store->wb.nr_unflushed),
			     bio->bi_iter.bi_size, may_wait);
	if (!until || !may_wait)
		return !until;
	wb_stat_add(&store->stats, WB_STAT_THROTTLED, 1);
	trace_wb_throttle(store->dev, bio->bi_iter.bi_size, false);
	wb_writeback_nudge(store);
	set_current_state(TASK_KILLABLE);
	schedule_hrtimeout(&until, HRTIMER_MODE_ABS);
	return true;
}

/*
 * The origin is failing
 */

/*
 * Past the cache, if that has nothing newer for any of it: the origin's answer
 * is the writer's.  FUA, since no later flush of ours would cover it; without support
 * for it that is a flush of the origin, which may fail; a server behind the disk may do
 * the same though it claims support.  A clean block would be older
 * than what is written, so it goes.
 */
static bool wb_write_past(struct wb_store *store, struct bio *bio)
{
	u64 nr = bio->bi_iter.bi_sector / WB_BLOCK_SECTORS;
	u64 end = DIV_ROUND_UP(bio_end_sector(bio), WB_BLOCK_SECTORS);

	if (bio_op(bio) != REQ_OP_WRITE)
		return false;
	for (; nr < end; nr++)
		if (!wb_index_forget_clean(store->index, nr))
			return false;
	wb_write_count(store, bio);
	if (bdev_write_cache(store->bdev))
		wb_bio_data(bio)->origin = WB_ORIGIN_PAST;
	wb_bio_data(bio)->lost_flushes = atomic_read(&store->wb.lost_flushes);
	bio->bi_opf |= REQ_FUA;
	bio_set_dev(bio, store->bdev);
	submit_bio_noacct(bio);
	return true;
}

/*
 * What on_error says; returns whether the write is to be taken as ever: one that
 * cannot go past the cache overwrites what is dirty, and one that comes while
 * the dirty data is being saved must not change the origin.  Strictly in order
 * nothing may overtake what the origin refuses.
 */
static bool wb_write_on_error(struct wb_store *store, struct bio *bio)
{
	switch (READ_ONCE(store->opt.on_error)) {
	case WB_ON_ERROR_WRITETHROUGH:
		if (wb_writeback_held(store))
			return true;
		if (!wb_store_strict(store))
			return !wb_write_past(store, bio);
		fallthrough;
	case WB_ON_ERROR_REFUSE:
		bio_io_error(bio);
		return false;
	default:
		return true;
	}
}

/*
 * No room
 */

static struct workqueue_struct *wb_deferred_wq;

bool wb_write_has_room(struct wb_store *store)
{
	return wb_pace_below_limit(&store->pace) && wb_index_has_room(store->index);
}

/* How a wait for room ends. */
enum wb_waited {
	WB_WRITTEN,
	WB_LEFT,		/* killed, or told to leave; the rest waits elsewhere */
	WB_GAVE_WAY,		/* others are to leave first, and come before it */
	WB_REFUSED,		/* the origin is failing, and on_error says so */
};

/* Room is not made as long as this says why not. */
static bool wb_write_hopeless(struct wb_store *store)
{
	return wb_health_failing(&store->health) &&
	       READ_ONCE(store->opt.on_error) != WB_ON_ERROR_BUFFER;
}

/*
 * @stay: as long as the device's suspension, if there is one, waits for it.  Else dm would
 * fail what is given back: a suspend that was interrupted is none before we hear of it.
 */
static bool wb_write_must_leave(struct wb_store *store, bool stay)
{
	if (!stay)
		return READ_ONCE(store->leave) > WB_STAY;
	return READ_ONCE(store->leave) > WB_LEAVE_MAP &&
	       dm_noflush_suspending(READ_ONCE(store->owner));
}

/*
 * Who stays while others must leave has to let them: they wait for the turn, and
 * dm for them, unkillably.
 */
static bool wb_write_in_the_way(struct wb_store *store, bool stay)
{
	return stay && READ_ONCE(store->leave) == WB_LEAVE_MAP &&
	       atomic_read(&store->pace.waiting) > 1;
}

/* Waits for room with the turn. */
static enum wb_waited wb_write_in_turn(struct wb_store *store, struct bio *bio,
				       struct bvec_iter *iter, bool stay)
{
	while (!wb_write_blocks(store, bio, iter, true)) {
		if (wb_write_hopeless(store))
			return WB_REFUSED;
		if (wb_pace_below_limit(&store->pace) &&
		    wb_index_reclaim(store->index))
			continue;
		wb_lending_look(store);
		wb_writeback_kick(store);
		if (wait_event_killable(store->pace.room,
					wb_write_has_room(store) ||
					wb_write_hopeless(store) ||
					wb_write_must_leave(store, stay) ||
					wb_write_in_the_way(store, stay)))
			return WB_LEFT;
		if (wb_write_has_room(store))
			continue;
		if (wb_write_must_leave(store, stay))
			return WB_LEFT;
		if (wb_write_in_the_way(store, stay))
			return WB_GAVE_WAY;
	}
	return WB_WRITTEN;
}

/*
 * The semaphore's waiters are served in the order in which they came, and as
 * long as there are any nobody else takes a free block.  Who has the turn waits
 * for writeback only, which needs neither memory nor the turn.
 *
 * Who comes when all are to leave does not queue.  Who did before is counted, so
 * the one that stays, whom wb_write_leave() wakes, sees it and gives way.
 */
static enum wb_waited wb_write_wait(struct wb_store *store, struct bio *bio,
				    struct bvec_iter *iter, bool stay)
{
	enum wb_waited how;
	struct wb_pace *p = &store->pace;

	atomic_inc(&p->waiting);
	smp_mb__after_atomic();	/* pairs with that in wb_write_leave() */
	do {
		how = WB_LEFT;
		if (wb_write_must_leave(store, stay) || down_killable(&p->turn))
			break;
		how = wb_write_in_turn(store, bio, iter, stay);
		up(&p->turn);
		cond_resched();
	} while (how == WB_GAVE_WAY);
	atomic_dec(&p->waiting);
	return how;
}

static struct bio *wb_deferred_pop(struct wb_deferred *d)
{
	struct bio *bio;

	spin_lock(&d->lock);
	bio = bio_list_pop(&d->bios);
	spin_unlock(&d->lock);
	return bio;
}

/*
 * What cannot be written before a noflush suspend ends is given back to dm, which
 * sends it again, whole, to the next table.
 */
static void wb_write_ended(struct wb_store *store, struct bio *bio,
			   enum wb_waited how)
{
	switch (how) {
	case WB_WRITTEN:
		wb_write_done(store, bio);
		break;
	case WB_LEFT:
	case WB_GAVE_WAY:
		bio->bi_status = BLK_STS_DM_REQUEUE;
		bio_endio(bio);
		break;
	case WB_REFUSED:
		bio_io_error(bio);
		break;
	}
}

/* A kernel thread gets no signals: it waits as long as it takes. */
static void wb_write_deferred(struct work_struct *work)
{
	struct wb_store *store = container_of(work, struct wb_store,
					      deferred.work);
	struct bio *bio;

	while ((bio = wb_deferred_pop(&store->deferred))) {
		struct bvec_iter iter = bio->bi_iter;

		wb_write_ended(store, bio, wb_write_wait(store, bio, &iter, true));
	}
}

static void wb_write_defer(struct wb_store *store, struct bio *bio)
{
	struct wb_deferred *d = &store->deferred;

	spin_lock(&d->lock);
	bio_list_add(&d->bios, bio);
	spin_unlock(&d->lock);
	queue_work(wb_deferred_wq, &d->work);
}

void wb_deferred_init(struct wb_deferred *d)
{
	spin_lock_init(&d->lock);
	bio_list_init(&d->bios);
	INIT_WORK(&d->work, wb_write_deferred);
}

/*
 * Direct I/O of a process that was killed.  It would wait for the bio, unkillably,
 * for as long as the origin makes no room; nobody else has a stake in the data.
 */
static bool wb_write_is_own(const struct bio *bio)
{
	return fatal_signal_pending(current) &&
	       (bio->bi_opf & (REQ_IDLE | REQ_META)) == REQ_IDLE;
}

/*
 * A shard without a free or clean block is no reason to wait while others have some.
 */
static bool wb_write_at_once(struct wb_store *store, struct bio *bio,
			     struct bvec_iter *iter)
{
	if (likely(wb_write_blocks(store, bio, iter, !wb_pace_queued(&store->pace))))
		return true;
	return !wb_pace_queued(&store->pace) && wb_write_has_room(store) &&
	       wb_index_reclaim(store->index) &&
	       wb_write_blocks(store, bio, iter, true);
}

void wb_write_bio(struct wb_store *store, struct bio *bio)
{
	struct bvec_iter iter = bio->bi_iter;
	enum wb_waited how;

	if (unlikely(wb_health_failing(&store->health)) &&
	    !wb_write_on_error(store, bio))
		return;
	if (wb_pace_braking(&store->pace) && !wb_write_brake(store, bio)) {
		bio_wouldblock_error(bio);
		return;
	}
	if (likely(wb_write_at_once(store, bio, &iter))) {
		wb_write_count(store, bio);
		wb_write_done(store, bio);
		return;
	}
	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return;
	}

	wb_write_count(store, bio);
	wb_stat_add(&store->stats, WB_STAT_THROTTLED, 1);
	trace_wb_throttle(store->dev, iter.bi_size, true);
	how = wb_write_wait(store, bio, &iter, false);
	if (how == WB_LEFT && wb_write_is_own(bio))
		how = WB_REFUSED;
	if (how != WB_LEFT) {
		wb_write_ended(store, bio, how);
		return;
	}
	bio->bi_iter = iter;
	wb_write_defer(store, bio);
}

void wb_write_leave(struct wb_store *store, enum wb_leave leave)
{
	WRITE_ONCE(store->leave, leave);
	smp_mb();	/* a waiter looks after it has queued itself */
	wake_up_all(&store->pace.room);
}

int wb_write_init(void)
{
	wb_deferred_wq = alloc_workqueue("writebehind-deferred",
					 WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return wb_deferred_wq ? 0 : -ENOMEM;
}

void wb_write_exit(void)
{
	destroy_workqueue(wb_deferred_wq);
}
