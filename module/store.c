// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stores: the registry, references, hand-over from table to table, orphans.
 */
#define DM_MSG_PREFIX "writebehind"

#include <linux/device-mapper.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat.h"
#include "migrate.h"
#include "store.h"

#define WB_BLOCKS_PER_MIB	(1U << (20 - WB_BLOCK_SHIFT))

static LIST_HEAD(wb_stores);
static DEFINE_MUTEX(wb_registry_lock);	/* guards wb_stores, tables and orphan */
static atomic64_t wb_last_id;

/*
 * Making and freeing
 */

/* dm prints a constructor's reason after it has returned: it must stay. */
static const char *wb_no_memory(u32 mib, u64 available_mib)
{
	static char text[4][96];
	static atomic_t next;
	char *t = text[(unsigned int)atomic_inc_return(&next) % ARRAY_SIZE(text)];

	snprintf(t, sizeof(text[0]),
		 "cache MiB: %u is more than there is memory for, allowed are 1 to %llu now",
		 mib, available_mib);
	return t;
}

struct wb_index *wb_store_reserve(u32 mib, const char **why)
{
	/* a hundredth for the descriptors */
	u64 available = (wb_pages_available() >> (20 - PAGE_SHIFT)) * 99 / 100;
	struct wb_index *ix;

	if (mib > available) {
		*why = wb_no_memory(mib, available);
		return ERR_PTR(-ENOMEM);
	}
	ix = wb_index_create(mib * WB_BLOCKS_PER_MIB);
	if (IS_ERR(ix))
		*why = PTR_ERR(ix) == -EINTR ?
		       "interrupted while memory was reserved" :
		       "cache MiB: out of memory while it was reserved, a smaller one may do";
	return ix;
}

static void wb_store_free(struct kref *ref)
{
	struct wb_store *store = container_of(ref, struct wb_store, ref);

	wb_lending_exit(store);
	cancel_work_sync(&store->deferred.work);
	wb_writeback_exit(store);
	wb_behind_exit(&store->behind);
	wb_events_stop(store);
	synchronize_rcu();	/* wb_io_end() may still be waking the work */
	wb_ranges_exit(&store->ranges);
	wb_pace_exit(&store->pace);
	wb_latencies_exit(&store->latencies);
	wb_stats_exit(&store->stats);
	if (store->index)
		wb_index_destroy(store->index);
	mutex_destroy(&store->handover);
	mutex_destroy(&store->lock);
	kfree(store);
	module_put(THIS_MODULE);
}

struct wb_store *wb_store_ref(struct wb_store *store)
{
	kref_get(&store->ref);
	return store;
}

void wb_store_release(struct wb_store *store)
{
	kref_put(&store->ref, wb_store_free);
}

static int wb_store_init(struct wb_store *store, const struct wb_args *args,
			 const char **why)
{
	struct wb_index *ix;
	int r;

	wb_epochs_init(&store->epochs);
	wb_flush_init(&store->flush);
	wb_deferred_init(&store->deferred);
	wb_behind_init(&store->behind);
	store->opt = args->opt;
	wb_events_init(store);
	store->pending_mode = -1;
	store->last_io = jiffies;
	store->last_miss = jiffies - HZ * 60;
	store->suspended = true;

	*why = "out of memory for the parts of a store";
	r = wb_ranges_init(&store->ranges);
	r = r ?: wb_stats_init(&store->stats);
	r = r ?: wb_latencies_init(&store->latencies);
	r = r ?: wb_pace_init(&store->pace);
	r = r ?: wb_writeback_init(store);
	if (r)
		return r;
	ix = wb_store_reserve(args->cache_mib, why);
	if (IS_ERR(ix))
		return PTR_ERR(ix);
	store->index = ix;
	wb_store_repace(store);
	*why = "out of memory for the parts of a store";
	return wb_lending_init(store);
}

static void wb_store_name(struct wb_store *store, dev_t md_dev, const char *name,
			  struct block_device *bdev)
{
	store->dev = md_dev;
	strscpy(store->name, name, sizeof(store->name));
	snprintf(store->origin_name, sizeof(store->origin_name), "%pg", bdev);
}

static void wb_store_place(struct wb_store *store, struct block_device *bdev)
{
	store->origin_seq = bdev->bd_disk->diskseq;
	store->origin_start = get_start_sect(bdev);
	store->origin_sectors = bdev_nr_sectors(bdev);
}

static struct wb_store *wb_store_create(dev_t md_dev, const char *name,
					struct block_device *bdev,
					const struct wb_args *args,
					const char **why)
{
	struct wb_store *store = kzalloc(sizeof(*store), GFP_KERNEL);
	int r;

	if (!store) {
		*why = "out of memory for a store";
		return ERR_PTR(-ENOMEM);
	}
	/* dm holds the module for as long as it has a table of ours. */
	__module_get(THIS_MODULE);
	kref_init(&store->ref);
	mutex_init(&store->lock);
	mutex_init(&store->handover);
	INIT_LIST_HEAD(&store->entry);
	store->id = atomic64_inc_return(&wb_last_id);
	store->origin_dev = bdev->bd_dev;
	wb_store_place(store, bdev);
	wb_store_name(store, md_dev, name, bdev);

	r = wb_store_init(store, args, why);
	if (r) {
		wb_store_release(store);
		return ERR_PTR(r);
	}
	return store;
}

/*
 * The registry
 */

static struct wb_store *wb_store_find(dev_t origin)
{
	struct wb_store *store;

	list_for_each_entry(store, &wb_stores, entry)
		if (store->origin_dev == origin)
			return store;
	return NULL;
}

/* Under the store's lock, since a resume may change the index. */
static bool __wb_store_dirty(struct wb_store *store)
{
	lockdep_assert_held(&store->lock);
	return wb_index_nr_dirty(store->index) ||
	       !wb_ranges_empty(&store->ranges);
}

bool wb_store_dirty(struct wb_store *store)
{
	bool dirty;

	mutex_lock(&store->lock);
	dirty = __wb_store_dirty(store);
	mutex_unlock(&store->lock);
	return dirty;
}

u64 wb_store_dirty_bytes(struct wb_store *store)
{
	u64 nr;

	mutex_lock(&store->lock);
	nr = wb_index_nr_dirty(store->index);
	mutex_unlock(&store->lock);
	return nr << WB_BLOCK_SHIFT;
}

u32 wb_store_nr(struct wb_store *store)
{
	u32 nr;

	mutex_lock(&store->lock);
	nr = store->index->pages.nr;
	mutex_unlock(&store->lock);
	return nr;
}

/* Whether all that is dirty has its place on @bdev. */
static bool wb_store_fits(struct wb_store *store, struct block_device *bdev)
{
	sector_t end = 0;

	if (bdev_nr_sectors(bdev) >= store->origin_sectors)
		return true;
	mutex_lock(&store->lock);
	end = wb_index_dirty_end(store->index);
	mutex_unlock(&store->lock);
	return end <= bdev_nr_sectors(bdev);
}

/* Another device's store is not to be shared, another disk's not to be written. */
static const char *wb_store_refuse(struct wb_store *store, dev_t md_dev,
				   struct block_device *bdev)
{
	if (!store->orphan && store->dev != md_dev)
		return "origin: in use by another writebehind device";
	if (store->origin_seq != bdev->bd_disk->diskseq && wb_store_dirty(store))
		return "origin: a store without a device holds dirty data of another disk";
	if (store->origin_start != get_start_sect(bdev) && wb_store_dirty(store))
		return "origin: dirty data is left of a partition that began elsewhere";
	if (!wb_store_fits(store, bdev))
		return "origin: ends before dirty data does, allowed is one as large";
	return NULL;
}

/* A new table for a store that is there.  Under the registry's mutex. */
static struct wb_store *wb_store_join(struct wb_store *store, dev_t md_dev,
				      const char *name, struct block_device *bdev,
				      const char **why)
{
	*why = wb_store_refuse(store, md_dev, bdev);
	if (*why)
		return ERR_PTR(-EBUSY);
	if (store->orphan) {
		/* the registry's reference becomes the table's */
		WRITE_ONCE(store->orphan, false);
		WRITE_ONCE(store->frozen, false);
	} else {
		kref_get(&store->ref);
	}
	mutex_lock(&store->lock);
	wb_store_name(store, md_dev, name, bdev);
	mutex_unlock(&store->lock);
	store->tables++;
	store->heirs++;
	return store;
}

/* By ascending id, for wb_store_next(). */
static void wb_store_register(struct wb_store *store)
{
	struct list_head *before = &wb_stores;
	struct wb_store *other;

	list_for_each_entry_reverse(other, &wb_stores, entry) {
		if (other->id < store->id)
			break;
		before = &other->entry;
	}
	list_add_tail(&store->entry, before);
	store->tables = 1;
	store->heirs = 1;
}

/*
 * Memory is reserved outside the mutex, which status of other devices needs;
 * somebody else may make the same store meanwhile.
 */
struct wb_store *wb_store_get(dev_t md_dev, const char *name,
			      struct block_device *bdev,
			      const struct wb_args *args, const char **why)
{
	struct wb_store *store, *new = NULL;

	mutex_lock(&wb_registry_lock);
	store = wb_store_find(bdev->bd_dev);
	if (!store) {
		mutex_unlock(&wb_registry_lock);
		new = wb_store_create(md_dev, name, bdev, args, why);
		if (IS_ERR(new))
			return new;
		mutex_lock(&wb_registry_lock);
		store = wb_store_find(bdev->bd_dev);
	}
	if (store) {
		store = wb_store_join(store, md_dev, name, bdev, why);
	} else {
		swap(store, new);
		wb_store_register(store);
	}
	mutex_unlock(&wb_registry_lock);
	if (new)
		wb_store_release(new);
	return store;
}

bool wb_store_shared(struct wb_store *store)
{
	bool shared;

	mutex_lock(&wb_registry_lock);
	shared = store->heirs;
	mutex_unlock(&wb_registry_lock);
	return shared;
}

bool wb_store_unclaimed(struct wb_store *store)
{
	bool last;

	mutex_lock(&wb_registry_lock);
	last = store->heirs == 1;
	mutex_unlock(&wb_registry_lock);
	return last && READ_ONCE(store->owner) && READ_ONCE(store->suspended) &&
	       wb_store_dirty(store);
}

void wb_store_inherited(struct wb_store *store)
{
	mutex_lock(&wb_registry_lock);
	store->heirs--;
	mutex_unlock(&wb_registry_lock);
}

void wb_store_put(struct wb_store *store, bool heir)
{
	mutex_lock(&wb_registry_lock);
	store->heirs -= heir;
	if (--store->tables) {
		mutex_unlock(&wb_registry_lock);
		wb_store_release(store);
		return;
	}
	if (wb_store_dirty(store) || wb_behind_any(&store->behind)) {
		WRITE_ONCE(store->orphan, true);
		DMERR("%s: removed with %llu bytes dirty for origin %s, kept",
		      store->name, wb_store_dirty_bytes(store),
		      store->origin_name);
		mutex_unlock(&wb_registry_lock);
		wake_up_all(&store->flush.settled);
		return;
	}
	list_del_init(&store->entry);
	mutex_unlock(&wb_registry_lock);
	wb_store_release(store);
}

void wb_store_reap(struct wb_store *store)
{
	bool clean;

	mutex_lock(&wb_registry_lock);
	clean = store->orphan && !list_empty(&store->entry) &&
		!wb_behind_any(&store->behind) && !wb_store_dirty(store);
	if (clean)
		list_del_init(&store->entry);
	mutex_unlock(&wb_registry_lock);
	if (clean)
		wb_store_release(store);
}

int wb_store_discard(struct wb_store *store)
{
	mutex_lock(&wb_registry_lock);
	if (!store->orphan || list_empty(&store->entry) ||
	    wb_behind_any(&store->behind)) {
		mutex_unlock(&wb_registry_lock);
		return -EBUSY;
	}
	list_del_init(&store->entry);
	mutex_unlock(&wb_registry_lock);
	DMWARN("%s: %llu bytes dirty for origin %s thrown away, as asked",
	       store->name, wb_store_dirty_bytes(store), store->origin_name);
	wb_store_release(store);
	return 0;
}

/* A device that is about to move to another origin has two: that of the live table. */
struct wb_store *wb_store_lookup(u64 id, dev_t dev)
{
	struct wb_store *store, *found = NULL;

	mutex_lock(&wb_registry_lock);
	list_for_each_entry(store, &wb_stores, entry) {
		if (id ? store->id != id : store->dev != dev || store->orphan)
			continue;
		if (!found || READ_ONCE(store->owner))
			found = store;
	}
	if (found)
		kref_get(&found->ref);
	mutex_unlock(&wb_registry_lock);
	return found;
}

struct wb_store *wb_store_next(u64 id)
{
	struct wb_store *store, *found = NULL;

	mutex_lock(&wb_registry_lock);
	list_for_each_entry(store, &wb_stores, entry) {
		if (store->id > id) {
			kref_get(&store->ref);
			found = store;
			break;
		}
	}
	mutex_unlock(&wb_registry_lock);
	return found;
}

bool wb_store_each(bool (*what)(struct wb_store *store, unsigned long arg),
		   unsigned long arg)
{
	struct wb_store *store;
	bool any = false;
	u64 id;

	for (id = 0; (store = wb_store_next(id)); wb_store_release(store)) {
		id = store->id;
		any |= what(store, arg);
	}
	return any;
}

/*
 * Ownership
 */

/*
 * Until they are durable, the epochs that are there go one by one: writers that
 * do not yet see the new mode may make several versions of a block.  So order is
 * strict before the mode changes, and for long enough after it.  Under the lock.
 */
static void wb_store_switch(struct wb_store *store, u32 mode)
{
	store->pending_mode = -1;
	if (mode == store->opt.mode)
		return;
	WRITE_ONCE(store->strict_until, U64_MAX);
	smp_wmb();	/* pairs with that in wb_store_strict() */
	WRITE_ONCE(store->opt.mode, mode);
	smp_mb();	/* pairs with that in wb_sweep_target() */
	WRITE_ONCE(store->strict_until, wb_epoch_close(&store->epochs));
	wb_events_look(store);
}

/*
 * In ordered mode, if a barrier came in between.  After a switch away from it that
 * holds for what was there before; what came later is overwritten, so that it
 * never has two versions which a sweep of several epochs would meet.
 */
bool wb_store_keeps_closed(const struct wb_store *store, u32 stamp)
{
	u64 until;

	if (wb_store_mode(store) == WB_MODE_ORDERED)
		return wb_stamp_within(stamp, wb_epoch_barrier(&store->epochs));
	smp_rmb();	/* pairs with that in wb_store_switch() */
	until = READ_ONCE(store->strict_until);
	return wb_epoch_durable(&store->epochs) < until &&
	       (until == U64_MAX || wb_stamp_within(stamp, until));
}

/* Nobody uses the map now but those who look at it under the lock, or drop clean blocks. */
static int wb_store_resize(struct wb_store *store, struct wb_index **spare,
			   const char **why)
{
	if (wb_migrate(store, *spare)) {
		*why = "cache MiB: more than that is dirty, allowed is what holds it";
		return -ENOSPC;
	}
	mutex_lock(&store->lock);
	swap(store->index, *spare);
	store->index_changes++;
	mutex_unlock(&store->lock);
	return 0;
}

static int wb_store_accept(struct wb_store *store, struct block_device *bdev,
			   struct wb_index **spare, const char **why)
{
	if (!wb_store_fits(store, bdev)) {
		*why = "origin: ends before dirty data does, allowed is one as large";
		return -ERANGE;
	}
	return *spare ? wb_store_resize(store, spare, why) : 0;
}

/*
 * The origin is opened here, where that can be refused, once: who would do it later may
 * be in a hurry, and a disk that does not answer may not be opened.
 */
int wb_store_claim(struct wb_store *store, struct dm_target *ti,
		   struct block_device *bdev, const struct wb_options *opt,
		   struct wb_index **spare, const char **why)
{
	bool opened = store->owner && store->disk && store->bdev == bdev;
	void *disk = opened ? store->disk : wb_compat_open_disk(bdev->bd_dev);
	bool again;
	int r;

	if (IS_ERR(disk)) {
		*why = "origin: cannot be opened once more";
		return PTR_ERR(disk);
	}
	r = wb_store_accept(store, bdev, spare, why);
	if (r) {
		if (!opened)
			wb_compat_close_disk(disk);
		return r;
	}
	mutex_lock(&store->lock);
	/* its line is in force already, and what was set since */
	again = store->owner == ti;
	WRITE_ONCE(store->owner, ti);
	store->bdev = bdev;
	swap(store->disk, disk);
	/* the origin may have been written meanwhile, or be another one */
	wb_index_drop_clean(store->index);
	wb_store_place(store, bdev);
	if (!again) {
		wb_store_switch(store, opt->mode);
		store->opt = *opt;
	}
	wb_store_repace(store);
	wb_lending_look(store);
	mutex_unlock(&store->lock);
	if (!opened)
		wb_compat_close_disk(disk);
	wb_health_reset(store);
	return 0;
}

void wb_store_drop_clean(struct wb_store *store)
{
	mutex_lock(&store->lock);
	wb_index_drop_clean(store->index);
	mutex_unlock(&store->lock);
}

void *wb_store_forget_origin(struct wb_store *store)
{
	void *disk = NULL;

	lockdep_assert_held(&store->lock);
	store->bdev = NULL;
	swap(store->disk, disk);
	return disk;
}

bool wb_store_disown(struct wb_store *store, struct dm_target *ti)
{
	void *disk = NULL;
	bool was;

	mutex_lock(&store->lock);
	was = store->owner == ti;
	if (was) {
		WRITE_ONCE(store->owner, NULL);
		/* nobody holds the origin: what it has may change unseen */
		wb_index_drop_clean(store->index);
		/* what is in flight needs it */
		if (!wb_behind_any(&store->behind))
			disk = wb_store_forget_origin(store);
	}
	mutex_unlock(&store->lock);
	wb_compat_close_disk(disk);
	return was;
}

/*
 * Tunables
 */

/*
 * Tries to apply the switch that is pending.  Zeroes that are on their way to the
 * origin reach only the newest version of a block, so a switch, after which there may
 * be several, waits for them; who queues some asks for the mode under the same lock.
 */
static void wb_store_try_mode(struct wb_store *store)
{
	int mode = store->pending_mode;

	lockdep_assert_held(&store->lock);
	if (mode < 0 || wb_writeback_held(store) ||
	    wb_epoch_durable(&store->epochs) < store->pending_epoch)
		return;
	spin_lock(&store->ranges.lock);
	if (list_empty(&store->ranges.unordered))
		wb_store_switch(store, mode);
	spin_unlock(&store->ranges.lock);
}

static void wb_store_set_mode(struct wb_store *store, u32 mode)
{
	u32 old = store->opt.mode;

	store->pending_mode = -1;
	if (mode == old)
		return;
	store->pending_epoch = 0;
	if (mode == WB_MODE_DURABLE || old == WB_MODE_ORDERED)
		store->pending_epoch = wb_flush_start(store);
	store->pending_mode = mode;
	wb_store_try_mode(store);
}

void wb_store_settle_mode(struct wb_store *store)
{
	if (READ_ONCE(store->pending_mode) < 0)
		return;
	mutex_lock(&store->lock);
	wb_store_try_mode(store);
	mutex_unlock(&store->lock);
}

int wb_store_set(struct wb_store *store, const char *name, const char *value,
		 const char **why)
{
	struct wb_options new;
	u32 mode;
	int r;

	mutex_lock(&store->lock);
	new = store->opt;
	r = wb_option_set(&new, name, value, why);
	if (!r) {
		mode = new.mode;
		new.mode = store->opt.mode;
		store->opt = new;
		if (!strcmp(name, "mode"))
			wb_store_set_mode(store, mode);
		wb_store_repace(store);
		if (!new.read_cache)
			wb_index_drop_clean(store->index);
		wb_lending_look(store);
	}
	mutex_unlock(&store->lock);
	if (!r) {
		wb_writeback_kick(store);
		wb_pace_wake(&store->pace);
	}
	return r;
}

void wb_store_clear_stats(struct wb_store *store)
{
	mutex_lock(&store->lock);
	wb_stats_clear(&store->stats);
	wb_latencies_clear(&store->latencies);
	mutex_unlock(&store->lock);
}

void wb_store_freeze(struct wb_store *store, bool freeze)
{
	WRITE_ONCE(store->frozen, freeze);
	wb_writeback_kick(store);
}
