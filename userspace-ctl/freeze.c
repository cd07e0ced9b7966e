// SPDX-License-Identifier: GPL-2.0-only
#include "device.h"
#include "wbctl.h"

static int freeze_run(int argc, char **argv)
{
	return device_command(argc, argv, WB_IOC_FREEZE, "freeze");
}

const struct verb freeze_verb = {
	.name = "freeze",
	.operands = "NAME...",
	.summary = "Hold background writeback until thaw.  Flushes still write.",
	.min_operands = 1,
	.max_operands = ANY_NUMBER,
	.run = freeze_run,
};
