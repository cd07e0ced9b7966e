// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the machine sleeps and wakes.  By itself: the kernel's header for that brings names
 * that are ours, too.
 */
#include <linux/suspend.h>

#include "pm.h"
#include "sleep.h"

static int wb_pm(struct notifier_block *nb, unsigned long event, void *data)
{
	switch (event) {
	case PM_SUSPEND_PREPARE:
		return notifier_from_errno(wb_sleep(WB_SLEEP_IN_RAM));
	case PM_HIBERNATION_PREPARE:
		return notifier_from_errno(wb_sleep(WB_SLEEP_IN_IMAGE));
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(wb_sleep(WB_SLEEP_FOR_EVER));
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		wb_wake();
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

/* Before the drivers of the disks below put theirs to sleep. */
static struct notifier_block wb_pm_notifier = {
	.notifier_call = wb_pm,
	.priority = INT_MAX,
};

int wb_pm_init(void)
{
	return register_pm_notifier(&wb_pm_notifier);
}

void wb_pm_exit(void)
{
	unregister_pm_notifier(&wb_pm_notifier);
}
