// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "columns.h"
#include "device.h"
#include "wbctl.h"

static int list_run(int argc, char **argv)
{
	struct device *devs;
	size_t nr;
	int code = device_select(argc, argv, &devs, &nr);

	if (code)
		return code;
	report_rows(&(struct rows){
		.columns = status_columns,
		.defaults = "NAME,ID,DEVICE,ORIGIN,MODE,HEALTH,STATE,CACHE,DIRTY,LOSS",
		.key = "devices",
		.row = devs, .nr = nr, .size = sizeof(*devs),
	});
	free(devs);
	return EXIT_DONE;
}

const struct verb list_verb = {
	.name = "list",
	.operands = "",
	.summary = "List the devices, orphans too.",
	.columns = status_columns,
	.run = list_run,
};
