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

/**
 * struct wb_range - one of them
 * @entry: in the queue
 * @epoch: comes after all before it, or zero: at the next opportunity
 * @bio: to be completed then, NULL if it was before
 * @opf: REQ_OP_DISCARD or REQ_OP_WRITE_ZEROES, and flags
 * @sector: where
 * @nr: how many sectors
 */
struct wb_range {
	struct list_head entry;
	u64 epoch;
	struct bio *bio;
	blk_opf_t opf;
	sector_t sector;
	sector_t nr;
};

int wb_ranges_init(struct wb_ranges *r)
{
	spin_lock_init(&r->lock);
	INIT_LIST_HEAD(&r->queue);
	return mempool_init_kmalloc_pool(&r->pool, WB_RANGES_RESERVED,
					 sizeof(struct wb_range));
}

void wb_ranges_exit(struct wb_ranges *r)
{
	struct wb_range *range, *next;

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
		list_add(&range->entry, &r->queue);
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
	range->opf = bio->bi_opf & (REQ_OP_MASK | REQ_NOUNMAP);
	range->sector = bio->bi_iter.bi_sector;
	range->nr = bio_sectors(bio);
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

static struct wb_range *wb_range_first(struct wb_store *store)
{
	struct wb_range *range;

	spin_lock(&store->ranges.lock);
	range = list_first_entry_or_null(&store->ranges.queue, struct wb_range,
					 entry);
	spin_unlock(&store->ranges.lock);
	return range;
}

/* Only writeback removes from the queue, so what it saw there stays there. */
bool wb_ranges_due(struct wb_store *store)
{
	struct wb_range *range;

	if (list_empty_careful(&store->ranges.queue))
		return false;
	range = wb_range_first(store);
	return range && range->epoch <= wb_epoch_durable(&store->epochs) + 1;
}

u64 wb_ranges_limit(struct wb_store *store)
{
	struct wb_range *range;
	u64 limit = U64_MAX;

	spin_lock(&store->ranges.lock);
	list_for_each_entry(range, &store->ranges.queue, entry) {
		if (range->epoch) {
			limit = range->epoch - 1;
			break;
		}
	}
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
 * Nothing is in flight, so a block is clean, or dirty on a list that is either
 * the shard's or writeback's own.  Dirty data written after the range stays; a
 * clean block is older than the range whatever its stamp, which may have wrapped.
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
	if (b && wb_block_state(b) == WB_DIRTY && range->epoch &&
	    !wb_stamp_within(b->epoch, range->epoch))
		b = NULL;
	if (b && wb_block_state(b) == WB_DIRTY && !wb_range_is_discard(range))
		wb_range_zero_block(store, b, mask);
	else if (b)
		wb_writeback_forget(store, s, b, mask);
	spin_unlock(&s->lock);
}

static u8 wb_range_mask(const struct wb_range *range, u64 nr)
{
	sector_t start = nr * WB_BLOCK_SECTORS;
	sector_t from = max(range->sector, start);
	sector_t to = min(range->sector + range->nr, start + WB_BLOCK_SECTORS);

	return from < to ? wb_sector_mask(from - start, to - from) : 0;
}

/* Looks at each block of the range or at each of the budget, whichever is less. */
static void wb_range_drop(struct wb_store *store, struct wb_range *range)
{
	struct wb_pages *p = &store->index->pages;
	u64 first = range->sector / WB_BLOCK_SECTORS;
	u64 last = (range->sector + range->nr - 1) / WB_BLOCK_SECTORS;
	u64 nr, i;
	u8 mask;

	if (last - first < p->nr) {
		for (nr = first; nr <= last; nr++) {
			wb_range_drop_block(store, range, nr,
					    wb_range_mask(range, nr));
			cond_resched();
		}
		return;
	}
	for (i = 0; i < p->nr; i++) {
		nr = wb_block_nr(&p->blocks[i]);
		mask = wb_range_mask(range, nr);
		if (mask)
			wb_range_drop_block(store, range, nr, mask);
		cond_resched();
	}
}

/*
 * Blocks that come during the call stay, to be written after it: the writes
 * that brought them meet the range, or follow it.
 *
 * Zeroes are made durable at once: no block holds them, so a flush that failed
 * later could not have them written again.
 */
static int wb_range_apply(struct wb_store *store, struct wb_range *range)
{
	int r;

	wb_range_drop(store, range);
	wb_pace_wake(&store->pace);
	r = wb_io_range(store, range->opf, range->sector, range->nr);
	if (!r && !wb_range_is_discard(range))
		r = wb_io_flush_origin(store);
	if (r) {
		wb_stat_add(&store->stats, WB_STAT_ERRORS, 1);
		trace_wb_error(store->dev, WB_TRACE_RANGE, range->sector, r);
	}
	return r;
}

/* A range is queued until it is done: that holds back the epochs behind it. */
static void wb_range_done(struct wb_store *store, struct wb_range *range, int r)
{
	spin_lock(&store->ranges.lock);
	list_del(&range->entry);
	spin_unlock(&store->ranges.lock);
	if (range->bio) {
		range->bio->bi_status = errno_to_blk_status(r);
		bio_endio(range->bio);
	}
	mempool_free(range, &store->ranges.pool);
}

/*
 * A discard that fails in ordered mode, where nobody waits for it, leaves the
 * old data: a state that the discard allows.  The epoch of a range is settled by
 * the sweep that follows, since writes that met the range may share it.
 */
void wb_ranges_apply(struct wb_store *store)
{
	while (wb_ranges_due(store)) {
		struct wb_range *range = wb_range_first(store);

		wb_range_done(store, range, wb_range_apply(store, range));
	}
}
