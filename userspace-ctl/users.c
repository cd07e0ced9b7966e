// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "users.h"

/* Hands each line of @path to @match until one matches. */
static bool any_line(const char *path, dev_t dev, char *buf, size_t len,
		     bool (*match)(const char *line, dev_t dev, char *buf,
				   size_t len))
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	if (!file)
		return false;
	while (!found && getline(&line, &room, file) > 0)
		found = match(line, dev, buf, len);
	free(line);
	fclose(file);
	return found;
}

static bool match_mount(const char *line, dev_t dev, char *buf, size_t len)
{
	unsigned int maj, min;
	char *where;

	if (sscanf(line, "%*d %*d %u:%u %*s %ms", &maj, &min, &where) != 3)
		return false;
	if (makedev(maj, min) != dev) {
		free(where);
		return false;
	}
	snprintf(buf, len, "mounted on %s", where);
	free(where);
	return true;
}

static bool match_swap(const char *line, dev_t dev, char *buf, size_t len)
{
	struct stat st;
	char *path;
	bool found;

	if (sscanf(line, "%ms", &path) != 1)
		return false;
	found = !stat(path, &st) && S_ISBLK(st.st_mode) && st.st_rdev == dev;
	if (found)
		snprintf(buf, len, "used for swap");
	free(path);
	return found;
}

static bool any_holder(dev_t dev, char *buf, size_t len)
{
	char path[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(dev),
		 minor(dev));
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		found = entry->d_name[0] != '.';
		if (found)
			snprintf(buf, len, "held by %s", entry->d_name);
	}
	closedir(dir);
	return found;
}

bool device_in_use(unsigned int maj, unsigned int min, char *buf, size_t len)
{
	dev_t dev = makedev(maj, min);

	return any_line("/proc/self/mountinfo", dev, buf, len, match_mount) ||
	       any_line("/proc/swaps", dev, buf, len, match_swap) ||
	       any_holder(dev, buf, len);
}

static bool stands_on(dev_t top, dev_t dev, int depth);

/* The device of a mount that has a number of its own, as of btrfs. */
static dev_t mount_source(const char *path)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	unsigned long long id;
	char *line = NULL;
	size_t room = 0;
	struct statx stx;
	dev_t dev = 0;

	if (!file)
		return 0;
	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &stx) ||
	    !(stx.stx_mask & STATX_MNT_ID))
		stx.stx_mnt_id = 0;
	while (!dev && getline(&line, &room, file) > 0) {
		char *source, *dash = strstr(line, " - ");
		struct stat st;

		if (!dash || sscanf(line, "%llu", &id) != 1 || id != stx.stx_mnt_id ||
		    sscanf(dash, " - %*s %ms", &source) != 1)
			continue;
		if (!stat(source, &st) && S_ISBLK(st.st_mode))
			dev = st.st_rdev;
		free(source);
	}
	free(line);
	fclose(file);
	return dev;
}

static dev_t file_device(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return 0;
	return major(st.st_dev) ? st.st_dev : mount_source(path);
}

static bool read_line(const char *path, char *buf, size_t len)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(buf, len, file);

	if (file)
		fclose(file);
	if (good)
		buf[strcspn(buf, "\n")] = '\0';
	return good;
}

/* The device whose number is in the sysfs file @path. */
static dev_t read_number(const char *path)
{
	unsigned int maj, min;
	char text[32];

	if (!read_line(path, text, sizeof(text)) ||
	    sscanf(text, "%u:%u", &maj, &min) != 2)
		return 0;
	return makedev(maj, min);
}

static bool any_slave(const char *top, dev_t dev, int depth)
{
	char path[512];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/slaves", top);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/slaves/%s/dev", top, entry->d_name);
		found = stands_on(read_number(path), dev, depth);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool stands_on(dev_t top, dev_t dev, int depth)
{
	char dir[64], path[128], file[4096];

	if (!top || !depth)
		return false;
	if (top == dev)
		return true;
	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", major(top), minor(top));
	snprintf(path, sizeof(path), "%s/loop/backing_file", dir);
	if (read_line(path, file, sizeof(file)) &&
	    stands_on(file_device(file), dev, depth - 1))
		return true;
	snprintf(path, sizeof(path), "%s/partition", dir);
	if (read_line(path, file, sizeof(file))) {
		snprintf(path, sizeof(path), "%s/../dev", dir);
		return stands_on(read_number(path), dev, depth - 1);
	}
	return any_slave(dir, dev, depth - 1);
}

bool file_stands_on(const char *path, dev_t dev)
{
	return stands_on(file_device(path), dev, 16);
}
