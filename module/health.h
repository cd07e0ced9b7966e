/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the origin fares, and when a failed write is tried again.
 */
#ifndef WB_HEALTH_H
#define WB_HEALTH_H

#include <linux/jiffies.h>
#include <linux/types.h>
#include <uapi/linux/dm-writebehind.h>

struct wb_store;

/**
 * struct wb_origin_health - of a store; written by writeback alone, but for @retry_at and
 *	@asked
 * @state: enum wb_health
 * @attempts: passes in a row that failed
 * @stuck: of these, those that tried all, without progress, and were not asked for
 * @retry_at: jiffies, when to try again
 * @began: jiffies, when the pass did
 * @ask_at: jiffies, when a flush may ask for the next
 * @asked: one did
 */
struct wb_origin_health {
	u32 state;
	unsigned int attempts;
	unsigned int stuck;
	unsigned long retry_at;
	unsigned long began;
	unsigned long ask_at;
	bool asked;
};

extern const char * const wb_health_names[];

static inline bool wb_health_failing(const struct wb_origin_health *h)
{
	return READ_ONCE(h->state) == WB_HEALTH_FAILING;
}

/* A pass of writeback begins. */
static inline void wb_health_begin(struct wb_origin_health *h)
{
	h->began = jiffies;
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

/*
 * A flush cannot succeed but if the origin is better now than when it was last tried.
 * Returns whether it is tried again now to find out, which the caller is to wait for.
 * Any context.
 */
bool wb_health_ask(struct wb_store *store);

/* Try again now: somebody asks, or a table brings the origin back. */
void wb_health_hurry(struct wb_store *store);

#endif /* WB_HEALTH_H */
