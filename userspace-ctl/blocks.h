/* SPDX-License-Identifier: GPL-2.0-only */
/* The dirty blocks of a device, as the kernel lists them. */
#ifndef WBCTL_BLOCKS_H
#define WBCTL_BLOCKS_H

#include "device.h"
#include "util.h"

#define BLOCK_SECTORS	(WB_BLOCK_BYTES / SECTOR_SIZE)

/**
 * struct found_block - one of them
 * @block: as the kernel told
 * @cursor: of the call that told it
 * @next: which that gave back
 */
struct found_block {
	struct wb_dirty_block block;
	uint64_t cursor;
	uint64_t next;
};

/**
 * struct block_list - what was found
 * @found: an array, to be freed
 * @nr: so many
 * @room: in @found
 */
struct block_list {
	struct found_block *found;
	size_t nr;
	size_t room;
};

/*
 * Lists all dirty blocks of @dev in the kernel's order, @step a call at most:
 * with 1 the cursors find each of them again, as long as writeback is held.
 * Returns an exit code, the error printed.
 */
int blocks_list(const struct device *dev, unsigned int step,
		struct block_list *list);

/*
 * Reads a block again that blocks_list() found with a step of 1, with its
 * content.  Returns 0, ENOENT if it is not there any more, or an errno.
 */
int block_read(const struct device *dev, struct found_block *found, void *data);

/* Sorts by epoch then block, or by block then epoch; of equals the last stays. */
void blocks_sort_by_epoch(struct block_list *list);
void blocks_sort_by_place(struct block_list *list);

/* Bytes of a block that count. */
unsigned int block_bytes(const struct wb_dirty_block *block);

#endif
