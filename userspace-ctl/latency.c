// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "table.h"
#include "util.h"
#include "wbctl.h"

struct row {
	const char *name;
	const char *io;
	struct histogram histogram;
	uint64_t mean;
	uint64_t quantile[4];
	char bar[HISTOGRAM_BAR_LEN];
};

static json_object *get_string(const struct column *column, const void *row)
{
	return json_object_new_string(*(const char *const *)((const char *)row +
							     column->offset));
}

/* Where there are any. */
static json_object *get_buckets(const struct column *column, const void *row)
{
	const struct histogram *histogram = &((const struct row *)row)->histogram;
	json_object *array = json_object_new_array();

	(void)column;
	for (size_t i = 0; i < WB_LATENCY_BUCKETS; i++) {
		uint64_t edge = histogram_edge(i);
		json_object *bucket;

		if (!histogram->count[i])
			continue;
		bucket = json_object_new_object();
		json_object_object_add(bucket, "below_ns", edge == UINT64_MAX ? NULL :
				       json_object_new_uint64(edge));
		json_object_object_add(bucket, "count",
				       json_object_new_uint64(histogram->count[i]));
		json_object_array_add(array, bucket);
	}
	return array;
}

#define TIME(key, header, member) \
	{ key, header, COL_NS, get_u64_or_none, offsetof(struct row, member) }

static const struct column latency_columns[] = {
	{ "name", "NAME", COL_TEXT, get_string, offsetof(struct row, name) },
	{ "io", "IO", COL_TEXT, get_string, offsetof(struct row, io) },
	{ "count", "COUNT", COL_COUNT, get_u64, offsetof(struct row, histogram.total) },
	TIME("mean_ns", "MEAN", mean),
	TIME("p50_ns", "P50", quantile[0]),
	TIME("p90_ns", "P90", quantile[1]),
	TIME("p99_ns", "P99", quantile[2]),
	TIME("p999_ns", "P999", quantile[3]),
	{ "bar", "BAR", COL_TEXT, get_text, offsetof(struct row, bar) },
	{ "buckets", "BUCKETS", COL_TEXT, get_buckets },
	{ }
};

static const uint64_t thousandths[] = { 500, 900, 990, 999 };

static int fetch(struct row *row, const struct device *dev, enum wb_latency which)
{
	int err = histogram_read(dev, which, &row->histogram);

	if (err)
		return err;
	row->name = dev->name;
	row->io = histogram_words[which];
	row->mean = histogram_mean(&row->histogram);
	for (size_t i = 0; i < ARRAY_SIZE(thousandths); i++)
		row->quantile[i] = histogram_quantile(&row->histogram, thousandths[i]);
	histogram_bar(row->bar, &row->histogram);
	return 0;
}

static int fetch_device(struct row *rows, const struct device *dev)
{
	int err = 0;

	for (int i = 0; i < WB_NR_LATENCIES && !err; i++)
		err = fetch(rows + i, dev, i);
	return err;
}

/* One that is gone by now is only missed by who has @named it. */
static int fetch_all(struct row *rows, const struct device *devs, size_t nr, size_t *got,
		     bool named)
{
	for (size_t i = 0; i < nr; i++) {
		int err = fetch_device(rows + *got, devs + i);

		if (!err)
			*got += WB_NR_LATENCIES;
		else if (named || err != ENODEV)
			return fail(exit_code_of(err),
				    "%s: cannot read how long its I/Os took: %s",
				    devs[i].name, strerror(err));
	}
	return EXIT_DONE;
}

static int latency_run(int argc, char **argv)
{
	struct device *devs;
	struct row *rows;
	size_t nr, got = 0;
	int code = device_select(argc, argv, &devs, &nr);

	if (code)
		return code;
	rows = zalloc(nr * WB_NR_LATENCIES, sizeof(*rows));
	code = fetch_all(rows, devs, nr, &got, argc);
	if (!code)
		report_rows(&(struct rows){
			.columns = latency_columns,
			.defaults = "NAME,IO,COUNT,MEAN,P50,P90,P99,P999,BAR",
			.key = "latencies",
			.row = rows, .nr = got, .size = sizeof(*rows),
		});
	free(rows);
	free(devs);
	return code;
}

const struct verb latency_verb = {
	.name = "latency",
	.operands = "[NAME...]",
	.summary = "Show how long writes, reads, flushes and writes of the origin took.",
	.columns = latency_columns,
	.max_operands = ANY_NUMBER,
	.run = latency_run,
};
