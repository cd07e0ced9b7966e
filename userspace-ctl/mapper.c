// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <libdevmapper.h>
#include <linux/dm-ioctl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "mapper.h"

#define LEVEL_MASK	0x7	/* the library keeps flags in the other bits */

static char complaint[256];

/* The first message is the cause, later ones are what came of it. */
__attribute__((format(printf, 5, 6)))
static void keep_first(int level, const char *file, int line, int dm_errno,
		       const char *fmt, ...)
{
	va_list args;

	(void)file;
	(void)line;
	(void)dm_errno;
	if ((level & LEVEL_MASK) > LOG_ERR || complaint[0])
		return;
	va_start(args, fmt);
	vsnprintf(complaint, sizeof(complaint), fmt, args);
	va_end(args);
}

void mapper_init(void)
{
	dm_log_with_errno_init(keep_first);
}

const char *mapper_complaint(void)
{
	return complaint;
}

static struct dm_task *new_task(int type, const char *name)
{
	struct dm_task *task = dm_task_create(type);

	if (task && !dm_task_set_name(task, name)) {
		dm_task_destroy(task);
		task = NULL;
	}
	return task;
}

/*
 * dm_task_run() with signals held back: one that ended us half-way through a creation
 * would leave a device without a table.
 */
static int run_whole(struct dm_task *task)
{
	sigset_t all, before;
	int done;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	done = dm_task_run(task);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return done;
}

/* Runs @task as @how does, waits for udev to have dealt with it, frees it. */
static int run(struct dm_task *task, int (*how)(struct dm_task *task))
{
	uint32_t cookie = 0;
	int err = 0;

	if (!dm_task_set_cookie(task, &cookie, 0) || !how(task)) {
		err = dm_task_get_errno(task);
		if (!err)
			err = EIO;
		if (!complaint[0])
			snprintf(complaint, sizeof(complaint), "%s", strerror(err));
	}
	dm_udev_wait(cookie);
	dm_task_update_nodes();
	dm_task_destroy(task);
	return err;
}

/* Whatever @task asks for; frees it. */
static bool exists(struct dm_task *task)
{
	struct dm_info info = { };
	bool found;

	found = task && dm_task_run(task) && dm_task_get_info(task, &info) && info.exists;
	if (task)
		dm_task_destroy(task);
	return found;
}

bool mapper_exists(const char *name)
{
	return exists(new_task(DM_DEVICE_INFO, name));
}

/*
 * udev's rules know our devices by it.  One that was renamed keeps the UUID of its
 * first name; another of that name then does without, as does one with too long a
 * name.
 */
static void set_uuid(struct dm_task *task, const char *name)
{
	struct dm_task *other = dm_task_create(DM_DEVICE_INFO);
	char uuid[DM_UUID_LEN];

	if (snprintf(uuid, sizeof(uuid), "WRITEBEHIND-%s", name) >= (int)sizeof(uuid) ||
	    !other || !dm_task_set_uuid(other, uuid)) {
		if (other)
			dm_task_destroy(other);
		return;
	}
	if (!exists(other))
		dm_task_set_uuid(task, uuid);
}

int mapper_create(const char *name, uint64_t sectors, const char *params)
{
	struct dm_task *task;

	complaint[0] = '\0';
	task = new_task(DM_DEVICE_CREATE, name);
	if (!task)
		return EINVAL;
	if (!dm_task_add_target(task, 0, sectors, "writebehind", params)) {
		dm_task_destroy(task);
		return ENOMEM;
	}
	set_uuid(task, name);
	return run(task, run_whole);
}

int mapper_remove(const char *name)
{
	struct dm_task *task;

	complaint[0] = '\0';
	task = new_task(DM_DEVICE_REMOVE, name);
	if (!task)
		return EINVAL;
	/* udev may hold it for a moment. */
	dm_task_retry_remove(task);
	return run(task, dm_task_run);
}
