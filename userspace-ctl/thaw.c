// SPDX-License-Identifier: GPL-2.0-only
#include "device.h"
#include "wbctl.h"

static int thaw_run(int argc, char **argv)
{
	return device_command(argc, argv, WB_IOC_THAW, "thaw");
}

const struct verb thaw_verb = {
	.name = "thaw",
	.operands = "NAME...",
	.summary = "Let background writeback go on after freeze.",
	.min_operands = 1,
	.max_operands = ANY_NUMBER,
	.run = thaw_run,
};
