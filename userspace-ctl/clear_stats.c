// SPDX-License-Identifier: GPL-2.0-only
#include "device.h"
#include "wbctl.h"

static int clear_stats_run(int argc, char **argv)
{
	return device_command(argc, argv, WB_IOC_CLEAR_STATS,
			      "clear its counters");
}

const struct verb clear_stats_verb = {
	.name = "clear-stats",
	.operands = "NAME...",
	.summary = "Set the counters to zero.",
	.min_operands = 1,
	.max_operands = ANY_NUMBER,
	.run = clear_stats_run,
};
