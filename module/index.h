/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The segment map: which block of the origin is in RAM, and where.
 *
 * A hash table over segments of 16 blocks (64 KiB).  The 16 blocks of a segment
 * have neighbouring buckets, so a large or sequential I/O walks along a cache
 * line; all of them belong to one shard, whose lock is taken once a segment.
 * Which of the 16 buckets a block gets is rotated by the segment's hash, else a
 * stride of 64 KiB would pile up in every sixteenth bucket.
 *
 * Why not an XArray: an insertion would allocate, in the path of a write and
 * under memory pressure, and a block with no neighbours would cost 576 bytes of
 * nodes, 14 % of its data.  Chains of indices into the array of descriptors
 * (dm-cache's smq policy does the same) need no memory at all.  The order that
 * an XArray would give is made by writeback, off the writers' path, by sorting
 * what it has collected.
 */
#ifndef WB_INDEX_H
#define WB_INDEX_H

#include <linux/cache.h>
#include <linux/hash.h>
#include <linux/seqlock.h>

#include "pages.h"

#define WB_SEGMENT_SHIFT	4
#define WB_SEGMENT_BLOCKS	BIT(WB_SEGMENT_SHIFT)

/**
 * struct wb_shard - a part of the map with a lock of its own
 * @lock: guards every field here, the chains of the shard's buckets, and state,
 *	content and epoch of the blocks that they lead to.  Process context only.
 * @seq: changes when a chain does; lets wb_index_peek() do without @lock
 * @dirty: dirty blocks that writeback has not collected, epochs ascending
 * @clean: clean blocks, the one that was clean first in front
 * @free: a few free blocks for the shard's next writes
 * @nr_dirty: dirty blocks of the shard, those that writeback has included
 * @nr_clean: length of @clean
 * @nr_free: length of @free
 */
struct wb_shard {
	spinlock_t lock;	/* guards all of it, see above */
	seqcount_spinlock_t seq;
	u32 nr_dirty;
	u32 nr_clean;
	u32 nr_free;
	struct list_head dirty;
	struct list_head clean;
	struct list_head free;
} ____cacheline_aligned_in_smp;

/**
 * struct wb_index - the map
 * @pages: the budget
 * @buckets: heads of the chains
 * @shards: the shards
 * @nr_shards: a power of two
 * @bits: of the number of buckets
 * @batch: free blocks that a shard takes from the budget at a time
 * @next_chunk: where wb_index_lend() looks next
 * @next_shard: where wb_index_reclaim() does
 */
struct wb_index {
	struct wb_pages pages;
	u32 *buckets;
	struct wb_shard *shards;
	u32 nr_shards;
	u32 bits;
	u32 batch;
	u32 next_chunk;
	u32 next_shard;
};

static inline struct wb_shard *wb_index_shard(const struct wb_index *ix, u64 nr)
{
	u32 h = hash_64(nr >> WB_SEGMENT_SHIFT, ix->bits);

	return &ix->shards[(h >> WB_SEGMENT_SHIFT) & (ix->nr_shards - 1)];
}

/**
 * wb_index_create - a map over a new budget
 * @nr: blocks in the budget; a multiple of 256
 *
 * Sleeps.  Return: the map, ERR_PTR(-ENOMEM) or ERR_PTR(-EINTR).
 */
struct wb_index *wb_index_create(u32 nr);

/* Frees map and budget.  No other user may be left; what is dirty is lost. */
void wb_index_destroy(struct wb_index *ix);

/* Bytes of memory that keep track of the budget. */
u64 wb_index_overhead(const struct wb_index *ix);

/**
 * wb_index_peek - which sectors of a block are in RAM
 * @ix: the map
 * @nr: the block
 *
 * Takes no lock.  The answer may be old by the time it is used: a block that
 * was there may be written back and gone, one that was missing may be there.
 *
 * Return: a bit mask of sectors, zero for a block that is not there.
 */
u8 wb_index_peek(const struct wb_index *ix, u64 nr);

/* The newest version of block @nr or NULL.  Under the shard's lock. */
struct wb_block *wb_index_find(const struct wb_index *ix, struct wb_shard *s,
			       u64 nr);

/* Puts @b, which knows its number, in the map; there must be none.  Under the lock. */
void wb_index_insert(struct wb_index *ix, struct wb_shard *s, struct wb_block *b);

/* Takes @b out.  Under the lock. */
void wb_index_remove(struct wb_index *ix, struct wb_shard *s, struct wb_block *b);

/* Puts @b in the place of @old, which becomes superseded.  Under the lock. */
void wb_index_replace(struct wb_index *ix, struct wb_shard *s,
		      struct wb_block *old, struct wb_block *b);

/**
 * wb_index_take_free - a block for new data
 * @ix: the map
 * @s: the shard that will hold it
 *
 * From the shard, the budget, or the shard's oldest clean block.  The block is
 * on no list.  Under the lock.
 *
 * Return: a block in state WB_FREE, or NULL: try wb_index_reclaim().
 */
struct wb_block *wb_index_take_free(struct wb_index *ix, struct wb_shard *s);

/* Gives @b, on no list and in no chain, back.  Under the lock. */
void wb_index_give_free(struct wb_index *ix, struct wb_shard *s,
			struct wb_block *b);

/**
 * wb_index_reclaim - collect free and clean blocks from other shards
 * @ix: the map
 *
 * For a writer that found none.  Takes the shards' locks one by one, until there are
 * enough for many writes.
 *
 * Return: whether the budget has a free block now.
 */
bool wb_index_reclaim(struct wb_index *ix);

/**
 * wb_index_lend - give memory of clean and free blocks to the machine
 * @ix: the map
 * @want: blocks, a multiple of WB_CHUNK_BLOCKS
 *
 * Only chunks in which nothing is dirty, and not a last one that is smaller.  May be
 * called in reclaim, by one at a time; sleeps.
 *
 * Return: blocks that were lent, zero if a look at some chunks found none.
 */
u32 wb_index_lend(struct wb_index *ix, u32 want);

/* Whether a free or clean block can be found without writeback.  No lock. */
bool wb_index_has_room(const struct wb_index *ix);

/* Forgets block @nr if it is clean; returns whether it is not in the map. */
bool wb_index_forget_clean(struct wb_index *ix, u64 nr);

/* Forgets all clean blocks. */
void wb_index_drop_clean(struct wb_index *ix);

/* The sector behind the last dirty one, zero if there is none.  Sleeps. */
sector_t wb_index_dirty_end(const struct wb_index *ix);

/* Blocks dirty and clean in all shards: exact when nobody writes. */
u64 wb_index_nr_dirty(const struct wb_index *ix);
u64 wb_index_nr_clean(const struct wb_index *ix);

#endif /* WB_INDEX_H */
