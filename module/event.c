// SPDX-License-Identifier: GPL-2.0-only
/*
 * Telling user space.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/kobject.h>

#include "event.h"
#include "store.h"

/* Longest: WB_ORIGIN= and a path. */
#define WB_EVENT_LEN	(WB_NAME_LEN + 16)

static void wb_uevent(struct wb_store *store, struct gendisk *disk,
		      const char *what, const char *value)
{
	char text[4][WB_EVENT_LEN];
	char *env[ARRAY_SIZE(text) + 1];
	unsigned int i;

	snprintf(text[0], WB_EVENT_LEN, "WB_EVENT=%s", what);
	snprintf(text[1], WB_EVENT_LEN, "WB_%s=%s", what, value);
	snprintf(text[2], WB_EVENT_LEN, "WB_NAME=%s", store->name);
	snprintf(text[3], WB_EVENT_LEN, "WB_ORIGIN=%s", store->origin_name);
	for (i = 0; i < ARRAY_SIZE(text); i++)
		env[i] = text[i];
	env[i] = NULL;
	kobject_uevent_env(&disk_to_dev(disk)->kobj, KOBJ_CHANGE, env);
}

void wb_event(struct wb_store *store, const char *what, const char *value)
{
	struct dm_table *table = store->owner->table;

	dm_table_event(table);
	wb_uevent(store, dm_disk(dm_table_get_md(table)), what, value);
}
