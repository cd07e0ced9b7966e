// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writeback's I/O.
 */
#include <linux/ioprio.h>

#include "store.h"
#include "trace.h"
#include "wbio.h"

#define WB_RESERVED_IOS	64

/**
 * struct wb_io - blocks that are neighbours, on their way to the origin
 * @done: in the list of completed ones
 * @blocks: in ascending order
 * @nr: their number
 * @bytes: in all bios
 * @reason: why it is written
 * @start: when it was submitted, in nanoseconds
 * @took: nanoseconds until it ended
 * @end: sector behind the last
 * @bio: the first bio; those for further parts of a block with holes are
 *	chained to it
 */
struct wb_io {
	struct llist_node done;
	struct list_head blocks;
	u32 nr;
	u32 bytes;
	enum wb_reason reason;
	u64 start;
	u64 took;
	sector_t end;
	struct bio bio;		/* last: its bio_set puts the rest in front */
};

/* Sectors @first to @first + @count - 1 of a block. */
struct wb_run {
	unsigned int first;
	unsigned int count;
};

int wb_io_init(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;
	int r;

	init_llist_head(&wb->done);
	init_waitqueue_head(&wb->wait);
	r = bioset_init(&wb->ios, WB_RESERVED_IOS, offsetof(struct wb_io, bio),
			BIOSET_NEED_BVECS);
	if (r)
		return r;
	r = bioset_init(&wb->extra, WB_RESERVED_IOS, 0, BIOSET_NEED_BVECS);
	if (r)
		bioset_exit(&wb->ios);
	return r;
}

void wb_io_exit(struct wb_store *store)
{
	bioset_exit(&store->wb.extra);
	bioset_exit(&store->wb.ios);
}

void wb_io_unlimit(struct wb_store *store)
{
	struct request_queue *q = bdev_get_queue(store->bdev);
	u32 n = min_t(u32, BIO_MAX_VECS, queue_max_segments(q));

	n = min_t(u32, n, queue_max_sectors(q) / WB_BLOCK_SECTORS);
	store->wb.io_blocks = max_t(u32, n, 1);
	wb_retry_unlimit(&store->wb.retry, store->wb.io_blocks);
}

/*
 * Submission
 */

static struct wb_run wb_next_run(u8 valid, unsigned int from)
{
	unsigned int first = from, end;

	while (first < WB_BLOCK_SECTORS && !(valid & BIT(first)))
		first++;
	end = first;
	while (end < WB_BLOCK_SECTORS && (valid & BIT(end)))
		end++;
	return (struct wb_run){ first, end - first };
}

static void wb_io_end(struct bio *bio)
{
	struct wb_writeback *wb = bio->bi_private;
	struct wb_io *io = container_of(bio, struct wb_io, bio);

	io->took = ktime_get_ns() - io->start;
	/* The work may free the store as soon as it has seen the last I/O. */
	rcu_read_lock();
	llist_add(&io->done, &wb->done);
	wake_up(&wb->wait);
	rcu_read_unlock();
}

static void wb_bio_add(struct wb_store *store, struct wb_io *io, struct bio *bio,
		       struct wb_block *b, struct wb_run run)
{
	unsigned int bytes = run.count << SECTOR_SHIFT;
	struct page *page = wb_block_page(&store->index->pages, b);
	unsigned int offset = offset_in_page(wb_block_data(&store->index->pages, b));

	__bio_add_page(bio, page, bytes, offset + (run.first << SECTOR_SHIFT));
	io->bytes += bytes;
}

/*
 * As of a direct write, which blk-wbt lets pass.  Of others it lets one at a time
 * through to a disk that is slower than it likes, 2 ms.  How many there may be is
 * for depth.c to find out.
 */
static blk_opf_t wb_io_opf(enum wb_reason reason)
{
	blk_opf_t opf = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;

	return reason <= WB_REASON_IDLE ? opf | REQ_BACKGROUND : opf;
}

/*
 * Only the reaping below refills the pool: with I/Os in flight it must not be
 * waited for, without any its reserve is whole.
 */
static struct bio *wb_bio_alloc(struct wb_store *store, blk_opf_t opf, u32 blocks)
{
	struct wb_writeback *wb = &store->wb;
	struct bio *bio;

	while (wb->nr_ios) {
		bio = bio_alloc_bioset(store->bdev, blocks, opf,
				       GFP_NOWAIT | __GFP_NOWARN, &wb->ios);
		if (bio)
			return bio;
		wb_io_wait(store);
	}
	return bio_alloc_bioset(store->bdev, blocks, opf, GFP_NOIO, &wb->ios);
}

static struct wb_io *wb_io_alloc(struct wb_store *store, blk_opf_t opf,
				 enum wb_reason reason, u32 blocks)
{
	struct bio *bio = wb_bio_alloc(store, opf, blocks);
	struct wb_io *io = container_of(bio, struct wb_io, bio);

	bio->bi_private = &store->wb;
	bio->bi_end_io = wb_io_end;
	bio->bi_ioprio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_NR_LEVELS - 1);
	INIT_LIST_HEAD(&io->blocks);
	io->nr = 0;
	io->bytes = 0;
	io->reason = reason;
	return io;
}

/*
 * A part of block @b behind a hole, in a bio of its own.  Such bios complete and
 * go back to their pool by themselves.
 */
static void wb_submit_extra(struct wb_store *store, struct wb_io *io,
			    struct wb_block *b, struct wb_run run)
{
	struct bio *bio = bio_alloc_bioset(store->bdev, 1, io->bio.bi_opf,
					   GFP_NOIO, &store->wb.extra);

	bio->bi_iter.bi_sector = wb_block_nr(b) * WB_BLOCK_SECTORS + run.first;
	bio->bi_ioprio = io->bio.bi_ioprio;
	wb_bio_add(store, io, bio, b, run);
	bio_chain(bio, &io->bio);
	wb_stat_add(&store->stats, WB_STAT_WRITEBACK_IOS, 1);
	submit_bio(bio);
}

/* Puts the block into the I/O; returns whether a neighbour may follow. */
static bool wb_io_add(struct wb_store *store, struct wb_io *io,
		      struct wb_block *b, u8 valid)
{
	struct wb_run run = wb_next_run(valid, 0);
	sector_t start = wb_block_nr(b) * WB_BLOCK_SECTORS;
	bool extra = false;

	list_move_tail(&b->list, &io->blocks);
	if (!io->nr++)
		io->bio.bi_iter.bi_sector = start + run.first;
	wb_bio_add(store, io, &io->bio, b, run);
	io->end = start + run.first + run.count;

	for (;;) {
		run = wb_next_run(valid, run.first + run.count);
		if (!run.count)
			break;
		wb_submit_extra(store, io, b, run);
		extra = true;
	}
	return !extra && io->end == start + WB_BLOCK_SECTORS;
}

/*
 * How many blocks from the first of the sweep are neighbours.  Those that failed
 * before go by themselves, so that they cost the others nothing.
 */
static u32 wb_count_neighbours(struct wb_writeback *wb, bool failed)
{
	struct wb_block *b = list_first_entry(&wb->sweep, struct wb_block, list);
	u32 most = failed ? wb->retry.most : wb->io_blocks;
	u64 nr = wb_block_nr(b);
	u32 n = 0;

	list_for_each_entry(b, &wb->sweep, list) {
		if (n == most || wb_block_nr(b) != nr + n ||
		    wb_block_failed(b) != failed)
			break;
		n++;
	}
	return n;
}

/*
 * From here on an overwrite makes a new version; what the bio points to does
 * not change until it is done.  Returns the sectors to be written, or zero if
 * the block cannot follow what the I/O ends with.
 */
static u8 wb_block_start(struct wb_store *store, struct wb_block *b, sector_t end)
{
	struct wb_shard *s = wb_index_shard(store->index, wb_block_nr(b));
	u8 valid;

	spin_lock(&s->lock);
	valid = wb_block_valid(b);
	if (end && !(valid & 1))
		valid = 0;
	else
		wb_block_set_state(b, WB_WRITEBACK);
	spin_unlock(&s->lock);
	return valid;
}

void wb_io_enter_cache(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;

	if (!wb->nr_ios && !wb->nr_unflushed)
		WRITE_ONCE(wb->doubt, false);
}

void wb_io_submit_next(struct wb_store *store, enum wb_reason reason)
{
	struct wb_writeback *wb = &store->wb;
	struct wb_block *b = list_first_entry(&wb->sweep, struct wb_block, list);
	bool failed = wb_block_failed(b), more = true;
	u32 left = wb_count_neighbours(wb, failed);
	blk_opf_t opf = wb_io_opf(reason);
	struct wb_io *io;
	u8 valid;

	wb_io_enter_cache(store);
	/* Merged again below, the halves of what failed would fail together again. */
	if (failed)
		opf |= REQ_NOMERGE;
	io = wb_io_alloc(store, opf, reason, left);
	io->end = 0;
	while (left-- && more) {
		b = list_first_entry(&wb->sweep, struct wb_block, list);
		valid = wb_block_start(store, b, io->end);
		if (!valid)
			break;
		more = wb_io_add(store, io, b, valid);
	}
	wb->nr_ios++;
	io->start = ktime_get_ns();
	WRITE_ONCE(wb->nr_inflight, wb->nr_inflight + io->nr);
	wb_stat_add(&store->stats, WB_STAT_WRITEBACK_IOS, 1);
	trace_wb_writeback_submit(store->dev, io->bio.bi_iter.bi_sector, io->bytes,
				  reason, wb->nr_ios);
	submit_bio(&io->bio);
}

/*
 * Completion
 */

/* Durable on the origin now: kept for reads or free for new data. */
static void wb_retire_block(struct wb_store *store, struct wb_block *b)
{
	struct wb_index *ix = store->index;
	struct wb_shard *s = wb_index_shard(ix, wb_block_nr(b));

	spin_lock(&s->lock);
	s->nr_dirty--;
	if (wb_block_superseded(b)) {
		wb_index_give_free(ix, s, b);
	} else if (READ_ONCE(store->opt.read_cache)) {
		wb_block_set(b, wb_block_nr(b), WB_CLEAN, wb_block_valid(b));
		list_add_tail(&b->list, &s->clean);
		s->nr_clean++;
	} else {
		wb_index_remove(ix, s, b);
		wb_index_give_free(ix, s, b);
	}
	spin_unlock(&s->lock);
}

static void wb_retire(struct wb_store *store, struct list_head *blocks)
{
	struct wb_block *b, *next;
	bool had_failed = false;
	s64 n = 0;

	list_for_each_entry_safe(b, next, blocks, list) {
		list_del_init(&b->list);
		had_failed |= wb_block_failed(b);
		wb_retire_block(store, b);
		cond_resched();
		n++;
	}
	wb_pace_dirtied(&store->pace, -n);
	wb_pace_wake(&store->pace);
	if (!had_failed)
		return;
	store->wb.retry.progress = true;
	if (!store->wb.failed)
		wb_health_better(store);
}

/*
 * What could not be written is dirty as before.  Where epochs may be mixed, a
 * newer version takes the place of a failed one: were both kept, the old one
 * could be written after the new one.  Its content includes the old one's.
 */
static void wb_fail_block(struct wb_store *store, struct wb_block *b)
{
	struct wb_index *ix = store->index;
	struct wb_shard *s = wb_index_shard(ix, wb_block_nr(b));
	struct wb_block *newer;

	spin_lock(&s->lock);
	if (wb_block_superseded(b) && !wb_store_strict(store)) {
		newer = wb_index_find(ix, s, wb_block_nr(b));
		if (newer) {
			wb_block_set_flag(newer, WB_FAILED);
			newer->epoch = b->epoch;
			list_move_tail(&newer->list, &store->wb.retry.blocks);
		}
		s->nr_dirty--;
		wb_index_give_free(ix, s, b);
		wb_pace_dirtied(&store->pace, -1);
	} else {
		wb_block_set_state(b, WB_DIRTY);
		wb_block_set_flag(b, WB_FAILED);
		list_add_tail(&b->list, &store->wb.retry.blocks);
	}
	spin_unlock(&s->lock);
}

static void wb_fail(struct wb_store *store, struct list_head *blocks)
{
	struct wb_block *b, *next;

	store->wb.failed = true;
	if (!list_empty(blocks)) {
		wb_health_doubt(store);
		trace_wb_error(store->dev, WB_TRACE_WRITE,
			       wb_block_nr(list_first_entry(blocks, struct wb_block,
							    list)) *
			       WB_BLOCK_SECTORS, -EIO);
	}
	wb_stat_add(&store->stats, WB_STAT_ERRORS, 1);
	list_for_each_entry_safe(b, next, blocks, list) {
		list_del_init(&b->list);
		wb_fail_block(store, b);
		cond_resched();
	}
}

static void wb_io_done(struct wb_store *store, struct wb_io *io)
{
	struct wb_writeback *wb = &store->wb;
	bool again = wb_block_failed(list_first_entry(&io->blocks, struct wb_block, list));

	wb->nr_ios--;
	trace_wb_writeback_complete(store->dev, io->bytes, io->took,
				    blk_status_to_errno(io->bio.bi_status));
	if (io->bio.bi_status) {
		wb_retry_missed(&wb->retry, io->nr, again);
		wb_fail(store, &io->blocks);
	} else {
		wb->need_flush = true;
		wb_retry_went_well(&wb->retry, io->nr, again, wb->io_blocks);
		wb_depth_ended(&wb->depth, io->start + io->took);
		wb_latency_add(&store->latencies, WB_LATENCY_WRITEBACK, io->took);
		wb_stat_add(&store->stats, WB_STAT_REASON + io->reason, io->bytes);
		if (wb_pace_written(&store->pace, io->bytes))
			wb_store_repace(store);
		if (bdev_write_cache(store->bdev)) {
			list_splice_tail(&io->blocks, &wb->unflushed);
			WRITE_ONCE(wb->nr_unflushed, wb->nr_unflushed + io->nr);
		} else {
			wb_retire(store, &io->blocks);
		}
	}
	WRITE_ONCE(wb->nr_inflight, wb->nr_inflight - io->nr);
	bio_put(&io->bio);
}

void wb_io_reap(struct wb_store *store)
{
	/* in the order in which they ended */
	struct llist_node *done = llist_reverse_order(llist_del_all(&store->wb.done));
	struct wb_io *io, *next;

	llist_for_each_entry_safe(io, next, done, done)
		wb_io_done(store, io);
}

/* Idle, so that a disk that takes a minute is no hung task. */
void wb_io_wait(struct wb_store *store)
{
	wait_event_idle(store->wb.wait, !llist_empty(&store->wb.done));
	wb_io_reap(store);
}

/*
 * After a failed flush, of ours or of a write past the cache, nothing is known of what
 * the origin's cache held: neither of what was written before, nor of what completed
 * meanwhile and would look covered by the next flush, which may find nothing left to do.
 */
static void wb_io_distrust(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;
	LIST_HEAD(lost);

	while (wb->nr_ios)
		wb_io_wait(store);
	list_splice_init(&wb->unflushed, &lost);
	WRITE_ONCE(wb->nr_unflushed, 0);
	wb->need_flush = true;
	wb_fail(store, &lost);
}

struct wb_io_flush {
	struct bio bio;
	struct wb_writeback *wb;
	struct completion done;
};

/* Told at once: a write past the cache may end before who waits here runs. */
static void wb_io_flush_ended(struct bio *bio)
{
	struct wb_io_flush *flush = container_of(bio, struct wb_io_flush, bio);

	if (bio->bi_status)
		atomic_inc(&flush->wb->lost_flushes);
	complete(&flush->done);
}

static int wb_io_issue_flush(struct wb_store *store)
{
	struct wb_io_flush flush = { .wb = &store->wb };

	init_completion(&flush.done);
	bio_init(&flush.bio, store->bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	flush.bio.bi_end_io = wb_io_flush_ended;
	submit_bio(&flush.bio);
	wait_for_completion_state(&flush.done, TASK_IDLE);
	return blk_status_to_errno(flush.bio.bi_status);
}

/* What completes while the flush is under way is not covered by it. */
int wb_io_flush_origin(struct wb_store *store)
{
	struct wb_writeback *wb = &store->wb;
	LIST_HEAD(covered);
	u32 n = wb->nr_unflushed;
	int r;

	wb_depth_pause(&wb->depth);
	list_splice_init(&wb->unflushed, &covered);
	wb->need_flush = false;
	wb_stat_add(&store->stats, WB_STAT_ORIGIN_FLUSHES, 1);
	r = wb_io_issue_flush(store);
	if (xchg(&wb->doubt, false) && !r)
		r = -EIO;
	if (r) {
		trace_wb_error(store->dev, WB_TRACE_FLUSH, 0, r);
		list_splice(&covered, &wb->unflushed);
		wb_io_distrust(store);
		return r;
	}
	wb_retire(store, &covered);
	WRITE_ONCE(wb->nr_unflushed, wb->nr_unflushed - n);
	return 0;
}

void wb_io_range(struct wb_store *store, blk_opf_t opf, sector_t sector,
		 sector_t nr, bio_end_io_t *end, void *private)
{
	struct bio *bio = bio_alloc_bioset(store->bdev, 0, opf, GFP_NOIO,
					   &store->wb.extra);

	bio->bi_iter.bi_sector = sector;
	bio->bi_iter.bi_size = nr << SECTOR_SHIFT;
	bio->bi_end_io = end;
	bio->bi_private = private;
	submit_bio(bio);
}
