// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "columns.h"
#include "device.h"
#include "util.h"

#define FIELD(member)	offsetof(struct device, member)
#define STATUS(member)	FIELD(status.member)

static const char *const modes[] = {
	[WB_MODE_DURABLE] = "durable",
	[WB_MODE_ORDERED] = "ordered",
	[WB_MODE_VOLATILE] = "volatile",
	NULL
};

static const char *const on_errors[] = {
	[WB_ON_ERROR_BUFFER] = "buffer",
	[WB_ON_ERROR_WRITETHROUGH] = "writethrough",
	[WB_ON_ERROR_REFUSE] = "refuse",
	NULL
};

static const char *const healths[] = {
	[WB_HEALTH_OK] = "ok",
	[WB_HEALTH_RETRYING] = "retrying",
	[WB_HEALTH_FAILING] = "failing",
	NULL
};

/* The one word for a table; JSON has each flag by itself too. */
static json_object *get_state(const struct column *column, const void *row)
{
	static const struct {
		unsigned int flag;
		const char *word;
	} states[] = {
		{ WB_F_ORPHAN, "orphan" },
		{ WB_F_SUSPENDED, "suspended" },
		{ WB_F_HELD, "held" },
		{ WB_F_FROZEN, "frozen" },
		{ WB_F_DRAINING, "draining" },
	};
	const struct device *dev = row;

	(void)column;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (dev->status.state_flags & states[i].flag)
			return json_object_new_string(states[i].word);
	return json_object_new_string("active");
}

/*
 * What a crash now may take of the writes that a FLUSH has acknowledged: in
 * durable mode none.  Otherwise what is dirty, at most: some of it may not have
 * been flushed yet.
 */
static json_object *get_loss(const struct column *column, const void *row)
{
	const struct device *dev = row;

	if (dev->status.mode == WB_MODE_DURABLE)
		return json_object_new_uint64(0);
	return get_u64(column, row);
}

#define FLAG(key, header, bit) \
	{ key, header, COL_TEXT, get_flag, STATUS(state_flags), .flag = bit }

const struct column status_columns[] = {
	{ "name", "NAME", COL_TEXT, get_text, FIELD(name) },
	{ "id", "ID", COL_COUNT, get_u64, STATUS(id) },
	{ "device", "DEVICE", COL_TEXT, get_text, FIELD(number) },
	{ "origin", "ORIGIN", COL_TEXT, get_text, FIELD(origin) },
	{ "mode", "MODE", COL_TEXT, get_word, STATUS(mode), .words = modes },
	{ "health", "HEALTH", COL_TEXT, get_word, STATUS(health), .words = healths },
	{ "state", "STATE", COL_TEXT, get_state },
	FLAG("orphan", "ORPHAN", WB_F_ORPHAN),
	FLAG("suspended", "SUSPENDED", WB_F_SUSPENDED),
	FLAG("frozen", "FROZEN", WB_F_FROZEN),
	FLAG("draining", "DRAINING", WB_F_DRAINING),
	FLAG("held", "HELD", WB_F_HELD),
	{ "cache_bytes", "CACHE", COL_SIZE, get_u64, STATUS(cache_bytes) },
	{ "dirty_bytes", "DIRTY", COL_SIZE, get_u64, STATUS(dirty_bytes) },
	{ "writeback_bytes", "WRITEBACK", COL_SIZE, get_u64, STATUS(writeback_bytes) },
	{ "clean_bytes", "CLEAN", COL_SIZE, get_u64, STATUS(clean_bytes) },
	{ "lent_bytes", "LENT", COL_SIZE, get_u64, STATUS(lent_bytes) },
	{ "descriptor_bytes", "DESCRIPTORS", COL_SIZE, get_u64,
	  STATUS(descriptor_bytes) },
	{ "oldest_dirty_ms", "OLDEST", COL_MS, get_u64, STATUS(oldest_dirty_ms) },
	{ "loss_window_bytes", "LOSS", COL_SIZE, get_loss, STATUS(dirty_bytes) },
	{ "loss_window_ms", "LOSSAGE", COL_MS, get_loss, STATUS(oldest_dirty_ms) },
	{ "dirty_limit", "DIRTYLIMIT", COL_SIZE, get_u64, STATUS(dirty_limit) },
	{ "acked_epoch", "ACKED", COL_COUNT, get_u64, STATUS(acked_epoch) },
	{ "durable_epoch", "DURABLE", COL_COUNT, get_u64, STATUS(durable_epoch) },
	{ "drain_rate", "RATE", COL_RATE, get_u64, STATUS(drain_rate) },
	{ "drain_eta_ms", "ETA", COL_MS, get_u64_or_none, STATUS(drain_eta_ms) },
	{ "waiting_writers", "WAITING", COL_COUNT, get_u64, STATUS(waiting_writers) },
	{ "failed_bytes", "FAILED", COL_SIZE, get_u64, STATUS(failed_bytes) },
	{ "bad_sector", "BAD", COL_COUNT, get_u64_or_none, STATUS(bad_sector) },
	{ "origin_bytes", "ORIGINSIZE", COL_SIZE, get_u64, STATUS(origin_bytes) },
	{ "high_watermark", "HIGH", COL_COUNT, get_u32, STATUS(high_watermark) },
	{ "low_watermark", "LOW", COL_COUNT, get_u32, STATUS(low_watermark) },
	{ "max_age", "AGE", COL_MS, get_u64, STATUS(max_age) },
	{ "writeback_jobs", "JOBS", COL_COUNT, get_u32, STATUS(writeback_jobs) },
	{ "pause_writeback", "PAUSE", COL_MS, get_u64, STATUS(pause_writeback) },
	{ "drain_limit", "LIMIT", COL_LIMIT, get_u64, STATUS(drain_limit) },
	{ "shutdown_timeout", "SHUTDOWN", COL_SECONDS, get_u64,
	  STATUS(shutdown_timeout) },
	{ "on_error", "ONERROR", COL_TEXT, get_word, STATUS(on_error),
	  .words = on_errors },
	FLAG("read_cache", "READ", WB_F_READ_CACHE),
	FLAG("write_through", "WRITETHROUGH", WB_F_WRITE_THROUGH),
	{ }
};
