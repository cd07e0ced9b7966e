/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What FLUSH and FUA mean in each mode, and who waits for which epoch.
 */
#ifndef WB_FLUSH_H
#define WB_FLUSH_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

struct wb_store;

/**
 * struct wb_flush - waiters for epochs
 * @lock: guards all up to @asked; the epochs' lock is taken inside; process context
 * @bios: FLUSH and FUA that wait, by ascending epoch
 * @sleepers: what waits only since the machine is about to sleep, likewise
 * @want: the highest epoch that somebody wants durable
 * @attempts: that failed, so that a waiter can tell a new one
 * @asked: the highest epoch that an administrator wants durable
 * @refuser: whose flush will be @refusal, until it comes
 * @refusal: the bio that keeps a device from being suspended, see wb_flush_refuse()
 * @settled: woken when an epoch became durable or an attempt failed
 */
struct wb_flush {
	spinlock_t lock;	/* guards all up to @asked */
	struct bio_list bios;
	struct bio_list sleepers;
	u64 want;
	u64 attempts;
	u64 asked;
	struct task_struct *refuser;
	struct bio *refusal;
	wait_queue_head_t settled;
};

/**
 * enum wb_at_origin - what a bio does at the origin
 * @WB_ORIGIN_NOTHING: that its end would have to be told of
 * @WB_ORIGIN_READS: writeback knows of it, see wb_writeback_read_begins()
 * @WB_ORIGIN_PAST: it writes past the cache, and has all of the origin's flushed
 */
enum wb_at_origin {
	WB_ORIGIN_NOTHING,
	WB_ORIGIN_READS,
	WB_ORIGIN_PAST,
};

/**
 * struct wb_bio - what a bio carries: dm's per-bio data
 * @epoch: that it waits for
 * @start: when it came, by local_clock()
 * @which: enum wb_latency that it counts for, WB_NR_LATENCIES for none
 * @origin: enum wb_at_origin
 * @lost_flushes: of the origin's flushes, before it wrote past the cache
 */
struct wb_bio {
	union {
		u64 epoch;
		int lost_flushes;
	};
	u64 start;
	u32 which;
	u32 origin;
};

static inline struct wb_bio *wb_bio_data(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct wb_bio));
}

void wb_flush_init(struct wb_flush *f);

/**
 * wb_flush_bio - complete @bio as the mode demands
 * @store: the store
 * @bio: an empty flush, or a FUA write whose data is in the map
 *
 * durable: when all that completed before is durable on the origin.
 * ordered: now, with the epoch closed, unless thousands of epochs wait.
 * volatile: now.
 */
void wb_flush_bio(struct wb_store *store, struct bio *bio);

/**
 * enum wb_sleep - whether the machine sleeps, or is about to, and what becomes of the memory
 * @WB_AWAKE: it does not
 * @WB_SLEEP_IN_RAM: it is kept, as long as there is power
 * @WB_SLEEP_IN_IMAGE: it goes to a disk, which may be ours
 * @WB_SLEEP_FOR_EVER: it makes way for such an image
 */
enum wb_sleep {
	WB_AWAKE,
	WB_SLEEP_IN_RAM,
	WB_SLEEP_IN_IMAGE,
	WB_SLEEP_FOR_EVER,
};

extern enum wb_sleep wb_falling_asleep;

/**
 * wb_flush_through - complete a write when it is durable, in any mode
 * @store: the store
 * @bio: its data is in the map
 *
 * With write_through, or since the machine is about to sleep: then it ends early where
 * that does not promise to be soon.
 */
void wb_flush_through(struct wb_store *store, struct bio *bio);

/* Complete what waited for sleep's sake if it is not to do so any more.  Sleeps. */
void wb_flush_wake(struct wb_store *store);

/**
 * wb_flush_refuse - have a bio in flight for a suspend to fail
 * @store: the store
 * @bio: a flush to the device itself
 *
 * It ends with wb_flush_give_up().  Sleeps.
 *
 * Return: whether it came to this target at once; if not, it ends like any other.
 */
bool wb_flush_refuse(struct wb_store *store, struct bio *bio);
void wb_flush_give_up(struct wb_store *store);

/**
 * wb_flush_start - have writeback make all that was written until now durable
 * @store: the store
 *
 * Atomic.  Return: the epoch that says so when it is durable.
 */
u64 wb_flush_start(struct wb_store *store);

/* The same for an administrator: user space is told when it begins and is done. */
u64 wb_flush_drain(struct wb_store *store);

/* Whether what is to be made durable now is asked for by others than administrators. */
static inline bool wb_flush_urgent(const struct wb_flush *f)
{
	return READ_ONCE(f->want) > READ_ONCE(f->asked);
}

/**
 * wb_flush_wait - wait until an epoch is durable
 * @store: the store
 * @epoch: from wb_flush_start()
 * @attempts: from wb_flush_attempts() before that
 * @timeout_ms: zero for no limit
 *
 * Return: 0, -ETIMEDOUT, -ERESTARTSYS, -EIO if the device is failing and
 * another attempt failed, -ENXIO if it lost its table.
 */
int wb_flush_wait(struct wb_store *store, u64 epoch, u64 attempts,
		  u64 timeout_ms);

/* Attempts to make something durable that have failed. */
u64 wb_flush_attempts(const struct wb_store *store);

/* Whether @epoch is durable or waiting for it is in vain, as above. */
bool wb_flush_ended(const struct wb_store *store, u64 epoch, u64 attempts);

/**
 * wb_flush_settle - writeback has ended a pass
 * @store: the store
 * @failed: whether a part of it failed
 *
 * Completes the waiters whose epoch is durable; on a device that is failing,
 * the others with an error, but for those that wait for sleep's sake only.
 */
void wb_flush_settle(struct wb_store *store, bool failed);

#endif /* WB_FLUSH_H */
