// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "columns.h"
#include "device.h"
#include "wbctl.h"

static int status_run(int argc, char **argv)
{
	struct device *devs;
	size_t nr;
	int code = device_select(argc, argv, &devs, &nr);

	if (code)
		return code;
	if (argc == 1)
		report_one(status_columns, devs);
	else
		report_rows(status_columns,
			    "NAME,MODE,HEALTH,STATE,CACHE,DIRTY,WRITEBACK,OLDEST,RATE,ETA",
			    devs, nr, sizeof(*devs));
	free(devs);
	return EXIT_DONE;
}

const struct verb status_verb = {
	.name = "status",
	.operands = "[NAME...]",
	.summary = "Show the state: of one device in full, of several as a table.",
	.columns = status_columns,
	.max_operands = ANY_NUMBER,
	.run = status_run,
};
