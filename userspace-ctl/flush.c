// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>

#include "drain.h"
#include "opts.h"
#include "util.h"
#include "wbctl.h"

static bool async;
static uint64_t timeout = NO_DEADLINE;

static const struct opt flush_opts[] = {
	{ "timeout", 't', "SECONDS", "stop waiting after so long; the drain goes on",
	  OPT_SECONDS, &timeout },
	{ "async", 'a', NULL, "start it and do not wait", OPT_FLAG, &async },
	{ }
};

/*
 * Starts all before it waits for any: they drain side by side.  One that cannot does
 * not keep the others from it.  Leaves in @nr how many did.
 */
static int start_all(struct drain *drains, const struct device *devs, size_t *nr)
{
	size_t all = *nr;
	int worst = EXIT_DONE;

	*nr = 0;
	for (size_t i = 0; i < all; i++) {
		int code = drain_start(drains + *nr, devs + i);

		if (!code)
			(*nr)++;
		worst = worse(worst, code);
	}
	return worst;
}

static int wait_all(struct drain *drains, size_t nr)
{
	uint64_t deadline = deadline_after(timeout);
	int worst = EXIT_DONE;

	for (size_t i = 0; i < nr; i++)
		worst = worse(worst, drain_wait(drains + i, deadline));
	return worst;
}

static int flush_run(int argc, char **argv)
{
	struct drain *drains;
	struct device *devs;
	size_t nr;
	int code = device_select_found(argc, argv, &devs, &nr);

	drains = zalloc(nr, sizeof(*drains));
	code = worse(code, start_all(drains, devs, &nr));
	if (!async)
		code = worse(code, wait_all(drains, nr));
	free(drains);
	free(devs);
	return code;
}

const struct verb flush_verb = {
	.name = "flush",
	.operands = "[NAME...]",
	.summary = "Make what was written until now durable on the origin.\n"
		   "Waits for it and shows how far it is.  Without NAME: every device.",
	.opts = flush_opts,
	.max_operands = ANY_NUMBER,
	.run = flush_run,
};
