// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "device.h"
#include "tunable.h"
#include "util.h"
#include "wbctl.h"

static int set_run(int argc, char **argv)
{
	const struct tunable *tunable = tunable_find(argv[1]);
	const char *value = argv[2];
	struct device dev;
	int err, code = device_find(argv[0], &dev);

	(void)argc;
	if (code)
		return code;
	if (!tunable_takes(tunable, value))
		return tunable_refuse(tunable, dev.name, value);

	err = device_set(&dev, tunable->name, value);
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
	.more_help = tunables_help,
	.any_value = true,
	.min_operands = 3,
	.max_operands = 3,
	.run = set_run,
};
