// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "util.h"
#include "wbctl.h"

#define CONTROL_PATH	"/dev/" WB_CONTROL_NODE

bool control_present(void)
{
	return !access(CONTROL_PATH, F_OK);
}

int control_open(void)
{
	int fd = open(CONTROL_PATH, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (!control_present())
		die(EXIT_FAILED, "module not loaded: no %s: try modprobe dm-writebehind",
		    CONTROL_PATH);
	die(EXIT_FAILED, "%s: cannot open: %s", CONTROL_PATH, strerror(errno));
}

int control_call_on(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? errno : 0;
}

int control_call(unsigned long request, void *arg)
{
	static int fd = -1;

	if (fd < 0)
		fd = control_open();
	return control_call_on(fd, request, arg);
}

int exit_code_of(int err)
{
	if (!err)
		return EXIT_DONE;
	return err == ENODEV ? EXIT_NODEV : EXIT_FAILED;
}

/* The kernel knows the name of the last table load; the device may have another. */
static void set_name(struct device *dev)
{
	const struct wb_ioc_status *st = &dev->status;

	if (!(st->state_flags & WB_F_ORPHAN) && dm_is_dm_major(st->major) &&
	    dm_device_get_name(st->major, st->minor, 0, dev->name,
			       sizeof(dev->name)))
		return;
	snprintf(dev->name, sizeof(dev->name), "%.*s", WB_NAME_LEN - 1,
		 (const char *)st->name);
}

static int fetch(struct device *dev, unsigned long request)
{
	int err;

	dev->status.size = sizeof(dev->status);
	err = control_call(request, &dev->status);
	if (err)
		return err;
	set_name(dev);
	snprintf(dev->origin, sizeof(dev->origin), "/dev/%.*s", WB_PATH_LEN - 1,
		 (const char *)dev->status.origin);
	snprintf(dev->number, sizeof(dev->number), "%u:%u", dev->status.major,
		 dev->status.minor);
	return 0;
}

/* Steps to the store behind the one in @dev; start with a zeroed one. */
static int fetch_next(struct device *dev)
{
	uint64_t id = dev->status.id;

	memset(dev, 0, sizeof(*dev));
	dev->status.id = id;
	return fetch(dev, WB_IOC_LIST);
}

static int fetch_id(struct device *dev, uint64_t id)
{
	memset(dev, 0, sizeof(*dev));
	dev->status.id = id;
	return fetch(dev, WB_IOC_STATUS);
}

static int fetch_number(struct device *dev, unsigned int maj, unsigned int min)
{
	memset(dev, 0, sizeof(*dev));
	dev->status.major = maj;
	dev->status.minor = min;
	return fetch(dev, WB_IOC_STATUS);
}

/*
 * A device that is there goes before an orphan of the same name, and what it is on before
 * what it is about to move to.
 */
static int fetch_name(struct device *dev, const char *name)
{
	struct device next = { .name = "" };
	int err, found = ENODEV;

	while (!(err = fetch_next(&next))) {
		bool orphan = next.status.state_flags & WB_F_ORPHAN;

		if (strcmp(next.name, name) || (orphan && !found))
			continue;
		if (!orphan)
			return fetch_number(dev, next.status.major, next.status.minor);
		*dev = next;
		found = 0;
	}
	return err && err != ENODEV ? err : found;
}

static int fetch_path(struct device *dev, const char *path)
{
	static const char mapper[] = "/dev/mapper/";
	struct stat st;

	if (!stat(path, &st))
		return S_ISBLK(st.st_mode) ?
			fetch_number(dev, major(st.st_rdev), minor(st.st_rdev)) :
			ENOTBLK;
	/* Without udev the node of a renamed device may be missing. */
	if (errno == ENOENT && !strncmp(path, mapper, strlen(mapper)))
		return fetch_name(dev, path + strlen(mapper));
	return errno;
}

static int fetch_any(struct device *dev, const char *arg)
{
	unsigned int maj, min;
	uint64_t id;
	int end = 0;

	if (!strncmp(arg, "id:", 3) && parse_u64(arg + 3, &id))
		return id ? fetch_id(dev, id) : ENODEV;
	if (sscanf(arg, "%u:%u%n", &maj, &min, &end) == 2 && !arg[end])
		return fetch_number(dev, maj, min);
	if (strchr(arg, '/'))
		return fetch_path(dev, arg);
	return fetch_name(dev, arg);
}

int device_find(const char *arg, struct device *dev)
{
	int err = fetch_any(dev, arg);

	switch (err) {
	case 0:
		return EXIT_DONE;
	case ENODEV:
		return fail(EXIT_NODEV, "%s: no such device: wbctl list shows them",
			    arg);
	case ENOENT:
	case ENOTDIR:
	case ENOTBLK:
		return fail(EXIT_NODEV, "%s: no such device: %s", arg,
			    strerror(err));
	default:
		return fail(EXIT_FAILED, "%s: cannot read its status: %s", arg,
			    strerror(err));
	}
}

int device_set(const struct device *dev, const char *name, const char *value)
{
	struct wb_ioc_option arg = { .size = sizeof(arg), .id = dev->status.id };

	snprintf((char *)arg.name, sizeof(arg.name), "%s", name);
	snprintf((char *)arg.value, sizeof(arg.value), "%s", value);
	return control_call(WB_IOC_SET, &arg);
}

int device_call(const struct device *dev, unsigned long request)
{
	struct wb_ioc_device arg = { .size = sizeof(arg), .id = dev->status.id };

	return control_call(request, &arg);
}

int device_refresh(struct device *dev)
{
	struct device now;
	int err = fetch_id(&now, dev->status.id);

	if (!err)
		*dev = now;
	return err;
}

static int select_all(struct device **devs, size_t *nr)
{
	struct device next = { .name = "" };
	int err;

	while (!(err = fetch_next(&next))) {
		*devs = reallocarray(*devs, *nr + 1, sizeof(**devs));
		if (!*devs)
			die(EXIT_FAILED, "out of memory");
		(*devs)[(*nr)++] = next;
	}
	if (err == ENODEV)
		return EXIT_DONE;
	return fail(EXIT_FAILED, "cannot list devices: %s", strerror(err));
}

int device_select_found(int argc, char **argv, struct device **devs, size_t *nr)
{
	int worst = EXIT_DONE;

	*devs = NULL;
	*nr = 0;
	if (!argc)
		return select_all(devs, nr);
	*devs = zalloc(argc, sizeof(**devs));
	for (int i = 0; i < argc; i++) {
		int code = device_find(argv[i], *devs + *nr);

		if (!code)
			(*nr)++;
		worst = worse(worst, code);
	}
	return worst;
}

int device_select(int argc, char **argv, struct device **devs, size_t *nr)
{
	int code = device_select_found(argc, argv, devs, nr);

	if (code) {
		free(*devs);
		*devs = NULL;
		*nr = 0;
	}
	return code;
}

int device_command(int argc, char **argv, unsigned long request,
		   const char *what)
{
	struct device *devs;
	size_t nr;
	int worst = device_select_found(argc, argv, &devs, &nr);

	for (size_t i = 0; i < nr; i++) {
		int err = device_call(devs + i, request);

		if (err)
			worst = worse(worst, fail(exit_code_of(err), "%s: cannot %s: %s",
						  devs[i].name, what, strerror(err)));
	}
	free(devs);
	return worst;
}
