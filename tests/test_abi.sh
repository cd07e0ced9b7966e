#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The control node keeps to its header, whatever a caller comes with.
. "$(dirname "$0")/lib.sh"

with_device()
{
	local origin

	fast_disk origin
	make_wb wb-abi "$origin" 16
	wb_io write 1 /dev/mapper/wb-abi 0 $((2 * MIB))
}

keeps()
{
	with_device
	chmod a+r /dev/writebehind
	wb_abi "$1" /dev/mapper/wb-abi
}

fuzz()
{
	with_device
	wb_abi fuzz /dev/mapper/wb-abi "${WB_SEED:-$RANDOM}" 20000
	wbctl thaw wb-abi
	wb_io sync /dev/mapper/wb-abi
	wbctl flush wb-abi
	wb_io check 1 /dev/mapper/wb-abi 0 $((2 * MIB))
}

it "what is in order is done" keeps good
it "sizes that some version had are taken, others refused" keeps sizes
it "a longer argument is taken if the rest is zero, else E2BIG" keeps future
it "unknown flags are refused" keeps flags
it "bad pointers are EFAULT" keeps pointers
it "no such device is ENODEV" keeps devices
it "names and values without an end or a meaning are refused" keeps names
it "lists of blocks keep to their limits" keeps lists
it "of I/Os that are not timed there is no latency" keeps latency
it "unknown commands are ENOTTY" keeps unknown
it "changes need CAP_SYS_ADMIN" keeps unprivileged
it "20 000 random calls do no harm" fuzz
run
