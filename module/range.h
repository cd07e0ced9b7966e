/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Discards and write-zeroes, which change the origin without passing through
 * RAM.  Writeback does them itself, with nothing of its own in flight, so that
 * they cannot meet a write to the same block on the way.
 */
#ifndef WB_RANGE_H
#define WB_RANGE_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/spinlock.h>

struct wb_store;

/**
 * struct wb_ranges - discards and zeroes on their way to the origin
 * @lock: guards @queue; outside the epochs' lock; process context
 * @queue: in the order of their epochs
 * @pool: for their descriptors
 */
struct wb_ranges {
	spinlock_t lock;	/* guards @queue */
	struct list_head queue;
	mempool_t pool;
};

int wb_ranges_init(struct wb_ranges *r);
void wb_ranges_exit(struct wb_ranges *r);

/**
 * wb_range_bio - take a discard or write-zeroes
 * @store: the store
 * @bio: the bio; completed when the origin has done it, or at once where order
 *	is all that was promised
 *
 * While epochs go one by one, a discard comes between the epochs before and
 * those after it, and zeroes are written to RAM like data.  May sleep for a
 * descriptor unless REQ_NOWAIT, and as wb_write_bio().
 */
void wb_range_bio(struct wb_store *store, struct bio *bio);

/* Whether the first range may be done now. */
bool wb_ranges_due(struct wb_store *store);

/* The last epoch that comes before all ranges. */
u64 wb_ranges_limit(struct wb_store *store);

/* Does those that are due.  In writeback's context, nothing in flight. */
void wb_ranges_apply(struct wb_store *store);

#endif /* WB_RANGE_H */
