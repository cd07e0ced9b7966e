/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a bio comes in.
 */
#ifndef WB_MAP_H
#define WB_MAP_H

#include <linux/bio.h>

struct wb_store;

/**
 * wb_map - do what a bio asks for
 * @store: the store
 * @bio: its sector is relative to the origin already
 *
 * Context: process, may sleep only when there is no room for a write, and then
 * not if it is REQ_NOWAIT.
 *
 * Return: DM_MAPIO_SUBMITTED, or DM_MAPIO_REMAPPED for a read that the origin
 * has to serve.
 */
int wb_map(struct wb_store *store, struct bio *bio);

/* It has ended, with @status.  Returns what it is to end with.  Any context. */
blk_status_t wb_map_end(struct wb_store *store, struct bio *bio, blk_status_t status);

#endif /* WB_MAP_H */
