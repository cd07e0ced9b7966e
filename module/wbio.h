/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writeback's I/O: blocks of the sweep merged into bios, completed, retired.
 * All of it in the context of writeback's work item.
 */
#ifndef WB_WBIO_H
#define WB_WBIO_H

#include <linux/blk_types.h>
#include <uapi/linux/dm-writebehind.h>

struct wb_store;

int wb_io_init(struct wb_store *store);
void wb_io_exit(struct wb_store *store);

/* Writes the first blocks of the sweep, as many as one I/O takes. */
void wb_io_submit_next(struct wb_store *store, enum wb_reason reason);

/* Something is about to be written: what the origin's cache has lost before there was
 * anything of ours in it does not matter.
 */
void wb_io_enter_cache(struct wb_store *store);

/* Sees to what has completed: written blocks are clean or await a flush, others
 * go to the retry list.
 */
void wb_io_reap(struct wb_store *store);

/* Waits until something has completed, and reaps it. */
void wb_io_wait(struct wb_store *store);

/* Flushes the origin; what was written and reaped before is clean if it succeeds.
 * Returns 0 or an error.
 */
int wb_io_flush_origin(struct wb_store *store);

/*
 * Discards or zeroes sectors of the origin, which takes them in one bio.  @end, in
 * interrupt context, puts the bio, whose bi_private is @private.
 */
void wb_io_range(struct wb_store *store, blk_opf_t opf, sector_t sector,
		 sector_t nr, bio_end_io_t *end, void *private);

/* Merge up to what the origin takes, again. */
void wb_io_unlimit(struct wb_store *store);

#endif /* WB_WBIO_H */
