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
 * @lock: guards @queue and @unordered; outside the epochs' lock; process context
 * @queue: those with a place in the order, by their epochs
 * @unordered: the others, as they came
 * @running: I/Os of theirs that are in flight
 * @rest_until: jiffies; writeback's own turn lasts until then
 * @pool: for their descriptors
 */
struct wb_ranges {
	spinlock_t lock;	/* guards @queue and @unordered */
	struct list_head queue;
	struct list_head unordered;
	atomic_t running;
	unsigned long rest_until;
	mempool_t pool;
};

static inline bool wb_ranges_empty(const struct wb_ranges *r)
{
	return list_empty_careful(&r->queue) && list_empty_careful(&r->unordered);
}

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

/*
 * Whether it is the ranges' turn: one in order holds up what is behind it, the
 * others and writeback take turns.
 */
bool wb_ranges_turn(struct wb_store *store);

/* Whether there are some to be done when writeback has nothing to do. */
bool wb_ranges_left(struct wb_store *store);

/* The last epoch that comes before all ranges. */
u64 wb_ranges_limit(struct wb_store *store);

/*
 * The origin is failing: who waits for one that is behind what cannot be written is
 * told, as of a flush.  In writeback's context, nothing in flight.
 */
void wb_ranges_refuse(struct wb_store *store);

/* Does some of them, for not too long.  In writeback's context, nothing in flight. */
void wb_ranges_apply(struct wb_store *store);

#endif /* WB_RANGE_H */
