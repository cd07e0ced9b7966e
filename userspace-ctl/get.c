// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "opts.h"
#include "table.h"
#include "tunable.h"
#include "util.h"
#include "wbctl.h"

/* The values of all tunables, as the kernel printed them. */
struct row {
	char value[NR_TUNABLES][WB_VALUE_LEN];
};

static json_object *get_value(const struct column *column, const void *row)
{
	const char *value = (const char *)row + column->offset;

	if (!*value)
		return NULL;
	return column->type == COL_TEXT ? json_object_new_string(value) :
		json_object_new_uint64(strtoull(value, NULL, 10));
}

static const struct opt get_opts[] = {
	{ "json", 'J', NULL, "print JSON", OPT_FLAG, &output.json },
	{ }
};

static int fetch(const struct device *dev, struct row *row)
{
	for (size_t i = 0; i < NR_TUNABLES; i++) {
		struct wb_ioc_option arg = {
			.size = sizeof(arg), .id = dev->status.id,
		};
		int err;

		snprintf((char *)arg.name, sizeof(arg.name), "%s",
			 tunables[i].name);
		err = control_call(WB_IOC_GET, &arg);
		/* A module of an earlier version may not know it. */
		if (err && err != EINVAL)
			return fail(exit_code_of(err), "%s: cannot get %s: %s",
				    dev->name, tunables[i].name, strerror(err));
		snprintf(row->value[i], WB_VALUE_LEN, "%.*s", WB_VALUE_LEN - 1,
			 (const char *)arg.value);
	}
	return EXIT_DONE;
}

static int get_run(int argc, char **argv)
{
	struct column columns[NR_TUNABLES + 1] = { };
	const struct tunable *one = NULL;
	struct device dev;
	struct row row;
	int code;

	for (size_t i = 0; i < NR_TUNABLES; i++)
		columns[i] = (struct column){
			tunables[i].name, tunables[i].name,
			tunables[i].words ? COL_TEXT : COL_COUNT, get_value,
			offsetof(struct row, value[i]),
		};
	if (argc > 1) {
		one = tunable_find(argv[1]);
		output.columns = one->name;
		output.noheadings = true;
	}
	code = device_find(argv[0], &dev);
	if (!code)
		code = fetch(&dev, &row);
	if (code)
		return code;
	/* For scripts: a table would align it to a heading. */
	if (one && !output.json && *row.value[one - tunables])
		puts(row.value[one - tunables]);
	else
		report_one(columns, &row);
	return EXIT_DONE;
}

const struct verb get_verb = {
	.name = "get",
	.operands = "NAME [OPTION]",
	.summary = "Show one tunable of a device, or all of them.",
	.opts = get_opts,
	.more_help = tunables_help,
	.min_operands = 1,
	.max_operands = 2,
	.run = get_run,
};
