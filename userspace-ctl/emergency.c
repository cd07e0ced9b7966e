// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drain.h"
#include "opts.h"
#include "progress.h"
#include "signals.h"
#include "util.h"
#include "wbctl.h"

#define POLL_MS		200	/* all devices together */

static bool all, off;
static uint64_t timeout = NO_DEADLINE;

static const struct opt emergency_opts[] = {
	{ "all", 'a', NULL, "every device", OPT_FLAG, &all },
	{ "off", 'o', NULL, "back to normal: writes are cached again", OPT_FLAG, &off },
	{ "timeout", 't', "SECONDS", "stop waiting after so long; the drain goes on",
	  OPT_SECONDS, &timeout },
	{ }
};

/**
 * struct patient - one device
 * @drain: its flush
 * @err: what the last wait for that returned; ETIMEDOUT while it goes on
 * @code: the exit code that it deserves
 */
struct patient {
	struct drain drain;
	int err;
	int code;
};

static void worsen(struct patient *patient, int code)
{
	patient->code = worse(patient->code, code);
}

static void set_write_through(struct patient *patient, const char *value)
{
	const struct device *dev = &patient->drain.dev;
	int err = device_set(dev, "write_through", value);

	if (err)
		worsen(patient, fail(exit_code_of(err),
				     "%s: cannot set write_through: %s", dev->name,
				     strerror(err)));
}

static void thaw(struct patient *patient)
{
	const struct device *dev = &patient->drain.dev;
	int err = device_call(dev, WB_IOC_THAW);

	if (err)
		worsen(patient, fail(exit_code_of(err), "%s: cannot thaw: %s",
				     dev->name, strerror(err)));
}

static void start(struct patient *patient)
{
	struct device dev = patient->drain.dev;
	int code = drain_start(&patient->drain, &dev);

	patient->drain.dev = dev;
	patient->err = code ? ECANCELED : ETIMEDOUT;
	worsen(patient, code);
}

/* What stops new dirty data comes first on all of them, the slow part last. */
static void start_all(struct patient *patients, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		set_write_through(patients + i, "1");
	for (size_t i = 0; i < nr; i++)
		thaw(patients + i);
	for (size_t i = 0; i < nr; i++)
		start(patients + i);
}

static void sum(const struct patient *patients, size_t nr, uint64_t *done,
		uint64_t *rate, uint64_t *eta)
{
	*done = *rate = *eta = 0;
	for (size_t i = 0; i < nr; i++) {
		const struct wb_ioc_status *st = &patients[i].drain.dev.status;

		*done += patients[i].drain.done;
		*rate += st->drain_rate;
		if (st->drain_eta_ms > *eta)
			*eta = st->drain_eta_ms;
	}
}

/* Looks at each that is not done; returns how many are left. */
static size_t poll_all(struct patient *patients, size_t nr)
{
	size_t left = 0;

	for (size_t i = 0; i < nr; i++) {
		struct patient *patient = patients + i;

		if (patient->err == ETIMEDOUT)
			patient->err = drain_poll(&patient->drain, POLL_MS / nr);
		left += patient->err == ETIMEDOUT;
	}
	return left;
}

static void wait_all(struct patient *patients, size_t nr)
{
	uint64_t deadline = deadline_after(timeout);
	uint64_t total = 0, done, rate, eta;
	struct progress progress;
	char name[32];

	for (size_t i = 0; i < nr; i++)
		total += patients[i].drain.total;
	snprintf(name, sizeof(name), "%zu device%s", nr, nr == 1 ? "" : "s");
	progress_begin(&progress, stdout, name, "flushing", total);
	while (poll_all(patients, nr) && !interrupted && now_ms() < deadline) {
		sum(patients, nr, &done, &rate, &eta);
		progress_update(&progress, done, rate, eta);
	}
	progress_end(&progress);
}

static const char *why_left(const struct patient *patient)
{
	const struct wb_ioc_status *st = &patient->drain.dev.status;

	if (patient->err == EIO)
		return "the origin is failing";
	if (patient->err == ENXIO || st->state_flags & WB_F_ORPHAN)
		return "an orphan: no device writes it";
	if (st->state_flags & WB_F_HELD)
		return "held by a wbctl dump";
	if (patient->err == ENODEV)
		return "it was removed meanwhile";
	if (patient->err != ETIMEDOUT)
		return "the flush failed";
	return interrupted ? "interrupted, the drain goes on" :
			     "timed out, the drain goes on";
}

static int report(struct patient *patient)
{
	const struct wb_ioc_status *st = &patient->drain.dev.status;
	const char *name = patient->drain.dev.name;
	char size[TEXT_LEN];

	if (!patient->err && !patient->code) {
		printf("%s: safe\n", name);
		return EXIT_DONE;
	}
	if (!patient->err)
		return fail(patient->code,
			    "%s: flushed, but new writes are not safe", name);
	fail(0, "%s: not safe: %s dirty: %s", name,
	     size_text(size, st->dirty_bytes, false), why_left(patient));
	if (patient->err == ETIMEDOUT && !interrupted)
		worsen(patient, EXIT_UNDRAINED);
	worsen(patient, EXIT_FAILED);
	return patient->code;
}

static int engage(struct patient *patients, size_t nr)
{
	int worst = EXIT_DONE;

	catch_signals();
	start_all(patients, nr);
	wait_all(patients, nr);
	for (size_t i = 0; i < nr; i++)
		worst = worse(worst, report(patients + i));
	return worst;
}

static int release(struct patient *patients, size_t nr)
{
	int worst = EXIT_DONE;

	for (size_t i = 0; i < nr; i++) {
		set_write_through(patients + i, "0");
		if (!patients[i].code)
			printf("%s: writes are cached again\n",
			       patients[i].drain.dev.name);
		worst = worse(worst, patients[i].code);
	}
	return worst;
}

static int emergency_run(int argc, char **argv)
{
	struct patient *patients;
	struct device *devs;
	size_t nr;
	int code;

	if (all == (argc > 0))
		return fail(EXIT_USAGE, "emergency: give either NAME or --all");
	code = device_select_found(argc, argv, &devs, &nr);
	patients = zalloc(nr, sizeof(*patients));
	for (size_t i = 0; i < nr; i++)
		patients[i].drain.dev = devs[i];
	if (nr)
		code = worse(code, off ? release(patients, nr) : engage(patients, nr));
	free(patients);
	free(devs);
	return code;
}

const struct verb emergency_verb = {
	.name = "emergency",
	.operands = "NAME... | --all",
	.summary = "Make all data safe as fast as can be, and keep it so: for a UPS's hook.\n"
		   "New writes go through to the origin, frozen devices thaw, all is flushed.",
	.opts = emergency_opts,
	.max_operands = ANY_NUMBER,
	.run = emergency_run,
};
