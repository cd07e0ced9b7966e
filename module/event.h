/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling user space.
 */
#ifndef WB_EVENT_H
#define WB_EVENT_H

struct wb_store;

/**
 * wb_event - something has changed that an administrator may care for
 * @store: the store, with an owner
 * @what: HEALTH
 * @value: what it is now
 *
 * Raises dm's event (dmsetup wait) and a uevent of the mapped device: CHANGE,
 * with WB_EVENT=@what, WB_@what=@value, WB_NAME and WB_ORIGIN.  Allocates, sleeps;
 * for a work item during whose life the owner stays.
 */
void wb_event(struct wb_store *store, const char *what, const char *value);

#endif /* WB_EVENT_H */
