// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "blocks.h"
#include "heat.h"
#include "opts.h"
#include "table.h"
#include "util.h"
#include "wbctl.h"

static bool failed_only;

static const struct opt map_opts[] = {
	{ "failed", 'f', NULL, "only where the last write to the origin failed",
	  OPT_FLAG, &failed_only },
	{ }
};

/**
 * struct extent - neighbours in the same state
 * @sector: the first
 * @bytes: so long
 * @first_epoch: the oldest of its epochs
 * @last_epoch: the newest
 * @flags: WB_BLOCK_*
 */
struct extent {
	uint64_t sector;
	uint64_t bytes;
	uint64_t first_epoch;
	uint64_t last_epoch;
	uint32_t flags;
};

struct extents {
	struct extent *extent;
	size_t nr;
	size_t room;
};

static json_object *get_flags(const struct column *column, const void *row)
{
	static const char *const words[] = {
		"-", "writeback", "versions", "writeback,versions", "failed",
		"failed,writeback", "failed,versions", "failed,writeback,versions",
	};
	const struct extent *extent = row;

	(void)column;
	return json_object_new_string(words[extent->flags & 7]);
}

#define NUMBER(key, header, type, member) \
	{ key, header, type, get_u64, offsetof(struct extent, member) }
#define FLAG(key, header, bit) \
	{ key, header, COL_TEXT, get_flag, offsetof(struct extent, flags), .flag = bit }

static const struct column map_columns[] = {
	NUMBER("sector", "SECTOR", COL_COUNT, sector),
	NUMBER("bytes", "BYTES", COL_SIZE, bytes),
	NUMBER("first_epoch", "EPOCH", COL_COUNT, first_epoch),
	NUMBER("last_epoch", "LAST", COL_COUNT, last_epoch),
	{ "flags", "FLAGS", COL_TEXT, get_flags },
	FLAG("failed", "FAILED", WB_BLOCK_FAILED),
	FLAG("writeback", "WRITEBACK", WB_BLOCK_WRITEBACK),
	FLAG("versions", "VERSIONS", WB_BLOCK_SUPERSEDED),
	{ }
};

static uint64_t end_of(const struct extent *extent)
{
	return extent->sector + extent->bytes / SECTOR_SIZE;
}

static void append(struct extents *list, const struct extent *extent)
{
	if (list->nr == list->room) {
		list->room = list->room ? 2 * list->room : 256;
		list->extent = reallocarray(list->extent, list->room,
					    sizeof(*list->extent));
		if (!list->extent)
			die(EXIT_FAILED, "out of memory");
	}
	list->extent[list->nr++] = *extent;
}

static void widen(struct extent *extent, const struct extent *other)
{
	extent->bytes += other->bytes;
	if (other->first_epoch < extent->first_epoch)
		extent->first_epoch = other->first_epoch;
	if (other->last_epoch > extent->last_epoch)
		extent->last_epoch = other->last_epoch;
}

static void add(struct extents *list, const struct extent *extent)
{
	struct extent *last = list->nr ? list->extent + list->nr - 1 : NULL;

	if (last && end_of(last) == extent->sector && last->flags == extent->flags)
		widen(last, extent);
	else
		append(list, extent);
}

/* What counts in a block may have holes. */
static void add_block(struct extents *list, const struct extent *whole,
		      uint32_t sectors)
{
	for (unsigned int i = 0; i < BLOCK_SECTORS; i++) {
		struct extent one = *whole;

		if (!(sectors & 1U << i))
			continue;
		one.sector += i;
		one.bytes = SECTOR_SIZE;
		add(list, &one);
	}
}

/* One extent of all versions of a block; returns where the next block begins. */
static size_t add_versions(struct extents *list, const struct block_list *blocks,
			   size_t at)
{
	const struct wb_dirty_block *first = &blocks->found[at].block;
	struct extent extent = {
		.sector = first->block * BLOCK_SECTORS,
		.first_epoch = first->epoch,
	};
	uint32_t sectors = 0;

	for (; at < blocks->nr; at++) {
		const struct wb_dirty_block *block = &blocks->found[at].block;

		if (block->block != first->block)
			break;
		extent.last_epoch = block->epoch;
		extent.flags |= block->flags;
		sectors |= block->sectors;
	}
	if (!failed_only || extent.flags & WB_BLOCK_FAILED)
		add_block(list, &extent, sectors);
	return at;
}

static void make_extents(struct extents *list, const struct block_list *blocks)
{
	for (size_t at = 0; at < blocks->nr;)
		at = add_versions(list, blocks, at);
}

static void draw(const struct device *dev, const struct extents *list)
{
	struct heat heat;

	if (!isatty(STDOUT_FILENO) || output.json || output.noheadings ||
	    !dev->status.origin_bytes)
		return;
	heat_begin(&heat, dev->status.origin_bytes);
	for (size_t i = 0; i < list->nr; i++)
		heat_add(&heat, list->extent[i].sector * SECTOR_SIZE,
			 list->extent[i].bytes,
			 list->extent[i].flags & WB_BLOCK_FAILED);
	heat_print(&heat);
}

static int map_run(int argc, char **argv)
{
	struct extents list = { .nr = 0 };
	struct block_list blocks;
	struct device dev;
	int code = device_find(argv[0], &dev);

	(void)argc;
	if (code)
		return code;
	code = blocks_list(&dev, WB_BLOCKS_MOST, &blocks);
	if (code)
		return code;
	blocks_sort_by_place(&blocks);
	make_extents(&list, &blocks);
	free(blocks.found);
	draw(&dev, &list);
	report_rows(&(struct rows){
		.columns = map_columns,
		.defaults = "SECTOR,BYTES,EPOCH,LAST,FLAGS",
		.key = "extents",
		.row = list.extent, .nr = list.nr, .size = sizeof(*list.extent),
	});
	free(list.extent);
	return EXIT_DONE;
}

const struct verb map_verb = {
	.name = "map",
	.operands = "NAME",
	.summary = "Show where on the origin the dirty data belongs.\n"
		   "The device goes on: what is written meanwhile may be missed.",
	.opts = map_opts,
	.columns = map_columns,
	.min_operands = 1,
	.max_operands = 1,
	.run = map_run,
};
