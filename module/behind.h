/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in flight when nobody waits for it any more.  A disk may never answer, and
 * who waits may be killed, or be init that reboots the machine.  The work item stays
 * with it, the store stays for the work item, and the origin stays open, so that
 * nothing below can be torn down under those bios.
 */
#ifndef WB_BEHIND_H
#define WB_BEHIND_H

#include <linux/workqueue.h>

struct wb_store;

/**
 * struct wb_behind - what a stop has left in flight
 * @left: something, and it has not ended; under the store's lock
 * @work: lets the store and the origin go when it has
 */
struct wb_behind {
	bool left;
	struct work_struct work;
};

void wb_behind_init(struct wb_behind *b);

/* The store is about to be freed, and its writeback was.  Sleeps. */
void wb_behind_exit(struct wb_behind *b);

/*
 * What is in flight is not waited for; writeback was told to stop, and may have done so
 * meanwhile.  Sleeps.
 */
void wb_behind_leave(struct wb_store *store);

static inline bool wb_behind_any(const struct wb_behind *b)
{
	return READ_ONCE(b->left);
}

/*
 * Lets go if it has ended, without waiting for the work item, which may need memory to
 * run.  Who calls holds the store.  Sleeps.
 */
void wb_behind_settle(struct wb_store *store);

/* The work item of writeback is about to return.  Any context. */
void wb_behind_look(struct wb_store *store);

/* For the module. */
int wb_behind_begin(void);
void wb_behind_end(void);

#endif /* WB_BEHIND_H */
