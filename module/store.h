/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store: the dirty state of one origin.  It outlives tables.  A table that is
 * loaded finds the store of its origin or makes one; the table that is resumed
 * owns it; a store that is left with dirty data stays, pins the module and can
 * be listed, until a new table for the same origin takes it over.
 */
#ifndef WB_STORE_H
#define WB_STORE_H

#include <linux/blkdev.h>
#include <linux/kref.h>
#include <linux/mutex.h>

#include "args.h"
#include "behind.h"
#include "epoch.h"
#include "event.h"
#include "flush.h"
#include "health.h"
#include "index.h"
#include "latency.h"
#include "lend.h"
#include "pace.h"
#include "range.h"
#include "stats.h"
#include "write.h"
#include "writeback.h"

struct dm_target;

/**
 * struct wb_store - the dirty state of one origin
 * @index: the segment map and its budget; changed under @lock
 * @index_changes: how often that was done
 * @epochs: the epochs
 * @opt: the tunables in force; changed under @lock, read without
 * @last_io: jiffies of the last I/O that a user made
 * @last_miss: jiffies of the last read that went to the origin
 * @stats: the counters
 * @latencies: how long I/Os took
 * @pace: watermarks and waiting writers
 * @flush: who waits for which epoch
 * @deferred: writes whose writers are gone
 * @ranges: discards and zeroes on their way
 * @wb: writeback
 * @health: how the origin fares
 * @events: what user space was told of it all
 * @lending: memory that is lent to the machine
 * @behind: what is in flight and not waited for
 * @handover: held by a table that takes the store, leaves it, or drains it since
 *	no other is going to take it; sleeps, for as long as that drain takes;
 *	outside the registry's mutex
 * @handover_wanted: so many wait for it: who holds it and drains waits for no disk
 * @lock: guards changes of @opt, @owner, @bdev and of the names;
 *	sleeps; taken inside the registry's mutex, never around a wait for I/O
 * @owner: the target that was resumed last, NULL for none
 * @bdev: the origin while there is an owner, or something in flight; writeback runs
 *	only then
 * @disk: it is opened by us, too, for what is in flight may outlive the table
 * @suspended: its device is suspended
 * @leave: enum wb_leave, while it is about to be
 * @frozen: background writeback is held
 * @pending_mode: a switch that has to wait, for @pending_epoch to be durable or
 *	for zeroes to be done; -1 for none; under @lock
 * @pending_epoch: see there
 * @strict_until: epochs up to here are written one by one in any mode, since
 *	two of them may hold versions of one block
 * @reboot_epoch: a reboot waits until this one is durable; zero before it does
 * @sleep_epoch: who puts the machine to sleep waits likewise; U64_MAX before
 * @asleep: it was drained when the machine went to sleep
 * @overslept: that took too long
 * @ref: one for each table, one for the registry while orphaned
 * @entry: in the registry
 * @id: never reused
 * @tables: that hold it, loaded or live; under the registry's mutex
 * @heirs: of these, that have not taken it over yet; likewise
 * @orphan: no table is left; likewise
 * @dev: number of the mapped device
 * @origin_dev: number of the origin
 * @origin_seq: the origin's disk, told from another under the same number
 * @origin_start: if it is a partition, where that begins
 * @origin_sectors: its size
 * @name: of the mapped device when its table was loaded
 * @origin_name: kernel name of the origin
 */
struct wb_store {
	struct wb_index *index;
	u32 index_changes;
	struct wb_epochs epochs;
	struct wb_options opt;
	unsigned long last_io;
	unsigned long last_miss;
	struct wb_stats stats;
	struct wb_latencies latencies;
	struct wb_pace pace;
	struct wb_flush flush;
	struct wb_deferred deferred;
	struct wb_ranges ranges;
	struct wb_writeback wb;
	struct wb_origin_health health;
	struct wb_events events;
	struct wb_lending lending;
	struct wb_behind behind;

	struct mutex handover;	/* serializes tables, see above */
	atomic_t handover_wanted;
	struct mutex lock;	/* guards what is named above */
	struct dm_target *owner;
	struct block_device *bdev;
	void *disk;
	bool suspended;
	enum wb_leave leave;
	bool frozen;
	int pending_mode;
	u64 pending_epoch;
	u64 strict_until;
	u64 reboot_epoch;
	u64 sleep_epoch;
	bool asleep;
	bool overslept;

	struct kref ref;
	struct list_head entry;
	u64 id;
	unsigned int tables;
	unsigned int heirs;
	bool orphan;
	dev_t dev;
	dev_t origin_dev;
	u64 origin_seq;
	sector_t origin_start;
	sector_t origin_sectors;
	char name[WB_NAME_LEN];
	char origin_name[WB_PATH_LEN];
};

static inline u32 wb_store_mode(const struct wb_store *store)
{
	return READ_ONCE(store->opt.mode);
}

/* Whether a write may have to wait until it is durable, in any mode. */
static inline bool wb_store_through(const struct wb_store *store)
{
	return READ_ONCE(store->opt.write_through) || READ_ONCE(wb_falling_asleep);
}

/* Whether epochs must reach the origin one after the other. */
static inline bool wb_store_strict(const struct wb_store *store)
{
	if (wb_store_mode(store) == WB_MODE_ORDERED)
		return true;
	smp_rmb();	/* pairs with that in wb_store_switch() */
	return wb_epoch_durable(&store->epochs) < READ_ONCE(store->strict_until);
}

/* What wb_store_keeps() says of an epoch before the open one. */
bool wb_store_keeps_closed(const struct wb_store *store, u32 stamp);

/* Whether a dirty block stamped @stamp must stay as it is when @epoch is written. */
static inline bool wb_store_keeps(const struct wb_store *store, u32 stamp,
				  u64 epoch)
{
	if (stamp == (u32)epoch)
		return false;
	return wb_store_keeps_closed(store, stamp);
}

/* The options, the budget or the rate have changed. */
static inline void wb_store_repace(struct wb_store *store)
{
	wb_pace_update(&store->pace, &store->opt, &store->index->pages);
}

/* Note when it was; the line is written once a tick at most. */
static inline void wb_store_touch(unsigned long *when)
{
	unsigned long now = jiffies;

	if (READ_ONCE(*when) != now)
		WRITE_ONCE(*when, now);
}

/**
 * wb_store_get - find or make the store for a table that is being loaded
 * @md_dev: number of the mapped device
 * @name: its name
 * @bdev: the origin, opened
 * @args: the table line
 * @why: set on failure, one line
 *
 * Return: the store with a reference for the table, or an ERR_PTR.
 */
struct wb_store *wb_store_get(dev_t md_dev, const char *name,
			      struct block_device *bdev,
			      const struct wb_args *args, const char **why);

/**
 * wb_store_reserve - memory for a budget
 * @mib: its size
 * @why: set on failure, one line with the numbers
 *
 * Return: an empty map over it, or an ERR_PTR.
 */
struct wb_index *wb_store_reserve(u32 mib, const char **why);

/**
 * wb_store_put - a table goes away
 * @store: its store
 * @heir: it has not taken the store over
 *
 * The last table's reference: a store with dirty data becomes an orphan.
 */
void wb_store_put(struct wb_store *store, bool heir);

/**
 * wb_store_discard - throw away what an orphan holds
 * @store: from wb_store_lookup()
 *
 * Return: 0, or -EBUSY if a table holds the store, or the origin has not answered
 * what is in flight.
 */
int wb_store_discard(struct wb_store *store);

/**
 * wb_store_lookup - find a store for the control node
 * @id: its id, or zero
 * @dev: number of its mapped device if @id is zero
 *
 * Return: the store with a reference of a kind that does not keep it from
 * becoming an orphan, or NULL; to be given back with wb_store_release().
 */
struct wb_store *wb_store_lookup(u64 id, dev_t dev);

/* One more of these references; returns @store. */
struct wb_store *wb_store_ref(struct wb_store *store);

/* Such a reference to the store with the lowest id above @id, or NULL. */
struct wb_store *wb_store_next(u64 id);
void wb_store_release(struct wb_store *store);

/* Calls @what for each store; returns whether it was true of any.  Sleeps. */
bool wb_store_each(bool (*what)(struct wb_store *store, unsigned long arg),
		   unsigned long arg);

/**
 * wb_store_claim - the table of @ti is resumed and owns the store from now on
 * @store: the store; writeback is stopped, no I/O is under way
 * @ti: the new owner
 * @bdev: the origin as @ti has opened it
 * @opt: its tunables
 * @spare: NULL, or a new map for a changed budget: taken over, with what is
 *	dirty in the old one; *@spare is the one to be freed then
 * @why: set on failure, one line
 *
 * Return: 0, or with nothing changed -ENOSPC if more is dirty than the changed
 * budget holds, -ERANGE if it lies behind the end of an origin that has shrunk, or what
 * opening the origin failed with.
 */
int wb_store_claim(struct wb_store *store, struct dm_target *ti,
		   struct block_device *bdev, const struct wb_options *opt,
		   struct wb_index **spare, const char **why);

/* What is clean is read from the origin again.  Sleeps. */
void wb_store_drop_clean(struct wb_store *store);

/* @ti gives the store up if it is the owner; returns whether it was. */
bool wb_store_disown(struct wb_store *store, struct dm_target *ti);

/*
 * Nothing is in flight, and nobody owns the store.  Under its lock.  Return: what
 * wb_compat_close_disk() is to be called with, outside.
 */
void *wb_store_forget_origin(struct wb_store *store);

/* Whether a table is loaded that is to take the store over. */
bool wb_store_shared(struct wb_store *store);

/* One of these has, by wb_store_claim(). */
void wb_store_inherited(struct wb_store *store);

/* An orphan that has nothing dirty and nothing in flight any more goes.  Sleeps. */
void wb_store_reap(struct wb_store *store);

/*
 * Whether a suspended table has left dirty data to another one, which must be the
 * caller's: there is no further.  Sleeps.
 */
bool wb_store_unclaimed(struct wb_store *store);

/**
 * wb_store_set - change a tunable while in use
 * @store: the store
 * @name: of the tunable
 * @value: its new value
 * @why: as wb_option_set()
 *
 * A mode is switched at an epoch boundary.  Leaving ordered takes force once
 * all that was acknowledged before is durable, so that the promise made for it
 * holds; so does entering durable.
 *
 * Return: as wb_option_set().
 */
int wb_store_set(struct wb_store *store, const char *name, const char *value,
		 const char **why);

/* Applies a mode that waited for an epoch, if that one is durable now. */
void wb_store_settle_mode(struct wb_store *store);

void wb_store_clear_stats(struct wb_store *store);
void wb_store_freeze(struct wb_store *store, bool freeze);

/* Whether anything is not durable on the origin.  Sleeps. */
bool wb_store_dirty(struct wb_store *store);
u64 wb_store_dirty_bytes(struct wb_store *store);

/* Blocks in the budget.  Sleeps. */
u32 wb_store_nr(struct wb_store *store);

#endif /* WB_STORE_H */
