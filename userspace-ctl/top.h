/* SPDX-License-Identifier: GPL-2.0-only */
/* What top shows, and the two ways to show it. */
#ifndef WBCTL_TOP_H
#define WBCTL_TOP_H

#include "device.h"
#include "histogram.h"
#include "table.h"

#define TOP_BAR_LEN	11

/**
 * struct top_row - a device and how fast it is
 * @dev: its state
 * @stats: its counters
 * @taken: how long its I/Os took
 * @latency: the same since the sample before
 * @when: they were read, by now_ms()
 * @write_rate: bytes a second that were taken, since the sample before
 * @read_rate: likewise, hits and misses
 * @writeback_rate: likewise
 * @throttle_rate: writes a second that had to wait
 * @backlog: epochs that are acknowledged and not durable
 * @bar: how full it is
 */
struct top_row {
	struct device dev;
	struct wb_ioc_stats stats;
	struct histogram taken[WB_NR_LATENCIES];
	struct histogram latency[WB_NR_LATENCIES];
	uint64_t when;
	uint64_t write_rate;
	uint64_t read_rate;
	uint64_t writeback_rate;
	uint64_t throttle_rate;
	uint64_t backlog;
	char bar[TOP_BAR_LEN];
};

/**
 * struct top_sample - all devices at one time
 * @rows: an array, to be freed
 * @nr: so many
 */
struct top_sample {
	struct top_row *rows;
	size_t nr;
};

/* Columns to sort by; the word is shown, and what --sort takes. */
struct top_order {
	const char *word;
	int (*compare)(const void *a, const void *b);
};

extern const struct top_order top_orders[];	/* ended by an empty one */
extern const struct column top_columns[];

/*
 * Reads all devices; the rates are those since @sample was read last, zero for
 * a device that it has not got.  Returns an exit code, the error printed.
 */
int top_read(struct top_sample *sample, const struct top_order *order);

/* The sample as report_rows() and report_text() take it. */
struct rows top_rows(const struct top_sample *sample);

/* On the whole terminal, until the user quits.  Returns an exit code. */
int top_screen(uint64_t interval_ms, const struct top_order *order);

#endif
