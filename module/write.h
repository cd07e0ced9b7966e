/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A write: copied into the map, completed.
 */
#ifndef WB_WRITE_H
#define WB_WRITE_H

#include <linux/bio.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct wb_store;

/**
 * struct wb_deferred - writes whose writers were killed while they waited
 * @bios: what is left of them, in the order of arrival
 * @work: goes on with them
 */
struct wb_deferred {
	spinlock_t lock;	/* guards @bios */
	struct bio_list bios;
	struct work_struct work;
};

/* What writers that wait for room do when the device is to be suspended. */
enum wb_leave {
	WB_STAY,
	WB_LEAVE_MAP,		/* dm waits for who is in map, unkillably: not there */
	WB_LEAVE_STORE,		/* a noflush suspend: dm takes the write back */
};

/* From now on they do so.  Process context. */
void wb_write_leave(struct wb_store *store, enum wb_leave leave);

void wb_deferred_init(struct wb_deferred *d);

/**
 * wb_write_bio - take a write or write-zeroes
 * @store: the store
 * @bio: the bio; completed when its data is in RAM, and FUA as wb_flush_bio()
 *
 * While the origin is failing, on_error decides: past the cache, or refused.
 *
 * Waits for room when there is none: in the order of arrival, killably.  A
 * writer that is killed, or finds the device being suspended, leaves; its bio
 * stays in the queue, since it may carry other people's data.  Only direct I/O of
 * a killed process fails.  REQ_NOWAIT is told to come again.
 */
void wb_write_bio(struct wb_store *store, struct bio *bio);

/* Whether the writer whose turn it is may go on. */
bool wb_write_has_room(struct wb_store *store);

int wb_write_init(void);
void wb_write_exit(void);

#endif /* WB_WRITE_H */
