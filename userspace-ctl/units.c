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
#define STOP_SPARE_S	10	/* between the end of the drain and systemd's patience */

/**
 * struct unit - a line's service
 * @entry: the line
 * @conf: its file
 * @dir: where units go
 * @self: wbctl
 * @device: the mapped device as a unit's name has it
 * @origin: likewise
 * @name: of the service
 */
struct unit {
	const struct conf_entry *entry;
	const char *conf;
	const char *dir;
	const char *self;
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

static uint64_t stop_seconds(const struct conf_entry *entry)
{
	return (entry->stop_ms + 999) / 1000;
}

static void print_service(FILE *file, const struct unit *unit)
{
	const struct conf_entry *entry = unit->entry;
	uint64_t stop = stop_seconds(entry);

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
		stop + STOP_SPARE_S, unit->self, unit->conf, entry->creation.name,
		unit->self, stop, entry->creation.name);
}

static const char *unit_path(const struct unit *unit, char path[2 * PATH_MAX])
{
	snprintf(path, 2 * PATH_MAX, "%s/%s", unit->dir, unit->name);
	return path;
}

static int open_unit(const struct unit *unit, FILE **file)
{
	char path[2 * PATH_MAX];

	*file = fopen(unit_path(unit, path), "we");
	return *file ? EXIT_DONE : cannot(path);
}

static int close_unit(const struct unit *unit, FILE *file)
{
	char path[2 * PATH_MAX];
	bool wrong = ferror(file);

	return fclose(file) || wrong ? cannot(unit_path(unit, path)) : EXIT_DONE;
}

static int write_service(const struct unit *unit)
{
	FILE *file;
	int code = open_unit(unit, &file);

	if (code)
		return code;
	print_service(file, unit);
	return close_unit(unit, file);
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
 * At shutdown that service of LVM's unmounts and removes what the device mapper has,
 * whoever made it, and is killed after 90 s.  So what is dirty is flushed before: by a
 * service that starts late and stops first, since one that is ordered between LVM's and
 * the filesystems may have to wait for a network that waits for these.
 */
static void print_flush_service(FILE *file, const char *conf, const char *self,
				uint64_t stop)
{
	static const char *const places[] = { "/etc", "/lib", "/usr/lib" };

	fprintf(file,
		"# Made by wbctl from %s\n"
		"[Unit]\n"
		"Description=Flush of write-behind caches before LVM removes them\n"
		"Documentation=man:writebehind.conf(5) man:wbctl(8)\n"
		"SourcePath=%s\n"
		"DefaultDependencies=no\n"
		"After=blk-availability.service\n"
		"Before=shutdown.target\n"
		"Conflicts=shutdown.target\n", conf, conf);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		fprintf(file,
			"ConditionPathExists=|%s/systemd/system/blk-availability.service\n",
			places[i]);
	fprintf(file,
		"\n[Service]\n"
		"Type=oneshot\n"
		"RemainAfterExit=yes\n"
		"TimeoutStopSec=%" PRIu64 "\n"
		"StandardOutput=journal+console\n"
		"ExecStop=-%s flush --timeout %" PRIu64 "\n",
		stop + STOP_SPARE_S, self, stop);
}

static int write_flush_service(const struct conf *conf, struct unit *unit)
{
	uint64_t most = 0;
	FILE *file;
	int code;

	for (size_t i = 0; i < conf->nr; i++)
		if (stop_seconds(conf->entries + i) > most)
			most = stop_seconds(conf->entries + i);
	snprintf(unit->name, sizeof(unit->name), "writebehind-flush.service");
	code = open_unit(unit, &file);
	if (code)
		return code;
	print_flush_service(file, unit->conf, unit->self, most);
	code = close_unit(unit, file);
	return code ? code : pull_in(unit, "multi-user.target", "wants");
}

int units_write(const struct conf *conf, const char *path, const char *dir)
{
	char *full = realpath(path, NULL), self[PATH_MAX] = "";
	int code = EXIT_DONE;

	/* A service has no directory that the path could be relative to. */
	if (!full)
		return fail(EXIT_FAILED, "%s: cannot tell where it is: %s", path,
			    strerror(errno));
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		code = fail(EXIT_FAILED, "cannot tell where wbctl is: %s", strerror(errno));
	for (size_t i = 0; i < conf->nr && !code; i++) {
		struct unit unit = {
			.entry = conf->entries + i, .conf = full, .dir = dir, .self = self,
		};

		if (!unit.entry->initramfs)
			code = write_unit(&unit);
	}
	if (conf->nr && !code)
		code = write_flush_service(conf, &(struct unit){
			.conf = full, .dir = dir, .self = self,
		});
	free(full);
	return code;
}
