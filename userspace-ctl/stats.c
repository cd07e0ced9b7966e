// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "opts.h"
#include "prometheus.h"
#include "table.h"
#include "util.h"
#include "wbctl.h"

struct row {
	const struct device *dev;
	struct wb_ioc_stats stats;
};

static json_object *get_name(const struct column *column, const void *row)
{
	(void)column;
	return json_object_new_string(((const struct row *)row)->dev->name);
}

#define BYTES(key, header, member) \
	{ key, header, COL_SIZE, get_u64, offsetof(struct row, stats.member) }
#define COUNT(key, header, member) \
	{ key, header, COL_COUNT, get_u64, offsetof(struct row, stats.member) }
#define REASON(word, header, reason) \
	BYTES("writeback_reason." word, header, writeback_reason[reason])

static const struct column stats_columns[] = {
	{ "name", "NAME", COL_TEXT, get_name },
	COUNT("id", "ID", id),
	BYTES("read_hit_bytes", "HIT", read_hit_bytes),
	BYTES("read_miss_bytes", "MISS", read_miss_bytes),
	BYTES("write_bytes", "WRITTEN", write_bytes),
	BYTES("absorbed_bytes", "ABSORBED", absorbed_bytes),
	BYTES("discard_bytes", "DISCARDED", discard_bytes),
	BYTES("zero_bytes", "ZEROED", zero_bytes),
	BYTES("writeback_bytes", "WRITEBACK", writeback_bytes),
	COUNT("writeback_ios", "WBIOS", writeback_ios),
	COUNT("origin_flushes", "ORIGINFLUSHES", origin_flushes),
	COUNT("reads", "READS", reads),
	COUNT("writes", "WRITES", writes),
	COUNT("flushes", "FLUSHES", flushes),
	COUNT("throttled_ios", "THROTTLED", throttled_ios),
	COUNT("errors", "ERRORS", errors),
	REASON("age", "BYAGE", WB_REASON_AGE),
	REASON("watermark", "BYWATERMARK", WB_REASON_WATERMARK),
	REASON("idle", "BYIDLE", WB_REASON_IDLE),
	REASON("flush", "BYFLUSH", WB_REASON_FLUSH),
	REASON("pressure", "BYPRESSURE", WB_REASON_PRESSURE),
	REASON("teardown", "BYTEARDOWN", WB_REASON_TEARDOWN),
	{ }
};

#define ONCE		UINT64_MAX
#define LEAST_MS	50

static uint64_t watch_ms = ONCE;
static bool for_prometheus;

static const struct opt stats_opts[] = {
	{ "watch", 'w', "[SECONDS]", "again every second, or so many", OPT_MAYBE_SECONDS,
	  &watch_ms },
	{ "prometheus", 'P', NULL, "in the text format of Prometheus, with the state",
	  OPT_FLAG, &for_prometheus },
	{ }
};

static int fetch(struct row *row, const struct device *dev)
{
	*row = (struct row){
		.dev = dev,
		.stats = { .size = sizeof(row->stats), .id = dev->status.id },
	};
	return control_call(WB_IOC_STATS, &row->stats);
}

/* One that is gone by now is only missed by who has @named it. */
static int fetch_all(struct row *rows, struct device *devs, size_t *nr, bool named)
{
	size_t all = *nr;

	*nr = 0;
	for (size_t i = 0; i < all; i++) {
		int err;

		devs[*nr] = devs[i];
		err = fetch(rows + *nr, devs + *nr);
		if (!err)
			(*nr)++;
		else if (named || err != ENODEV)
			return fail(exit_code_of(err), "%s: cannot read its counters: %s",
				    devs[*nr].name, strerror(err));
	}
	return EXIT_DONE;
}

/* Watched, one device is a line of a table too. */
static void show(const struct row *rows, size_t nr, bool one)
{
	if (one && (output.json || watch_ms == ONCE))
		report_one(stats_columns, rows);
	else
		report_rows(&(struct rows){
			.columns = stats_columns,
			.defaults = "NAME,HIT,MISS,WRITTEN,ABSORBED,WRITEBACK,WBIOS,FLUSHES,THROTTLED,ERRORS",
			.key = "devices",
			.row = rows, .nr = nr, .size = sizeof(*rows),
		});
}

static void show_for_prometheus(const struct device *devs, const struct row *rows,
				size_t nr)
{
	struct wb_ioc_stats *stats = zalloc(nr, sizeof(*stats));

	for (size_t i = 0; i < nr; i++)
		stats[i] = rows[i].stats;
	prometheus(devs, stats, nr);
	free(stats);
}

static int once(int argc, char **argv)
{
	struct device *devs;
	struct row *rows;
	size_t nr;
	int code = device_select(argc, argv, &devs, &nr);

	if (code)
		return code;
	rows = zalloc(nr, sizeof(*rows));
	code = fetch_all(rows, devs, &nr, argc);
	if (!code && for_prometheus)
		show_for_prometheus(devs, rows, nr);
	else if (!code)
		show(rows, nr, argc == 1);
	free(rows);
	free(devs);
	return code;
}

static int stats_run(int argc, char **argv)
{
	int code;

	if (watch_ms < LEAST_MS)
		return fail(EXIT_USAGE, "--watch: %d ms at least", LEAST_MS);
	output.one_line = watch_ms != ONCE;
	while (!(code = once(argc, argv)) && watch_ms != ONCE) {
		if (fflush(stdout) || ferror(stdout))
			break;
		sleep_ms(watch_ms);
	}
	return code;
}

const struct verb stats_verb = {
	.name = "stats",
	.operands = "[NAME...]",
	.summary = "Show the counters: of one device in full, of several as a table.",
	.opts = stats_opts,
	.columns = stats_columns,
	.max_operands = ANY_NUMBER,
	.run = stats_run,
};
