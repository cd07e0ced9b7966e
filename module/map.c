// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a bio comes in: reads here, the rest to its own file.
 */
#include <linux/device-mapper.h>
#include <linux/highmem.h>
#include <linux/sched/clock.h>

#include "map.h"
#include "store.h"
#include "trace.h"
#include "write.h"

static void wb_copy_to_bio(struct bio *bio, struct bvec_iter *iter,
			   const void *from, unsigned int bytes)
{
	while (bytes) {
		struct bio_vec bv = bio_iter_iovec(bio, *iter);
		unsigned int n = min(bytes, bv.bv_len);
		void *to = bvec_kmap_local(&bv);

		memcpy(to, from, n);
		kunmap_local(to);
		flush_dcache_page(bv.bv_page);
		bio_advance_iter_single(bio, iter, n);
		from += n;
		bytes -= n;
	}
}

/* Of the sectors that @iter wants from the block it is in. */
static unsigned int wb_wanted(const struct bvec_iter *iter)
{
	unsigned int first = iter->bi_sector & (WB_BLOCK_SECTORS - 1);

	return min(WB_BLOCK_SECTORS - first, iter->bi_size >> SECTOR_SHIFT);
}

/* How many sectors from @first on, @count at most, are set in @valid, or not. */
static unsigned int wb_same(u8 valid, unsigned int first, unsigned int count,
			    bool set)
{
	unsigned int n = 0;

	while (n < count && !!(valid & BIT(first + n)) == set)
		n++;
	return n;
}

/*
 * Copies what the block has, up to the first sector that it has not; returns
 * whether it had all that was wanted.  Under the lock the block can be neither
 * overwritten nor given to other data half-way.
 */
static bool wb_read_block(struct wb_index *ix, struct wb_shard *s,
			  struct bio *bio, struct bvec_iter *iter)
{
	unsigned int first = iter->bi_sector & (WB_BLOCK_SECTORS - 1);
	unsigned int want = wb_wanted(iter), have;
	struct wb_block *b;

	b = wb_index_find(ix, s, iter->bi_sector / WB_BLOCK_SECTORS);
	if (!b)
		return false;
	have = wb_same(wb_block_valid(b), first, want, true);
	wb_copy_to_bio(bio, iter,
		       wb_block_data(&ix->pages, b) + (first << SECTOR_SHIFT),
		       have << SECTOR_SHIFT);
	return have == want;
}

/* Copies from RAM until the bio is full or the first sector that is not there. */
static void wb_read_hits(struct wb_index *ix, struct bio *bio,
			 struct bvec_iter *iter)
{
	struct wb_shard *s;
	bool all = true;
	u64 nr, segment;

	while (all && iter->bi_size) {
		nr = iter->bi_sector / WB_BLOCK_SECTORS;
		segment = nr >> WB_SEGMENT_SHIFT;
		s = wb_index_shard(ix, nr);
		spin_lock(&s->lock);
		do {
			all = wb_read_block(ix, s, bio, iter);
			nr = iter->bi_sector / WB_BLOCK_SECTORS;
		} while (all && iter->bi_size && nr >> WB_SEGMENT_SHIFT == segment);
		spin_unlock(&s->lock);
	}
}

/* Sectors from the start of the bio that are not in RAM.  Takes no lock. */
static unsigned int wb_count_misses(struct wb_index *ix, struct bio *bio)
{
	struct bvec_iter iter = bio->bi_iter;
	unsigned int n = 0, want, miss;

	while (iter.bi_size) {
		want = wb_wanted(&iter);
		miss = wb_same(wb_index_peek(ix, iter.bi_sector / WB_BLOCK_SECTORS),
			       iter.bi_sector & (WB_BLOCK_SECTORS - 1), want,
			       false);
		n += miss;
		if (miss < want)
			break;
		iter.bi_sector += want;
		iter.bi_size -= want << SECTOR_SHIFT;
	}
	return n;
}

/*
 * A bio that is partly in RAM is cut where that changes; the rest comes again.
 * A write that comes between the look and the origin's answer met this read.
 */
static int wb_map_read(struct wb_store *store, struct bio *bio)
{
	struct wb_index *ix = store->index;
	unsigned int total = bio_sectors(bio);
	struct bvec_iter iter;
	unsigned int n = wb_count_misses(ix, bio);

	while (!n) {
		iter = bio->bi_iter;
		wb_read_hits(ix, bio, &iter);
		n = total - (iter.bi_size >> SECTOR_SHIFT);
		if (n) {
			wb_stat_add(&store->stats, WB_STAT_READ_HIT,
				    (u64)n << SECTOR_SHIFT);
			wb_stat_add(&store->stats, WB_STAT_READS, 1);
			trace_wb_read(store->dev, bio->bi_iter.bi_sector,
				      n << SECTOR_SHIFT, true);
			if (n < total)
				dm_accept_partial_bio(bio, n);
			bio_endio(bio);
			return DM_MAPIO_SUBMITTED;
		}
		/* Written back and gone since the look. */
		n = wb_count_misses(ix, bio);
	}

	if (n < total)
		dm_accept_partial_bio(bio, n);
	wb_stat_add(&store->stats, WB_STAT_READ_MISS, (u64)n << SECTOR_SHIFT);
	wb_stat_add(&store->stats, WB_STAT_READS, 1);
	trace_wb_read(store->dev, bio->bi_iter.bi_sector, n << SECTOR_SHIFT, false);
	wb_store_touch(&store->last_miss);
	if (wb_writeback_read_begins(&store->wb))
		wb_bio_data(bio)->origin = WB_ORIGIN_READS;
	bio_set_dev(bio, store->bdev);
	return DM_MAPIO_REMAPPED;
}

static enum wb_latency wb_latency_of(const struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return WB_LATENCY_READ;
	case REQ_OP_WRITE:
	case REQ_OP_WRITE_ZEROES:
		return bio->bi_opf & (REQ_PREFLUSH | REQ_FUA) ? WB_LATENCY_FLUSH :
								WB_LATENCY_WRITE;
	default:
		return WB_NR_LATENCIES;
	}
}

/*
 * A clock that costs next to nothing.  It may differ a little from CPU to CPU: what
 * ended before it began took no time.
 */
static void wb_map_begin(struct bio *bio)
{
	struct wb_bio *data = wb_bio_data(bio);

	data->which = wb_latency_of(bio);
	data->origin = WB_ORIGIN_NOTHING;
	data->start = local_clock();
}

/*
 * A write past the cache has ended.  A disk without FUA has its cache flushed for it,
 * which finds nothing left to do where another flush, ours or of another such write,
 * failed between the write and that, and what it held was lost.  One that is to be sent
 * again was not sent.
 */
static blk_status_t wb_map_past_end(struct wb_writeback *wb, const struct wb_bio *data,
				    blk_status_t status)
{
	if (status && status != BLK_STS_AGAIN)
		wb_writeback_doubt(wb);
	if (!status && atomic_read(&wb->lost_flushes) != data->lost_flushes)
		return BLK_STS_IOERR;
	return status;
}

/* Not in the way of all the bios that the map has answered. */
static noinline blk_status_t wb_map_origin_end(struct wb_writeback *wb,
					       const struct wb_bio *data,
					       blk_status_t status)
{
	if (data->origin == WB_ORIGIN_PAST)
		return wb_map_past_end(wb, data, status);
	wb_writeback_read_ended(wb);
	return status;
}

blk_status_t wb_map_end(struct wb_store *store, struct bio *bio, blk_status_t status)
{
	const struct wb_bio *data = wb_bio_data(bio);
	s64 ns = local_clock() - data->start;

	if (unlikely(data->origin))
		status = wb_map_origin_end(&store->wb, data, status);
	if (!status && data->which < WB_NR_LATENCIES)
		wb_latency_add(&store->latencies, data->which, max_t(s64, ns, 0));
	return status;
}

int wb_map(struct wb_store *store, struct bio *bio)
{
	wb_map_begin(bio);
	wb_store_touch(&store->last_io);

	/* dm has made an empty flush of its own out of PREFLUSH with data. */
	if (bio->bi_opf & REQ_PREFLUSH) {
		wb_flush_bio(store, bio);
		return DM_MAPIO_SUBMITTED;
	}

	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return wb_map_read(store, bio);
	case REQ_OP_WRITE:
		wb_write_bio(store, bio);
		return DM_MAPIO_SUBMITTED;
	case REQ_OP_WRITE_ZEROES:
	case REQ_OP_DISCARD:
		wb_range_bio(store, bio);
		return DM_MAPIO_SUBMITTED;
	default:
		return DM_MAPIO_KILL;
	}
}
