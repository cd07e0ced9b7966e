/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the origin fares, and when a failed write is tried again.
 */
#ifndef WB_HEALTH_H
#define WB_HEALTH_H

#include <linux/types.h>
#include <uapi/linux/dm-writebehind.h>

struct wb_store;

/**
 * struct wb_origin_health - of a store; written by writeback alone
 * @state: enum wb_health
 * @attempts: passes in a row that failed
 * @stuck: of these, those that tried all, without progress
 * @retry_at: jiffies, when to try again
 */
struct wb_origin_health {
	u32 state;
	unsigned int attempts;
	unsigned int stuck;
	unsigned long retry_at;
};

extern const char * const wb_health_names[];

static inline bool wb_health_failing(const struct wb_origin_health *h)
{
	return READ_ONCE(h->state) == WB_HEALTH_FAILING;
}

/* A pass of writeback ended with blocks that could not be written; @progress: the
 * next one has better chances; @whole: it tried what had failed before, too, which
 * else stays due when it was, and is not known to be worse.  Sleeps.
 */
void wb_health_failed(struct wb_store *store, bool progress, bool whole);

/* A pass ended well.  Sleeps if that is news. */
void wb_health_recovered(struct wb_store *store);

/* Something could not be made durable.  Sleeps if that is news. */
void wb_health_doubt(struct wb_store *store);

/* What had failed is durable, and nothing failed in this pass: flushes may wait again.
 * Sleeps.
 */
void wb_health_better(struct wb_store *store);

/* A table brings the origin, which may be another one.  Writeback is stopped.  Sleeps. */
void wb_health_reset(struct wb_store *store);

/* Try again now: somebody asks, or a table brings the origin back. */
void wb_health_hurry(struct wb_store *store);

#endif /* WB_HEALTH_H */
