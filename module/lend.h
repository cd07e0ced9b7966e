/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that a read cache can spare, for the rest of the machine.
 *
 * The budget is what a burst of writes needs, and stays whole unless read_cache is
 * on: then three quarters of what lies above the high watermark may be lent while
 * it holds clean blocks and little is dirty.  All of it is taken back when more
 * than the low watermark is dirty, or somebody waits for room.  Nothing waits for
 * that: what the machine does not give back is missing, and the watermarks are those
 * of what there is.
 */
#ifndef WB_LEND_H
#define WB_LEND_H

#include <linux/workqueue.h>

#include "compat.h"

struct wb_store;

/**
 * struct wb_lending - the shrinker of a store
 * @shrinker: asks for memory
 * @work: takes it back
 * @not_before: jiffies, when it may do so next
 * @stop: it is not to go on
 */
struct wb_lending {
	struct wb_compat_shrinker shrinker;
	struct delayed_work work;
	unsigned long not_before;
	bool stop;
};

/* The store has an index.  Sleeps.  Return: 0 or -ENOMEM. */
int wb_lending_init(struct wb_store *store);

/* Nobody asks any more.  Sleeps: on 6.1 until no shrinker of any kind is at work. */
void wb_lending_exit(struct wb_store *store);

/* What is lent may be needed: have it looked at.  Any context. */
void wb_lending_look(struct wb_store *store);

#endif /* WB_LEND_H */
