/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling user space: of health, mode and drains.
 */
#ifndef WB_EVENT_H
#define WB_EVENT_H

#include <linux/types.h>
#include <linux/workqueue.h>

struct wb_store;

/**
 * struct wb_events - what user space was told last; the work item's own
 * @work: compares it with what is
 * @health: enum wb_health
 * @mode: enum wb_mode
 * @begun: the last drain that was asked for, as an epoch
 * @done: the last one that ended
 * @on: there is an owner, whose device it is
 *
 * Each is an event of dm's (dmsetup wait) and a uevent of the mapped device:
 * CHANGE, with WB_EVENT=HEALTH, MODE or DRAIN, WB_HEALTH, WB_MODE or
 * WB_DRAIN=begun or done, WB_NAME and WB_ORIGIN.
 */
struct wb_events {
	struct work_struct work;
	u32 health;
	u32 mode;
	u64 begun;
	u64 done;
	bool on;
};

/* For a store that has its mode. */
void wb_events_init(struct wb_store *store);

/* Between these two there is an owner.  Stopping waits for the work. */
void wb_events_start(struct wb_store *store);
void wb_events_stop(struct wb_store *store);

/*
 * Something may have changed.  Atomic; what changes back at once is not told, and
 * what changes while there is no owner is told to the next one's.
 */
void wb_events_look(struct wb_store *store);

/* The same where a drain may have ended, which is seldom. */
void wb_events_look_for_drain(struct wb_store *store);

#endif /* WB_EVENT_H */
