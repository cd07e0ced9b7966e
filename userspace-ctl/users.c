// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
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
