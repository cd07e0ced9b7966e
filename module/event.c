// SPDX-License-Identifier: GPL-2.0-only
/*
 * Telling user space.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/kobject.h>
#include <linux/sched/mm.h>

#include "store.h"

/* Longest: WB_NAME= and a name. */
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

static void wb_event(struct wb_store *store, const char *what, const char *value)
{
	struct dm_table *table = store->owner->table;

	dm_table_event(table);
	wb_uevent(store, dm_disk(dm_table_get_md(table)), what, value);
}

/* A drain that begins and ends before anybody looks is told of all the same. */
static void wb_events_drains(struct wb_store *store)
{
	struct wb_events *e = &store->events;
	u64 asked = READ_ONCE(store->flush.asked);

	if (asked != e->begun) {
		e->begun = asked;
		wb_event(store, "DRAIN", "begun");
	}
	if (e->begun != e->done && wb_epoch_durable(&store->epochs) >= e->begun) {
		WRITE_ONCE(e->done, e->begun);
		wb_event(store, "DRAIN", "done");
	}
}

/*
 * Not by those who make the news: it takes locks and memory that others hold
 * while they wait for writeback.  A suspend waits for this, with filesystems frozen
 * above: no memory is to be had from them.
 */
static void wb_events_work(struct work_struct *work)
{
	struct wb_store *store = container_of(work, struct wb_store, events.work);
	struct wb_events *e = &store->events;
	u32 health = READ_ONCE(store->health.state);
	u32 mode = wb_store_mode(store);
	unsigned int noio;

	/* queued by one who looked just before it was stopped */
	if (!READ_ONCE(e->on))
		return;
	noio = memalloc_noio_save();
	if (health != e->health) {
		e->health = health;
		wb_event(store, "HEALTH", wb_health_names[health]);
	}
	if (mode != e->mode) {
		e->mode = mode;
		wb_event(store, "MODE", wb_mode_names[mode]);
	}
	wb_events_drains(store);
	memalloc_noio_restore(noio);
}

void wb_events_init(struct wb_store *store)
{
	INIT_WORK(&store->events.work, wb_events_work);
	store->events.mode = store->opt.mode;
}

void wb_events_start(struct wb_store *store)
{
	WRITE_ONCE(store->events.on, true);
	wb_events_look(store);
}

void wb_events_stop(struct wb_store *store)
{
	WRITE_ONCE(store->events.on, false);
	cancel_work_sync(&store->events.work);
}

void wb_events_look(struct wb_store *store)
{
	if (READ_ONCE(store->events.on))
		schedule_work(&store->events.work);
}

void wb_events_look_for_drain(struct wb_store *store)
{
	u64 asked = READ_ONCE(store->flush.asked);

	if (asked != READ_ONCE(store->events.done) &&
	    wb_epoch_durable(&store->epochs) >= asked)
		wb_events_look(store);
}
