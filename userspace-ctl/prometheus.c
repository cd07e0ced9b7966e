// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>

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

/* Up to the value, with one more label if there is one. */
static void sample(const char *name, const struct device *dev,
		   const char *label, const char *value)
{
	printf("writebehind_%s{name=\"", name);
	label_value(dev->name);
	printf("\",origin=\"");
	label_value(dev->origin);
	if (label)
		printf("\",%s=\"%s", label, value);
	printf("\"} ");
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

static void print_gauges(const struct device *devs, size_t nr)
{
	for (size_t m = 0; m < ARRAY_SIZE(gauges); m++) {
		heading(gauges[m].name, gauges[m].help, "gauge");
		for (size_t i = 0; i < nr; i++) {
			sample(gauges[m].name, devs + i, NULL, NULL);
			print_number(gauges + m,
				     number(&devs[i].status, gauges[m].offset));
		}
	}
}

static void print_counters(const struct device *devs,
			   const struct wb_ioc_stats *stats, size_t nr)
{
	for (size_t m = 0; m < ARRAY_SIZE(counters); m++) {
		heading(counters[m].name, counters[m].help, "counter");
		for (size_t i = 0; i < nr; i++) {
			sample(counters[m].name, devs + i, NULL, NULL);
			print_number(counters + m,
				     number(stats + i, counters[m].offset));
		}
	}
}

static void print_states(const struct device *devs, size_t nr)
{
	for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
		heading(states[s].name, states[s].help, "gauge");
		for (size_t i = 0; i < nr; i++) {
			const char *at = (const char *)&devs[i].status + states[s].offset;

			for (uint32_t w = 0; states[s].words[w]; w++) {
				sample(states[s].name, devs + i, states[s].label,
				       states[s].words[w]);
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
			sample("writeback_bytes_total", devs + i, "reason", reasons[r]);
			printf("%" PRIu64 "\n", (uint64_t)stats[i].writeback_reason[r]);
		}
	}
}

void prometheus(const struct device *devs, const struct wb_ioc_stats *stats,
		size_t nr)
{
	print_states(devs, nr);
	print_gauges(devs, nr);
	print_counters(devs, stats, nr);
	print_reasons(devs, stats, nr);
}
