// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "wbctl.h"

#define MOST_TRIES	10

/* Whether the call gave nothing though there is more is the caller's to see. */
static int fetch(const struct device *dev, uint64_t *cursor,
		 struct wb_dirty_block *blocks, unsigned int *nr, void *data)
{
	struct wb_ioc_blocks arg = {
		.size = sizeof(arg),
		.id = dev->status.id,
		.cursor = *cursor,
		.blocks = (uintptr_t)blocks,
		.data = (uintptr_t)data,
		.nr = *nr,
	};
	int err = control_call(WB_IOC_BLOCKS, &arg);

	*cursor = arg.cursor;
	*nr = err ? 0 : arg.nr;
	return err;
}

static void append(struct block_list *list, const struct wb_dirty_block *block,
		   uint64_t cursor, uint64_t next)
{
	if (list->nr == list->room) {
		list->room = list->room ? 2 * list->room : 1024;
		list->found = reallocarray(list->found, list->room,
					   sizeof(*list->found));
		if (!list->found)
			die(EXIT_FAILED, "out of memory");
	}
	list->found[list->nr++] = (struct found_block){ *block, cursor, next };
}

static int list_once(const struct device *dev, unsigned int step,
		     struct block_list *list)
{
	struct wb_dirty_block blocks[WB_BLOCKS_MOST];
	uint64_t next = 0;

	list->nr = 0;
	while (next != WB_BLOCKS_END) {
		uint64_t cursor = next;
		unsigned int nr = step;
		int err = fetch(dev, &next, blocks, &nr, NULL);

		if (err)
			return err;
		for (unsigned int i = 0; i < nr; i++)
			append(list, blocks + i, cursor, next);
	}
	return 0;
}

int blocks_list(const struct device *dev, unsigned int step,
		struct block_list *list)
{
	int err = EAGAIN;

	*list = (struct block_list){ .nr = 0 };
	for (int i = 0; i < MOST_TRIES && err == EAGAIN; i++)
		err = list_once(dev, step, list);
	if (!err)
		return EXIT_DONE;
	free(list->found);
	return fail(exit_code_of(err), "%s: cannot list its dirty blocks: %s",
		    dev->name, strerror(err));
}

int block_read(const struct device *dev, struct found_block *found, void *data)
{
	uint64_t cursor = found->cursor;
	struct wb_dirty_block block;

	/* New ones may have come between: cursors grow up to @next. */
	while (cursor < found->next) {
		unsigned int nr = 1;
		int err = fetch(dev, &cursor, &block, &nr, data);

		if (err)
			return err;
		if (nr && block.block == found->block.block &&
		    block.epoch == found->block.epoch) {
			found->block = block;
			return 0;
		}
	}
	return ENOENT;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_epoch(const void *a, const void *b)
{
	const struct found_block *x = a, *y = b;

	return compare(x->block.epoch, y->block.epoch) ?:
	       compare(x->block.block, y->block.block) ?:
	       compare(x->cursor, y->cursor);
}

static int by_place(const void *a, const void *b)
{
	const struct found_block *x = a, *y = b;

	return compare(x->block.block, y->block.block) ?:
	       compare(x->block.epoch, y->block.epoch) ?:
	       compare(x->cursor, y->cursor);
}

static void sort(struct block_list *list,
		 int (*order)(const void *a, const void *b))
{
	struct found_block *found = list->found;
	size_t nr = 0;

	if (!list->nr)
		return;
	qsort(found, list->nr, sizeof(*found), order);
	for (size_t i = 1; i < list->nr; i++) {
		if (found[i].block.block != found[nr].block.block ||
		    found[i].block.epoch != found[nr].block.epoch)
			nr++;
		found[nr] = found[i];
	}
	list->nr = nr + 1;
}

void blocks_sort_by_epoch(struct block_list *list)
{
	sort(list, by_epoch);
}

void blocks_sort_by_place(struct block_list *list)
{
	sort(list, by_place);
}

unsigned int block_bytes(const struct wb_dirty_block *block)
{
	return __builtin_popcount(block->sectors) * SECTOR_SIZE;
}
