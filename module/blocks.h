/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty blocks, for the control node.
 */
#ifndef WB_BLOCKS_H
#define WB_BLOCKS_H

#include <uapi/linux/dm-writebehind.h>

struct wb_store;

/**
 * wb_blocks_read - what WB_IOC_BLOCKS asks for
 * @store: the store
 * @arg: its argument; sizes and permissions are checked here
 *
 * Process context, may sleep and fault.  Return: as documented there.
 */
int wb_blocks_read(struct wb_store *store, struct wb_ioc_blocks *arg);

#endif /* WB_BLOCKS_H */
