// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "device.h"
#include "util.h"
#include "wbctl.h"

#define BLANKS		" \t\r\n"
#define WHERE_LEN	512

/* Places that tell one device from another even if it holds the same filesystem. */
static const struct {
	const char *tag;
	const char *dir;
} tags[] = {
	{ "PARTUUID=", "/dev/disk/by-partuuid/" },
	{ "PARTLABEL=", "/dev/disk/by-partlabel/" },
	{ "ID=", "/dev/disk/by-id/" },
};

static char *join(const char *a, const char *b)
{
	char *text;

	if (asprintf(&text, "%s%s", a, b) < 0)
		die(EXIT_FAILED, "out of memory");
	return text;
}

static int take_name(struct conf_entry *entry, const char *where, char *word)
{
	entry->creation.name = word;
	return creation_check_name(where, word);
}

/* A filesystem's own UUID is found on the cache's device as well. */
static int take_origin(struct conf_entry *entry, const char *where, char *word)
{
	entry->creation.origin = word;
	if (word[0] == '/')
		return EXIT_DONE;
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		size_t len = strlen(tags[i].tag);

		if (strncmp(word, tags[i].tag, len))
			continue;
		entry->creation.origin = join(tags[i].dir, word + len);
		return EXIT_DONE;
	}
	return fail(EXIT_FAILED,
		    "%s: origin %s: allowed are a path, ID=, PARTUUID= and PARTLABEL=",
		    where, word);
}

static int take_size(struct conf_entry *entry, const char *where, const char *word)
{
	if (parse_mebibytes(word, &entry->creation.mib))
		return EXIT_DONE;
	return fail(EXIT_FAILED,
		    "%s: size %s: allowed are MiB, or a number with M, G or T, from 1M",
		    where, word);
}

static int take_tunable(struct conf_entry *entry, const char *where, const char *name,
			const char *value)
{
	for (size_t i = 0; i < NR_TUNABLES; i++) {
		const struct tunable *t = tunables + i;

		if (strcmp(t->name, name) || i == TUNABLE_READ_CACHE ||
		    i == TUNABLE_WRITE_THROUGH)
			continue;
		if (!tunable_takes(t, value))
			return tunable_refuse(t, where, value);
		entry->creation.values[i] = value;
		return EXIT_DONE;
	}
	return fail(EXIT_FAILED, "%s: option %s: no such option: see writebehind.conf(5)",
		    where, name);
}

static bool take_flag(struct conf_entry *entry, const char *word)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "nofail", &entry->nofail },
		{ "noauto", &entry->noauto },
		{ "_netdev", &entry->netdev },
		{ "initramfs", &entry->initramfs },
		{ "read_cache", &entry->creation.read_cache },
		{ "no_read_cache", &entry->creation.no_read_cache },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(flags[i].name, word))
			return *flags[i].flag = true;
	return false;
}

static int take_stop_timeout(struct conf_entry *entry, const char *where,
			     const char *value)
{
	if (parse_seconds(value, &entry->stop_ms) && entry->stop_ms)
		return EXIT_DONE;
	return fail(EXIT_FAILED, "%s: stop_timeout %s: allowed are seconds, more than 0",
		    where, value);
}

static int take_option(struct conf_entry *entry, const char *where, char *word)
{
	char *value;

	if (take_flag(entry, word))
		return EXIT_DONE;
	value = strchr(word, '=');
	if (!value)
		return fail(EXIT_FAILED,
			    "%s: option %s: no such option, or its value is missing: see writebehind.conf(5)",
			    where, word);
	*value++ = '\0';
	if (!strcmp(word, "stop_timeout"))
		return take_stop_timeout(entry, where, value);
	return take_tunable(entry, where, word, value);
}

static int take_options(struct conf_entry *entry, const char *where, char *words)
{
	char *word;
	int code = EXIT_DONE;

	while (!code && (word = strsep(&words, ",")))
		if (*word)
			code = take_option(entry, where, word);
	if (!code && entry->initramfs && (entry->nofail || entry->noauto || entry->netdev))
		code = fail(EXIT_FAILED,
			    "%s: initramfs goes without nofail, noauto and _netdev", where);
	if (!code && entry->creation.read_cache && entry->creation.no_read_cache)
		code = fail(EXIT_FAILED, "%s: read_cache and no_read_cache: choose one",
			    where);
	return code;
}

static int take_line(struct conf_entry *entry, const char *where, char *line)
{
	char *words[4] = { }, *rest = line, *word;
	size_t nr = 0;
	int code;

	while ((word = strsep(&rest, BLANKS)))
		if (*word) {
			if (nr == ARRAY_SIZE(words))
				return fail(EXIT_FAILED,
					    "%s: more than four words: allowed are name, origin, size, options",
					    where);
			words[nr++] = word;
		}
	if (nr < 3)
		return fail(EXIT_FAILED,
			    "%s: words missing: wanted are name, origin, size and maybe options",
			    where);
	*entry = (struct conf_entry){ .stop_ms = CONF_STOP_MS };
	code = take_name(entry, where, words[0]);
	if (!code)
		code = take_origin(entry, where, words[1]);
	if (!code)
		code = take_size(entry, where, words[2]);
	return code || !words[3] ? code : take_options(entry, where, words[3]);
}

static int add_line(struct conf *conf, const char *where, char *line)
{
	struct conf_entry entry;
	int code = take_line(&entry, where, line);

	if (code)
		return code;
	if (conf_find(conf, entry.creation.name))
		return fail(EXIT_FAILED, "%s: name %s: an earlier line has it", where,
			    entry.creation.name);
	conf->entries = reallocarray(conf->entries, conf->nr + 1, sizeof(entry));
	if (!conf->entries)
		die(EXIT_FAILED, "out of memory");
	conf->entries[conf->nr++] = entry;
	return EXIT_DONE;
}

int conf_read(const char *path, struct conf *conf)
{
	FILE *file = fopen(path, "re");
	char where[WHERE_LEN], *line = NULL;
	int code = EXIT_DONE, number = 0;
	size_t room = 0;

	*conf = (struct conf){ .nr = 0 };
	if (!file)
		return fail(EXIT_FAILED, "%s: cannot open: %s", path, strerror(errno));
	while (getline(&line, &room, file) >= 0) {
		char *text = line + strspn(line, BLANKS);

		number++;
		if (!*text || *text == '#')
			continue;
		snprintf(where, sizeof(where), "%s:%d", path, number);
		/* What is taken points into it. */
		if (add_line(conf, where, join(text, "")))
			code = EXIT_FAILED;
	}
	if (ferror(file))
		code = fail(EXIT_FAILED, "%s: cannot read: %s", path, strerror(errno));
	free(line);
	fclose(file);
	return code;
}

const struct conf_entry *conf_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->nr; i++)
		if (!strcmp(conf->entries[i].creation.name, name))
			return conf->entries + i;
	return NULL;
}
