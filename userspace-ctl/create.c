// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "kmsg.h"
#include "mapper.h"
#include "opts.h"
#include "tunable.h"
#include "users.h"
#include "util.h"
#include "wbctl.h"

#define ARGS_LEN	1024
#define WHY_LEN		256

static const char *values[NR_TUNABLES];
static bool read_cache, no_read_cache, force;

static const struct opt create_opts[] = {
	{ "mode", 'm', "MODE", "what a flush promises: durable, ordered, volatile",
	  OPT_TEXT, &values[TUNABLE_MODE] },
	{ "high-watermark", 0, "PERCENT", "dirty data that starts writeback", OPT_TEXT,
	  &values[TUNABLE_HIGH_WATERMARK] },
	{ "low-watermark", 0, "PERCENT", "dirty data that ends it", OPT_TEXT,
	  &values[TUNABLE_LOW_WATERMARK] },
	{ "max-age", 0, "MS", "write back what is dirty for so long", OPT_TEXT,
	  &values[TUNABLE_MAX_AGE] },
	{ "writeback-jobs", 0, "N", "I/Os in flight to the origin", OPT_TEXT,
	  &values[TUNABLE_WRITEBACK_JOBS] },
	{ "pause-writeback", 0, "MS", "write back when quiet for so long", OPT_TEXT,
	  &values[TUNABLE_PAUSE_WRITEBACK] },
	{ "drain-limit", 0, "SECONDS", "no more dirty than drains in so long, 0 for no limit",
	  OPT_TEXT, &values[TUNABLE_DRAIN_LIMIT] },
	{ "shutdown-timeout", 0, "SECONDS", "a reboot waits so long for the drain",
	  OPT_TEXT, &values[TUNABLE_SHUTDOWN_TIMEOUT] },
	{ "on-error", 0, "WHAT", "with writes while ORIGIN fails: buffer, writethrough, refuse",
	  OPT_TEXT, &values[TUNABLE_ON_ERROR] },
	{ "read-cache", 0, NULL, "keep clean blocks for reads", OPT_FLAG, &read_cache },
	{ "no-read-cache", 0, NULL, "do not", OPT_FLAG, &no_read_cache },
	{ "force", 'f', NULL, "though ORIGIN has other users", OPT_FLAG, &force },
	{ }
};

struct origin {
	unsigned int major;
	unsigned int minor;
	uint64_t sectors;
};

static int origin_open(const char *path, struct origin *origin)
{
	uint64_t bytes;
	struct stat st;
	int fd, err;

	if (stat(path, &st))
		return fail(EXIT_FAILED, "%s: cannot use as origin: %s", path,
			    strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail(EXIT_FAILED, "%s: cannot use as origin: not a block device",
			    path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(EXIT_FAILED, "%s: cannot open: %s", path, strerror(errno));
	err = ioctl(fd, BLKGETSIZE64, &bytes) ? errno : 0;
	close(fd);
	if (err || !bytes)
		return fail(EXIT_FAILED, "%s: cannot use as origin: %s", path,
			    err ? strerror(err) : "it is empty");
	*origin = (struct origin){
		major(st.st_rdev), minor(st.st_rdev), bytes / SECTOR_SIZE
	};
	return EXIT_DONE;
}

static int check_use(const char *name, const char *path,
		     const struct origin *origin)
{
	char why[WHY_LEN];

	if (mapper_exists(name))
		return fail(EXIT_FAILED,
			    "%s: cannot create: a mapped device has that name", name);
	if (!force && device_in_use(origin->major, origin->minor, why, sizeof(why)))
		return fail(EXIT_FAILED,
			    "%s: cannot use as origin: %s: --force tries all the same",
			    path, why);
	return EXIT_DONE;
}

struct args {
	char text[ARGS_LEN];
	size_t len;
	unsigned int nr;
};

static void add_arg(struct args *args, const char *word)
{
	args->len += snprintf(args->text + args->len, ARGS_LEN - args->len, " %s",
			      word);
	args->nr++;
}

/* The optional arguments of the table line, each checked: none is long. */
static int make_args(const char *name, struct args *args)
{
	for (size_t i = 0; i < NR_TUNABLES; i++) {
		if (!values[i])
			continue;
		if (!tunable_takes(tunables + i, values[i]))
			return tunable_refuse(tunables + i, name, values[i]);
		add_arg(args, tunables[i].name);
		add_arg(args, values[i]);
	}
	if (read_cache)
		add_arg(args, "read_cache");
	if (no_read_cache)
		add_arg(args, "no_read_cache");
	return EXIT_DONE;
}

static int make_device(const char *name, const struct origin *origin,
		       uint64_t mib, const struct args *args)
{
	char params[ARGS_LEN + 128], why[WHY_LEN];
	int err, kmsg = kmsg_open();

	snprintf(params, sizeof(params), "%u:%u %" PRIu64 " %u%s", origin->major,
		 origin->minor, mib, args->nr, args->text);
	err = mapper_create(name, origin->sectors, params);
	if (!kmsg_close(kmsg, why, sizeof(why)))
		snprintf(why, sizeof(why), "%s", mapper_complaint());
	if (!err)
		return EXIT_DONE;
	if (!control_present())
		return fail(EXIT_FAILED,
			    "%s: cannot create: no target writebehind: try modprobe dm-writebehind",
			    name);
	return fail(EXIT_FAILED, "%s: cannot create: %s", name, why);
}

static int create_run(int argc, char **argv)
{
	const char *name = argv[0], *path = argv[1];
	struct args args = { .len = 0 };
	struct origin origin = { .sectors = 0 };
	uint64_t mib;
	int code;

	(void)argc;
	if (!parse_mebibytes(argv[2], &mib))
		return fail(EXIT_USAGE,
			    "%s: not a size: MiB, or a number with M, G or T, from 1M",
			    argv[2]);
	if (read_cache && no_read_cache)
		return fail(EXIT_USAGE, "--read-cache and --no-read-cache: choose one");
	code = make_args(name, &args);
	if (!code)
		code = origin_open(path, &origin);
	if (!code)
		code = check_use(name, path, &origin);
	if (!code)
		code = make_device(name, &origin, mib, &args);
	return code;
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
