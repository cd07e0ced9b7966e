/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The budget: memory for data, reserved whole when the cache is made, and a
 * descriptor for each 4 KiB of it.  A write never waits for the allocator.  What
 * is not needed may be lent to the machine, chunk by chunk, and be taken back.
 */
#ifndef WB_PAGES_H
#define WB_PAGES_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* A descriptor's word is read without a lock. */
#ifndef CONFIG_64BIT
#error dm-writebehind needs a 64-bit kernel
#endif

#define WB_BLOCK_SHIFT		12
#define WB_BLOCK_SIZE		BIT(WB_BLOCK_SHIFT)
#define WB_BLOCK_SECTORS	(WB_BLOCK_SIZE >> 9)
#define WB_VALID_ALL		0xffU

/* Blocks whose memory is allocated together: 2 MiB, contiguous if possible. */
#define WB_CHUNK_SHIFT		9
#define WB_CHUNK_BLOCKS		BIT(WB_CHUNK_SHIFT)

/* An index into wb_pages::blocks that stands for none. */
#define WB_NONE			U32_MAX

enum wb_block_state {
	WB_FREE,		/* holds nothing */
	WB_CLEAN,		/* as durable on the origin, kept for reads */
	WB_DIRTY,		/* to be written; may be overwritten in place */
	WB_WRITEBACK,		/* written or being written, not yet known durable */
	WB_STATE_MASK = 0x7,
	WB_SUPERSEDED = 0x8,	/* a flag: the index holds a newer version */
	WB_FAILED = 0x10,	/* a flag: its last write to the origin failed */
};

/**
 * struct wb_block - descriptor of 4 KiB of the budget
 * @list: in one of: the free list, the free, dirty or clean list of a shard,
 *	a list of writeback
 * @key: block number << 16 | state << 8 | bit mask of the sectors it holds.
 *	One word, so that a reader without the lock never sees a mixture.
 * @next: the next in its hash chain
 * @epoch: low half of the epoch that its first unwritten write belongs to
 *
 * 32 bytes, with 8 of the hash table below 1 % of the data.  All but @key and
 * @next are looked at only under the lock of the block's shard, or by
 * writeback while the block is on a list of its own.
 */
struct wb_block {
	struct list_head list;
	u64 key;
	u32 next;
	u32 epoch;
};

/**
 * struct wb_pages - the budget
 * @nr: blocks in it
 * @blocks: their descriptors
 * @chunks: addresses of the data, by chunk; NULL for one that is lent
 * @lock: innermost, taken under a shard's
 * @free: blocks that no shard holds
 * @nr_free: their number
 * @chunk_free: the same, by chunk
 * @nr_lent: blocks without memory, free and on no list
 * @next_lent: where to look for one that is lent
 */
struct wb_pages {
	u32 nr;
	struct wb_block *blocks;
	void **chunks;
	spinlock_t lock;	/* guards all below, and changes of @chunks */
	struct list_head free;
	u32 nr_free;
	u16 *chunk_free;
	u32 nr_lent;
	u32 next_lent;
};

static inline u32 wb_pages_nr_chunks(const struct wb_pages *p)
{
	return DIV_ROUND_UP(p->nr, WB_CHUNK_BLOCKS);
}

/* Blocks of @chunk; of the last one there may be fewer than of others. */
static inline u32 wb_pages_chunk_blocks(const struct wb_pages *p, u32 chunk)
{
	return min_t(u32, WB_CHUNK_BLOCKS, p->nr - (chunk << WB_CHUNK_SHIFT));
}

/* Blocks that have memory. */
static inline u32 wb_pages_present(const struct wb_pages *p)
{
	return p->nr - READ_ONCE(p->nr_lent);
}

static inline u64 wb_key_nr(u64 key)
{
	return key >> 16;
}

static inline unsigned int wb_key_state(u64 key)
{
	return (key >> 8) & WB_STATE_MASK;
}

static inline u64 wb_block_nr(const struct wb_block *b)
{
	return wb_key_nr(READ_ONCE(b->key));
}

static inline unsigned int wb_block_state(const struct wb_block *b)
{
	return wb_key_state(READ_ONCE(b->key));
}

static inline bool wb_block_superseded(const struct wb_block *b)
{
	return (READ_ONCE(b->key) >> 8) & WB_SUPERSEDED;
}

static inline bool wb_block_failed(const struct wb_block *b)
{
	return (READ_ONCE(b->key) >> 8) & WB_FAILED;
}

/* Newer than what is durable on the origin. */
static inline bool wb_block_dirty(const struct wb_block *b)
{
	return wb_block_state(b) >= WB_DIRTY;
}

static inline u8 wb_block_valid(const struct wb_block *b)
{
	return READ_ONCE(b->key) & WB_VALID_ALL;
}

static inline void wb_block_set(struct wb_block *b, u64 nr, unsigned int state,
				u8 valid)
{
	WRITE_ONCE(b->key, nr << 16 | state << 8 | valid);
}

static inline void wb_block_set_valid(struct wb_block *b, u8 valid)
{
	WRITE_ONCE(b->key, (b->key & ~(u64)WB_VALID_ALL) | valid);
}

/* Keeps the flags as they are. */
static inline void wb_block_set_state(struct wb_block *b, enum wb_block_state s)
{
	WRITE_ONCE(b->key, (b->key & ~((u64)WB_STATE_MASK << 8)) | s << 8);
}

static inline void wb_block_set_flag(struct wb_block *b, unsigned int flag)
{
	WRITE_ONCE(b->key, b->key | flag << 8);
}

/* Bits of the sectors @first to @first + @count - 1 of a block. */
static inline u8 wb_sector_mask(unsigned int first, unsigned int count)
{
	return GENMASK(first + count - 1, first);
}

static inline u32 wb_block_index(const struct wb_pages *p,
				 const struct wb_block *b)
{
	return b - p->blocks;
}

/* Address of the block's 4 KiB: in the linear map or, rarely, in vmalloc space. */
static inline void *wb_block_data(const struct wb_pages *p,
				  const struct wb_block *b)
{
	u32 i = wb_block_index(p, b);

	return p->chunks[i >> WB_CHUNK_SHIFT] +
	       ((size_t)(i & (WB_CHUNK_BLOCKS - 1)) << WB_BLOCK_SHIFT);
}

/* The page that holds the block's data, for a bio. */
struct page *wb_block_page(const struct wb_pages *p, const struct wb_block *b);

/* Pages of the machine's that may be taken: others need something, too. */
u64 wb_pages_available(void);

/**
 * wb_pages_init - reserve the budget
 * @p: to be filled in
 * @nr: blocks; a multiple of 256, below WB_NONE
 *
 * Takes nothing that the machine does not have to spare: fails rather than
 * reclaim hard or invoke the OOM killer.  Sleeps; may be interrupted by a fatal
 * signal.
 *
 * Return: 0, -ENOMEM or -EINTR, with nothing kept.
 */
int wb_pages_init(struct wb_pages *p, u32 nr);

/* Gives all of it back, whatever state the blocks are in.  Sleeps. */
void wb_pages_exit(struct wb_pages *p);

/* Memory for @nr things of @size bytes, physically contiguous if small; kvfree(). */
void *wb_alloc_table(size_t nr, size_t size);

/* Moves up to @want free blocks to the tail of @to; returns how many.  Atomic. */
u32 wb_pages_take(struct wb_pages *p, struct list_head *to, u32 want);

/* Moves the @nr blocks of @from, all in state WB_FREE, back.  Atomic. */
void wb_pages_give(struct wb_pages *p, struct list_head *from, u32 nr);

/**
 * wb_pages_lend - give the memory of a chunk to the machine
 * @p: the budget
 * @chunk: any but a last one that is smaller than the others
 *
 * May be called in reclaim; sleeps.
 *
 * Return: WB_CHUNK_BLOCKS, or zero if it is lent or not all of it is free here.
 */
u32 wb_pages_lend(struct wb_pages *p, u32 chunk);

/* Memory for a chunk, or NULL if others need it more.  Does not try hard; sleeps. */
void *wb_pages_spare(void);

/**
 * wb_pages_regain - take a lent chunk back
 * @p: the budget
 * @memory: from wb_pages_spare(); freed if nothing is lent
 *
 * Sleeps.
 */
void wb_pages_regain(struct wb_pages *p, void *memory);

#endif /* WB_PAGES_H */
