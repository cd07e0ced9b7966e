// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "blocks.h"
#include "dumpfile.h"
#include "opts.h"
#include "progress.h"
#include "replay_check.h"
#include "replay_resume.h"
#include "replay_state.h"
#include "signals.h"
#include "users.h"
#include "util.h"
#include "wbctl.h"

#define SYNC_BYTES	(8U << 20)	/* between two flushes of the device, at most */
#define SYNC_MS		1000

static uint64_t last_epoch = ALL_EPOCHS;
static bool force, dry_run;

static const struct opt replay_opts[] = {
	{ "epoch", 'e', "N", "up to this epoch, and no later", OPT_NUMBER, &last_epoch },
	{ "force", 'f', NULL, "though DEVICE is another one, or of another size", OPT_FLAG,
	  &force },
	{ "dry-run", 'n', NULL, "check everything, write nothing", OPT_FLAG, &dry_run },
	{ }
};

/**
 * struct replay - one under way
 * @dump: what is replayed
 * @plan: how much of it
 * @device: onto what
 * @fd: that, for nobody else
 * @state: how far it was and is
 * @unsynced: bytes that were written since the device was flushed last
 * @synced: when that was, by now_ms()
 */
struct replay {
	struct dump dump;
	struct replay_plan plan;
	struct replay_device device;
	int fd;
	struct replay_state state;
	uint64_t unsynced;
	uint64_t synced;
};

/*
 * The device
 */

static int fail_open(const char *path, dev_t rdev)
{
	char why[256];

	if (errno == EBUSY && device_in_use(major(rdev), minor(rdev), why, sizeof(why)))
		return fail(EXIT_FAILED, "%s: cannot replay to it: in use: %s", path,
			    why);
	return fail(EXIT_FAILED, "%s: cannot replay to it: %s", path,
		    errno == EBUSY ? "in use" : strerror(errno));
}

static int open_device(struct replay *replay, const char *path)
{
	struct replay_device *device = &replay->device;
	struct stat st;

	if (stat(path, &st))
		return fail(EXIT_NODEV, "%s: no such device: %s", path,
			    strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail(EXIT_NODEV, "%s: not a block device", path);
	replay->fd = open(path, (dry_run ? O_RDONLY : O_RDWR) | O_EXCL | O_CLOEXEC);
	if (replay->fd < 0)
		return fail_open(path, st.st_rdev);
	*device = (struct replay_device){ .path = path, .rdev = st.st_rdev };
	if (ioctl(replay->fd, BLKGETSIZE64, &device->bytes))
		return fail_open(path, st.st_rdev);
	device->ids = identity_ids(st.st_rdev);
	device->contents = identity_contents(path);
	return EXIT_DONE;
}

/* It would be written again when the device is created again. */
static void warn_of_orphan(const struct replay *replay)
{
	struct device *devs;
	size_t nr;

	if (!control_present() || device_select(0, NULL, &devs, &nr))
		return;
	for (size_t i = 0; i < nr; i++) {
		const struct wb_ioc_status *st = &devs[i].status;

		if (st->state_flags & WB_F_ORPHAN &&
		    makedev(st->origin_major, st->origin_minor) == replay->device.rdev)
			fail(0, "%s: warning: id:%" PRIu64 " holds dirty data for it: wbctl discard that before it is used",
			     replay->device.path, (uint64_t)st->id);
	}
	free(devs);
}

/*
 * Writing
 */

static int fail_write(const struct replay *replay)
{
	return fail(EXIT_FAILED,
		    "%s: cannot write: %s: epochs up to %" PRIu64 " are on it; run it again to go on",
		    replay->device.path, strerror(errno),
		    (uint64_t)replay->state.epoch);
}

static int write_run(int fd, const char *data, size_t len, off_t offset)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		len -= n;
		offset += n;
	}
	return 0;
}

/* The sectors that count, neighbours together. */
static int write_block(const struct replay *replay,
		       const struct wb_dirty_block *block, const char *data)
{
	unsigned int first, end = 0;

	while (block->sectors >> end) {
		first = end + __builtin_ctz(block->sectors >> end);
		end = first + __builtin_ctz(~(block->sectors >> first));
		if (write_run(replay->fd, data + first * SECTOR_SIZE,
			      (end - first) * SECTOR_SIZE,
			      block->block * WB_BLOCK_BYTES + first * SECTOR_SIZE))
			return -1;
	}
	return 0;
}

static bool sync_due(const struct replay *replay)
{
	return replay->unsynced >= SYNC_BYTES ||
	       now_ms() - replay->synced >= SYNC_MS;
}

static int sync_device(struct replay *replay)
{
	if (fdatasync(replay->fd))
		return fail_write(replay);
	replay->unsynced = 0;
	replay->synced = now_ms();
	return EXIT_DONE;
}

/* All up to @epoch was written. */
static int sync_epoch(struct replay *replay, uint64_t epoch)
{
	int code = sync_device(replay);

	return code ? code : replay_state_save(&replay->state, epoch);
}

static int stop(struct replay *replay, uint64_t whole)
{
	if (sync_epoch(replay, whole))
		return EXIT_FAILED;
	return fail(EXIT_FAILED,
		    "%s: interrupted: epochs up to %" PRIu64 " are on it; run it again to go on",
		    replay->device.path, whole);
}

/* @whole: the last epoch that was written completely. */
static int apply_record(struct replay *replay, const struct wb_dirty_block *block,
			const char *data, uint64_t *whole, uint64_t *current)
{
	int code = EXIT_DONE;

	if (block->epoch != *current) {
		*whole = *current > *whole ? *current : *whole;
		*current = block->epoch;
		if (replay->unsynced && sync_due(replay))
			code = sync_epoch(replay, *whole);
	} else if (replay->unsynced >= SYNC_BYTES) {
		code = sync_device(replay);
	}
	if (code)
		return code;
	if (interrupted)
		return stop(replay, *whole);
	if (write_block(replay, block, data))
		return fail_write(replay);
	replay->unsynced += WB_BLOCK_BYTES;
	return EXIT_DONE;
}

static int apply_records(struct replay *replay, struct progress *progress)
{
	uint64_t done_before = replay->state.epoch, done = 0;
	uint64_t whole = done_before, current = done_before;
	struct wb_dirty_block block;
	char data[WB_BLOCK_BYTES];
	int code = EXIT_DONE;

	for (uint64_t i = 0; i < replay->plan.records && !code; i++) {
		if (dump_next(&replay->dump, &block, data, NULL) != DUMP_READ)
			return fail(EXIT_FAILED, "%s: it changed since it was checked",
				    replay->dump.path);
		if (block.epoch > done_before)
			code = apply_record(replay, &block, data, &whole, &current);
		done += block_bytes(&block);
		progress_steady(progress, done);
	}
	return code;
}

static int apply(struct replay *replay)
{
	struct progress progress;
	int code;

	/* Before the first write: from now on the device is half of each. */
	code = replay_state_save(&replay->state, replay->state.epoch);
	if (code)
		return code;
	dump_rewind(&replay->dump);
	replay->synced = now_ms();
	progress_begin(&progress, stdout, replay->device.path, "replaying",
		       replay->plan.bytes);
	code = apply_records(replay, &progress);
	if (!code)
		code = sync_device(replay);
	progress_end(&progress);
	if (!code)
		replay_state_remove(&replay->state);
	return code;
}

/*
 * The verb
 */

static int check_epoch(const struct replay *replay)
{
	const char *mode = dump_info_text(&replay->dump, "mode");

	if (replay->state.epoch > replay->plan.epoch)
		return fail(EXIT_FAILED,
			    "%s: cannot replay up to epoch %" PRIu64 ": %" PRIu64 " is on it from an earlier run",
			    replay->device.path, replay->plan.epoch,
			    replay->state.epoch);
	if (replay->plan.epoch < dump_info_u64(&replay->dump, "acked_epoch") &&
	    strcmp(mode, "ordered"))
		fail(0, "%s: warning: dumped in mode %s: blocks hold what was written to them last, whatever the epoch",
		     replay->dump.path, mode);
	return EXIT_DONE;
}

static void say(const struct replay *replay, const char *what)
{
	char size[TEXT_LEN];

	printf("%s: %s %s in %" PRIu64 " blocks", replay->device.path, what,
	       size_text(size, replay->plan.bytes, false), replay->plan.records);
	if (replay->plan.epoch != ALL_EPOCHS)
		printf(", up to epoch %" PRIu64, replay->plan.epoch);
	putchar('\n');
}

static int replay_checked(struct replay *replay)
{
	int code = check_epoch(replay);

	if (code)
		return code;
	warn_of_orphan(replay);
	if (replay->state.found)
		printf("%s: going on behind epoch %" PRIu64 "\n",
		       replay->device.path, replay->state.epoch);
	if (dry_run) {
		say(replay, "would replay");
		return EXIT_DONE;
	}
	code = apply(replay);
	if (!code)
		say(replay, "replayed");
	return code;
}

static int replay_onto(struct replay *replay, const char *path)
{
	int code = open_device(replay, path);

	if (code)
		return code;
	replay_state_load(&replay->state, replay->dump.path,
			  replay->dump.head_crc, &replay->device);
	code = replay_resume(&replay->dump, replay->fd, path, &replay->state);
	if (!code)
		code = replay_check_device(&replay->dump, &replay->plan,
					   &replay->device, &replay->state, force);
	if (!code)
		code = replay_checked(replay);
	replay_state_free(&replay->state);
	json_object_put(replay->device.ids);
	json_object_put(replay->device.contents);
	close(replay->fd);
	return code;
}

static int replay_run(int argc, char **argv)
{
	struct replay replay = { .plan.epoch = last_epoch };
	int code = dump_open(&replay.dump, argv[0]);

	(void)argc;
	if (code)
		return code;
	catch_signals();
	code = replay_check_dump(&replay.dump, &replay.plan);
	if (!code)
		code = replay_onto(&replay, argv[1]);
	dump_close(&replay.dump);
	return code;
}

const struct verb replay_verb = {
	.name = "replay",
	.operands = "FILE DEVICE",
	.summary = "Write a dump to the origin that it belongs to, or to a blank device.\n"
		   "Interrupted, it goes on when it is run again.",
	.opts = replay_opts,
	.min_operands = 2,
	.max_operands = 2,
	.run = replay_run,
};
