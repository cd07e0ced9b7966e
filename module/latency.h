/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long I/Os took: histograms, per CPU and in memory of their own, so that they
 * share no cache line with what a write reads.
 */
#ifndef WB_LATENCY_H
#define WB_LATENCY_H

#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <uapi/linux/dm-writebehind.h>

/**
 * struct wb_histogram - how often it took how long
 * @sum: nanoseconds
 * @count: how many took less than WB_LATENCY_LEAST << i and are not in one before;
 *	in the last, all that took longer, too
 */
struct wb_histogram {
	u64 sum;
	u64 count[WB_LATENCY_BUCKETS];
};

struct wb_histograms {
	struct wb_histogram of[WB_NR_LATENCIES];
};

/**
 * struct wb_latencies - the histograms of a store
 * @cpu: what each CPU added, never reset
 * @base: the sums at the last clear; guarded by the caller of clear and read
 */
struct wb_latencies {
	struct wb_histograms __percpu *cpu;
	struct wb_histograms base;
};

int wb_latencies_init(struct wb_latencies *l);
void wb_latencies_exit(struct wb_latencies *l);

/* Any context, interrupts too. */
static inline void wb_latency_add(struct wb_latencies *l, enum wb_latency which,
				  u64 ns)
{
	int i = clamp(fls64(ns) - (fls64(WB_LATENCY_LEAST) - 1), 0,
		      WB_LATENCY_BUCKETS - 1);

	this_cpu_inc(l->cpu->of[which].count[i]);
	this_cpu_add(l->cpu->of[which].sum, ns);
}

/* Sums since the last clear. */
void wb_latencies_read(const struct wb_latencies *l, enum wb_latency which,
		       struct wb_histogram *sum);
void wb_latencies_clear(struct wb_latencies *l);

#endif /* WB_LATENCY_H */
