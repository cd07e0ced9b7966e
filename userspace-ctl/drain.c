// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "drain.h"
#include "progress.h"
#include "signals.h"
#include "util.h"
#include "wbctl.h"

#define SLICE_MS	200	/* between two looks at the state */

uint64_t deadline_after(uint64_t timeout)
{
	return timeout == NO_DEADLINE ? NO_DEADLINE : now_ms() + timeout;
}

int drain_start(struct drain *drain, const struct device *dev)
{
	struct wb_ioc_flush arg = {
		.size = sizeof(arg), .flags = WB_FLUSH_ASYNC, .id = dev->status.id,
	};
	int err = control_call(WB_IOC_FLUSH, &arg);

	if (err == ENXIO)
		return fail(EXIT_FAILED,
			    "%s: cannot flush: it is an orphan: create it on %s again, or dump id:%" PRIu64,
			    dev->name, dev->origin, (uint64_t)dev->status.id);
	if (err)
		return fail(exit_code_of(err), "%s: cannot flush: %s", dev->name,
			    strerror(err));
	*drain = (struct drain){
		.dev = *dev,
		.epoch = arg.epoch,
		.attempts = arg.attempts,
		.total = dev->status.dirty_bytes,
		.started = now_ms(),
	};
	return EXIT_DONE;
}

/* What others write meanwhile is dirty, too, but undoes nothing. */
static void drain_note(struct drain *drain, bool all)
{
	uint64_t dirty = all ? 0 : drain->dev.status.dirty_bytes;
	uint64_t done = dirty < drain->total ? drain->total - dirty : 0;

	if (drain->done < done)
		drain->done = done;
}

int drain_poll(struct drain *drain, uint64_t ms)
{
	struct wb_ioc_flush arg = {
		.size = sizeof(arg),
		.id = drain->dev.status.id,
		.epoch = drain->epoch,
		.attempts = drain->attempts,
		.timeout_ms = ms ? ms : 1,
	};
	int err = control_call(WB_IOC_FLUSH, &arg);
	int gone = device_refresh(&drain->dev);

	drain_note(drain, !err);
	if (!err)
		return 0;
	if (gone)
		return gone;
	/* Stopped and continued: not a reason to give up. */
	return err == EINTR ? ETIMEDOUT : err;
}

static int drain_slice(struct drain *drain, uint64_t deadline)
{
	uint64_t now = now_ms();
	uint64_t left = deadline > now ? deadline - now : 0;

	return drain_poll(drain, left < SLICE_MS ? left : SLICE_MS);
}

static int fail_origin(const struct drain *drain)
{
	const struct wb_ioc_status *st = &drain->dev.status;
	char dirty[TEXT_LEN], failed[TEXT_LEN], where[48] = "";

	if (st->bad_sector != UINT64_MAX)
		snprintf(where, sizeof(where), ", from sector %" PRIu64,
			 (uint64_t)st->bad_sector);
	return fail(EXIT_FAILED,
		    "%s: cannot flush: origin %s is failing: %s dirty, %s refused%s",
		    drain->dev.name, drain->dev.origin,
		    size_text(dirty, st->dirty_bytes, false),
		    size_text(failed, st->failed_bytes, false), where);
}

static int drain_result(const struct drain *drain, int err)
{
	const struct wb_ioc_status *st = &drain->dev.status;
	const char *name = drain->dev.name;
	char size[TEXT_LEN], took[TEXT_LEN];

	switch (err) {
	case 0:
		printf("%s: flushed %s in %s\n", name,
		       size_text(size, drain->total, false),
		       duration_text(took, now_ms() - drain->started));
		return EXIT_DONE;
	case ETIMEDOUT:
		size_text(size, st->dirty_bytes, false);
		if (interrupted)
			return fail(EXIT_FAILED,
				    "%s: interrupted: %s still dirty; the drain goes on",
				    name, size);
		return fail(EXIT_UNDRAINED,
			    "%s: timed out: %s still dirty; the drain goes on", name,
			    size);
	case EIO:
		return fail_origin(drain);
	default:
		return fail(exit_code_of(err), "%s: cannot flush: %s", name,
			    strerror(err));
	}
}

int drain_wait(struct drain *drain, uint64_t deadline)
{
	struct progress progress;
	int err;

	catch_signals();
	progress_begin(&progress, stdout, drain->dev.name, "flushing", drain->total);
	do {
		err = drain_slice(drain, deadline);
		progress_update(&progress, drain->done,
				drain->dev.status.drain_rate,
				drain->dev.status.drain_eta_ms);
	} while (err == ETIMEDOUT && !interrupted && now_ms() < deadline);
	progress_end(&progress);
	return drain_result(drain, err);
}
