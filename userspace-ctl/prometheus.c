// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "histogram.h"
#include "prometheus.h"
#include "util.h"

/**
 * struct metric - one number of each device
 * @name: behind "writebehind_"; as Prometheus has it, a counter ends in _total,
 *	times are in seconds
 * @help: one line
 * @offset: of the number, a u64, in the state or the counters
 * @ms: it is in milliseconds
 */
struct metric {
	const char *name;
	const char *help;
	size_t offset;
	bool ms;
};

#define STATE(member)	offsetof(struct wb_ioc_status, member)
#define COUNTER(member)	offsetof(struct wb_ioc_stats, member)

static const struct metric gauges[] = {
	{ "cache_bytes", "Size of the cache.", STATE(cache_bytes) },
	{ "dirty_bytes", "Newer in RAM than durable on the origin.", STATE(dirty_bytes) },
	{ "dirty_limit_bytes", "Dirty bytes above which writers wait.", STATE(dirty_limit) },
	{ "inflight_bytes", "Dirty bytes that are written or being written.",
	  STATE(writeback_bytes) },
	{ "clean_bytes", "Kept for reads.", STATE(clean_bytes) },
	{ "lent_bytes", "Of the cache, given back to the machine for now.", STATE(lent_bytes) },
	{ "failed_bytes", "Dirty bytes that the origin has refused.", STATE(failed_bytes) },
	{ "oldest_dirty_seconds", "Age of the oldest dirty data.",
	  STATE(oldest_dirty_ms), true },
	{ "drain_rate_bytes", "Measured rate of writeback, a second.", STATE(drain_rate) },
	{ "acked_epoch", "The last epoch that was closed.", STATE(acked_epoch) },
	{ "durable_epoch", "The last epoch that is durable.", STATE(durable_epoch) },
	{ "waiting_writers", "Writers that wait for room.", STATE(waiting_writers) },
};

static const struct metric counters[] = {
	{ "reads_total", "Reads.", COUNTER(reads) },
	{ "read_hit_bytes_total", "Read from RAM.", COUNTER(read_hit_bytes) },
	{ "read_miss_bytes_total", "Read from the origin.", COUNTER(read_miss_bytes) },
	{ "writes_total", "Writes.", COUNTER(writes) },
	{ "write_bytes_total", "Written by users.", COUNTER(write_bytes) },
	{ "absorbed_bytes_total", "Of these, replaced before they reached the origin.",
	  COUNTER(absorbed_bytes) },
	{ "discard_bytes_total", "Discarded.", COUNTER(discard_bytes) },
	{ "zero_bytes_total", "Zeroed.", COUNTER(zero_bytes) },
	{ "flushes_total", "FLUSH and FUA taken.", COUNTER(flushes) },
	{ "throttled_ios_total", "Writes that had to wait.", COUNTER(throttled_ios) },
	{ "writeback_ios_total", "Writes of the origin.", COUNTER(writeback_ios) },
	{ "origin_flushes_total", "Flushes of the origin.", COUNTER(origin_flushes) },
	{ "errors_total", "I/Os of the origin that failed.", COUNTER(errors) },
};

/* The words are told apart by a label, the one that holds has 1. */
static const struct {
	const char *name;
	const char *help;
	const char *label;
	const char *words[4];
	size_t offset;
} states[] = {
	{ "health", "How the origin fares.", "state",
	  { "ok", "retrying", "failing" }, STATE(health) },
	{ "mode", "What FLUSH promises.", "mode",
	  { "durable", "ordered", "volatile" }, STATE(mode) },
};

static const char *const reasons[WB_NR_REASONS] = {
	[WB_REASON_AGE] = "age",
	[WB_REASON_WATERMARK] = "watermark",
	[WB_REASON_IDLE] = "idle",
	[WB_REASON_FLUSH] = "flush",
	[WB_REASON_PRESSURE] = "pressure",
	[WB_REASON_TEARDOWN] = "teardown",
};

static void heading(const char *name, const char *help, const char *type)
{
	printf("# HELP writebehind_%s %s\n# TYPE writebehind_%s %s\n",
	       name, help, name, type);
}

static void label_value(const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", stdout);
		else if (*value == '"' || *value == '\\')
			printf("\\%c", *value);
		else
			putchar(*value);
	}
}

static void label(const char *key, const char *value)
{
	printf("%s=\"", key);
	label_value(value);
	putchar('"');
}

/* A name with its labels, up to the value; more labels as key, value, ... NULL. */
static void sample(const char *name, const struct device *dev, ...)
{
	const char *key;
	va_list more;

	printf("writebehind_%s{", name);
	label("name", dev->name);
	putchar(',');
	label("origin", dev->origin);
	va_start(more, dev);
	while ((key = va_arg(more, const char *))) {
		putchar(',');
		label(key, va_arg(more, const char *));
	}
	va_end(more);
	fputs("} ", stdout);
}

static uint64_t number(const void *from, size_t offset)
{
	return *(const uint64_t *)((const char *)from + offset);
}

static void print_number(const struct metric *metric, uint64_t n)
{
	if (metric->ms)
		printf("%" PRIu64 ".%03" PRIu64 "\n", n / 1000, n % 1000);
	else
		printf("%" PRIu64 "\n", n);
}

/* @from is what holds the number of the first device, @size that of the next. */
static void print_metric(const struct metric *metric, const char *type,
			 const struct device *devs, size_t nr, const void *from,
			 size_t size)
{
	heading(metric->name, metric->help, type);
	for (size_t i = 0; i < nr; i++) {
		sample(metric->name, devs + i, NULL);
		print_number(metric, number(from, i * size + metric->offset));
	}
}

static void print_metrics(const struct device *devs,
			  const struct wb_ioc_stats *stats, size_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(gauges); i++)
		print_metric(gauges + i, "gauge", devs, nr, &devs->status,
			     sizeof(*devs));
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		print_metric(counters + i, "counter", devs, nr, stats, sizeof(*stats));
}

static void print_states(const struct device *devs, size_t nr)
{
	for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
		heading(states[s].name, states[s].help, "gauge");
		for (size_t i = 0; i < nr; i++) {
			const char *at = (const char *)&devs[i].status + states[s].offset;

			for (uint32_t w = 0; states[s].words[w]; w++) {
				sample(states[s].name, devs + i, states[s].label,
				       states[s].words[w], NULL);
				printf("%d\n", *(const uint32_t *)at == w);
			}
		}
	}
}

static void print_reasons(const struct device *devs,
			  const struct wb_ioc_stats *stats, size_t nr)
{
	heading("writeback_bytes_total", "Written to the origin.", "counter");
	for (size_t i = 0; i < nr; i++) {
		for (size_t r = 0; r < WB_NR_REASONS; r++) {
			sample("writeback_bytes_total", devs + i, "reason", reasons[r],
			       NULL);
			printf("%" PRIu64 "\n", (uint64_t)stats[i].writeback_reason[r]);
		}
	}
}

static void print_bucket(const struct device *dev, const char *io, const char *edge,
			 uint64_t count)
{
	sample("io_seconds_bucket", dev, "io", io, "le", edge, NULL);
	printf("%" PRIu64 "\n", count);
}

/* Prometheus counts in a bucket what is in those before it, too. */
static void print_histogram(const struct device *dev, const char *io,
			    const struct histogram *histogram)
{
	uint64_t below = 0;
	char edge[TEXT_LEN];

	for (size_t i = 0; i + 1 < WB_LATENCY_BUCKETS; i++) {
		below += histogram->count[i];
		snprintf(edge, sizeof(edge), "%.9g", histogram_edge(i) / 1e9);
		print_bucket(dev, io, edge, below);
	}
	print_bucket(dev, io, "+Inf", histogram->total);
	sample("io_seconds_sum", dev, "io", io, NULL);
	printf("%.9g\n", histogram->sum_ns / 1e9);
	sample("io_seconds_count", dev, "io", io, NULL);
	printf("%" PRIu64 "\n", histogram->total);
}

/* An older module has none. */
static void print_histograms(const struct device *devs, size_t nr)
{
	struct histogram histogram;

	heading("io_seconds", "How long I/Os took.", "histogram");
	for (size_t i = 0; i < nr; i++)
		for (int which = 0; which < WB_NR_LATENCIES; which++)
			if (!histogram_read(devs + i, which, &histogram))
				print_histogram(devs + i, histogram_words[which],
						&histogram);
}

void prometheus(const struct device *devs, const struct wb_ioc_stats *stats,
		size_t nr)
{
	print_states(devs, nr);
	print_metrics(devs, stats, nr);
	print_reasons(devs, stats, nr);
	print_histograms(devs, nr);
}
