// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>

#include "columns.h"
#include "device.h"
#include "util.h"
#include "wbctl.h"

static void show(const struct device *devs, size_t nr, bool one)
{
	if (one)
		report_one(status_columns, devs);
	else
		report_rows(&(struct rows){
			.columns = status_columns,
			.defaults = "NAME,MODE,HEALTH,STATE,CACHE,DIRTY,WRITEBACK,OLDEST,LOSS,RATE,ETA",
			.key = "devices",
			.row = devs, .nr = nr, .size = sizeof(*devs),
		});
}

static void hint(const struct device *dev)
{
	char size[TEXT_LEN];

	if (dev->status.failed_bytes)
		printf("\n%s: %s refused by %s: wbctl map --failed %s shows where\n",
		       dev->name, size_text(size, dev->status.failed_bytes, false),
		       dev->origin, dev->name);
}

static int status_run(int argc, char **argv)
{
	struct device *devs;
	size_t nr;
	int code = device_select(argc, argv, &devs, &nr);

	if (code)
		return code;
	show(devs, nr, argc == 1);
	/* What a script asked for stays as it asked. */
	for (size_t i = 0; i < nr && !output.json && !output.columns; i++)
		hint(devs + i);
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
