// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "blocks.h"
#include "columns.h"
#include "dumpfile.h"
#include "identity.h"
#include "opts.h"
#include "progress.h"
#include "signals.h"
#include "users.h"
#include "util.h"
#include "wbctl.h"

#define BUFFER		(1U << 20)
#define PROBE_MS	3000

static bool force;

static const struct opt dump_opts[] = {
	{ "force", 'f', NULL, "replace FILE if it is there", OPT_FLAG, &force },
	{ }
};

/**
 * struct target - where the dump goes
 * @path: the operand
 * @temporary: name of it until it is whole; NULL for the standard output
 * @dir: directory of both
 * @file: opened
 */
struct target {
	const char *path;
	char *temporary;
	char *dir;
	FILE *file;
};

/*
 * Where the dump goes
 */

static int refuse(const struct target *target, const char *why)
{
	return fail(EXIT_FAILED, "%s: cannot dump to it: %s", target->path, why);
}

static int refuse_itself(const struct target *target)
{
	return refuse(target, "it would lie on the device that is dumped");
}

static bool lies_on(const char *path, const struct device *dev)
{
	return file_stands_on(path, makedev(dev->status.major, dev->status.minor));
}

static int open_stdout(struct target *target, const struct device *dev)
{
	if (isatty(STDOUT_FILENO))
		return fail(EXIT_USAGE, "dump: the standard output is a terminal");
	if (lies_on("/proc/self/fd/1", dev))
		return refuse_itself(target);
	target->file = stdout;
	return EXIT_DONE;
}

/* In the place of a device's node it would lie in memory. */
static int check_path(const struct target *target, const struct device *dev)
{
	struct stat st;

	if (!lstat(target->path, &st)) {
		if (!S_ISREG(st.st_mode))
			return refuse(target, "not a regular file: - is the standard output");
		if (!force)
			return refuse(target, "it is there: --force replaces it");
	}
	/* Nothing is written back meanwhile: it would wait for itself. */
	return lies_on(target->dir, dev) ? refuse_itself(target) : EXIT_DONE;
}

static int make_temporary(struct target *target)
{
	char *name;
	int fd;

	if (asprintf(&name, "%s.XXXXXX", target->path) < 0)
		die(EXIT_FAILED, "out of memory");
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0) {
		free(name);
		return refuse(target, strerror(errno));
	}
	target->temporary = name;
	target->file = fdopen(fd, "w");
	return EXIT_DONE;
}

static int open_file(struct target *target, const struct device *dev)
{
	char *copy = strdup(target->path);
	int code;

	if (!copy)
		die(EXIT_FAILED, "out of memory");
	target->dir = strdup(dirname(copy));
	free(copy);
	code = check_path(target, dev);
	return code ? code : make_temporary(target);
}

static int target_open(struct target *target, const char *path,
		       const struct device *dev)
{
	int code;

	*target = (struct target){ .path = path };
	code = strcmp(path, "-") ? open_file(target, dev) : open_stdout(target, dev);
	if (!code)
		setvbuf(target->file, NULL, _IOFBF, BUFFER);
	return code;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? errno : 0;

	if (fd >= 0)
		close(fd);
	/* Not every filesystem can. */
	return err == EINVAL ? 0 : err;
}

/* What came there since it was looked at is not ours to replace. */
static int take_name(const struct target *target)
{
	if (!force) {
		if (!renameat2(AT_FDCWD, target->temporary, AT_FDCWD, target->path,
			       RENAME_NOREPLACE))
			return 0;
		if (errno != EINVAL)	/* not every filesystem can */
			return errno;
	}
	return rename(target->temporary, target->path) ? errno : 0;
}

/* Everything is on the disk before it has its name. */
static int target_commit(struct target *target)
{
	int err;

	if (fflush(target->file) || ferror(target->file))
		return errno ? errno : EIO;
	if (!target->temporary)
		return 0;
	if (fsync(fileno(target->file)))
		return errno;
	err = take_name(target);
	if (err)
		return err;
	free(target->temporary);
	target->temporary = NULL;
	return sync_dir(target->dir);
}

static void target_close(struct target *target)
{
	if (target->file && target->file != stdout)
		fclose(target->file);
	if (target->temporary)
		unlink(target->temporary);
	free(target->temporary);
	free(target->dir);
}

/*
 * What the dump says of itself
 */

static json_object *contents_at(const char *path, unsigned int maj, unsigned int min)
{
	json_object *seen = identity_contents_soon(path, PROBE_MS);

	return seen ? seen : identity_remembered(makedev(maj, min));
}

/* Both what a user of the device sees and what the origin itself holds. */
static json_object *contents_of(const struct device *dev)
{
	const struct wb_ioc_status *st = &dev->status;
	json_object *contents = json_object_new_array();
	bool live = !(st->state_flags & (WB_F_ORPHAN | WB_F_SUSPENDED));
	char path[64];

	snprintf(path, sizeof(path), "/dev/dm-%u", st->minor);
	if (live)
		identity_merge(contents, contents_at(path, st->major, st->minor));
	identity_merge(contents, contents_at(dev->origin, st->origin_major,
					     st->origin_minor));
	return contents;
}

static void copy_column(json_object *info, const struct device *dev,
			const char *key)
{
	const struct column *column = status_columns;

	while (strcmp(column->key, key))
		column++;
	json_object_object_add(info, key, column->get(column, dev));
}

static json_object *make_info(const struct device *dev)
{
	static const char *const keys[] = {
		"name", "mode", "health", "origin", "origin_bytes", "dirty_bytes",
		"acked_epoch", "durable_epoch",
	};
	const struct wb_ioc_status *st = &dev->status;
	json_object *info = json_object_new_object();
	time_t now = time(NULL);
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		copy_column(info, dev, keys[i]);
	json_object_object_add(info, "ids",
		identity_ids(makedev(st->origin_major, st->origin_minor)));
	json_object_object_add(info, "contents", contents_of(dev));
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	json_object_object_add(info, "time", json_object_new_string(text));
	return info;
}

/*
 * The dump
 */

/* Returns a file that holds the writeback while it is open, -1 on failure. */
static int hold(struct device *dev)
{
	struct wb_ioc_hold arg = { .size = sizeof(arg), .id = dev->status.id };
	int fd = control_open();
	int err = control_call_on(fd, WB_IOC_HOLD, &arg);

	if (!err)
		err = device_refresh(dev);
	if (err) {
		fail(EXIT_FAILED, "%s: cannot hold its writeback: %s", dev->name,
		     interrupted ? "interrupted" : strerror(err));
		close(fd);
		return -1;
	}
	/* What was closed since belongs to writers that came later. */
	dev->status.acked_epoch = arg.epoch;
	return fd;
}

static void drop_later(struct block_list *list, uint64_t epoch)
{
	while (list->nr && list->found[list->nr - 1].block.epoch > epoch)
		list->nr--;
}

static int write_blocks(struct dump_writer *dump, const struct device *dev,
			struct block_list *list, struct progress *progress)
{
	char data[WB_BLOCK_BYTES];

	for (size_t i = 0; i < list->nr; i++) {
		struct found_block *found = list->found + i;
		int err = block_read(dev, found, data);

		if (err == ENOENT)
			found->block.sectors = 0;
		else if (err)
			return err;
		dump_add(dump, &found->block, data);
		if (ferror(dump->file))
			return errno ? errno : EIO;
		if (interrupted)
			return EINTR;
		progress_steady(progress, (i + 1) * WB_BLOCK_BYTES);
	}
	return 0;
}

static int write_dump(struct dump_writer *dump, const struct device *dev,
		      struct block_list *list, const struct target *target,
		      json_object *info)
{
	struct progress progress;
	bool quiet = !target->temporary && !isatty(STDERR_FILENO);
	int err;

	progress_begin(&progress, quiet ? NULL : target->temporary ? stdout : stderr,
		       dev->name, "dumping", list->nr * WB_BLOCK_BYTES);
	dump_begin(dump, target->file, info, list->nr);
	err = write_blocks(dump, dev, list, &progress);
	if (!err)
		dump_end(dump);
	progress_end(&progress);
	return err;
}

static void say_done(const struct device *dev, const struct dump_writer *dump,
		     const struct block_list *list, const struct target *target)
{
	char size[TEXT_LEN];

	if (target->file == stdout)
		return;
	printf("%s: dumped %s in %zu blocks", dev->name,
	       size_text(size, dump->tail.bytes, false), list->nr);
	if (list->nr)
		printf(" of epochs %" PRIu64 " to %" PRIu64,
		       (uint64_t)list->found[0].block.epoch,
		       (uint64_t)list->found[list->nr - 1].block.epoch);
	printf(" to %s\n", target->path);
}

static int dump_held(struct device *dev, int held, struct target *target,
		     json_object *info)
{
	struct dump_writer dump;
	struct block_list list;
	int err, code = blocks_list(dev, 1, &list);

	if (code) {
		close(held);
		return code;
	}
	blocks_sort_by_epoch(&list);
	drop_later(&list, dev->status.acked_epoch);
	copy_column(info, dev, "acked_epoch");
	copy_column(info, dev, "durable_epoch");
	copy_column(info, dev, "dirty_bytes");
	err = write_dump(&dump, dev, &list, target, info);
	close(held);
	if (!err)
		err = target_commit(target);
	if (err)
		code = fail(EXIT_FAILED, "%s: cannot dump to %s: %s", dev->name,
			    target->path, interrupted ? "interrupted" : strerror(err));
	else
		say_done(dev, &dump, &list, target);
	free(list.found);
	return code;
}

static int dump_run(int argc, char **argv)
{
	struct target target;
	struct device dev;
	json_object *info;
	int held, code = device_find(argv[0], &dev);

	(void)argc;
	if (code)
		return code;
	catch_signals();
	/* who reads the progress may go; main() tells */
	signal(SIGPIPE, SIG_IGN);
	code = target_open(&target, argv[1], &dev);
	if (!code) {
		info = make_info(&dev);
		held = hold(&dev);
		code = held < 0 ? EXIT_FAILED : dump_held(&dev, held, &target, info);
		json_object_put(info);
	}
	target_close(&target);
	return code;
}

const struct verb dump_verb = {
	.name = "dump",
	.operands = "NAME FILE",
	.summary = "Write all dirty data and its order to FILE, - for the standard output.\n"
		   "The device, live, failing or an orphan, keeps it; writeback waits meanwhile.",
	.opts = dump_opts,
	.min_operands = 2,
	.max_operands = 2,
	.run = dump_run,
};
