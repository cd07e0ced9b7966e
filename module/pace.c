// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watermarks, and the measured rate of the origin.
 */
#include "pace.h"

#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/math64.h>

#define WB_RATE_WINDOW		(HZ / 4)
#define WB_RATE_SHORTEST	(HZ / 50)

/* Bytes a second, for a drain_limit before anything was measured: a slow disk. */
#define WB_RATE_ASSUMED		(4U << 20)

int wb_pace_init(struct wb_pace *p)
{
	atomic_set(&p->waiting, 0);
	sema_init(&p->turn, 1);
	init_waitqueue_head(&p->room);
	return percpu_counter_init(&p->dirty, 0, GFP_KERNEL);
}

void wb_pace_exit(struct wb_pace *p)
{
	percpu_counter_destroy(&p->dirty);
}

void wb_pace_update(struct wb_pace *p, const struct wb_options *opt, u32 nr)
{
	u64 limit = nr;

	if (opt->drain_limit)
		limit = ((p->rate ?: WB_RATE_ASSUMED) * opt->drain_limit) >> WB_BLOCK_SHIFT;
	limit = clamp_t(u64, limit, 1, nr);
	p->batch = clamp_t(u32, (u32)limit / (64 * num_possible_cpus()), 1, 128);
	WRITE_ONCE(p->limit, opt->drain_limit ? limit : U64_MAX);
	WRITE_ONCE(p->high, div_u64(limit * opt->high_watermark, 100));
	WRITE_ONCE(p->low, div_u64(limit * opt->low_watermark, 100));
}

void wb_pace_begin(struct wb_pace *p)
{
	p->window_start = get_jiffies_64();
	p->window_bytes = 0;
}

/* A moving average over the last few windows in which there was work. */
static bool wb_pace_measure(struct wb_pace *p, u64 least)
{
	u64 elapsed = get_jiffies_64() - p->window_start;
	u64 rate;

	if (elapsed < least || !p->window_bytes)
		return false;
	rate = div64_u64(p->window_bytes * HZ, elapsed);
	WRITE_ONCE(p->rate, p->rate ? (3 * p->rate + rate) / 4 : rate);
	wb_pace_begin(p);
	return true;
}

bool wb_pace_written(struct wb_pace *p, u64 bytes)
{
	p->window_bytes += bytes;
	return wb_pace_measure(p, WB_RATE_WINDOW);
}

void wb_pace_end(struct wb_pace *p)
{
	wb_pace_measure(p, WB_RATE_SHORTEST);
}
