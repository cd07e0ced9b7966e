// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "table.h"
#include "util.h"
#include "wbctl.h"

struct row {
	char wbctl[16];
	uint32_t abi;
	uint32_t module_abi;
	char target[40];
};

static const struct column version_columns[] = {
	{ "wbctl", "WBCTL", COL_TEXT, get_text, offsetof(struct row, wbctl) },
	{ "abi", "ABI", COL_COUNT, get_u32, offsetof(struct row, abi) },
	{ "module_abi", "MODULEABI", COL_COUNT, get_u32,
	  offsetof(struct row, module_abi) },
	{ "target", "TARGET", COL_TEXT, get_text, offsetof(struct row, target) },
	{ }
};

static int version_run(int argc, char **argv)
{
	struct wb_ioc_version arg = { .size = sizeof(arg) };
	struct row row = { .wbctl = WBCTL_VERSION, .abi = WB_ABI_VERSION };
	int err = control_call(WB_IOC_VERSION, &arg);

	(void)argc;
	(void)argv;
	if (err)
		return fail(EXIT_FAILED, "cannot read the module's version: %s",
			    strerror(err));
	row.module_abi = arg.abi;
	snprintf(row.target, sizeof(row.target), "%u.%u.%u", arg.target[0],
		 arg.target[1], arg.target[2]);
	report_one(version_columns, &row);
	return EXIT_DONE;
}

const struct verb version_verb = {
	.name = "version",
	.operands = "",
	.summary = "Show the versions of wbctl, the ABI and the loaded module.",
	.columns = version_columns,
	.run = version_run,
};
