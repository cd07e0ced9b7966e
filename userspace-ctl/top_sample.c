// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "top.h"
#include "util.h"
#include "wbctl.h"

static int by_name(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;
	int order = strcmp(x->dev.name, y->dev.name);

	return order ? order : (x->dev.status.id > y->dev.status.id) -
			       (x->dev.status.id < y->dev.status.id);
}

/* The largest first. */
#define BY(word, member)						\
	static int by_##word(const void *a, const void *b)		\
	{								\
		uint64_t x = ((const struct top_row *)a)->member;	\
		uint64_t y = ((const struct top_row *)b)->member;	\
									\
		return x == y ? by_name(a, b) : x < y ? 1 : -1;		\
	}

BY(dirty, dev.status.dirty_bytes)
BY(write, write_rate)
BY(read, read_rate)
BY(writeback, writeback_rate)
BY(oldest, dev.status.oldest_dirty_ms)
BY(backlog, backlog)

const struct top_order top_orders[] = {
	{ "name", by_name },
	{ "dirty", by_dirty },
	{ "write", by_write },
	{ "read", by_read },
	{ "writeback", by_writeback },
	{ "oldest", by_oldest },
	{ "backlog", by_backlog },
	{ }
};

static void draw_bar(struct top_row *row)
{
	const struct wb_ioc_status *st = &row->dev.status;
	size_t width = sizeof(row->bar) - 1, full = 0;

	/* Something dirty is never shown as nothing. */
	if (st->cache_bytes)
		full = (st->dirty_bytes * (double)width + st->cache_bytes - 1) /
			st->cache_bytes;
	if (full > width)
		full = width;
	memset(row->bar, '#', full);
	memset(row->bar + full, '.', width - full);
}

/* Counters that went back were cleared. */
static uint64_t rate(uint64_t now, uint64_t before, uint64_t ms)
{
	return now > before && ms ? (now - before) * 1000.0 / ms : 0;
}

static uint64_t bytes_read(const struct wb_ioc_stats *stats)
{
	return stats->read_hit_bytes + stats->read_miss_bytes;
}

static void derive(struct top_row *row, const struct top_row *before)
{
	const struct wb_ioc_status *st = &row->dev.status;

	row->backlog = st->acked_epoch - st->durable_epoch;
	draw_bar(row);
	if (!before)
		return;
	const struct wb_ioc_stats *now = &row->stats, *old = &before->stats;
	uint64_t ms = row->when - before->when;

	row->write_rate = rate(now->write_bytes, old->write_bytes, ms);
	row->read_rate = rate(bytes_read(now), bytes_read(old), ms);
	row->writeback_rate = rate(now->writeback_bytes, old->writeback_bytes, ms);
	row->throttle_rate = rate(now->throttled_ios, old->throttled_ios, ms);
	for (size_t i = 0; i < WB_NR_LATENCIES; i++)
		row->latency[i] = histogram_since(row->taken + i, before->taken + i);
}

static const struct top_row *find(const struct top_sample *sample, uint64_t id)
{
	for (size_t i = 0; i < sample->nr; i++)
		if (sample->rows[i].dev.status.id == id)
			return sample->rows + i;
	return NULL;
}

/* An older module keeps no histograms; they stay empty. */
static void read_latencies(struct top_row *row)
{
	for (int which = 0; which < WB_NR_LATENCIES; which++)
		histogram_read(&row->dev, which, row->taken + which);
}

/* false: it is gone meanwhile. */
static bool read_row(struct top_row *row, const struct device *dev,
		     const struct top_sample *before)
{
	*row = (struct top_row){
		.dev = *dev,
		.stats = { .size = sizeof(row->stats), .id = dev->status.id },
		.when = now_ms(),
	};
	if (control_call(WB_IOC_STATS, &row->stats))
		return false;
	read_latencies(row);
	derive(row, find(before, dev->status.id));
	return true;
}

int top_read(struct top_sample *sample, const struct top_order *order)
{
	struct top_sample now = { .nr = 0 };
	struct device *devs;
	size_t nr;
	int code = device_select(0, NULL, &devs, &nr);

	if (code)
		return code;
	now.rows = zalloc(nr, sizeof(*now.rows));
	for (size_t i = 0; i < nr; i++)
		now.nr += read_row(now.rows + now.nr, devs + i, sample);
	qsort(now.rows, now.nr, sizeof(*now.rows), order->compare);
	free(devs);
	free(sample->rows);
	*sample = now;
	return EXIT_DONE;
}

/* A column of status, in a row of top. */
static json_object *get_status(const struct column *column, const void *row)
{
	const struct column *found = status_columns;

	while (strcmp(found->key, column->key))
		found++;
	return found->get(found, &((const struct top_row *)row)->dev);
}

#define STATUS(key, header, type)	{ key, header, type, get_status }
#define NUMBER(key, header, type, member) \
	{ key, header, type, get_u64, offsetof(struct top_row, member) }

const struct column top_columns[] = {
	STATUS("name", "NAME", COL_TEXT),
	STATUS("id", "ID", COL_COUNT),
	STATUS("mode", "MODE", COL_TEXT),
	STATUS("health", "HEALTH", COL_TEXT),
	STATUS("state", "STATE", COL_TEXT),
	{ "dirty_bar", "BAR", COL_TEXT, get_text, offsetof(struct top_row, bar) },
	STATUS("dirty_bytes", "DIRTY", COL_SIZE),
	STATUS("cache_bytes", "CACHE", COL_SIZE),
	NUMBER("write_rate", "WRITE", COL_RATE, write_rate),
	NUMBER("read_rate", "READ", COL_RATE, read_rate),
	NUMBER("writeback_rate", "WRITEBACK", COL_RATE, writeback_rate),
	STATUS("oldest_dirty_ms", "OLDEST", COL_MS),
	STATUS("loss_window_bytes", "LOSS", COL_SIZE),
	STATUS("loss_window_ms", "LOSSAGE", COL_MS),
	STATUS("acked_epoch", "ACKED", COL_COUNT),
	STATUS("durable_epoch", "DURABLE", COL_COUNT),
	NUMBER("backlog", "BACKLOG", COL_COUNT, backlog),
	NUMBER("throttle_rate", "THROTTLED", COL_COUNT, throttle_rate),
	STATUS("waiting_writers", "WAITING", COL_COUNT),
	STATUS("drain_eta_ms", "ETA", COL_MS),
	{ }
};

struct rows top_rows(const struct top_sample *sample)
{
	return (struct rows){
		.columns = top_columns,
		.defaults = "NAME,MODE,HEALTH,STATE,BAR,DIRTY,WRITE,READ,WRITEBACK,OLDEST,LOSS,ACKED,DURABLE,BACKLOG,THROTTLED",
		.key = "devices",
		.row = sample->rows, .nr = sample->nr, .size = sizeof(*sample->rows),
	};
}
