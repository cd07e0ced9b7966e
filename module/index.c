// SPDX-License-Identifier: GPL-2.0-only
/*
 * The segment map.
 */
#include "index.h"

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

/* A chain longer than this is walked under the lock: it may have been torn. */
#define WB_PEEK_STEPS		64

/* Enough that writers on all CPUs rarely meet, few enough to visit them all. */
#define WB_SHARDS_PER_CPU	64
#define WB_MAX_SHARDS		16384
#define WB_BLOCKS_PER_SHARD	64
#define WB_MAX_BATCH		32
#define WB_RECLAIM_BATCHES	64U	/* at a time */

/*
 * Where the next of a chain is in no cache of a CPU, it pays to have up to twice as many
 * buckets as blocks.  There is room for them within 1 % from so many blocks a shard on.
 */
#define WB_WIDE_SHARD		256

/* Chunks that are looked at in one go for some to lend. */
#define WB_LEND_LOOKS		64U

static u32 *wb_bucket(const struct wb_index *ix, u64 nr)
{
	u32 h = hash_64(nr >> WB_SEGMENT_SHIFT, ix->bits);

	return &ix->buckets[h ^ (nr & (WB_SEGMENT_BLOCKS - 1))];
}

static struct wb_block *wb_block_at(const struct wb_index *ix, u32 i)
{
	return &ix->pages.blocks[i];
}

static u32 wb_nr_shards(u32 nr)
{
	u32 n = roundup_pow_of_two(num_possible_cpus() * WB_SHARDS_PER_CPU);

	n = min_t(u32, n, rounddown_pow_of_two(nr / WB_BLOCKS_PER_SHARD));
	return min_t(u32, n, WB_MAX_SHARDS);
}

static int wb_shards_init(struct wb_index *ix, u32 nr)
{
	u32 i;

	ix->nr_shards = wb_nr_shards(nr);
	ix->batch = clamp_t(u32, nr / (ix->nr_shards * 16), 1, WB_MAX_BATCH);
	ix->shards = kvcalloc(ix->nr_shards, sizeof(*ix->shards), GFP_KERNEL);
	if (!ix->shards)
		return -ENOMEM;

	for (i = 0; i < ix->nr_shards; i++) {
		struct wb_shard *s = &ix->shards[i];

		spin_lock_init(&s->lock);
		seqcount_spinlock_init(&s->seq, &s->lock);
		INIT_LIST_HEAD(&s->dirty);
		INIT_LIST_HEAD(&s->clean);
		INIT_LIST_HEAD(&s->free);
	}
	return 0;
}

static int wb_buckets_init(struct wb_index *ix, u32 nr)
{
	size_t n = rounddown_pow_of_two(nr);

	if (nr / ix->nr_shards >= WB_WIDE_SHARD)
		n *= 2;
	ix->bits = ilog2(n);
	ix->buckets = wb_alloc_table(n, sizeof(*ix->buckets));
	if (!ix->buckets)
		return -ENOMEM;
	memset32(ix->buckets, WB_NONE, n);
	return 0;
}

struct wb_index *wb_index_create(u32 nr)
{
	struct wb_index *ix = kzalloc(sizeof(*ix), GFP_KERNEL);
	int r;

	if (!ix)
		return ERR_PTR(-ENOMEM);
	r = wb_shards_init(ix, nr);
	if (!r)
		r = wb_buckets_init(ix, nr);
	if (!r)
		r = wb_pages_init(&ix->pages, nr);
	if (r) {
		wb_index_destroy(ix);
		return ERR_PTR(r);
	}
	return ix;
}

void wb_index_destroy(struct wb_index *ix)
{
	wb_pages_exit(&ix->pages);
	kvfree(ix->buckets);
	kvfree(ix->shards);
	kfree(ix);
}

u64 wb_index_overhead(const struct wb_index *ix)
{
	const struct wb_pages *p = &ix->pages;

	return sizeof(*ix) + ix->nr_shards * sizeof(*ix->shards) +
	       (sizeof(*ix->buckets) << ix->bits) +
	       (u64)p->nr * sizeof(*p->blocks) +
	       wb_pages_nr_chunks(p) *
	       (sizeof(*p->chunks) + sizeof(*p->chunk_free));
}

/*
 * The walk races with changes of the chain and may go astray; descriptors are
 * never freed while the map is in use, so it reads only what exists, and the
 * sequence count tells.  A mask that is about to grow is no reason to retry:
 * such a read meets its write.
 */
u8 wb_index_peek(const struct wb_index *ix, u64 nr)
{
	struct wb_shard *s = wb_index_shard(ix, nr);
	unsigned int seq, steps;
	struct wb_block *b;
	u8 valid;
	u32 i;

	do {
		seq = read_seqcount_begin(&s->seq);
		valid = 0;
		steps = 0;
		for (i = READ_ONCE(*wb_bucket(ix, nr)); i != WB_NONE;
		     i = READ_ONCE(b->next)) {
			u64 key;

			if (++steps > WB_PEEK_STEPS)
				goto locked;
			b = wb_block_at(ix, i);
			key = READ_ONCE(b->key);
			if (key >> 16 == nr) {
				valid = key & WB_VALID_ALL;
				break;
			}
		}
	} while (read_seqcount_retry(&s->seq, seq));
	return valid;

locked:
	spin_lock(&s->lock);
	b = wb_index_find(ix, s, nr);
	valid = b ? wb_block_valid(b) : 0;
	spin_unlock(&s->lock);
	return valid;
}

struct wb_block *wb_index_find(const struct wb_index *ix, struct wb_shard *s,
			       u64 nr)
{
	u32 i;

	lockdep_assert_held(&s->lock);
	for (i = *wb_bucket(ix, nr); i != WB_NONE; i = wb_block_at(ix, i)->next)
		if (wb_block_nr(wb_block_at(ix, i)) == nr)
			return wb_block_at(ix, i);
	return NULL;
}

/* The link that leads to @b, which is in the chain. */
static u32 *wb_index_link(struct wb_index *ix, struct wb_block *b)
{
	u32 want = wb_block_index(&ix->pages, b);
	u32 *link = wb_bucket(ix, wb_block_nr(b));

	while (*link != want)
		link = &wb_block_at(ix, *link)->next;
	return link;
}

void wb_index_insert(struct wb_index *ix, struct wb_shard *s, struct wb_block *b)
{
	u32 *head = wb_bucket(ix, wb_block_nr(b));

	lockdep_assert_held(&s->lock);
	write_seqcount_begin(&s->seq);
	WRITE_ONCE(b->next, *head);
	WRITE_ONCE(*head, wb_block_index(&ix->pages, b));
	write_seqcount_end(&s->seq);
}

void wb_index_remove(struct wb_index *ix, struct wb_shard *s, struct wb_block *b)
{
	u32 *link = wb_index_link(ix, b);

	lockdep_assert_held(&s->lock);
	write_seqcount_begin(&s->seq);
	WRITE_ONCE(*link, b->next);
	WRITE_ONCE(b->next, WB_NONE);
	write_seqcount_end(&s->seq);
}

void wb_index_replace(struct wb_index *ix, struct wb_shard *s,
		      struct wb_block *old, struct wb_block *b)
{
	u32 *link = wb_index_link(ix, old);

	lockdep_assert_held(&s->lock);
	write_seqcount_begin(&s->seq);
	WRITE_ONCE(b->next, old->next);
	WRITE_ONCE(*link, wb_block_index(&ix->pages, b));
	WRITE_ONCE(old->next, WB_NONE);
	wb_block_set_flag(old, WB_SUPERSEDED);
	write_seqcount_end(&s->seq);
}

struct wb_block *wb_index_take_free(struct wb_index *ix, struct wb_shard *s)
{
	struct wb_block *b;

	lockdep_assert_held(&s->lock);
	if (!s->nr_free)
		s->nr_free = wb_pages_take(&ix->pages, &s->free, ix->batch);
	if (s->nr_free) {
		b = list_first_entry(&s->free, struct wb_block, list);
		s->nr_free--;
	} else if (s->nr_clean) {
		b = list_first_entry(&s->clean, struct wb_block, list);
		s->nr_clean--;
		wb_index_remove(ix, s, b);
		wb_block_set(b, 0, WB_FREE, 0);
	} else {
		return NULL;
	}
	list_del_init(&b->list);
	return b;
}

void wb_index_give_free(struct wb_index *ix, struct wb_shard *s,
			struct wb_block *b)
{
	LIST_HEAD(surplus);
	u32 i;

	lockdep_assert_held(&s->lock);
	wb_block_set(b, 0, WB_FREE, 0);
	list_add(&b->list, &s->free);
	if (++s->nr_free < 2 * ix->batch)
		return;
	for (i = 0; i < ix->batch; i++)
		list_move_tail(s->free.prev, &surplus);
	s->nr_free -= i;
	wb_pages_give(&ix->pages, &surplus, i);
}

/* Moves what the shard can spare to @to; returns how much. */
static u32 wb_shard_reclaim(struct wb_index *ix, struct wb_shard *s,
			    struct list_head *to)
{
	struct wb_block *b;
	u32 n = s->nr_free;

	list_splice_init(&s->free, to);
	s->nr_free = 0;
	while (s->nr_clean) {
		b = list_first_entry(&s->clean, struct wb_block, list);
		wb_index_remove(ix, s, b);
		wb_block_set(b, 0, WB_FREE, 0);
		list_move_tail(&b->list, to);
		s->nr_clean--;
		if (++n >= ix->batch)
			break;
	}
	return n;
}

bool wb_index_reclaim(struct wb_index *ix)
{
	u32 next = READ_ONCE(ix->next_shard);
	u32 i, found = 0;

	for (i = 0; i < ix->nr_shards && found < WB_RECLAIM_BATCHES * ix->batch; i++) {
		struct wb_shard *s = &ix->shards[next++ & (ix->nr_shards - 1)];
		LIST_HEAD(blocks);
		u32 n;

		if (!READ_ONCE(s->nr_free) && !READ_ONCE(s->nr_clean))
			continue;
		spin_lock(&s->lock);
		n = wb_shard_reclaim(ix, s, &blocks);
		if (n)
			wb_pages_give(&ix->pages, &blocks, n);
		spin_unlock(&s->lock);
		found += n;
	}
	/* of others that do so at the same time one counts */
	WRITE_ONCE(ix->next_shard, next);
	return READ_ONCE(ix->pages.nr_free);
}

/* The free blocks of all shards go to the budget. */
static void wb_index_gather(struct wb_index *ix)
{
	u32 i;

	for (i = 0; i < ix->nr_shards; i++) {
		struct wb_shard *s = &ix->shards[i];

		if (!READ_ONCE(s->nr_free))
			continue;
		spin_lock(&s->lock);
		wb_pages_give(&ix->pages, &s->free, s->nr_free);
		s->nr_free = 0;
		spin_unlock(&s->lock);
	}
}

/* If the block is still clean, it goes to the budget. */
static void wb_index_expel(struct wb_index *ix, struct wb_block *b)
{
	u64 nr = wb_block_nr(b), key;
	struct wb_shard *s = wb_index_shard(ix, nr);
	LIST_HEAD(one);

	spin_lock(&s->lock);
	/* in one look: a free block's number is 0, whatever shard had it */
	key = READ_ONCE(b->key);
	if (wb_key_state(key) == WB_CLEAN && wb_key_nr(key) == nr) {
		list_move(&b->list, &one);
		s->nr_clean--;
		wb_index_remove(ix, s, b);
		wb_block_set(b, 0, WB_FREE, 0);
		wb_pages_give(&ix->pages, &one, 1);
	}
	spin_unlock(&s->lock);
}

/* Has all of the chunk free, but for what is used meanwhile; false if some is dirty. */
static bool wb_chunk_clean_out(struct wb_index *ix, u32 chunk)
{
	struct wb_block *b = wb_block_at(ix, chunk << WB_CHUNK_SHIFT);
	u32 i;

	for (i = 0; i < WB_CHUNK_BLOCKS; i++)
		if (wb_block_dirty(&b[i]))
			return false;
	for (i = 0; i < WB_CHUNK_BLOCKS; i++)
		if (wb_block_state(&b[i]) == WB_CLEAN)
			wb_index_expel(ix, &b[i]);
	return true;
}

u32 wb_index_lend(struct wb_index *ix, u32 want)
{
	u32 nr_chunks = ix->pages.nr >> WB_CHUNK_SHIFT;
	u32 looks, chunk, n = 0;

	wb_index_gather(ix);
	for (looks = 0; looks < min(nr_chunks, WB_LEND_LOOKS) && n < want; looks++) {
		chunk = ix->next_chunk++ % nr_chunks;
		if (READ_ONCE(ix->pages.chunks[chunk]) && wb_chunk_clean_out(ix, chunk))
			n += wb_pages_lend(&ix->pages, chunk);
		cond_resched();
	}
	return n;
}

bool wb_index_has_room(const struct wb_index *ix)
{
	u32 i;

	if (READ_ONCE(ix->pages.nr_free))
		return true;
	for (i = 0; i < ix->nr_shards; i++)
		if (READ_ONCE(ix->shards[i].nr_free) ||
		    READ_ONCE(ix->shards[i].nr_clean))
			return true;
	return false;
}

bool wb_index_forget_clean(struct wb_index *ix, u64 nr)
{
	struct wb_shard *s = wb_index_shard(ix, nr);
	struct wb_block *b;

	spin_lock(&s->lock);
	b = wb_index_find(ix, s, nr);
	if (b && wb_block_state(b) == WB_CLEAN) {
		list_del_init(&b->list);
		s->nr_clean--;
		wb_index_remove(ix, s, b);
		wb_index_give_free(ix, s, b);
		b = NULL;
	}
	spin_unlock(&s->lock);
	return !b;
}

void wb_index_drop_clean(struct wb_index *ix)
{
	while (wb_index_nr_clean(ix)) {
		wb_index_reclaim(ix);
		cond_resched();
	}
}

sector_t wb_index_dirty_end(const struct wb_index *ix)
{
	sector_t end = 0;
	u32 i;

	for (i = 0; i < ix->pages.nr; i++) {
		const struct wb_block *b = wb_block_at(ix, i);

		if (wb_block_dirty(b))
			end = max_t(sector_t, end,
				    wb_block_nr(b) * WB_BLOCK_SECTORS +
				    fls(wb_block_valid(b)));
		if (!(i & 0xffff))
			cond_resched();
	}
	return end;
}

u64 wb_index_nr_dirty(const struct wb_index *ix)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < ix->nr_shards; i++)
		n += READ_ONCE(ix->shards[i].nr_dirty);
	return n;
}

u64 wb_index_nr_clean(const struct wb_index *ix)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < ix->nr_shards; i++)
		n += READ_ONCE(ix->shards[i].nr_clean);
	return n;
}
