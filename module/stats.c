// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters, per CPU.
 */
#include "stats.h"

#include <linux/cpumask.h>
#include <linux/string.h>

int wb_stats_init(struct wb_stats *st)
{
	st->cpu = alloc_percpu(struct wb_stat_values);
	return st->cpu ? 0 : -ENOMEM;
}

void wb_stats_exit(struct wb_stats *st)
{
	free_percpu(st->cpu);
}

static void wb_stats_sum(const struct wb_stats *st, struct wb_stat_values *sum)
{
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu)
		for (i = 0; i < WB_NR_STATS; i++)
			sum->v[i] += READ_ONCE(per_cpu_ptr(st->cpu, cpu)->v[i]);
}

void wb_stats_read(const struct wb_stats *st, struct wb_stat_values *sum)
{
	unsigned int i;

	wb_stats_sum(st, sum);
	for (i = 0; i < WB_NR_STATS; i++)
		sum->v[i] -= st->base.v[i];
}

/* Resetting what other CPUs add to would race with them; a new zero does not. */
void wb_stats_clear(struct wb_stats *st)
{
	wb_stats_sum(st, &st->base);
}
