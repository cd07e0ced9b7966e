// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the machine sleeps and wakes.  By itself: the kernel's header for that brings names
 * that are ours, too.
 */
#include <linux/suspend.h>

#include "power.h"
#include "sleep.h"

/* A kernel that is about to be replaced by an image of another does not wake. */
static int wb_sleep(struct notifier_block *nb, unsigned long event, void *data)
{
	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(wb_power_sleep());
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		wb_power_wake();
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

/* Before the drivers of the disks below put theirs to sleep. */
static struct notifier_block wb_sleep_notifier = {
	.notifier_call = wb_sleep,
	.priority = INT_MAX,
};

int wb_sleep_init(void)
{
	return register_pm_notifier(&wb_sleep_notifier);
}

void wb_sleep_exit(void)
{
	unregister_pm_notifier(&wb_sleep_notifier);
}
