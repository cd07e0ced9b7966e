// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discards and write-zeroes.
 */
#include <linux/slab.h>

#include "store.h"

#define WB_RANGES_RESERVED	16

/**
 * struct wb_range - one of them
 * @entry: in the queue
 * @epoch: its own epoch, or zero: at the next opportunity
 * @bio: to be completed then, NULL if it was before
 * @op: REQ_OP_DISCARD or REQ_OP_WRITE_ZEROES
 * @flags: BLKDEV_ZERO_*
 * @sector: where
 * @nr: how many sectors
 */
struct wb_range {
	struct list_head entry;
	u64 epoch;
	struct bio *bio;
	enum req_op op;
	unsigned int flags;
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

/*
 * An epoch for the range alone: the writes before are in the one that is closed
 * first, those after it in the one that is open then.  Under the lock, so that
 * the queue is in order.
 */
static u64 wb_range_epoch(struct wb_epochs *e)
{
	wb_epoch_close(e);
	wb_epoch_touch(e, wb_epoch_open(e));
	return wb_epoch_close(e);
}

static void wb_range_queue(struct wb_store *store, struct wb_range *range,
			   bool own_epoch)
{
	struct wb_ranges *r = &store->ranges;

	spin_lock(&r->lock);
	if (own_epoch) {
		range->epoch = wb_range_epoch(&store->epochs);
		list_add_tail(&range->entry, &r->queue);
	} else {
		/* so that a later flush covers it */
		wb_epoch_touch(&store->epochs, wb_epoch_open(&store->epochs));
		range->epoch = 0;
		list_add(&range->entry, &r->queue);
	}
	spin_unlock(&r->lock);
}

void wb_range_bio(struct wb_store *store, struct bio *bio)
{
	u64 behind = wb_epoch_behind(wb_epoch_open(&store->epochs));
	bool ordered = wb_store_mode(store) == WB_MODE_ORDERED &&
		       wb_epoch_durable(&store->epochs) >= behind;
	struct wb_range *range;
	gfp_t gfp = GFP_NOIO;

	if (bio->bi_opf & REQ_NOWAIT)
		gfp = GFP_NOWAIT;
	range = mempool_alloc(&store->ranges.pool, gfp);
	if (!range) {
		bio_wouldblock_error(bio);
		return;
	}
	range->op = bio_op(bio);
	range->flags = BLKDEV_ZERO_NOFALLBACK |
		       (bio->bi_opf & REQ_NOUNMAP ? BLKDEV_ZERO_NOUNMAP : 0);
	range->sector = bio->bi_iter.bi_sector;
	range->nr = bio_sectors(bio);
	range->bio = ordered ? NULL : bio;
	wb_stat_add(&store->stats, range->op == REQ_OP_DISCARD ?
		    WB_STAT_DISCARD : WB_STAT_ZERO, bio->bi_iter.bi_size);

	wb_range_queue(store, range, wb_store_strict(store));
	wb_writeback_kick(store);
	if (ordered)
		bio_endio(bio);
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
 * the shard's or writeback's own.  What was written after the range stays.
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
	if (b && range->epoch && !wb_stamp_within(b->epoch, range->epoch))
		b = NULL;
	if (b && range->op == REQ_OP_WRITE_ZEROES &&
	    wb_block_state(b) == WB_DIRTY)
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
 */
static int wb_range_issue(struct wb_store *store, struct wb_range *range)
{
	if (range->op == REQ_OP_DISCARD)
		return blkdev_issue_discard(store->bdev, range->sector,
					    range->nr, GFP_NOIO);
	return blkdev_issue_zeroout(store->bdev, range->sector, range->nr,
				    GFP_NOIO, range->flags);
}

static void wb_range_apply(struct wb_store *store, struct wb_range *range)
{
	int r;

	wb_range_drop(store, range);
	r = wb_range_issue(store, range);
	if (r)
		wb_stat_add(&store->stats, WB_STAT_ERRORS, 1);
	/* Only now: that it is queued holds back the epochs behind it. */
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
 * old data: a state that the discard allows.  For the same reason its epoch
 * need not wait for a flush of the origin; that of zeroes does, and is settled
 * by the sweep that follows.
 */
void wb_ranges_apply(struct wb_store *store)
{
	while (wb_ranges_due(store)) {
		struct wb_range *range = wb_range_first(store);
		bool discard = range->op == REQ_OP_DISCARD;
		u64 epoch = range->epoch;

		wb_range_apply(store, range);
		if (epoch && discard)
			wb_epoch_settle(&store->epochs, epoch);
		else
			wb_writeback_unflushed(store);
	}
	wb_flush_settle(store, false);
}
