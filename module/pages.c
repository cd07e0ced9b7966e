// SPDX-License-Identifier: GPL-2.0-only
/*
 * The budget: memory for data, and its descriptors.
 */
#include "pages.h"

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define WB_CHUNK_SIZE		((size_t)WB_CHUNK_BLOCKS << WB_BLOCK_SHIFT)
#define WB_MEMORY_SPARED	(32L << (20 - PAGE_SHIFT))	/* pages */

struct page *wb_block_page(const struct wb_pages *p, const struct wb_block *b)
{
	void *data = wb_block_data(p, b);

	return is_vmalloc_addr(data) ? vmalloc_to_page(data) : virt_to_page(data);
}

u64 wb_pages_available(void)
{
	return max(si_mem_available() - WB_MEMORY_SPARED, 0L);
}

/*
 * The last chunk may hold less than it could.  A fragmented machine gets its
 * memory page by page, mapped together.
 *
 * One compound page: who is below may take references to the pages of our bios, as
 * networks do.  Those count for the whole chunk then; a page of its own inside
 * of one would be freed with the last.
 */
static void *wb_chunk_alloc(void)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY;
	struct page *page = alloc_pages(gfp | __GFP_COMP, get_order(WB_CHUNK_SIZE));

	if (page)
		return page_address(page);
	return __vmalloc(WB_CHUNK_SIZE, gfp);
}

static void wb_chunk_free(void *chunk)
{
	if (!chunk)
		return;
	if (is_vmalloc_addr(chunk))
		vfree(chunk);
	else
		free_pages((unsigned long)chunk, get_order(WB_CHUNK_SIZE));
}

/* kvmalloc() refuses what is above INT_MAX: the descriptors of 256 GiB. */
void *wb_alloc_table(size_t nr, size_t size)
{
	size_t bytes = array_size(nr, size);
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;

	return bytes > INT_MAX ? __vmalloc(bytes, gfp) : kvmalloc(bytes, gfp);
}

static struct wb_block *wb_chunk_blocks(const struct wb_pages *p, u32 chunk)
{
	return &p->blocks[chunk << WB_CHUNK_SHIFT];
}

/* The chunk has memory, and all its blocks are free.  Under the lock, or alone. */
static void wb_chunk_add(struct wb_pages *p, u32 chunk)
{
	u32 i, n = wb_pages_chunk_blocks(p, chunk);
	struct wb_block *b = wb_chunk_blocks(p, chunk);

	for (i = 0; i < n; i++)
		list_add_tail(&b[i].list, &p->free);
	p->chunk_free[chunk] = n;
	WRITE_ONCE(p->nr_free, p->nr_free + n);
}

static void wb_blocks_init(struct wb_pages *p)
{
	u32 i, chunk;

	for (chunk = 0; chunk < wb_pages_nr_chunks(p); chunk++) {
		struct wb_block *b = wb_chunk_blocks(p, chunk);

		for (i = 0; i < wb_pages_chunk_blocks(p, chunk); i++) {
			wb_block_set(&b[i], 0, WB_FREE, 0);
			b[i].next = WB_NONE;
		}
		wb_chunk_add(p, chunk);
		cond_resched();
	}
}

int wb_pages_init(struct wb_pages *p, u32 nr)
{
	u32 i;

	p->nr = nr;
	spin_lock_init(&p->lock);
	INIT_LIST_HEAD(&p->free);
	p->blocks = wb_alloc_table(nr, sizeof(*p->blocks));
	p->chunks = kvcalloc(wb_pages_nr_chunks(p), sizeof(*p->chunks),
			     GFP_KERNEL | __GFP_NOWARN);
	p->chunk_free = kvcalloc(wb_pages_nr_chunks(p), sizeof(*p->chunk_free),
				 GFP_KERNEL | __GFP_NOWARN);
	if (!p->blocks || !p->chunks || !p->chunk_free)
		goto nomem;

	for (i = 0; i < wb_pages_nr_chunks(p); i++) {
		if (fatal_signal_pending(current)) {
			wb_pages_exit(p);
			return -EINTR;
		}
		p->chunks[i] = wb_chunk_alloc();
		if (!p->chunks[i])
			goto nomem;
		cond_resched();
	}
	wb_blocks_init(p);
	return 0;

nomem:
	wb_pages_exit(p);
	return -ENOMEM;
}

void wb_pages_exit(struct wb_pages *p)
{
	u32 i;

	for (i = 0; p->chunks && i < wb_pages_nr_chunks(p); i++) {
		wb_chunk_free(p->chunks[i]);
		cond_resched();
	}
	kvfree(p->chunk_free);
	kvfree(p->chunks);
	kvfree(p->blocks);
	p->chunk_free = NULL;
	p->chunks = NULL;
	p->blocks = NULL;
}

static u16 *wb_chunk_free_of(const struct wb_pages *p, const struct wb_block *b)
{
	return &p->chunk_free[wb_block_index(p, b) >> WB_CHUNK_SHIFT];
}

u32 wb_pages_take(struct wb_pages *p, struct list_head *to, u32 want)
{
	struct wb_block *b;
	u32 n = 0;

	/* An empty budget is met again and again: don't bounce the lock. */
	if (!READ_ONCE(p->nr_free))
		return 0;
	spin_lock(&p->lock);
	while (n < want && !list_empty(&p->free)) {
		b = list_first_entry(&p->free, struct wb_block, list);
		(*wb_chunk_free_of(p, b))--;
		list_move_tail(&b->list, to);
		n++;
	}
	WRITE_ONCE(p->nr_free, p->nr_free - n);
	spin_unlock(&p->lock);
	return n;
}

void wb_pages_give(struct wb_pages *p, struct list_head *from, u32 nr)
{
	struct wb_block *b;

	spin_lock(&p->lock);
	list_for_each_entry(b, from, list)
		(*wb_chunk_free_of(p, b))++;
	list_splice_init(from, &p->free);
	WRITE_ONCE(p->nr_free, p->nr_free + nr);
	spin_unlock(&p->lock);
}

/* Who has no block of the chunk has no address in it either. */
u32 wb_pages_lend(struct wb_pages *p, u32 chunk)
{
	struct wb_block *b = wb_chunk_blocks(p, chunk);
	void *memory;
	u32 i;

	spin_lock(&p->lock);
	if (!p->chunks[chunk] || p->chunk_free[chunk] != WB_CHUNK_BLOCKS) {
		spin_unlock(&p->lock);
		return 0;
	}
	for (i = 0; i < WB_CHUNK_BLOCKS; i++)
		list_del_init(&b[i].list);
	p->chunk_free[chunk] = 0;
	WRITE_ONCE(p->nr_free, p->nr_free - WB_CHUNK_BLOCKS);
	WRITE_ONCE(p->nr_lent, p->nr_lent + WB_CHUNK_BLOCKS);
	memory = p->chunks[chunk];
	WRITE_ONCE(p->chunks[chunk], NULL);
	spin_unlock(&p->lock);

	wb_chunk_free(memory);
	return WB_CHUNK_BLOCKS;
}

void *wb_pages_spare(void)
{
	return wb_pages_available() < WB_CHUNK_BLOCKS ? NULL : wb_chunk_alloc();
}

void wb_pages_regain(struct wb_pages *p, void *memory)
{
	u32 n, nr_chunks = wb_pages_nr_chunks(p);

	spin_lock(&p->lock);
	for (n = 0; n < nr_chunks && p->nr_lent; n++) {
		u32 chunk = p->next_lent++ % nr_chunks;

		if (p->chunks[chunk])
			continue;
		WRITE_ONCE(p->chunks[chunk], memory);
		WRITE_ONCE(p->nr_lent, p->nr_lent - WB_CHUNK_BLOCKS);
		wb_chunk_add(p, chunk);
		memory = NULL;
		break;
	}
	spin_unlock(&p->lock);
	wb_chunk_free(memory);
}
