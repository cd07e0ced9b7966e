// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty blocks, for the control node.
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "blocks.h"
#include "store.h"

/* Descriptors that a call looks at, at most. */
#define WB_BLOCKS_SCAN		BIT(16)

/**
 * struct wb_listing - what a call has found so far
 * @info: room for @most
 * @data: NULL, or room for their content
 * @nr: how many there are
 * @most: see there
 */
struct wb_listing {
	struct wb_dirty_block *info;
	u8 *data;
	u32 nr;
	u32 most;
};

/* Stamps are the lower halves of epochs that are open or not long closed. */
static u64 wb_whole_epoch(const struct wb_store *store, u32 stamp)
{
	u64 open = wb_epoch_open(&store->epochs);

	return open - (u32)((u32)open - stamp);
}

static u32 wb_block_flags(const struct wb_block *b)
{
	u32 flags = 0;

	if (wb_block_state(b) == WB_WRITEBACK)
		flags |= WB_BLOCK_WRITEBACK;
	if (wb_block_superseded(b))
		flags |= WB_BLOCK_SUPERSEDED;
	if (wb_block_failed(b))
		flags |= WB_BLOCK_FAILED;
	return flags;
}

/* What the block does not hold is somebody else's: it reads as zeroes. */
static void wb_copy_valid(u8 *to, const u8 *from, u8 valid)
{
	unsigned int i;

	for (i = 0; i < WB_BLOCK_SECTORS; i++, to += SECTOR_SIZE, from += SECTOR_SIZE) {
		if (valid & BIT(i))
			memcpy(to, from, SECTOR_SIZE);
		else
			memset(to, 0, SECTOR_SIZE);
	}
}

/* Under the lock of the shard that the block was in a moment ago. */
static void wb_list_block(struct wb_store *store, struct wb_listing *l,
			  const struct wb_block *b)
{
	struct wb_dirty_block *info = &l->info[l->nr];

	info->block = wb_block_nr(b);
	info->epoch = wb_whole_epoch(store, b->epoch);
	info->sectors = wb_block_valid(b);
	info->flags = wb_block_flags(b);
	if (l->data)
		wb_copy_valid(l->data + ((size_t)l->nr << WB_BLOCK_SHIFT),
			      wb_block_data(&store->index->pages, b),
			      wb_block_valid(b));
	l->nr++;
}

/* Returns the index of the first descriptor that was not looked at. */
static u32 wb_list_blocks(struct wb_store *store, struct wb_listing *l, u32 i)
{
	struct wb_index *ix = store->index;
	u32 end = min_t(u64, (u64)i + WB_BLOCKS_SCAN, ix->pages.nr);
	struct wb_block *b;
	struct wb_shard *s;
	u64 nr, key;

	for (; i < end && l->nr < l->most; i++) {
		b = &ix->pages.blocks[i];
		if (!wb_block_dirty(b))
			continue;
		nr = wb_block_nr(b);
		s = wb_index_shard(ix, nr);
		spin_lock(&s->lock);
		/* in one look, see wb_index_expel() */
		key = READ_ONCE(b->key);
		if (wb_key_state(key) >= WB_DIRTY && wb_key_nr(key) == nr)
			wb_list_block(store, l, b);
		spin_unlock(&s->lock);
		cond_resched();
	}
	return i;
}

/* A cursor is the number of changes of the budget, and the next descriptor. */
static int wb_list(struct wb_store *store, struct wb_listing *l, u64 *cursor)
{
	u32 next = lower_32_bits(*cursor);
	int r = 0;

	mutex_lock(&store->lock);
	if (*cursor && upper_32_bits(*cursor) != store->index_changes) {
		r = -EAGAIN;
		goto out;
	}
	next = wb_list_blocks(store, l, next);
	*cursor = (u64)store->index_changes << 32 | next;
	if (next >= store->index->pages.nr)
		*cursor = WB_BLOCKS_END;
out:
	mutex_unlock(&store->lock);
	return r;
}

static int wb_listing_copy(const struct wb_listing *l,
			   const struct wb_ioc_blocks *arg)
{
	if (copy_to_user(u64_to_user_ptr(arg->blocks), l->info,
			 l->nr * sizeof(*l->info)))
		return -EFAULT;
	if (l->data && copy_to_user(u64_to_user_ptr(arg->data), l->data,
				    (size_t)l->nr << WB_BLOCK_SHIFT))
		return -EFAULT;
	return 0;
}

/* By way of memory of our own: a fault on the caller's may need the store. */
int wb_blocks_read(struct wb_store *store, struct wb_ioc_blocks *arg)
{
	struct wb_listing l = { .most = arg->nr };
	int r = -ENOMEM;

	if (!arg->nr || arg->nr > WB_BLOCKS_MOST || arg->reserved)
		return -EINVAL;
	if (arg->data && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	arg->nr = 0;
	if (arg->cursor == WB_BLOCKS_END)
		return 0;

	l.info = kcalloc(l.most, sizeof(*l.info), GFP_KERNEL);
	if (arg->data)
		l.data = kvmalloc((size_t)l.most << WB_BLOCK_SHIFT, GFP_KERNEL);
	if (!l.info || (arg->data && !l.data))
		goto out;
	r = wb_list(store, &l, &arg->cursor);
	r = r ?: wb_listing_copy(&l, arg);
	arg->nr = l.nr;
out:
	kvfree(l.data);
	kfree(l.info);
	return r;
}
