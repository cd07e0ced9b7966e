// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "tunable.h"
#include "util.h"
#include "wbctl.h"

static int set_run(int argc, char **argv)
{
	struct wb_ioc_option arg = { .size = sizeof(arg) };
	const struct tunable *tunable = tunable_find(argv[1]);
	const char *value = argv[2];
	struct device dev;
	int err, code = device_find(argv[0], &dev);

	(void)argc;
	if (code)
		return code;
	if (!tunable_takes(tunable, value))
		return tunable_refuse(tunable, dev.name, value);

	arg.id = dev.status.id;
	snprintf((char *)arg.name, sizeof(arg.name), "%s", tunable->name);
	snprintf((char *)arg.value, sizeof(arg.value), "%s", value);
	err = control_call(WB_IOC_SET, &arg);
	if (err == ERANGE || err == EINVAL)
		return tunable_refuse(tunable, dev.name, value);
	if (err)
		return fail(exit_code_of(err), "%s: cannot set %s: %s", dev.name,
			    tunable->name, strerror(err));
	return EXIT_DONE;
}

const struct verb set_verb = {
	.name = "set",
	.operands = "NAME OPTION VALUE",
	.summary = "Change a tunable of a device.  wbctl get NAME shows them.",
	.min_operands = 3,
	.max_operands = 3,
	.run = set_run,
};
