// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discards and write-zeroes.
 */
#include <linux/slab.h>

#include "store.h"
#include "trace.h"
#include "wbio.h"
#include "write.h"

#define WB_RANGES_RESERVED	16
#define WB_RANGES_AT_ONCE	16
#define WB_RANGES_SLICE		(HZ / 20)

/**
 * struct wb_range - one of them
 * @store: whose it is
 * @entry: in one of the lists
 * @epoch: comes after all before it, or zero: at the next opportunity
 * @bio: to be completed then, NULL if it was before
 * @opf: REQ_OP_DISCARD or REQ_OP_WRITE_ZEROES, and flags
 * @start: its first sector
 * @settled: all before this sector was seen to
 * @sector: of the next part that the origin takes at once
 * @nr: sectors of the last part that was sent; zero if that was seen to
 * @end: the sector behind the last part
 * @status: what the origin said
 */
struct wb_range {
	struct wb_store *store;
	struct list_head entry;
	u64 epoch;
	struct bio *bio;
	blk_opf_t opf;
	sector_t start;
	sector_t settled;
	sector_t sector;
	sector_t nr;
	sector_t end;
	blk_status_t status;
};

int wb_ranges_init(struct wb_ranges *r)
{
	spin_lock_init(&r->lock);
	INIT_LIST_HEAD(&r->queue);
	INIT_LIST_HEAD(&r->unordered);
	r->rest_until = jiffies;
	return mempool_init_kmalloc_pool(&r->pool, WB_RANGES_RESERVED,
					 sizeof(struct wb_range));
}

void wb_ranges_exit(struct wb_ranges *r)
{
	struct wb_range *range, *next;

	list_splice_init(&r->unordered, &r->queue);
	list_for_each_entry_safe(range, next, &r->queue, entry)
		mempool_free(range, &r->pool);
	mempool_exit(&r->pool);
}

static bool wb_range_is_discard(const struct wb_range *range)
{
	return (range->opf & REQ_OP_MASK) == REQ_OP_DISCARD;
}

/*
 * The writes that completed before are in the epoch that is closed first, those
 * that are submitted after it in the one that is open then; some that meet it
 * may share its own.  Under the lock, so that the queue is in order.
 */
static u64 wb_range_epoch(struct wb_epochs *e)
{
	wb_epoch_close(e);
	wb_epoch_touch(e, wb_epoch_open(e));
	return wb_epoch_close(e);
}

enum wb_queued {
	WB_QUEUED_NEXT,		/* for the next opportunity */
	WB_QUEUED_IN_ORDER,	/* behind all epochs before it */
	WB_QUEUED_AND_ENDED,	/* the same, and nobody waits for it */
	WB_NOT_QUEUED,		/* to be written to RAM like data */
};

/* In ordered mode a place in the order is all that is promised; see flush.c. */
static bool wb_range_ends_now(const struct wb_store *store, u64 epoch)
{
	return wb_store_mode(store) == WB_MODE_ORDERED &&
	       !READ_ONCE(store->opt.write_through) &&
	       wb_epoch_durable(&store->epochs) >= wb_epoch_behind(epoch);
}

/*
 * While epochs go one by one, a block may have versions that a range cannot
 * reach; a discard may leave them, zeroes may not.  The lock keeps the answer
 * true until the range is queued.
 *
 * Only a range with a place in the order may be acknowledged before it is done:
 * any other would drop what is written after that.
 */
static enum wb_queued wb_range_queue(struct wb_store *store,
				     struct wb_range *range)
{
	struct wb_ranges *r = &store->ranges;
	enum wb_queued how = WB_QUEUED_NEXT;

	spin_lock(&r->lock);
	if (!wb_store_strict(store)) {
		range->epoch = 0;
		list_add_tail(&range->entry, &r->unordered);
	} else if (wb_range_is_discard(range)) {
		range->epoch = wb_range_epoch(&store->epochs);
		list_add_tail(&range->entry, &r->queue);
		how = WB_QUEUED_IN_ORDER;
		if (wb_range_ends_now(store, range->epoch)) {
			range->bio = NULL;
			how = WB_QUEUED_AND_ENDED;
		}
	} else {
		how = WB_NOT_QUEUED;
	}
	spin_unlock(&r->lock);
	return how;
}

void wb_range_bio(struct wb_store *store, struct bio *bio)
{
	bool discard = bio_op(bio) == REQ_OP_DISCARD;
	struct wb_range *range;
	enum wb_queued how;
	gfp_t gfp = GFP_NOIO;
	u64 bytes;

	if (bio->bi_opf & REQ_NOWAIT)
		gfp = GFP_NOWAIT;
	range = mempool_alloc(&store->ranges.pool, gfp);
	if (!range) {
		bio_wouldblock_error(bio);
		return;
	}
	range->store = store;
	range->opf = bio->bi_opf & (REQ_OP_MASK | REQ_NOUNMAP);
	range->start = bio->bi_iter.bi_sector;
	range->settled = range->start;
	range->sector = range->start;
	range->nr = 0;
	range->end = bio_end_sector(bio);
	range->status = BLK_STS_OK;
	range->bio = bio;
	bytes = bio->bi_iter.bi_size;

	/* Once it is queued the range may be gone, and the bio with it. */
	how = wb_range_queue(store, range);
	if (how == WB_NOT_QUEUED) {
		mempool_free(range, &store->ranges.pool);
		wb_write_bio(store, bio);
		return;
	}
	wb_stat_add(&store->stats, discard ? WB_STAT_DISCARD : WB_STAT_ZERO, bytes);
	if (how == WB_QUEUED_AND_ENDED)
		bio_endio(bio);
	else if (how == WB_QUEUED_IN_ORDER)
		wb_flush_start(store);	/* who waits wants all before it, too */
	wb_writeback_kick(store);
}

/* Whether the first in order may be done now: nothing behind it may be before. */
static bool wb_ranges_ordered_due(struct wb_store *store)
{
	struct wb_ranges *r = &store->ranges;
	struct wb_range *range;

	lockdep_assert_held(&r->lock);
	range = list_first_entry_or_null(&r->queue, struct wb_range, entry);
	return range && range->epoch <= wb_epoch_durable(&store->epochs) + 1;
}

bool wb_ranges_turn(struct wb_store *store)
{
	struct wb_ranges *r = &store->ranges;
	bool turn;

	if (wb_ranges_empty(r))
		return false;
	spin_lock(&r->lock);
	turn = wb_ranges_ordered_due(store) ||
	       (!list_empty(&r->unordered) && time_after_eq(jiffies, r->rest_until));
	spin_unlock(&r->lock);
	return turn;
}

bool wb_ranges_left(struct wb_store *store)
{
	return !list_empty_careful(&store->ranges.unordered);
}

u64 wb_ranges_limit(struct wb_store *store)
{
	struct wb_range *range;
	u64 limit = U64_MAX;

	spin_lock(&store->ranges.lock);
	range = list_first_entry_or_null(&store->ranges.queue, struct wb_range, entry);
	if (range)
		limit = range->epoch - 1;
	spin_unlock(&store->ranges.lock);
	return limit;
}

/* A block has few runs; the loop is over sectors all the same. */
static void wb_range_zero_block(struct wb_store *store, struct wb_block *b,
				u8 mask)
{
	void *data = wb_block_data(&store->index->pages, b);
	unsigned int i;

	for (i = 0; i < WB_BLOCK_SECTORS; i++)
		if (mask & BIT(i))
			memset(data + (i << SECTOR_SHIFT), 0, 1U << SECTOR_SHIFT);
}

/*
 * Dirty data stays that was written after the range, or that a discard which failed
 * was for.
 */
static bool wb_range_spares(const struct wb_range *range, const struct wb_block *b)
{
	if (range->epoch && !wb_stamp_within(b->epoch, range->epoch))
		return true;
	return range->status && wb_range_is_discard(range);
}

/*
 * Nothing is in flight, so a block is clean, or dirty on a list that is either
 * the shard's or writeback's own.  A clean block is older than the range whatever
 * its stamp, which may have wrapped.
 *
 * Were a dirty block forgotten before the origin has its zeroes, a read in
 * between would see what the origin had before the block was written.  So it
 * becomes zeroes itself, to be written like other data.
 */
static void wb_range_drop_block(struct wb_store *store, struct wb_range *range,
				u64 nr, u8 mask)
{
	struct wb_shard *s = wb_index_shard(store->index, nr);
	struct wb_block *b;

	spin_lock(&s->lock);
	b = wb_index_find(store->index, s, nr);
	if (b && wb_block_state(b) == WB_DIRTY && wb_range_spares(range, b))
		b = NULL;
	if (b && wb_block_state(b) == WB_DIRTY && !wb_range_is_discard(range))
		wb_range_zero_block(store, b, mask);
	else if (b)
		wb_writeback_forget(store, s, b, mask);
	spin_unlock(&s->lock);
}

/* Of block @nr the sectors from @from to before @to. */
static u8 wb_range_mask(u64 nr, sector_t from, sector_t to)
{
	sector_t start = nr * WB_BLOCK_SECTORS;

	from = max(from, start);
	to = min(to, start + WB_BLOCK_SECTORS);
	return from < to ? wb_sector_mask(from - start, to - from) : 0;
}

/*
 * The sectors from @from to before @to: looks at each block of them or at each of the
 * budget, whichever is less.  The glance without the lock misses nothing that was
 * written before.
 */
static void wb_range_drop(struct wb_store *store, struct wb_range *range,
			  sector_t from, sector_t to)
{
	struct wb_pages *p = &store->index->pages;
	u64 first = from / WB_BLOCK_SECTORS;
	u64 last = (to - 1) / WB_BLOCK_SECTORS;
	u64 nr, i;
	u8 mask;

	if (last - first < p->nr) {
		for (nr = first; nr <= last; nr++) {
			if (wb_index_peek(store->index, nr))
				wb_range_drop_block(store, range, nr,
						    wb_range_mask(nr, from, to));
			cond_resched();
		}
		return;
	}
	for (i = 0; i < p->nr; i++) {
		nr = wb_block_nr(&p->blocks[i]);
		mask = wb_range_mask(nr, from, to);
		if (mask)
			wb_range_drop_block(store, range, nr, mask);
		cond_resched();
	}
}

static void wb_range_end(struct bio *bio)
{
	struct wb_range *range = bio->bi_private;
	struct wb_store *store = range->store;

	/* of several that failed any will do, but what went well undoes none */
	if (bio->bi_status)
		WRITE_ONCE(range->status, bio->bi_status);
	bio_put(bio);
	/* see wb_io_end() */
	rcu_read_lock();
	if (atomic_dec_and_test(&store->ranges.running))
		wake_up(&store->wb.wait);
	rcu_read_unlock();
}

/* The next part: not to be split further below, by granules where the origin has some. */
static void wb_range_cut(struct wb_store *store, struct wb_range *range)
{
	struct block_device *bdev = store->bdev;
	sector_t left = range->end - range->sector, most, granule = 1, cut;

	if (wb_range_is_discard(range)) {
		most = bdev_max_discard_sectors(bdev);
		granule = max(bdev_discard_granularity(bdev) >> SECTOR_SHIFT, 1U);
	} else {
		most = bdev_write_zeroes_sectors(bdev);
	}
	range->nr = left;
	if (!most || left <= most)
		return;
	cut = range->sector + most;
	cut -= cut % granule;
	range->nr = cut > range->sector ? cut - range->sector : most;
}

/* The first in order if it is due, else the first of the others. */
static struct wb_range *wb_ranges_first(struct wb_store *store)
{
	struct wb_ranges *r = &store->ranges;
	struct list_head *list;
	struct wb_range *range;

	spin_lock(&r->lock);
	list = wb_ranges_ordered_due(store) ? &r->queue : &r->unordered;
	range = list_first_entry_or_null(list, struct wb_range, entry);
	spin_unlock(&r->lock);
	return range;
}

/* One in order comes by itself. */
static struct wb_range *wb_ranges_next(struct wb_store *store, struct wb_range *range)
{
	struct wb_ranges *r = &store->ranges;
	struct wb_range *next = NULL;

	spin_lock(&r->lock);
	if (!range->epoch && !list_is_last(&range->entry, &r->unordered))
		next = list_next_entry(range, entry);
	spin_unlock(&r->lock);
	return next;
}

/*
 * Blocks that come behind zeroes stay, to be written later: the writes that brought
 * them meet the range, or follow it.  What a discard is for is dropped when the
 * origin has taken it, and not before: were it refused, older data would be seen
 * again.  Of what is written meanwhile only that which meets the range goes with it.
 */
static void wb_ranges_send(struct wb_store *store, struct wb_range *range,
			   unsigned long until)
{
	unsigned int n = 0;

	wb_io_enter_cache(store);
	while (range && n++ < WB_RANGES_AT_ONCE) {
		wb_range_cut(store, range);
		if (!wb_range_is_discard(range))
			wb_range_drop(store, range, range->sector,
				      range->sector + range->nr);
		atomic_inc(&store->ranges.running);
		wb_io_range(store, range->opf, range->sector, range->nr, wb_range_end,
			    range);
		range->sector += range->nr;
		if (!time_before(jiffies, until))
			break;
		if (range->sector == range->end)
			range = wb_ranges_next(store, range);
	}
	/* what they have ended with is seen then */
	wait_event_idle(store->wb.wait, !atomic_read_acquire(&store->ranges.running));
}

/*
 * Zeroes are made durable before anybody hears of them, and each part of them: no
 * block holds them, so a flush that failed later could not have them written again.
 */
static void wb_ranges_flush(struct wb_store *store, struct wb_range *first)
{
	struct wb_range *range;
	bool zeroes = false;
	int r;

	for (range = first; range && range->nr; range = wb_ranges_next(store, range))
		zeroes |= !wb_range_is_discard(range);
	r = zeroes ? wb_io_flush_origin(store) : 0;
	for (range = first; r && range && range->nr; range = wb_ranges_next(store, range))
		if (!wb_range_is_discard(range))
			range->status = errno_to_blk_status(r);
}

/*
 * A disk that finds only now that it cannot says so like one that never could: then
 * who asked does it by other means.
 */
static blk_status_t wb_range_status(const struct wb_store *store, const struct wb_range *range)
{
	bool able = wb_range_is_discard(range) ? bdev_max_discard_sectors(store->bdev) :
						 bdev_write_zeroes_sectors(store->bdev);

	return range->status == BLK_STS_TARGET && !able ? BLK_STS_NOTSUPP : range->status;
}

/*
 * A range is queued until it is done: that holds back the epochs behind it, and
 * the switch to ordered mode.
 *
 * A discard that fails in ordered mode, where nobody waits for it, leaves the
 * old data: a state that the discard allows.  The epoch of a range is settled by
 * the sweep that follows, since writes that met the range may share it.
 */
static void wb_range_done(struct wb_store *store, struct wb_range *range)
{
	if (range->status) {
		wb_stat_add(&store->stats, WB_STAT_ERRORS, 1);
		trace_wb_error(store->dev, WB_TRACE_RANGE, range->start,
			       blk_status_to_errno(range->status));
	}
	spin_lock(&store->ranges.lock);
	list_del(&range->entry);
	spin_unlock(&store->ranges.lock);
	if (range->bio) {
		range->bio->bi_status = wb_range_status(store, range);
		bio_endio(range->bio);
	}
	mempool_free(range, &store->ranges.pool);
}

/* Nothing of them was sent yet.  What is refused leaves an epoch that has no range. */
void wb_ranges_refuse(struct wb_store *store)
{
	u64 durable = wb_epoch_durable(&store->epochs);
	struct wb_range *range, *next;
	LIST_HEAD(refused);

	spin_lock(&store->ranges.lock);
	list_for_each_entry_safe(range, next, &store->ranges.queue, entry)
		if (range->bio && range->epoch > durable + 1)
			list_move_tail(&range->entry, &refused);
	spin_unlock(&store->ranges.lock);
	list_for_each_entry_safe(range, next, &refused, entry) {
		range->status = BLK_STS_IOERR;
		wb_range_done(store, range);
	}
}

/* Those that were sent to their end are done. */
static void wb_ranges_settle(struct wb_store *store, struct wb_range *range)
{
	struct wb_range *next;

	for (; range && range->nr; range = next) {
		next = wb_ranges_next(store, range);
		if (wb_range_is_discard(range))
			wb_range_drop(store, range, range->settled, range->sector);
		range->settled = range->sector;
		range->nr = 0;
		if (range->sector == range->end)
			wb_range_done(store, range);
	}
	wb_pace_wake(&store->pace);
}

void wb_ranges_apply(struct wb_store *store)
{
	unsigned long start = jiffies, until = start + WB_RANGES_SLICE;
	struct wb_range *first;

	do {
		first = wb_ranges_first(store);
		if (!first)
			break;
		wb_ranges_send(store, first, until);
		wb_ranges_flush(store, first);
		wb_ranges_settle(store, first);
	} while (time_before(jiffies, until) && !READ_ONCE(store->wb.stop) &&
		 !wb_writeback_held(store));
	store->ranges.rest_until = jiffies + max(jiffies - start, 1UL);
}
