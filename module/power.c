// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine goes down, or to sleep.  All of it waits, so all stores are written at
 * once, and the time is bounded.  From the begin of that on a write that ends is durable.
 */
#define DM_MSG_PREFIX "writebehind"

#include <linux/device-mapper.h>
#include <linux/reboot.h>

#include "power.h"
#include "store.h"

static void wb_power_each(void (*what)(struct wb_store *store))
{
	struct wb_store *store;
	u64 id;

	for (id = 0; (store = wb_store_next(id)); wb_store_release(store)) {
		id = store->id;
		what(store);
	}
}

static void wb_power_begin(struct wb_store *store)
{
	store->power_epoch = 0;
	WRITE_ONCE(store->through, true);
	WRITE_ONCE(store->wb.teardown, true);
	wb_flush_start(store);
}

/* Who writes on makes more dirty, but is not waited for. */
static bool wb_power_drained(struct wb_store *store)
{
	return wb_epoch_durable(&store->epochs) >= store->power_epoch;
}

/* Whether there is something to wait for. */
static bool wb_power_waits_for(struct wb_store *store, unsigned long since)
{
	unsigned int seconds = READ_ONCE(store->opt.shutdown_timeout);

	if (!store->power_epoch)
		store->power_epoch = wb_flush_start(store);
	return !wb_power_drained(store) && !READ_ONCE(store->wb.stop) &&
	       time_before_eq(jiffies, since + seconds * HZ);
}

static bool wb_power_waits(bool (*waits_for)(struct wb_store *, unsigned long),
			   unsigned long since)
{
	struct wb_store *store;
	bool draining = false;
	u64 id;

	for (id = 0; (store = wb_store_next(id)); wb_store_release(store)) {
		id = store->id;
		draining |= waits_for(store, since);
	}
	return draining;
}

/*
 * Of many stores each may end, or fail: no one thing to wait for.  The first time it
 * lets those writes end that do not write through yet.  @state: of who waits.
 */
static int wb_power_drain(bool (*waits_for)(struct wb_store *, unsigned long),
			  unsigned int state)
{
	unsigned long since = jiffies;

	do {
		set_current_state(state);
		schedule_timeout(max(HZ / 20, 1));
		if (signal_pending_state(state, current))
			return -EINTR;
	} while (wb_power_waits(waits_for, since));
	return 0;
}

/*
 * Down
 */

static void wb_reboot_begin(struct wb_store *store)
{
	wb_writeback_let_go(store);
	wb_power_begin(store);
}

/* An origin that fails may be back before the time is over: tried again and again. */
static bool wb_reboot_waits_for(struct wb_store *store, unsigned long since)
{
	if (!wb_power_waits_for(store, since))
		return false;
	wb_health_hurry(store);
	wb_writeback_kick(store);
	return true;
}

static void wb_reboot_end(struct wb_store *store)
{
	if (!wb_power_drained(store) && wb_store_dirty(store))
		DMCRIT("%s: %llu bytes for origin %s lost: not written within %u s",
		       store->name, wb_store_dirty_bytes(store), store->origin_name,
		       READ_ONCE(store->opt.shutdown_timeout));
}

static int wb_reboot(struct notifier_block *nb, unsigned long event, void *data)
{
	wb_power_each(wb_reboot_begin);
	wb_power_drain(wb_reboot_waits_for, TASK_IDLE);
	wb_power_each(wb_reboot_end);
	return NOTIFY_DONE;
}

/*
 * To sleep.  RAM may lose power meanwhile, a disk be carried away, and an image of the
 * memory be written to swap on a device of ours: each would lose what only RAM has.  But
 * mostly it is back, with all that is dirty, so nothing is forced: neither on a disk that
 * fails, where who writes would be told so, nor on who holds writeback.
 */

static bool wb_sleep_fit(const struct wb_store *store)
{
	return !READ_ONCE(store->wb.stop) && !wb_writeback_held(store) &&
	       !wb_health_failing(&store->health);
}

static void wb_sleep_begin(struct wb_store *store)
{
	if (!wb_sleep_fit(store))
		return;
	wb_health_hurry(store);
	wb_power_begin(store);
}

static bool wb_sleep_waits_for(struct wb_store *store, unsigned long since)
{
	return READ_ONCE(store->through) && wb_sleep_fit(store) &&
	       wb_power_waits_for(store, since);
}

static void wb_wake(struct wb_store *store)
{
	WRITE_ONCE(store->through, false);
	WRITE_ONCE(store->wb.teardown, false);
}

static void wb_sleep_end(struct wb_store *store)
{
	if (store->through && wb_power_drained(store))
		return;
	wb_wake(store);
	if (wb_store_dirty(store))
		DMWARN("%s: the machine sleeps with %llu bytes for origin %s in RAM",
		       store->name, wb_store_dirty_bytes(store), store->origin_name);
}

int wb_power_sleep(void)
{
	int r;

	wb_power_each(wb_sleep_begin);
	r = wb_power_drain(wb_sleep_waits_for, TASK_KILLABLE);
	wb_power_each(r ? wb_wake : wb_sleep_end);
	return r;
}

void wb_power_wake(void)
{
	wb_power_each(wb_wake);
}

/* Before the drivers of the disks below put theirs to sleep. */
static struct notifier_block wb_reboot_notifier = {
	.notifier_call = wb_reboot,
	.priority = INT_MAX,
};

int wb_power_init(void)
{
	return register_reboot_notifier(&wb_reboot_notifier);
}

void wb_power_exit(void)
{
	unregister_reboot_notifier(&wb_reboot_notifier);
}
