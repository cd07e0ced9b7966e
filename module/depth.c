// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many I/Os writeback has in flight while users read from the origin.
 */
#include "depth.h"

#include <linux/math64.h>
#include <linux/minmax.h>

#define WB_DEPTH_COUNTED	8	/* I/Os at a time, at least */
#define WB_DEPTH_ENOUGH		512	/* for any decision */
#define WB_DEPTH_REST		128	/* times the number */
#define WB_DEPTH_PATIENCE	64
#define WB_DEPTH_WAY		4	/* one of so many makes way for a read */
#define WB_DEPTH_WAIVED		4	/* times the number, for reads, while it is compared */
#define WB_DEPTH_SPARE		8	/* of so many one is kept for the next read */
#define WB_DEPTH_VAIN		8	/* pauses end a comparison */
#define WB_DEPTH_UNIT		1024
#define WB_DEPTH_CLEAR		(16 * WB_DEPTH_UNIT)
#define WB_DEPTH_CERTAIN	(4 * WB_DEPTH_UNIT * WB_DEPTH_UNIT)

static u32 wb_depth_low(const struct wb_depth *d)
{
	return d->down ? d->now - d->step : d->now;
}

static u32 wb_depth_level(const struct wb_depth *d)
{
	if (!d->comparing)
		return d->now;
	return wb_depth_low(d) + (d->turn ? d->step : 0);
}

/* What is in flight until now ends before it is counted. */
static void wb_depth_watch(struct wb_depth *d, u32 nr)
{
	d->watching = true;
	d->settle = max(nr, wb_depth_level(d));
}

static void wb_depth_turn(struct wb_depth *d, u32 turn)
{
	d->turn = turn;
	d->watching = false;
	d->ended = 0;
	d->waived = 0;
	d->vain = 0;
}

/* Compares anew, but for what is @known of the smaller number. */
static void wb_depth_compare(struct wb_depth *d, bool known)
{
	d->comparing = true;
	wb_depth_turn(d, known);
	if (!known) {
		d->seen[0].ios = 0;
		d->seen[0].ns = 0;
	}
	d->seen[1].ios = 0;
	d->seen[1].ns = 0;
}

static void wb_depth_rest(struct wb_depth *d)
{
	d->comparing = false;
	d->rest = WB_DEPTH_REST * d->patience * d->now;
	/* the second of two I/Os costs reads most, where they are not done at a time */
	d->patience = min_t(u32, (d->now == 1 ? 8 : 2) * d->patience, WB_DEPTH_PATIENCE);
	d->down = !d->down;
}

/* Up and down in turn, where there is something. */
static void wb_depth_try(struct wb_depth *d)
{
	if (d->now == 1)
		d->down = false;
	else if (d->now == d->most)
		d->down = true;
	d->step = max_t(u32, d->now / 4, 1);
	if (!d->down)
		d->step = min(d->step, d->most - d->now);
	if (d->step)
		wb_depth_compare(d, false);
	else
		wb_depth_rest(d);
}

void wb_depth_init(struct wb_depth *d)
{
	*d = (struct wb_depth){ .now = 1, .step = 1, .patience = 1 };
	wb_depth_compare(d, false);
}

/* By how much the larger number did better than what is worth it. */
static s64 wb_depth_gain(const struct wb_depth *d)
{
	u64 few = div64_u64(d->seen[0].ns, d->seen[0].ios);
	u64 many = max_t(u64, div64_u64(d->seen[1].ns, d->seen[1].ios), 1);
	u64 rate = div64_u64(few * WB_DEPTH_UNIT, many);
	u32 worth = WB_DEPTH_UNIT + d->step * WB_DEPTH_UNIT / (2 * wb_depth_low(d));

	return (s64)rate - worth;
}

static void wb_depth_raise(struct wb_depth *d)
{
	d->now += d->step;
	d->patience = 1;
	if (d->now == d->most) {
		wb_depth_rest(d);
		return;
	}
	d->step = min3(2 * d->step, d->now, d->most - d->now);
	d->seen[0] = d->seen[1];
	wb_depth_compare(d, true);
}

/* So many more are not worth it; half of them may be. */
static void wb_depth_refine(struct wb_depth *d)
{
	d->step /= 2;
	if (d->step && d->step >= d->now / 4)
		wb_depth_compare(d, true);
	else
		wb_depth_rest(d);
}

/*
 * Times vary by chance, that of a mean with the root of what was counted.  So a
 * clear difference is believed soon, a small one when much was counted.
 */
static void wb_depth_judge(struct wb_depth *d)
{
	u64 n = min(d->seen[0].ios, d->seen[1].ios);
	s64 gain = clamp_t(s64, wb_depth_gain(d), -WB_DEPTH_CLEAR, WB_DEPTH_CLEAR);

	if (gain * gain * n < WB_DEPTH_CERTAIN && n < WB_DEPTH_ENOUGH)
		return;
	if (!d->down && gain >= 0) {
		wb_depth_raise(d);
	} else if (!d->down) {
		wb_depth_refine(d);
	} else if (gain >= 0) {
		wb_depth_rest(d);
	} else {
		d->now -= d->step;
		d->patience = 1;
		if (d->now > 1)
			wb_depth_try(d);
		else
			wb_depth_rest(d);
	}
}

/*
 * A read that was overtaken by as many as were before it may wait for a place, and be
 * overtaken by the next, too.  So fewer and fewer follow, down to half: a number that is
 * tried is at most twice what had a place before.  If that does not help in as long
 * again, the read is just slow, and no reason to write less.
 */
static u32 wb_depth_overtaken(const struct wb_depth *d, u32 level)
{
	if (d->overtaken <= level || d->overtaken > 3 * level)
		return 0;
	return min(d->overtaken - level, max_t(u32, level / 2, 1));
}

/*
 * What makes way for a read: that of a user who waits, or the next.  Of two numbers that
 * are compared the larger may be more than the disk takes, and a quarter of it too little.
 */
static u32 wb_depth_way(const struct wb_depth *d, u32 level, bool reading)
{
	u32 low = d->comparing ? wb_depth_low(d) : level;
	u32 way = 0;

	if (reading)
		way = level - low + max_t(u32, low / WB_DEPTH_WAY, 1);
	else if (!d->comparing && level >= WB_DEPTH_SPARE && level < d->most)
		way = 1;
	return max(way, wb_depth_overtaken(d, level));
}

static void wb_depth_rested(struct wb_depth *d, u32 nr)
{
	d->rest -= min(d->rest, nr);
	if (!d->rest)
		wb_depth_try(d);
}

static void wb_depth_settle(struct wb_depth *d, u32 nr)
{
	d->settle -= min(d->settle, nr);
	d->waived += nr;
	d->since = d->last;
}

static void wb_depth_count(struct wb_depth *d, u32 nr)
{
	d->seen[d->turn].ios += nr;
	d->seen[d->turn].ns += d->last - d->since;
	d->since = d->last;
	d->ended += nr;
	if (d->ended < max_t(u32, 2 * wb_depth_level(d), WB_DEPTH_COUNTED))
		return;
	wb_depth_turn(d, !d->turn);
	if (!d->turn)
		wb_depth_judge(d);
}

/* All that ended since it was last asked: of I/Os that end at once, none or all. */
static void wb_depth_account(struct wb_depth *d)
{
	u32 nr = d->fresh;

	d->fresh = 0;
	if (!nr)
		return;
	if (!d->watching)
		d->waived += nr;
	else if (!d->comparing)
		wb_depth_rested(d, nr);
	else if (d->settle)
		wb_depth_settle(d, nr);
	else
		wb_depth_count(d, nr);
}

u32 wb_depth_limit(struct wb_depth *d, u32 most, u32 nr, bool reading, u32 served)
{
	u32 level;

	if (d->most != most) {
		d->most = most;
		d->now = min(d->now, most);
		d->patience = 1;
		wb_depth_try(d);
	}
	wb_depth_account(d);
	if (!reading || d->served != served) {
		d->served = served;
		d->overtaken = 0;
	}
	level = wb_depth_level(d);
	/* A read is waited for, but there must be an end to it. */
	if (d->comparing && d->waived >= WB_DEPTH_WAIVED * level)
		reading = false;
	if (d->comparing && reading)
		d->watching = false;
	else if (!d->watching)
		wb_depth_watch(d, nr);
	return level - wb_depth_way(d, level, reading);
}

void wb_depth_ended(struct wb_depth *d, u64 now)
{
	d->overtaken++;
	d->fresh++;
	d->last = max(d->last, now);
}

/*
 * Sweeps that are too small to settle in would leave it at the larger number for ever.
 * So it does with what it knows, until an unbroken run is as long as a short rest.
 */
void wb_depth_pause(struct wb_depth *d)
{
	if (d->comparing && d->watching)
		d->vain++;
	if (d->vain >= WB_DEPTH_VAIN) {
		d->comparing = false;
		d->rest = WB_DEPTH_REST * d->now;
	}
	d->watching = false;
	d->overtaken = 0;
	d->fresh = 0;
}
