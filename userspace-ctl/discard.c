// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "opts.h"
#include "util.h"
#include "wbctl.h"

static bool yes;

static const struct opt discard_opts[] = {
	{ "yes", 'y', NULL, "do it", OPT_FLAG, &yes },
	{ }
};

static int refuse_live(const struct device *dev)
{
	return fail(EXIT_FAILED,
		    "%s: cannot discard: a device holds it: wbctl remove flushes and removes that",
		    dev->name);
}

/* It was an orphan when we looked. */
static int refuse_busy(const char *name)
{
	struct device dev;
	int code = device_find(name, &dev);

	if (code)
		return code;
	if (!(dev.status.state_flags & WB_F_ORPHAN))
		return refuse_live(&dev);
	return fail(EXIT_FAILED,
		    "%s: cannot discard: origin %s has not answered what is in flight: once it has, or is gone",
		    dev.name, dev.origin);
}

static int warn(const struct device *dev)
{
	const struct wb_ioc_status *st = &dev->status;
	char size[TEXT_LEN];

	return fail(EXIT_USAGE,
		    "%s: would lose %s of %s (id:%" PRIu64 ", epochs after %" PRIu64
		    "): wbctl dump keeps it, --yes throws it away",
		    dev->name, size_text(size, st->dirty_bytes, false), dev->origin,
		    (uint64_t)st->id, (uint64_t)st->durable_epoch);
}

static int discard_run(int argc, char **argv)
{
	char size[TEXT_LEN];
	struct device dev;
	int err, code = device_find(argv[0], &dev);

	(void)argc;
	if (code)
		return code;
	if (!(dev.status.state_flags & WB_F_ORPHAN))
		return refuse_live(&dev);
	if (!yes)
		return warn(&dev);
	err = device_call(&dev, WB_IOC_DISCARD);
	if (err == EBUSY)
		return refuse_busy(argv[0]);
	if (err)
		return fail(exit_code_of(err), "%s: cannot discard: %s", dev.name,
			    strerror(err));
	printf("%s: discarded %s\n", dev.name,
	       size_text(size, dev.status.dirty_bytes, false));
	return EXIT_DONE;
}

const struct verb discard_verb = {
	.name = "discard",
	.operands = "NAME",
	.summary = "Throw away the dirty data of an orphan, for ever.",
	.opts = discard_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = discard_run,
};
