// SPDX-License-Identifier: GPL-2.0-only
#include "creation.h"
#include "opts.h"
#include "util.h"
#include "wbctl.h"

static struct creation creation;

static const struct opt create_opts[] = {
	{ "mode", 'm', "MODE", "what a flush promises: durable, ordered, volatile",
	  OPT_TEXT, &creation.values[TUNABLE_MODE] },
	{ "high-watermark", 0, "PERCENT", "dirty data that starts writeback", OPT_TEXT,
	  &creation.values[TUNABLE_HIGH_WATERMARK] },
	{ "low-watermark", 0, "PERCENT", "dirty data that ends it", OPT_TEXT,
	  &creation.values[TUNABLE_LOW_WATERMARK] },
	{ "max-age", 0, "MS", "write back what is dirty for so long", OPT_TEXT,
	  &creation.values[TUNABLE_MAX_AGE] },
	{ "writeback-jobs", 0, "N", "I/Os in flight to the origin", OPT_TEXT,
	  &creation.values[TUNABLE_WRITEBACK_JOBS] },
	{ "pause-writeback", 0, "MS", "write back when quiet for so long", OPT_TEXT,
	  &creation.values[TUNABLE_PAUSE_WRITEBACK] },
	{ "drain-limit", 0, "SECONDS", "no more dirty than drains in so long, 0 for no limit",
	  OPT_TEXT, &creation.values[TUNABLE_DRAIN_LIMIT] },
	{ "shutdown-timeout", 0, "SECONDS", "a reboot or sleep waits so long for the drain",
	  OPT_TEXT, &creation.values[TUNABLE_SHUTDOWN_TIMEOUT] },
	{ "on-error", 0, "WHAT", "with writes while ORIGIN fails: buffer, writethrough, refuse",
	  OPT_TEXT, &creation.values[TUNABLE_ON_ERROR] },
	{ "read-cache", 0, NULL, "keep clean blocks for reads", OPT_FLAG, &creation.read_cache },
	{ "no-read-cache", 0, NULL, "do not", OPT_FLAG, &creation.no_read_cache },
	{ "force", 'f', NULL, "though ORIGIN has other users", OPT_FLAG, &creation.force },
	{ }
};

static int create_run(int argc, char **argv)
{
	int code = creation_check_name("create", argv[0]);

	(void)argc;
	if (code)
		return code;
	creation.name = argv[0];
	creation.origin = argv[1];
	if (!parse_mebibytes(argv[2], &creation.mib))
		return fail(EXIT_USAGE,
			    "%s: not a size: MiB, or a number with M, G or T, from 1M",
			    argv[2]);
	if (creation.read_cache && creation.no_read_cache)
		return fail(EXIT_USAGE, "--read-cache and --no-read-cache: choose one");
	return creation_run(&creation);
}

const struct verb create_verb = {
	.name = "create",
	.operands = "NAME ORIGIN SIZE",
	.summary = "Create a device over the whole of the block device ORIGIN.\n"
		   "SIZE is that of the cache in RAM: MiB, or 64M, 2G.",
	.opts = create_opts,
	.min_operands = 3,
	.max_operands = 3,
	.run = create_run,
};
