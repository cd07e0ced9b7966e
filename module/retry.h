/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the origin did not take: it is tried again, in smaller I/Os, and only here and
 * there while nothing goes well.  All of it in the context of writeback's work item, but
 * for wb_retry_unlimit(), which a table that is resumed calls as well.
 */
#ifndef WB_RETRY_H
#define WB_RETRY_H

#include <linux/list.h>
#include <linux/types.h>

struct wb_index;

/**
 * struct wb_retry - of a store
 * @blocks: what could not be written, dirty as before
 * @skipped: what the pass has passed over
 * @nr: length of @blocks when it was last published
 * @lowest: the lowest number in it, likewise
 * @whole: the pass tries all that has failed before; else it was not yet due
 * @most: blocks in an I/O of such as have failed before
 * @first: what that is when a pass begins
 * @next: and when the next one does, U32_MAX if nothing has failed in this one
 * @from: number of the first block of the next pass
 * @misses: I/Os in a row that failed
 * @since: jiffies when the first of them had failed
 * @stride: blocks to pass over before the next one
 * @hit: one has gone well since something was passed over
 * @progress: something that had failed became durable in this pass
 */
struct wb_retry {
	struct list_head blocks;
	struct list_head skipped;
	u32 nr;
	u64 lowest;
	bool whole;
	u32 most;
	u32 first;
	u32 next;
	u64 from;
	u32 misses;
	unsigned long since;
	u32 stride;
	bool hit;
	bool progress;
};

void wb_retry_init(struct wb_retry *r);

/* Nothing is known to be bad: up to @most blocks in an I/O. */
void wb_retry_unlimit(struct wb_retry *r, u32 most);

/* A pass over what is dirty begins. */
void wb_retry_begin(struct wb_retry *r);

/* @sweep, in ascending order, is to begin with another block, and end with what was
 * before that.  Sleeps.
 */
void wb_retry_rotate(const struct wb_retry *r, struct list_head *sweep);

/* An I/O of @nr blocks failed; @again: they had failed before. */
void wb_retry_missed(struct wb_retry *r, u32 nr, bool again);

/* The same, and it went well.  @limit: blocks in an I/O at most. */
void wb_retry_went_well(struct wb_retry *r, u32 nr, bool again, u32 limit);

/* If one has gone well, what was passed over is the first of @sweep again. */
void wb_retry_go_back(struct wb_retry *r, struct list_head *sweep);

/* An I/O with the first blocks of @sweep is next: passes over some, but for the last. */
void wb_retry_skip(struct wb_retry *r, struct list_head *sweep);

/*
 * The pass is over, and something failed: so has what was passed over.  Sleeps.
 * Returns whether another pass has better chances: something that had failed was
 * written, or will be tried in smaller I/Os.
 */
bool wb_retry_end(struct wb_retry *r, struct wb_index *ix);

/*
 * Whether some of it has a newer version, which must not be written before it.  Up to
 * date for versions that were made under a shard's lock that was taken since.  Sleeps.
 */
bool wb_retry_overtaken(const struct wb_retry *r);

/* For status, which cannot walk the list.  Sleeps. */
void wb_retry_publish(struct wb_retry *r);

#endif /* WB_RETRY_H */
