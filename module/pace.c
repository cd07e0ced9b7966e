// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watermarks, and the measured rate of the origin.
 */
#include "pace.h"

#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>

#define WB_RATE_WINDOW		(HZ / 4)
#define WB_RATE_SHORTEST	(HZ / 50)
#define WB_RATE_MEMORY		(3 * WB_RATE_WINDOW)

#define WB_SLOT_LEAST		(200 * NSEC_PER_USEC)
#define WB_SLOT_MOST		(200 * NSEC_PER_MSEC)
#define WB_BRAKE_MOST		32	/* of the origin's rate */
#define WB_BRAKE_GAIN		3
#define WB_URGENT_SHARE		32	/* of what may be dirty */

/* Bytes a second, for a drain_limit before much was measured: a slow disk. */
#define WB_RATE_ASSUMED		(4U << 20)

int wb_pace_init(struct wb_pace *p)
{
	atomic_set(&p->waiting, 0);
	sema_init(&p->turn, 1);
	spin_lock_init(&p->slots);
	init_waitqueue_head(&p->room);
	return percpu_counter_init(&p->dirty, 0, GFP_KERNEL);
}

void wb_pace_exit(struct wb_pace *p)
{
	percpu_counter_destroy(&p->dirty);
}

/* What a disk swallows at first, before it is at work, is no rate to promise on. */
static u64 wb_pace_promised(const struct wb_pace *p)
{
	u64 rate = READ_ONCE(p->rate);

	if (READ_ONCE(p->measured) >= WB_RATE_WINDOW)
		return rate;
	return min_t(u64, rate ?: WB_RATE_ASSUMED, WB_RATE_ASSUMED);
}

void wb_pace_update(struct wb_pace *p, const struct wb_options *opt,
		    const struct wb_pages *pages)
{
	u64 limit = pages->nr, usable;

	if (opt->drain_limit)
		limit = (wb_pace_promised(p) * opt->drain_limit) >> WB_BLOCK_SHIFT;
	limit = clamp_t(u64, limit, 1, pages->nr);

	spin_lock(&p->slots);
	usable = min_t(u64, limit, wb_pages_present(pages));
	WRITE_ONCE(p->batch, clamp_t(u32, (u32)usable / (64 * num_possible_cpus()), 1,
				     WB_PACE_BATCH));
	WRITE_ONCE(p->full, usable);
	WRITE_ONCE(p->limit, opt->drain_limit ? limit : U64_MAX);
	WRITE_ONCE(p->high, div_u64(usable * opt->high_watermark, 100));
	WRITE_ONCE(p->low, div_u64(usable * opt->low_watermark, 100));
	WRITE_ONCE(p->nudge, usable < limit ? min(p->low, p->high) : p->high);
	WRITE_ONCE(p->brake, (usable + p->high) / 2);
	WRITE_ONCE(p->urgent, max_t(u64, usable / WB_URGENT_SHARE, 1));
	spin_unlock(&p->slots);
}

/* Nanoseconds that the origin takes for @bytes, more the fuller the cache is. */
static u64 wb_pace_cost(const struct wb_pace *p, u32 resting, u64 bytes)
{
	u64 brake = READ_ONCE(p->brake);
	s64 over = wb_pace_dirty(p) - resting - brake;
	s64 span = max_t(s64, READ_ONCE(p->full) - READ_ONCE(p->urgent) - brake, 1);
	u64 rate = READ_ONCE(p->rate);
	u64 left, ns;

	if (!rate || over <= 0)
		return 0;
	over = min(over, span);
	left = max(span - over, span / WB_BRAKE_MOST + 1);
	ns = min_t(u64, div64_u64(bytes * NSEC_PER_SEC, rate), WB_SLOT_MOST);
	ns *= div64_u64(over << 10, left * WB_BRAKE_GAIN);
	return min_t(u64, ns >> 10, WB_SLOT_MOST);
}

/*
 * Slots follow each other, so the writers are served in the order in which they
 * came.  A sleep costs more than a short slot is long: time is owed up to then.
 */
u64 wb_pace_slot(struct wb_pace *p, u32 resting, u64 bytes, bool may_wait)
{
	u64 cost = wb_pace_cost(p, resting, bytes), now = ktime_get_ns(), slot;

	spin_lock(&p->slots);
	slot = min(max(p->next_slot, now), now + WB_SLOT_MOST) + cost;
	if (slot < now + WB_SLOT_LEAST || may_wait)
		p->next_slot = slot;
	spin_unlock(&p->slots);
	return slot < now + WB_SLOT_LEAST ? 0 : slot;
}

void wb_pace_begin(struct wb_pace *p)
{
	p->window_start = get_jiffies_64();
	p->window_bytes = 0;
}

/*
 * A moving average over the last few windows in which there was work, each for as
 * much as it lasted; one in which the origin stood still is not all there is.
 */
static bool wb_pace_measure(struct wb_pace *p, u64 least)
{
	u64 elapsed = get_jiffies_64() - p->window_start;
	u64 weight = min_t(u64, elapsed, WB_RATE_WINDOW);
	u64 rate;

	if (elapsed < least || !p->window_bytes)
		return false;
	rate = div64_u64(p->window_bytes * HZ, elapsed);
	rate = div64_u64(p->rate * p->measured + rate * weight, p->measured + weight);
	WRITE_ONCE(p->rate, rate);
	WRITE_ONCE(p->measured, min_t(u64, p->measured + weight, WB_RATE_MEMORY));
	wb_pace_begin(p);
	return true;
}

bool wb_pace_written(struct wb_pace *p, u64 bytes)
{
	p->window_bytes += bytes;
	return wb_pace_measure(p, p->rate ? WB_RATE_WINDOW : WB_RATE_SHORTEST);
}

void wb_pace_end(struct wb_pace *p)
{
	wb_pace_measure(p, WB_RATE_SHORTEST);
}
