// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "drain.h"
#include "mapper.h"
#include "opts.h"
#include "users.h"
#include "util.h"
#include "wbctl.h"

static uint64_t timeout = NO_DEADLINE;

static const struct opt remove_opts[] = {
	{ "timeout", 't', "SECONDS", "keep the device if it is not clean after so long",
	  OPT_SECONDS, &timeout },
	{ }
};

static int refuse_busy(const struct device *dev, const char *why)
{
	return fail(EXIT_FAILED, "%s: cannot remove: busy: %s", dev->name, why);
}

static bool in_use(const struct device *dev, char *why, size_t len)
{
	return device_in_use(dev->status.major, dev->status.minor, why, len);
}

static int flush_first(const struct device *dev)
{
	uint64_t deadline = deadline_after(timeout);
	struct drain drain;
	int code = drain_start(&drain, dev);

	return code ? code : drain_wait(&drain, deadline);
}

/* Writers may have come after the flush, and the origin failed since. */
static int check_left(struct device *dev)
{
	char size[TEXT_LEN];

	if (device_refresh(dev) || !dev->status.dirty_bytes)
		return EXIT_DONE;
	return fail(EXIT_UNDRAINED, "%s: removed, but %s dirty stays in memory as id:%llu",
		    dev->name, size_text(size, dev->status.dirty_bytes, false),
		    (unsigned long long)dev->status.id);
}

static int remove_mapping(struct device *dev)
{
	char why[256];
	int err = mapper_remove(dev->name);

	if (err == EBUSY)
		return refuse_busy(dev, in_use(dev, why, sizeof(why)) ? why :
				   "a process has it open");
	if (err)
		return fail(EXIT_FAILED, "%s: cannot remove: %s", dev->name,
			    mapper_complaint());
	return check_left(dev);
}

static int remove_run(int argc, char **argv)
{
	struct device dev;
	char why[256];
	int code = device_find(argv[0], &dev);

	(void)argc;
	if (code)
		return code;
	if (dev.status.state_flags & WB_F_ORPHAN)
		return fail(EXIT_FAILED, "%s: cannot remove: an orphan has no device",
			    dev.name);
	if (in_use(&dev, why, sizeof(why)))
		return refuse_busy(&dev, why);
	code = flush_first(&dev);
	return code ? code : remove_mapping(&dev);
}

const struct verb remove_verb = {
	.name = "remove",
	.operands = "NAME",
	.summary = "Flush the device, then remove it.  The origin stays.",
	.opts = remove_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = remove_run,
};
