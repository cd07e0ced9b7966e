// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "conf.h"
#include "device.h"
#include "opts.h"
#include "units.h"
#include "util.h"
#include "wbctl.h"

static const char *config = CONF_PATH;
static const char *units;
static bool all;
static bool initramfs;
static bool list;

static const struct opt assemble_opts[] = {
	{ "all", 'a', NULL, "all lines but those with noauto", OPT_FLAG, &all },
	{ "initramfs", 0, NULL, "all lines with initramfs", OPT_FLAG, &initramfs },
	{ "config", 'c', "FILE", "another than " CONF_PATH, OPT_TEXT, &config },
	{ "list", 'l', NULL, "make none, but print the names of those lines", OPT_FLAG, &list },
	{ "units", 'u', "DIRECTORY", "make no devices but services for systemd, there",
	  OPT_TEXT, &units },
	{ }
};

/* Is it there already, over the same disk? */
static bool is_assembled(const struct creation *creation)
{
	struct device *devs;
	bool found = false;
	struct stat st;
	size_t nr;

	if (!control_present() || stat(creation->origin, &st) ||
	    device_select(0, NULL, &devs, &nr))
		return false;
	for (size_t i = 0; i < nr && !found; i++)
		found = !strcmp(devs[i].name, creation->name) &&
			!(devs[i].status.state_flags & WB_F_ORPHAN) &&
			makedev(devs[i].status.origin_major,
				devs[i].status.origin_minor) == st.st_rdev;
	free(devs);
	return found;
}

static int assemble(const struct conf_entry *entry)
{
	if (list) {
		puts(entry->creation.name);
		return EXIT_DONE;
	}
	if (is_assembled(&entry->creation))
		return EXIT_DONE;
	return creation_run(&entry->creation);
}

/* One that cannot be made does not keep the others from being made. */
static int assemble_all(const struct conf *conf)
{
	const struct conf_entry *entry = conf->entries;
	int code = EXIT_DONE;

	for (size_t i = 0; i < conf->nr; i++, entry++) {
		if (initramfs ? !entry->initramfs : entry->noauto)
			continue;
		if (assemble(entry) && !entry->nofail)
			code = EXIT_FAILED;
	}
	return code;
}

static int assemble_named(const struct conf *conf, int argc, char **argv)
{
	int code = EXIT_DONE;

	for (int i = 0; i < argc; i++) {
		const struct conf_entry *entry = conf_find(conf, argv[i]);

		if (!entry)
			code = fail(EXIT_FAILED, "%s: no good line in %s has that name",
				    argv[i], config);
		else if (assemble(entry))
			code = EXIT_FAILED;
	}
	return code;
}

static int assemble_run(int argc, char **argv)
{
	struct conf conf;
	int wrong, code;

	if (!!argc + all + initramfs + !!units != 1)
		return fail(EXIT_USAGE, "assemble: one of NAME, --all, --initramfs and --units: see wbctl assemble --help");
	wrong = conf_read(config, &conf);
	if (argc)
		return assemble_named(&conf, argc, argv);
	code = units ? units_write(&conf, config, units) : assemble_all(&conf);
	return code ? code : wrong;
}

const struct verb assemble_verb = {
	.name = "assemble",
	.operands = "NAME... | --all | --initramfs",
	.summary = "Create the devices of " CONF_PATH " that are not there yet.",
	.opts = assemble_opts,
	.max_operands = ANY_NUMBER,
	.run = assemble_run,
};
