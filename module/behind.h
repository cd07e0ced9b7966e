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
 * @disk: the origin, opened once more; NULL if nothing was left; under the store's lock
 * @work: closes it, and lets the store go
 */
struct wb_behind {
	void *disk;
	struct work_struct work;
};

void wb_behind_init(struct wb_behind *b);

/**
 * wb_behind_leave - do not wait for what is in flight
 * @store: the store; writeback is told to stop, and has not yet done so
 *
 * Sleeps.  Return: false if the origin cannot be opened: then it has to be waited for.
 */
bool wb_behind_leave(struct wb_store *store);

/* Something was, and has not ended. */
static inline bool wb_behind_any(const struct wb_behind *b)
{
	return READ_ONCE(b->disk);
}

/* The work item is about to return.  Any context. */
void wb_behind_look(struct wb_store *store);

#endif /* WB_BEHIND_H */
