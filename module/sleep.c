// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine sleeps.  RAM may lose power meanwhile, a disk be carried away, and an image
 * of the memory be written to swap on a device of ours: each would lose what only RAM has.
 * But mostly it is back, with all that is dirty, so nothing is forced on a disk that fails
 * or somebody who holds writeback.
 */
#define DM_MSG_PREFIX "writebehind"

#include <linux/device-mapper.h>
#include <linux/sched/signal.h>

#include "sleep.h"
#include "store.h"

/*
 * That have begun and not ended: one, but for who has /dev/snapshot open.  The kernel
 * begins and ends one at a time.
 */
static unsigned int wb_sleeps;

static bool wb_sleep_fit(const struct wb_store *store)
{
	return !READ_ONCE(store->wb.stop) && !wb_writeback_held(store) &&
	       !wb_health_failing(&store->health);
}

static bool wb_sleep_begin(struct wb_store *store, unsigned long unused)
{
	store->sleep_epoch = U64_MAX;
	WRITE_ONCE(store->asleep, false);
	WRITE_ONCE(store->overslept, false);
	WRITE_ONCE(store->wb.teardown, true);
	if (wb_sleep_fit(store))
		wb_health_hurry(store);
	return true;
}

static bool wb_sleep_waits_for(struct wb_store *store, unsigned long since)
{
	unsigned int seconds = READ_ONCE(store->opt.shutdown_timeout);

	if (!wb_sleep_fit(store))
		return false;
	if (store->sleep_epoch == U64_MAX)
		store->sleep_epoch = wb_flush_start(store);
	return wb_epoch_durable(&store->epochs) < store->sleep_epoch &&
	       time_before_eq(jiffies, since + seconds * HZ);
}

/*
 * Of many stores each may end, or fail: no one thing to wait for.  The first time it
 * lets those writes end that do not go through yet.
 */
static int wb_sleep_drain(void)
{
	unsigned long since = jiffies;

	do {
		schedule_timeout_killable(max(HZ / 20, 1));
		if (fatal_signal_pending(current))
			return -EINTR;
	} while (wb_store_each(wb_sleep_waits_for, since));
	return 0;
}

static bool wb_sleep_drained(const struct wb_store *store)
{
	return wb_sleep_fit(store) && wb_epoch_durable(&store->epochs) >= store->sleep_epoch;
}

/*
 * In an image nothing may be dirty that could still be written when it was made: the image
 * would have it written again, old epochs behind new ones.  Nor may the image itself come
 * to what does not write.  Without a live table nothing is written at all.
 */
static bool wb_sleep_harms(struct wb_store *store, enum wb_sleep how)
{
	if (how == WB_SLEEP_FOR_EVER)
		return wb_store_dirty(store);
	return how == WB_SLEEP_IN_IMAGE && !READ_ONCE(store->wb.stop);
}

/* Returns whether the machine must not sleep like that. */
static bool wb_sleep_end(struct wb_store *store, unsigned long how)
{
	static const char * const what[] = {
		[WB_SLEEP_IN_IMAGE] = "must not hibernate",
		[WB_SLEEP_FOR_EVER] = "must not resume from an image",
	};
	bool harms;

	WRITE_ONCE(store->asleep, wb_sleep_drained(store));
	if (store->asleep)
		return false;
	harms = wb_sleep_harms(store, how);
	if (harms || wb_store_dirty(store))
		DMWARN("%s: the machine %s with %llu bytes for origin %s in RAM", store->name,
		       harms ? what[how] : "sleeps", wb_store_dirty_bytes(store),
		       store->origin_name);
	WRITE_ONCE(store->overslept, wb_sleep_fit(store));
	wb_flush_wake(store);
	return harms;
}

static bool wb_wake_store(struct wb_store *store, unsigned long unused)
{
	WRITE_ONCE(store->wb.teardown, false);
	wb_flush_wake(store);
	return true;
}

int wb_sleep(enum wb_sleep how)
{
	int r = 0;

	wb_sleeps++;
	WRITE_ONCE(wb_falling_asleep, max(wb_falling_asleep, how));
	if (wb_store_each(wb_sleep_begin, 0))
		r = wb_sleep_drain();
	if (!r && wb_store_each(wb_sleep_end, how))
		r = -EBUSY;
	if (r)
		wb_wake();
	return r;
}

void wb_wake(void)
{
	if (!wb_sleeps || --wb_sleeps)
		return;
	WRITE_ONCE(wb_falling_asleep, WB_AWAKE);
	wb_store_each(wb_wake_store, 0);
}
