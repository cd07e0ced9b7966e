// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the origin fares: back-off and state.
 */
#define DM_MSG_PREFIX "writebehind"

#include <linux/device-mapper.h>
#include <linux/jiffies.h>
#include <linux/random.h>

#include "store.h"

#define WB_BACKOFF_FIRST	(HZ / 10)
#define WB_BACKOFF_MOST		(30 * HZ)

/* Of the time that an attempt in vain took, until a flush may ask for another. */
#define WB_ASK_SHARE		8

/* Passes that failed and made no progress. */
#define WB_STUCK_TO_FAIL	4

const char * const wb_health_names[] = {
	[WB_HEALTH_OK] = "ok",
	[WB_HEALTH_RETRYING] = "retrying",
	[WB_HEALTH_FAILING] = "failing",
};

static void wb_health_change(struct wb_store *store, u32 state)
{
	if (store->health.state == state)
		return;
	WRITE_ONCE(store->health.state, state);
	DMWARN("%s: origin %s: health is %s", store->name, store->origin_name,
	       wb_health_names[state]);
	wb_events_look(store);
	/* on_error may let writers go that wait for room */
	wb_pace_wake(&store->pace);
}

/* Half of the delay is jitter, lest many devices on one path ask in step. */
static unsigned long wb_backoff(unsigned int stuck)
{
	unsigned long delay = WB_BACKOFF_MOST;

	if (stuck < 10)
		delay = min_t(unsigned long, WB_BACKOFF_FIRST << stuck,
			      WB_BACKOFF_MOST);
	return delay / 2 + get_random_u32_below(delay / 2 + 1);
}

void wb_health_failed(struct wb_store *store, bool progress, bool whole)
{
	struct wb_origin_health *h = &store->health;

	if (whole) {
		unsigned long now = jiffies, pause = 0;

		if (!progress)
			pause = max_t(unsigned long, WB_BACKOFF_FIRST,
				      WB_ASK_SHARE * (now - h->began));
		WRITE_ONCE(h->retry_at, now + wb_backoff(h->stuck));
		WRITE_ONCE(h->ask_at, now + pause);
	}
	h->attempts++;
	if (whole && !progress && !READ_ONCE(h->asked))
		h->stuck++;
	WRITE_ONCE(h->asked, false);
	wb_health_change(store, h->stuck < WB_STUCK_TO_FAIL ?
			 WB_HEALTH_RETRYING : WB_HEALTH_FAILING);
}

void wb_health_recovered(struct wb_store *store)
{
	store->health.attempts = 0;
	store->health.stuck = 0;
	WRITE_ONCE(store->health.asked, false);
	wb_health_change(store, WB_HEALTH_OK);
}

void wb_health_doubt(struct wb_store *store)
{
	if (store->health.state == WB_HEALTH_OK)
		wb_health_change(store, WB_HEALTH_RETRYING);
}

/* The next pass without progress makes it failing again. */
void wb_health_better(struct wb_store *store)
{
	if (store->health.state != WB_HEALTH_FAILING)
		return;
	store->health.stuck = WB_STUCK_TO_FAIL - 1;
	wb_health_change(store, WB_HEALTH_RETRYING);
}

void wb_health_reset(struct wb_store *store)
{
	store->health.stuck = 0;
	if (store->health.state == WB_HEALTH_FAILING)
		wb_health_change(store, WB_HEALTH_RETRYING);
}

/*
 * Who gets EIO from fsync may give up for good, so that it is not to come from an origin
 * that was mended.  A disk that takes long to fail is not asked that often; and to be
 * asked for says nothing of how long it has been bad.
 */
bool wb_health_ask(struct wb_store *store)
{
	struct wb_origin_health *h = &store->health;

	if (wb_writeback_held(store) || READ_ONCE(store->wb.stop) ||
	    time_before(jiffies, READ_ONCE(h->ask_at)))
		return false;
	WRITE_ONCE(h->asked, true);
	wb_health_hurry(store);
	return true;
}

void wb_health_hurry(struct wb_store *store)
{
	WRITE_ONCE(store->health.retry_at, jiffies);
}
