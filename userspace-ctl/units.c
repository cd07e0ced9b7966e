// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "units.h"
#include "util.h"
#include "wbctl.h"

#define UNIT_LEN	1024
#define LVM_STOP_S	90	/* systemd's patience, which is for its own devices */
#define STOP_SPARE_S	10	/* between the end of the drain and systemd's patience */

/**
 * struct unit - a line's service
 * @entry: the line
 * @conf: its file
 * @dir: where units go
 * @device: the mapped device as a unit's name has it
 * @origin: likewise
 * @name: of the service
 */
struct unit {
	const struct conf_entry *entry;
	const char *conf;
	const char *dir;
	char device[UNIT_LEN];
	char origin[UNIT_LEN];
	char name[UNIT_LEN];
};

/* systemd.unit(5), "string escaping for inclusion in unit names". */
static void escape(char to[UNIT_LEN], const char *text, bool path)
{
	size_t at = 0;
	const char *from = text;

	if (path)
		from += strspn(from, "/");
	for (; *from && at + 5 < UNIT_LEN; from++) {
		bool first = !at;

		if (*from == '/' && path)
			to[at++] = '-';
		else if (isalnum((unsigned char)*from) || strchr(":_", *from) ||
			 (*from == '.' && !first))
			to[at++] = *from;
		else
			at += sprintf(to + at, "\\x%02x", (unsigned char)*from);
	}
	to[at] = '\0';
}

static int cannot(const char *path)
{
	return fail(EXIT_FAILED, "%s: cannot write: %s", path, strerror(errno));
}

static void print_service(FILE *file, const struct unit *unit, const char *self)
{
	const struct conf_entry *entry = unit->entry;
	uint64_t stop = (entry->stop_ms + 999) / 1000;

	fprintf(file,
		"# Made by wbctl from %s\n"
		"[Unit]\n"
		"Description=Write-behind cache %s\n"
		"Documentation=man:writebehind.conf(5) man:wbctl(8)\n"
		"SourcePath=%s\n"
		"DefaultDependencies=no\n"
		"IgnoreOnIsolate=yes\n"
		"Requires=%s.device\n"
		"After=%s.device\n"
		"Wants=blockdev@%s.target\n"
		"Before=blockdev@%s.target umount.target\n"
		"Conflicts=umount.target\n",
		unit->conf, entry->creation.name, unit->conf, unit->origin, unit->origin,
		unit->device, unit->device);
	if (entry->netdev)
		fprintf(file, "Wants=network-online.target\n"
			"After=network.target network-online.target remote-fs-pre.target\n");
	if (!entry->nofail && !entry->noauto)
		fprintf(file, entry->netdev ? "Before=remote-fs.target\n" :
			"Wants=local-fs-pre.target\nBefore=local-fs-pre.target\n");
	fprintf(file,
		"\n[Service]\n"
		"Type=oneshot\n"
		"RemainAfterExit=yes\n"
		"TimeoutStartSec=infinity\n"
		"TimeoutStopSec=%" PRIu64 "\n"
		"StandardOutput=journal+console\n"
		"ExecStart=%s assemble --config %s %s\n"
		"ExecStop=%s remove --timeout %" PRIu64 " %s\n",
		stop + STOP_SPARE_S, self, unit->conf, entry->creation.name, self, stop,
		entry->creation.name);
}

static int write_service(const struct unit *unit)
{
	char path[2 * PATH_MAX], self[PATH_MAX] = "";
	FILE *file;
	bool wrong;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return fail(EXIT_FAILED, "cannot tell where wbctl is: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/%s", unit->dir, unit->name);
	file = fopen(path, "we");
	if (!file)
		return cannot(path);
	print_service(file, unit, self);
	wrong = ferror(file);
	return fclose(file) || wrong ? cannot(path) : EXIT_DONE;
}

/* @other pulls the service in, by @how. */
static int pull_in(const struct unit *unit, const char *other, const char *how)
{
	char dir[PATH_MAX + UNIT_LEN], link[PATH_MAX + 2 * UNIT_LEN], to[UNIT_LEN + 4];

	snprintf(dir, sizeof(dir), "%s/%s.%s", unit->dir, other, how);
	snprintf(link, sizeof(link), "%s/%s", dir, unit->name);
	snprintf(to, sizeof(to), "../%s", unit->name);
	if (mkdir(dir, 0755) && errno != EEXIST)
		return cannot(dir);
	return symlink(to, link) && errno != EEXIST ? cannot(link) : EXIT_DONE;
}

static int write_unit(struct unit *unit)
{
	char name[UNIT_LEN], path[PATH_MAX], device[UNIT_LEN + 16];
	int code;

	escape(name, unit->entry->creation.name, false);
	snprintf(path, sizeof(path), "/dev/mapper/%s", unit->entry->creation.name);
	escape(unit->device, path, true);
	escape(unit->origin, unit->entry->creation.origin, true);
	snprintf(unit->name, sizeof(unit->name), "writebehind@%.*s.service",
		 UNIT_LEN - 32, name);
	snprintf(device, sizeof(device), "%s.device", unit->device);

	code = write_service(unit);
	if (!code)
		code = pull_in(unit, device, "requires");
	if (code || unit->entry->noauto)
		return code;
	/* A disk that comes late, or a second time, has it started all the same. */
	snprintf(device, sizeof(device), "%s.device", unit->origin);
	code = pull_in(unit, device, "wants");
	if (!code)
		code = pull_in(unit, unit->entry->netdev ? "remote-fs.target" :
			       "local-fs.target", "wants");
	return code;
}

/*
 * That service of LVM's removes all devices of the device mapper at shutdown, whoever
 * made them, one after the other, and drains have to end before it is killed.
 */
static int write_patience(const struct conf *conf, const char *dir)
{
	char path[PATH_MAX + UNIT_LEN];
	uint64_t most_s = LVM_STOP_S;
	FILE *file;
	bool wrong;

	for (size_t i = 0; i < conf->nr; i++)
		most_s += (conf->entries[i].stop_ms + 999) / 1000;
	snprintf(path, sizeof(path), "%s/blk-availability.service.d", dir);
	if (mkdir(path, 0755) && errno != EEXIST)
		return cannot(path);
	strcat(path, "/writebehind.conf");
	file = fopen(path, "we");
	if (!file)
		return cannot(path);
	fprintf(file, "[Service]\nTimeoutStopSec=%" PRIu64 "\n", most_s);
	wrong = ferror(file);
	return fclose(file) || wrong ? cannot(path) : EXIT_DONE;
}

int units_write(const struct conf *conf, const char *path, const char *dir)
{
	char *full = realpath(path, NULL);
	int code = EXIT_DONE;

	/* A service has no directory that the path could be relative to. */
	if (!full)
		return fail(EXIT_FAILED, "%s: cannot tell where it is: %s", path,
			    strerror(errno));
	for (size_t i = 0; i < conf->nr && !code; i++) {
		struct unit unit = {
			.entry = conf->entries + i, .conf = full, .dir = dir,
		};

		if (!unit.entry->initramfs)
			code = write_unit(&unit);
	}
	if (conf->nr && !code)
		code = write_patience(conf, dir);
	free(full);
	return code;
}
