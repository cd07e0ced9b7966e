#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two devices do not stand in each other's way.
. "$(dirname "$0")/lib.sh"

impatient

one=/dev/mapper/wb-one
two=/dev/mapper/wb-two

# Two origins, both parts of one disk.
two_origins()
{
	local disk

	fast_disk disk
	linear wb-below1 "$disk" 0 $((64 * 2048))
	linear wb-below2 "$disk" $((64 * 2048)) $((64 * 2048))
	make_wb wb-one /dev/mapper/wb-below1 8 "$@"
	make_wb wb-two /dev/mapper/wb-below2 8 "$@"
}

both_at_once()
{
	local first

	two_origins max_age 50
	wb_model -n 2000 -m 16 -s 1 -w "$work/one" "$one" &
	first=$!
	wb_model -n 2000 -m 16 -s 2 -w "$work/two" "$two"
	wait "$first"
	remove_wb wb-one
	remove_wb wb-two
	wb_model -c "$work/one" /dev/mapper/wb-below1
	wb_model -c "$work/two" /dev/mapper/wb-below2
}

wedged_neighbour()
{
	local pid

	two_origins "$lazy"
	wb_io write 1 "$one" 0 $((4 * MIB))
	wedge wb-below1
	wb_io sync "$one" &
	pid=$!
	wait_for 60 status_is wb-one writeback_bytes -gt 0

	timeout 60 wb_io write -y 2 "$two" 0 $((6 * MIB))
	timeout 60 wb_io check 2 "$two" 0 $((6 * MIB))
	timeout 60 wbctl flush wb-two
	timeout 60 wbctl list >/dev/null
	timeout 60 dmsetup suspend wb-two
	timeout 60 dmsetup resume wb-two
	timeout 60 dmsetup remove wb-two
	wb_io check 2 /dev/mapper/wb-below2 0 $((6 * MIB))
	must_fail gone "$pid"

	dmsetup resume wb-below1
	wait "$pid"
	wb_io check 1 /dev/mapper/wb-below1 0 $((4 * MIB))
}

# A full cache here is not a full cache there.
full_neighbour()
{
	local pid

	two_origins "$lazy"
	wedge wb-below1
	wb_io write 1 "$one" 0 $((16 * MIB)) &
	pid=$!
	wait_for 60 stats_is wb-one throttled_ios -gt 0
	timeout 60 wb_io write -r -y 2 "$two" 0 $((16 * MIB))
	must_fail gone "$pid"
	dmsetup resume wb-below1
	wait "$pid"
	wb_io sync "$one"
	wb_io check 1 /dev/mapper/wb-below1 0 $((16 * MIB))
	wb_io check 2 /dev/mapper/wb-below2 0 $((16 * MIB))
}

# One upon the other: each is the other's origin, in a manner of speaking.
stacked()
{
	local disk

	fast_disk disk
	make_wb wb-one "$disk" 8
	make_wb wb-two "$one" 4
	wb_model -n 1000 -m 16 -s 3 -w "$work/model" "$two"
	remove_wb wb-two
	wb_model -c "$work/model" "$one"
	remove_wb wb-one
	wb_model -c "$work/model" "$disk"
}

it "both at work, over one disk" both_at_once
it "one's origin does not answer, the other goes on" wedged_neighbour
it "one is full and stuck, the other goes on" full_neighbour
it "one upon the other" stacked
run
