// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "histogram.h"
#include "util.h"

const char *const histogram_words[WB_NR_LATENCIES] = {
	[WB_LATENCY_WRITE] = "write",
	[WB_LATENCY_READ] = "read",
	[WB_LATENCY_FLUSH] = "flush",
	[WB_LATENCY_WRITEBACK] = "writeback",
};

int histogram_read(const struct device *dev, enum wb_latency which,
		   struct histogram *histogram)
{
	struct wb_ioc_latency arg = {
		.size = sizeof(arg), .id = dev->status.id, .which = which,
	};
	int err = control_call(WB_IOC_LATENCY, &arg);

	*histogram = (struct histogram){ .sum_ns = arg.sum_ns };
	for (size_t i = 0; i < WB_LATENCY_BUCKETS && !err; i++) {
		histogram->count[i] = arg.count[i];
		histogram->total += arg.count[i];
	}
	return err;
}

struct histogram histogram_since(const struct histogram *now,
				 const struct histogram *before)
{
	struct histogram since = *now;

	if (now->total < before->total || now->sum_ns < before->sum_ns)
		return since;
	since.total -= before->total;
	since.sum_ns -= before->sum_ns;
	for (size_t i = 0; i < WB_LATENCY_BUCKETS; i++)
		since.count[i] -= before->count[i];
	return since;
}

uint64_t histogram_edge(size_t i)
{
	return i + 1 < WB_LATENCY_BUCKETS ? (uint64_t)WB_LATENCY_LEAST << i : UINT64_MAX;
}

/* As if all between two edges were evenly spread. */
uint64_t histogram_quantile(const struct histogram *histogram, uint64_t thousandths)
{
	double wanted = histogram->total * (thousandths / 1000.0), below = 0;
	uint64_t low = 0;

	for (size_t i = 0; i < WB_LATENCY_BUCKETS; i++) {
		uint64_t count = histogram->count[i], high = histogram_edge(i);

		if (count && below + count >= wanted)
			return high == UINT64_MAX ? low :
			       low + (high - low) * ((wanted - below) / count);
		below += count;
		low = high;
	}
	return UINT64_MAX;
}

uint64_t histogram_mean(const struct histogram *histogram)
{
	return histogram->total ? histogram->sum_ns / histogram->total : UINT64_MAX;
}

const char *histogram_bar(char bar[HISTOGRAM_BAR_LEN],
			  const struct histogram *histogram)
{
	static const char levels[] = ".:-=+*#@";
	uint64_t most = 0;

	for (size_t i = 0; i < WB_LATENCY_BUCKETS; i++)
		if (histogram->count[i] > most)
			most = histogram->count[i];
	for (size_t i = 0; i < WB_LATENCY_BUCKETS; i++) {
		uint64_t count = histogram->count[i];

		bar[i] = count ? levels[(size_t)((sizeof(levels) - 2) *
						 ((double)count / most))] : ' ';
	}
	bar[WB_LATENCY_BUCKETS] = '\0';
	return bar;
}
