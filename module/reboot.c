// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine goes down.  All of it waits, so all stores are written at once, and the
 * time is bounded.  From here on a write that ends is durable.
 */
#define DM_MSG_PREFIX "writebehind"

#include <linux/device-mapper.h>
#include <linux/reboot.h>

#include "reboot.h"
#include "store.h"

static bool wb_reboot_begin(struct wb_store *store, unsigned long unused)
{
	store->reboot_epoch = 0;
	mutex_lock(&store->lock);
	store->opt.write_through = true;
	mutex_unlock(&store->lock);
	WRITE_ONCE(store->wb.teardown, true);
	wb_writeback_let_go(store);
	wb_flush_start(store);
	return true;
}

/* Who writes on makes more dirty, but is not waited for. */
static bool wb_reboot_drained(struct wb_store *store)
{
	return wb_epoch_durable(&store->epochs) >= store->reboot_epoch;
}

/*
 * Whether there is something to wait for.  An origin that fails may be back before the
 * time is over, so it is tried again and again.
 */
static bool wb_reboot_waits_for(struct wb_store *store, unsigned long since)
{
	unsigned int seconds = READ_ONCE(store->opt.shutdown_timeout);

	if (!store->reboot_epoch)
		store->reboot_epoch = wb_flush_start(store);
	if (wb_reboot_drained(store) || READ_ONCE(store->wb.stop) ||
	    time_after(jiffies, since + seconds * HZ))
		return false;
	wb_health_hurry(store);
	wb_writeback_kick(store);
	return true;
}

static bool wb_reboot_end(struct wb_store *store, unsigned long unused)
{
	bool lost = !wb_reboot_drained(store) && wb_store_dirty(store);

	if (lost)
		DMCRIT("%s: %llu bytes for origin %s lost: not written within %u s",
		       store->name, wb_store_dirty_bytes(store), store->origin_name,
		       READ_ONCE(store->opt.shutdown_timeout));
	return lost;
}

/*
 * Of many stores each may end, or fail: no one thing to wait for.  The first time it
 * lets those writes end that do not write through yet.
 */
static void wb_reboot_drain(void)
{
	unsigned long since = jiffies;

	wb_store_each(wb_reboot_begin, 0);
	do {
		schedule_timeout_idle(max(HZ / 20, 1));
	} while (wb_store_each(wb_reboot_waits_for, since));
	wb_store_each(wb_reboot_end, 0);
}

static int wb_reboot(struct notifier_block *nb, unsigned long event, void *data)
{
	wb_reboot_drain();
	return NOTIFY_DONE;
}

/* Before the drivers of the disks below put theirs to sleep. */
static struct notifier_block wb_reboot_notifier = {
	.notifier_call = wb_reboot,
	.priority = INT_MAX,
};

int wb_reboot_init(void)
{
	return register_reboot_notifier(&wb_reboot_notifier);
}

void wb_reboot_exit(void)
{
	unregister_reboot_notifier(&wb_reboot_notifier);
}
