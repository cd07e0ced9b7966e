// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target: a table's life from constructor to destructor.
 *
 *   ctr         checks the line, finds or makes the store
 *   preresume   the table that is resumed takes the store over
 *   resume      writeback may run
 *   presuspend  drain while users go on, unless the data is left to the table that
 *               is loaded (noflush); then who waits for room leaves dm's map
 *   postsuspend no user I/O any more: drain what came meanwhile, then stop
 *   dtr         the last table of a removed device drains what is left, and so
 *               does one that was to take data over and was never resumed; what
 *               the origin refuses stays in the store
 */
#define DM_MSG_PREFIX "writebehind"

#include <linux/device-mapper.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "control.h"
#include "map.h"
#include "pm.h"
#include "reboot.h"
#include "status.h"
#include "store.h"
#include "target.h"
#include "write.h"

/**
 * struct wb_target - one table's hold on a store
 * @store: the store
 * @origin: the origin as this table has opened it
 * @args: its line; @args.opt is what the store gets at resume
 * @heir: it has not taken the store over yet
 * @spare: a map for a budget that differs from the store's
 * @noflush: the suspend that is under way does not wait for a drain
 * @gave_up: its drain ended in vain
 * @tried: the last suspend has drained, or could not
 * @refused: it is refused, and
 * @refusal: the bio for that has ended
 */
struct wb_target {
	struct wb_store *store;
	struct dm_dev *origin;
	struct wb_args args;
	bool heir;
	struct wb_index *spare;
	bool noflush;
	bool gave_up;
	bool tried;
	bool refused;
	struct completion refusal;
};

/*
 * Tables come and go
 */

static void wb_complain(struct wb_store *store)
{
	DMERR("%s: suspended with %llu bytes that origin %s did not take, kept",
	      store->name, wb_store_dirty_bytes(store), store->origin_name);
}

/* A device that is being removed has no name any more. */
static bool wb_device_gone(struct dm_target *ti)
{
	char name[DM_NAME_LEN];

	return dm_copy_name_and_uuid(dm_table_get_md(ti->table), name, NULL);
}

/*
 * Writes all that is dirty.  What is resumed next may be another target for the origin,
 * so even who is killed goes on to the end, unless somebody else comes for the handover,
 * or the device goes: who removes it waits for us, unkillably, and nobody tells us.
 */
static void wb_drain(struct wb_store *store, struct dm_target *ti)
{
	struct wb_teardown td;

	wb_teardown_begin(store, &td);
	while (!wb_teardown_wait(store, &td, wb_device_gone(ti), HZ))
		;
	/* in vain, and not because somebody else takes over */
	if (!wb_teardown_end(store, &td) && !READ_ONCE(store->wb.stop))
		wb_complain(store);
}

/* For the same reason who is killed waits for what is in flight. */
static void wb_stop(struct wb_store *store, struct dm_target *ti)
{
	while (!wb_writeback_stop(store, wb_device_gone(ti), HZ))
		;
}

/*
 * The last table that could take over what a noflush suspend has left is not going to.
 *
 * If another target is resumed while this drains, by somebody else than who waits
 * for it, nobody tells us before the owner is destroyed.
 */
static void wb_drain_unclaimed(struct wb_store *store, struct dm_target *ti)
{
	wb_writeback_start(store);
	wb_drain(store, ti);
	wb_stop(store, ti);
}

/*
 * Ends such a drain, also one that was about to begin, and keeps the next away.  If
 * @owner is given, only for as long as it owns the store: the next one may be live.
 * Who holds the mutex and drains leaves what is in flight to the caller, and in
 * preresume nobody else that owns the store comes here: so this ends soon.
 */
static void wb_lock_handover(struct wb_store *store, struct dm_target *owner)
{
	atomic_inc(&store->handover_wanted);
	while (!mutex_trylock(&store->handover)) {
		mutex_lock(&store->lock);
		if (!owner || store->owner == owner)
			wb_writeback_interrupt(store);
		mutex_unlock(&store->lock);
		schedule_timeout_uninterruptible(1);
	}
	atomic_dec(&store->handover_wanted);
}

/*
 * For a table that goes: behind whoever wants the handover.  That may be killed while it
 * waits for the origin, and another target be resumed next.  So who is killed here does
 * not give up, unless the device goes.
 */
static bool wb_lock_behind(struct wb_store *store, struct dm_target *ti)
{
	while (atomic_read(&store->handover_wanted) || !mutex_trylock(&store->handover)) {
		if (fatal_signal_pending(current) && wb_device_gone(ti))
			return false;
		schedule_timeout_idle(HZ / 20);
	}
	return true;
}

/*
 * What an heir leaves that was the last one.  Returns whether it was interrupted by who
 * wants the handover, and may not get it.
 */
static bool wb_leave_nothing(struct wb_store *store, struct dm_target *ti)
{
	if (wb_rebooting() || !wb_store_unclaimed(store))
		return false;
	wb_drain_unclaimed(store, ti);
	return atomic_read(&store->handover_wanted);
}

/*
 * Only then is the table no heir any more: until it has seen to that, others count on
 * it.  Who is killed while the device goes leaves it to the owner.
 */
static void wb_target_leave(struct dm_target *ti, struct wb_target *t)
{
	struct wb_store *store = wb_store_ref(t->store);
	bool locked = t->heir && wb_lock_behind(store, ti);

	while (locked && wb_leave_nothing(store, ti)) {
		mutex_unlock(&store->handover);
		locked = wb_lock_behind(store, ti);
	}
	wb_store_put(store, t->heir);
	t->store = NULL;
	if (locked)
		mutex_unlock(&store->handover);
	wb_store_release(store);
}

/*
 * Constructor
 */

static int wb_target_open(struct dm_target *ti, struct wb_target *t)
{
	struct mapped_device *md = dm_table_get_md(ti->table);
	dev_t dev;
	int r;

	if (!lookup_bdev(t->args.origin, &dev) && dev == disk_devt(dm_disk(md))) {
		ti->error = "origin: is this very device, allowed is another block device";
		return -EBUSY;
	}
	r = dm_get_device(ti, t->args.origin, dm_table_get_mode(ti->table),
			  &t->origin);
	if (r) {
		t->origin = NULL;
		ti->error = r == -ENOMEM ?
			    "out of memory to open the origin" :
			    "origin: cannot be opened, allowed is a free block device";
		return r;
	}
	if (t->origin->bdev->bd_dev == disk_devt(dm_disk(md))) {
		ti->error = "origin: is this very device, allowed is another block device";
		return -EBUSY;
	}
	if (bdev_is_zoned(t->origin->bdev)) {
		ti->error = "origin: is zoned, allowed is a disk without zones";
		return -EINVAL;
	}
	if (ti->begin || ti->len > bdev_nr_sectors(t->origin->bdev)) {
		ti->error = "length: start must be 0 and length at most the origin's";
		return -EINVAL;
	}
	return 0;
}

static u32 wb_target_nr(const struct wb_target *t)
{
	return t->args.cache_mib << (20 - WB_BLOCK_SHIFT);
}

static int wb_target_store(struct dm_target *ti, struct wb_target *t)
{
	struct mapped_device *md = dm_table_get_md(ti->table);
	char name[WB_NAME_LEN];
	const char *why = NULL;
	struct wb_index *ix;

	if (dm_copy_name_and_uuid(md, name, NULL))
		strscpy(name, dm_device_name(md), sizeof(name));
	t->store = wb_store_get(disk_devt(dm_disk(md)), name, t->origin->bdev,
				&t->args, &why);
	if (IS_ERR(t->store)) {
		int r = PTR_ERR(t->store);

		t->store = NULL;
		ti->error = (char *)why;
		return r;
	}
	t->heir = true;
	if (wb_store_nr(t->store) == wb_target_nr(t))
		return 0;
	ix = wb_store_reserve(t->args.cache_mib, &why);
	if (IS_ERR(ix)) {
		ti->error = (char *)why;
		return PTR_ERR(ix);
	}
	t->spare = ix;
	return 0;
}

static void wb_target_free(struct dm_target *ti, struct wb_target *t)
{
	if (t->spare)
		wb_index_destroy(t->spare);
	if (t->store)
		wb_target_leave(ti, t);
	if (t->origin)
		dm_put_device(ti, t->origin);
	kfree(t);
}

static int wb_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct wb_target *t = kzalloc(sizeof(*t), GFP_KERNEL);
	int r;

	if (!t) {
		ti->error = "out of memory for a target";
		return -ENOMEM;
	}
	r = wb_args_parse(ti, argc, argv, &t->args);
	r = r ?: wb_target_open(ti, t);
	r = r ?: wb_target_store(ti, t);
	if (r) {
		wb_target_free(ti, t);
		return r;
	}
	t->args.origin = NULL;	/* was a part of the line */

	/*
	 * One flush, since with two the second, for the origin, could overtake
	 * the drain that the first one starts.
	 */
	ti->num_flush_bios = 1;
	ti->flush_supported = true;
	ti->num_discard_bios = 1;
	ti->num_write_zeroes_bios = 1;
	ti->per_io_data_size = sizeof(struct wb_bio);
	ti->private = t;
	return 0;
}

/*
 * A table that was replaced by another target must not write any more: that one
 * may have written newer data to the origin.  Init, which removes all before a reboot,
 * waits for a disk once.
 */
static void wb_disown(struct dm_target *ti, struct wb_target *t)
{
	struct wb_store *store = t->store;

	wb_lock_handover(store, ti);
	if (wb_device_gone(ti) && wb_store_dirty(store) && !(wb_rebooting() && t->tried)) {
		wb_writeback_start(store);
		wb_writeback_teardown(store, true);
		wb_writeback_stop(store, true, MAX_SCHEDULE_TIMEOUT);
	}
	wb_store_disown(store, ti);
	mutex_unlock(&store->handover);
}

static void wb_dtr(struct dm_target *ti)
{
	struct wb_target *t = ti->private;

	if (READ_ONCE(t->store->owner) == ti)
		wb_disown(ti, t);
	wb_target_free(ti, t);
}

/*
 * Suspend and resume
 */

/*
 * Who is killed while it waits for the origin is to have suspended nothing: what is in
 * flight could come behind what another target in our place writes.  dm gives a suspend
 * up if who waits was killed and a bio has not ended.  Here is one.  It does not outlive
 * the attempt: a device can be removed while it has bios that nobody has opened it for.
 */
static void wb_refusal_ended(struct bio *bio)
{
	struct completion *ended = xchg(&bio->bi_private, NULL);

	if (ended)
		complete(ended);
	bio_put(bio);
}

/*
 * Something above us may answer the bio, or keep it until later.  Then it is not to be
 * waited for, and the suspend is not refused but goes on to its end.
 */
static void wb_refuse_suspend(struct dm_target *ti, struct wb_target *t)
{
	struct block_device *bdev = dm_disk(dm_table_get_md(ti->table))->part0;
	struct bio *bio = bio_alloc(bdev, 0, REQ_OP_WRITE | REQ_PREFLUSH, GFP_NOIO);

	init_completion(&t->refusal);
	bio->bi_private = &t->refusal;
	bio->bi_end_io = wb_refusal_ended;
	bio_get(bio);
	t->refused = wb_flush_refuse(t->store, bio);
	if (!t->refused && !xchg(&bio->bi_private, NULL))
		wait_for_completion(&t->refusal);
	bio_put(bio);
}

static void wb_end_refusal(struct wb_target *t)
{
	if (!t->refused)
		return;
	t->refused = false;
	wb_flush_give_up(t->store);
	wait_for_completion(&t->refusal);
}

/*
 * Where an origin does not answer, it shows here, where who waits can be killed.  Users
 * go on during the drain, so that they are not held up by it.  dm has forgotten the flag
 * when postsuspend comes.
 */
static void wb_presuspend(struct dm_target *ti)
{
	struct wb_target *t = ti->private;
	struct wb_store *store = t->store;
	bool handed;

	t->noflush = dm_noflush_suspending(ti);
	t->gave_up = false;
	handed = t->noflush && wb_store_shared(store);
	/* where the device goes, nothing becomes dirty any more */
	wb_writeback_suspending(store, !handed && !wb_device_gone(ti));
	if (handed)
		wb_writeback_rest(store);
	else
		t->gave_up = !wb_writeback_teardown(store, true) &&
			     !READ_ONCE(store->wb.stop);
	if (fatal_signal_pending(current)) {
		t->gave_up = false;
		if (!wb_device_gone(ti))
			wb_refuse_suspend(ti, t);
	}
	/* what is given back to a suspend that fails would fail, too */
	wb_write_leave(store, t->noflush && !signal_pending(current) ? WB_LEAVE_STORE :
								       WB_LEAVE_MAP);
}

static void wb_presuspend_undo(struct dm_target *ti)
{
	struct wb_target *t = ti->private;

	wb_write_leave(t->store, WB_STAY);
	wb_writeback_suspended(t->store);
	wb_end_refusal(t);
}

/*
 * What the origin did not take in presuspend it is not asked to once more.  Only who
 * removes the device can be killed here: what is resumed next may be another target,
 * and must not find old data, nor what is in flight.
 *
 * Without a drain the data is handed over, which takes a table that is loaded
 * already: what is loaded later may be another target for the same origin.
 */
static void wb_postsuspend(struct dm_target *ti)
{
	struct wb_target *t = ti->private;
	struct wb_store *store = t->store;

	wb_end_refusal(t);
	wb_lock_handover(store, ti);
	t->tried = !t->noflush || !wb_store_shared(store);
	if (t->tried) {
		mutex_unlock(&store->handover);
		/* by us, to end the drain of a table that has gone */
		if (READ_ONCE(store->wb.stop))
			wb_writeback_start(store);
		if (t->gave_up)
			wb_complain(store);
		else
			wb_drain(store, ti);
		wb_lock_handover(store, ti);
	}
	wb_stop(store, ti);
	WRITE_ONCE(store->suspended, true);
	wb_writeback_suspended(store);
	mutex_unlock(&store->handover);
}

/*
 * Another table may have been resumed since this one was loaded, with another budget.
 * Without memory for it the store goes on as it is.
 */
static void wb_target_budget(struct wb_target *t)
{
	const char *why = NULL;
	struct wb_index *ix;

	if (t->spare || wb_store_nr(t->store) == wb_target_nr(t))
		return;
	ix = wb_store_reserve(t->args.cache_mib, &why);
	if (IS_ERR(ix))
		DMWARN("%s: %s: goes on with the cache that is there", t->store->name, why);
	else
		t->spare = ix;
}

static void wb_target_inherit(struct wb_target *t)
{
	if (t->heir)
		wb_store_inherited(t->store);
	t->heir = false;
}

static int wb_drain_to_fit(struct wb_store *store)
{
	wb_writeback_start(store);
	wb_writeback_teardown(store, true);
	wb_writeback_stop(store, true, MAX_SCHEDULE_TIMEOUT);
	return wb_writeback_settle(store);
}

/*
 * If more is dirty than fits, the store is taken as it is, and what is dirty written:
 * if a resume fails, the old table goes all the same, and somebody must be left that can
 * write it.
 */
static int wb_target_claim(struct dm_target *ti, struct wb_target *t, const char **why)
{
	struct wb_store *store = t->store;
	struct wb_index *none = NULL;
	int r = 0;

	wb_target_budget(t);
	if (t->spare &&
	    wb_store_dirty_bytes(store) > (u64)t->spare->pages.nr << WB_BLOCK_SHIFT) {
		r = wb_store_claim(store, ti, t->origin->bdev, &t->args.opt, &none, why);
		if (r)
			return r;
		wb_target_inherit(t);
		r = wb_drain_to_fit(store);
	}
	return r ?: wb_store_claim(store, ti, t->origin->bdev, &t->args.opt, &t->spare, why);
}

static int wb_preresume(struct dm_target *ti)
{
	struct wb_target *t = ti->private;
	struct wb_store *store = t->store;
	bool owner = READ_ONCE(store->owner) == ti;
	const char *why = "killed while it waited for the origin to answer";
	unsigned int noio;
	int r;

	wb_lock_handover(store, owner ? ti : NULL);
	r = wb_writeback_settle(store);
	/* the device is suspended: what would free memory may wait for it */
	noio = memalloc_noio_save();
	if (!r && owner && !t->spare)
		/* the origin may have been written meanwhile */
		wb_store_drop_clean(store);
	else if (!r)
		r = wb_target_claim(ti, t, &why);
	memalloc_noio_restore(noio);
	mutex_unlock(&store->handover);
	if (r) {
		DMERR("%s: %s", store->name, why);
		return r;
	}
	wb_target_inherit(t);
	if (t->spare) {
		wb_index_destroy(t->spare);
		t->spare = NULL;
	}
	return 0;
}

static void wb_resume(struct dm_target *ti)
{
	struct wb_target *t = ti->private;

	t->tried = false;
	wb_lock_handover(t->store, ti);
	WRITE_ONCE(t->store->suspended, false);
	wb_write_leave(t->store, WB_STAY);
	wb_writeback_start(t->store);
	mutex_unlock(&t->store->handover);
}

/*
 * I/O
 */

static int wb_target_map(struct dm_target *ti, struct bio *bio)
{
	struct wb_target *t = ti->private;

	bio->bi_iter.bi_sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	return wb_map(t->store, bio);
}

static int wb_target_end_io(struct dm_target *ti, struct bio *bio,
			    blk_status_t *status)
{
	struct wb_target *t = ti->private;

	*status = wb_map_end(t->store, bio, *status);
	return DM_ENDIO_DONE;
}

static int wb_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn,
			      void *data)
{
	struct wb_target *t = ti->private;

	return fn(ti, t->origin, 0, ti->len, data);
}

/*
 * Status and messages
 */

/*
 * A table that is only loaded shows its own line, the live one what is in force, and
 * of the mode what was asked for: fed back, it must not undo a switch that waits.
 */
static unsigned int wb_emit_table(struct dm_target *ti, char *result,
				  unsigned int maxlen)
{
	struct wb_target *t = ti->private;
	struct wb_store *store = t->store;
	struct wb_options opt = t->args.opt;
	unsigned int sz = 0;

	mutex_lock(&store->lock);
	if (store->owner == ti) {
		opt = store->opt;
		if (store->pending_mode >= 0)
			opt.mode = store->pending_mode;
	}
	mutex_unlock(&store->lock);
	DMEMIT("%s %u ", t->origin->name, t->args.cache_mib);
	return sz + wb_options_emit(&opt, result + sz, maxlen - sz);
}

static unsigned int wb_emit_ima(struct dm_target *ti, char *result,
				unsigned int maxlen)
{
	struct wb_target *t = ti->private;
	unsigned int sz = 0;

	DMEMIT_TARGET_NAME_VERSION(ti->type);
	DMEMIT(",origin_device_name=%s,cache_mib=%u,mode=%s;",
	       t->origin->name, t->args.cache_mib,
	       wb_mode_names[t->args.opt.mode]);
	return sz;
}

static void wb_status(struct dm_target *ti, status_type_t type,
		      unsigned int flags, char *result, unsigned int maxlen)
{
	struct wb_target *t = ti->private;

	switch (type) {
	case STATUSTYPE_INFO:
		wb_status_emit(t->store, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		wb_emit_table(ti, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		wb_emit_ima(ti, result, maxlen);
		break;
	}
}

static int wb_target_message(struct dm_target *ti, unsigned int argc, char **argv,
			     char *result, unsigned int maxlen)
{
	struct wb_target *t = ti->private;

	return wb_message(t->store, argc, argv);
}

/*
 * Module
 */

static struct target_type wb_target = {
	.name = "writebehind",
	.version = { WB_VERSION_MAJOR, WB_VERSION_MINOR, WB_VERSION_PATCH },
	.features = DM_TARGET_SINGLETON | DM_TARGET_ALWAYS_WRITEABLE |
		    DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = wb_ctr,
	.dtr = wb_dtr,
	.map = wb_target_map,
	.end_io = wb_target_end_io,
	.presuspend = wb_presuspend,
	.presuspend_undo = wb_presuspend_undo,
	.postsuspend = wb_postsuspend,
	.preresume = wb_preresume,
	.resume = wb_resume,
	.status = wb_status,
	.message = wb_target_message,
	.iterate_devices = wb_iterate_devices,
};

static int __init wb_init(void)
{
	int r = wb_write_init();

	if (r)
		return r;
	r = wb_behind_begin();
	if (r)
		goto no_behind;
	r = wb_control_init();
	if (r)
		goto no_control;
	r = dm_register_target(&wb_target);
	if (r)
		goto no_target;
	r = wb_reboot_init();
	if (r)
		goto no_reboot;
	r = wb_pm_init();
	if (r)
		goto no_pm;
	return 0;

no_pm:
	wb_reboot_exit();
no_reboot:
	dm_unregister_target(&wb_target);
no_target:
	wb_control_exit();
no_control:
	wb_behind_end();
no_behind:
	wb_write_exit();
	return r;
}

static void __exit wb_exit(void)
{
	wb_pm_exit();
	wb_reboot_exit();
	dm_unregister_target(&wb_target);
	wb_control_exit();
	wb_behind_end();
	wb_write_exit();
}

module_init(wb_init);
module_exit(wb_exit);

MODULE_DESCRIPTION("device-mapper target: write-behind cache in RAM");
MODULE_AUTHOR("The dm-writebehind developers");
MODULE_LICENSE("GPL");
