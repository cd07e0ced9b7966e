// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>
#include <fcntl.h>
#include <libudev.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "identity.h"
#include "util.h"
#include "wbctl.h"

static const char *const properties[] = {
	"ID_WWN", "ID_SERIAL", "ID_PART_ENTRY_UUID", "DM_UUID",
};

/* Where there is no udev; not under the same key, since udev edits them. */
static const char *const attributes[] = {
	"serial", "wwid", "device/serial", "device/wwid", "dm/uuid",
};

static struct udev_device *find_device(struct udev *udev, dev_t dev)
{
	return udev ? udev_device_new_from_devnum(udev, 'b', dev) : NULL;
}

/* Without the blanks that hardware pads it with. */
static void add_id(json_object *ids, const char *key, const char *value)
{
	size_t len;

	if (!value)
		return;
	value += strspn(value, " ");
	len = strlen(value);
	while (len && value[len - 1] == ' ')
		len--;
	if (len)
		json_object_object_add(ids, key,
				       json_object_new_string_len(value, len));
}

json_object *identity_ids(dev_t dev)
{
	json_object *ids = json_object_new_object();
	struct udev *udev = udev_new();
	struct udev_device *device = find_device(udev, dev);

	for (size_t i = 0; device && i < ARRAY_SIZE(properties); i++)
		add_id(ids, properties[i],
		       udev_device_get_property_value(device, properties[i]));
	for (size_t i = 0; device && i < ARRAY_SIZE(attributes); i++)
		add_id(ids, attributes[i],
		       udev_device_get_sysattr_value(device, attributes[i]));
	udev_device_unref(device);
	udev_unref(udev);
	return ids;
}

enum likeness identity_compare_ids(json_object *a, json_object *b)
{
	enum likeness likeness = UNKNOWN;

	json_object_object_foreach(a, key, value) {
		json_object *other;

		if (!json_object_object_get_ex(b, key, &other))
			continue;
		if (!json_object_equal(value, other))
			return DIFFERENT;
		likeness = ALIKE;
	}
	return likeness;
}

static void add_content(json_object *array, const char *type, const char *uuid)
{
	char text[256];

	if (!type)
		return;
	snprintf(text, sizeof(text), "%s:%s", type, uuid ? uuid : "");
	json_object_array_add(array, json_object_new_string(text));
}

static const char *lookup(blkid_probe probe, const char *name)
{
	const char *value = NULL;

	blkid_probe_lookup_value(probe, name, &value, NULL);
	return value;
}

static json_object *probe_contents(blkid_probe probe)
{
	json_object *array;
	int found;

	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE |
					  BLKID_SUBLKS_UUID);
	blkid_probe_enable_partitions(probe, 1);
	found = blkid_do_safeprobe(probe);
	if (found == -1)
		return NULL;
	array = json_object_new_array();
	if (found == -2)
		add_content(array, "ambivalent", NULL);
	if (found == 0) {
		add_content(array, lookup(probe, "TYPE"), lookup(probe, "UUID"));
		add_content(array, lookup(probe, "PTTYPE"), lookup(probe, "PTUUID"));
	}
	return array;
}

json_object *identity_contents(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	json_object *array = NULL;
	blkid_probe probe;

	if (fd < 0)
		return NULL;
	probe = blkid_new_probe();
	if (probe && !blkid_probe_set_device(probe, fd, 0, 0))
		array = probe_contents(probe);
	blkid_free_probe(probe);
	/* What is written below the page cache would not be seen in it. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return array;
}

/* To @fd, as text; nothing if it cannot be told. */
static void tell_contents(const char *path, int fd)
{
	json_object *array = identity_contents(path);

	if (array)
		json_object_to_fd(fd, array, JSON_C_TO_STRING_PLAIN);
}

static json_object *hear_contents(int fd, uint64_t ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	/* A signal ends it, too: who waits for the disk does not hear of it. */
	return poll(&poll_fd, 1, ms) == 1 ? json_object_from_fd(fd) : NULL;
}

/* A disk that does not answer is waited for by a process that can be killed. */
json_object *identity_contents_soon(const char *path, uint64_t ms)
{
	json_object *array;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return NULL;
	pid = fork();
	if (!pid) {
		tell_contents(path, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	array = pid < 0 ? NULL : hear_contents(fds[0], ms);
	close(fds[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, WNOHANG);
	}
	return array;
}

json_object *identity_remembered(dev_t dev)
{
	json_object *array = json_object_new_array();
	struct udev *udev = udev_new();
	struct udev_device *device = find_device(udev, dev);

	if (device) {
		add_content(array,
			    udev_device_get_property_value(device, "ID_FS_TYPE"),
			    udev_device_get_property_value(device, "ID_FS_UUID"));
		add_content(array,
			    udev_device_get_property_value(device, "ID_PART_TABLE_TYPE"),
			    udev_device_get_property_value(device, "ID_PART_TABLE_UUID"));
	}
	udev_device_unref(device);
	udev_unref(udev);
	return array;
}

static bool contains(json_object *array, json_object *value)
{
	for (size_t i = 0; i < json_object_array_length(array); i++)
		if (json_object_equal(json_object_array_get_idx(array, i), value))
			return true;
	return false;
}

void identity_merge(json_object *to, json_object *from)
{
	for (size_t i = 0; from && i < json_object_array_length(from); i++) {
		json_object *value = json_object_array_get_idx(from, i);

		if (!contains(to, value))
			json_object_array_add(to, json_object_get(value));
	}
	json_object_put(from);
}

bool identity_overlap(json_object *a, json_object *b)
{
	for (size_t i = 0; i < json_object_array_length(a); i++)
		if (contains(b, json_object_array_get_idx(a, i)))
			return true;
	return false;
}

char *identity_text(json_object *array)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		die(EXIT_FAILED, "out of memory");
	for (size_t i = 0; i < json_object_array_length(array); i++)
		fprintf(out, "%s%s", i ? "," : "",
			json_object_get_string(json_object_array_get_idx(array, i)));
	if (!json_object_array_length(array))
		fputc('-', out);
	fclose(out);
	return text;
}
