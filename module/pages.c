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

#define WB_CHUNK_SIZE	((size_t)WB_CHUNK_BLOCKS << WB_BLOCK_SHIFT)

struct page *wb_block_page(const struct wb_pages *p, const struct wb_block *b)
{
	void *data = wb_block_data(p, b);

	return is_vmalloc_addr(data) ? vmalloc_to_page(data) : virt_to_page(data);
}

static u32 wb_nr_chunks(u32 nr)
{
	return DIV_ROUND_UP(nr, WB_CHUNK_BLOCKS);
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

static void wb_blocks_init(struct wb_pages *p)
{
	u32 i;

	for (i = 0; i < p->nr; i++) {
		struct wb_block *b = &p->blocks[i];

		wb_block_set(b, 0, WB_FREE, 0);
		b->next = WB_NONE;
		list_add_tail(&b->list, &p->free);
		if (!(i % WB_CHUNK_BLOCKS))
			cond_resched();
	}
	p->nr_free = p->nr;
}

int wb_pages_init(struct wb_pages *p, u32 nr)
{
	u32 i;

	p->nr = nr;
	spin_lock_init(&p->lock);
	INIT_LIST_HEAD(&p->free);
	p->blocks = wb_alloc_table(nr, sizeof(*p->blocks));
	p->chunks = kvcalloc(wb_nr_chunks(nr), sizeof(*p->chunks),
			     GFP_KERNEL | __GFP_NOWARN);
	if (!p->blocks || !p->chunks)
		goto nomem;

	for (i = 0; i < wb_nr_chunks(nr); i++) {
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

	for (i = 0; p->chunks && i < wb_nr_chunks(p->nr); i++) {
		wb_chunk_free(p->chunks[i]);
		cond_resched();
	}
	kvfree(p->chunks);
	kvfree(p->blocks);
	p->chunks = NULL;
	p->blocks = NULL;
}

u32 wb_pages_take(struct wb_pages *p, struct list_head *to, u32 want)
{
	u32 n = 0;

	/* An empty budget is met again and again: don't bounce the lock. */
	if (!READ_ONCE(p->nr_free))
		return 0;
	spin_lock(&p->lock);
	while (n < want && !list_empty(&p->free)) {
		list_move_tail(p->free.next, to);
		n++;
	}
	WRITE_ONCE(p->nr_free, p->nr_free - n);
	spin_unlock(&p->lock);
	return n;
}

void wb_pages_give(struct wb_pages *p, struct list_head *from, u32 nr)
{
	spin_lock(&p->lock);
	list_splice_init(from, &p->free);
	WRITE_ONCE(p->nr_free, p->nr_free + nr);
	spin_unlock(&p->lock);
}
