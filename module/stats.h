/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters, per CPU: adding is one instruction and bounces no cache line.
 */
#ifndef WB_STATS_H
#define WB_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <uapi/linux/dm-writebehind.h>

enum wb_stat {
	WB_STAT_READ_HIT,		/* bytes */
	WB_STAT_READ_MISS,		/* bytes */
	WB_STAT_WRITE,			/* bytes */
	WB_STAT_ABSORBED,		/* bytes */
	WB_STAT_DISCARD,		/* bytes */
	WB_STAT_ZERO,			/* bytes */
	WB_STAT_WRITEBACK_IOS,
	WB_STAT_ORIGIN_FLUSHES,
	WB_STAT_READS,
	WB_STAT_WRITES,
	WB_STAT_FLUSHES,
	WB_STAT_THROTTLED,
	WB_STAT_ERRORS,
	WB_STAT_REASON,			/* bytes written back, by enum wb_reason */
	WB_NR_STATS = WB_STAT_REASON + WB_NR_REASONS
};

struct wb_stat_values {
	u64 v[WB_NR_STATS];
};

/**
 * struct wb_stats - the counters of a store
 * @cpu: what each CPU added, never reset
 * @base: the sums at the last clear; guarded by the caller of clear and read
 */
struct wb_stats {
	struct wb_stat_values __percpu *cpu;
	struct wb_stat_values base;
};

int wb_stats_init(struct wb_stats *st);
void wb_stats_exit(struct wb_stats *st);

static inline void wb_stat_add(struct wb_stats *st, unsigned int which, u64 n)
{
	this_cpu_add(st->cpu->v[which], n);
}

/* Sums since the last clear. */
void wb_stats_read(const struct wb_stats *st, struct wb_stat_values *sum);
void wb_stats_clear(struct wb_stats *st);

#endif /* WB_STATS_H */
