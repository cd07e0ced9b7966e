// SPDX-License-Identifier: GPL-2.0-only
/*
 * A changed budget while there is dirty data.
 */
#include <linux/list_sort.h>
#include <linux/sched.h>

#include "migrate.h"
#include "store.h"

/*
 * By epoch, as the shards' lists must be.  Of two versions of a block in one
 * epoch, one of them was being written when the other came, and goes first.
 */
static int wb_migrate_cmp(void *priv, const struct list_head *a,
			  const struct list_head *b)
{
	const struct wb_block *ba = list_entry(a, struct wb_block, list);
	const struct wb_block *bb = list_entry(b, struct wb_block, list);
	u32 *count = priv;

	if (!(++*count & 0xffff))
		cond_resched();
	if (ba->epoch != bb->epoch)
		return !wb_stamp_within(ba->epoch, bb->epoch);
	return !wb_block_superseded(ba) && wb_block_superseded(bb);
}

/* What is collected for a sweep, or failed in one, will be collected again. */
static void wb_migrate_collect(struct wb_store *store, struct list_head *all)
{
	struct wb_index *from = store->index;
	u32 i, count = 0;

	list_splice_init(&store->wb.sweep, all);
	list_splice_init(&store->wb.retry.skipped, all);
	list_splice_init(&store->wb.retry.blocks, all);
	store->wb.sweeping = false;
	for (i = 0; i < from->nr_shards; i++) {
		spin_lock(&from->shards[i].lock);
		list_splice_init(&from->shards[i].dirty, all);
		spin_unlock(&from->shards[i].lock);
	}
	list_sort(&count, all, wb_migrate_cmp);
}

/* The map is large enough, but another shard may have what is left of it. */
static void wb_migrate_block(struct wb_index *from, struct wb_index *to,
			     const struct wb_block *old)
{
	struct wb_shard *s = wb_index_shard(to, wb_block_nr(old));
	struct wb_block *b;

	spin_lock(&s->lock);
	while (!(b = wb_index_take_free(to, s))) {
		spin_unlock(&s->lock);
		wb_index_reclaim(to);
		spin_lock(&s->lock);
	}
	memcpy(wb_block_data(&to->pages, b), wb_block_data(&from->pages, old),
	       WB_BLOCK_SIZE);
	WRITE_ONCE(b->key, old->key);
	b->epoch = old->epoch;
	list_add_tail(&b->list, &s->dirty);
	s->nr_dirty++;
	if (!wb_block_superseded(b))
		wb_index_insert(to, s, b);
	spin_unlock(&s->lock);
}

int wb_migrate(struct wb_store *store, struct wb_index *to)
{
	struct wb_block *b;
	LIST_HEAD(all);

	if (wb_index_nr_dirty(store->index) > to->pages.nr)
		return -ENOSPC;
	wb_migrate_collect(store, &all);
	list_for_each_entry(b, &all, list) {
		wb_migrate_block(store->index, to, b);
		cond_resched();
	}
	/* Nobody follows the links of what is about to be freed. */
	INIT_LIST_HEAD(&all);
	return 0;
}
