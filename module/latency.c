// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long I/Os took.
 */
#include "latency.h"

#include <linux/cpumask.h>
#include <linux/string.h>

int wb_latencies_init(struct wb_latencies *l)
{
	l->cpu = alloc_percpu(struct wb_histograms);
	return l->cpu ? 0 : -ENOMEM;
}

void wb_latencies_exit(struct wb_latencies *l)
{
	free_percpu(l->cpu);
}

static void wb_histogram_sum(const struct wb_latencies *l, enum wb_latency which,
			     struct wb_histogram *sum)
{
	const struct wb_histogram *h;
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		h = &per_cpu_ptr(l->cpu, cpu)->of[which];
		sum->sum += READ_ONCE(h->sum);
		for (i = 0; i < WB_LATENCY_BUCKETS; i++)
			sum->count[i] += READ_ONCE(h->count[i]);
	}
}

void wb_latencies_read(const struct wb_latencies *l, enum wb_latency which,
		       struct wb_histogram *sum)
{
	const struct wb_histogram *base = &l->base.of[which];
	unsigned int i;

	wb_histogram_sum(l, which, sum);
	sum->sum -= base->sum;
	for (i = 0; i < WB_LATENCY_BUCKETS; i++)
		sum->count[i] -= base->count[i];
}

/* As with the counters, a new zero does not race with those who add. */
void wb_latencies_clear(struct wb_latencies *l)
{
	unsigned int which;

	for (which = 0; which < WB_NR_LATENCIES; which++)
		wb_histogram_sum(l, which, &l->base.of[which]);
}
