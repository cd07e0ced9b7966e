/* SPDX-License-Identifier: GPL-2.0-only */
/* How long the I/Os of a device took. */
#ifndef WBCTL_HISTOGRAM_H
#define WBCTL_HISTOGRAM_H

#include "device.h"

#define HISTOGRAM_BAR_LEN	(WB_LATENCY_BUCKETS + 1)

/**
 * struct histogram - of one kind of I/O
 * @total: how many
 * @sum_ns: nanoseconds, all together
 * @count: how many took less than histogram_edge(i), and not less than that of
 *	the one before
 */
struct histogram {
	uint64_t total;
	uint64_t sum_ns;
	uint64_t count[WB_LATENCY_BUCKETS];
};

/* What is timed, by enum wb_latency. */
extern const char *const histogram_words[WB_NR_LATENCIES];

/* Returns 0 or an errno: ENOTTY from a module that keeps none. */
int histogram_read(const struct device *dev, enum wb_latency which,
		   struct histogram *histogram);

/* What came since @before, a histogram of the same; all of it if it was cleared. */
struct histogram histogram_since(const struct histogram *now,
				 const struct histogram *before);

/* Nanoseconds; UINT64_MAX for the last, which has no upper edge. */
uint64_t histogram_edge(size_t i);

/* So many thousandths took less nanoseconds than that; UINT64_MAX if there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, uint64_t thousandths);

/* The same for the mean. */
uint64_t histogram_mean(const struct histogram *histogram);

/* A character for each count, the fuller the more.  Returns @bar. */
const char *histogram_bar(char bar[HISTOGRAM_BAR_LEN],
			  const struct histogram *histogram);

#endif
