#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Random ioctls, messages and tables, by several threads at once: the kernel does
# not complain, the device works, its data is right. WB_CALLS says how many.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

calls=${WB_CALLS:-5000}

# A store that lost its device, for the calls to find: it may be thrown away.
with_orphan()
{
	local slow

	slow_disk slow
	linear wb-lost "$slow" 0 $((16 * 2048))
	make_wb wb-orphan /dev/mapper/wb-lost 4 "$lazy"
	wb_io write 1 /dev/mapper/wb-orphan 0 $((1 * MIB))
	break_origin wb-lost "$slow"
	timeout 100 dmsetup remove wb-orphan
}

# Whatever was set, it is to be as it was.
back_to_normal()
{
	wbctl thaw "$1"
	swap_table "$1" "$(table "$origin" 4)"
	wbctl flush "$1"
}

under_io()
{
	local origin pid seed=${WB_SEED:-$RANDOM}

	fast_disk origin
	make_wb wb-fuzz "$origin" 4
	wb_model -n 0 -s "$seed" -w "$work/model" /dev/mapper/wb-fuzz &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 stats_is wb-fuzz writes -ge 20
	wb_fuzz -n "$calls" -s "$seed" -o "$origin" wb-fuzz
	back_to_normal wb-fuzz
	kill "$pid"
	wait "$pid"
	remove_wb wb-fuzz
	wb_model -c "$work/model" "$origin"
}

beside_an_orphan()
{
	local origin seed=${WB_SEED:-$RANDOM}

	with_orphan
	fast_disk origin
	make_wb wb-fuzz "$origin" 4
	wb_io write "$seed" /dev/mapper/wb-fuzz 0 $((2 * MIB))
	wb_fuzz -n "$calls" -s "$seed" wb-fuzz
	back_to_normal wb-fuzz
	wb_io check "$seed" /dev/mapper/wb-fuzz 0 $((2 * MIB))
}

it "$calls random calls while there is I/O, with messages and tables" under_io
it "$calls random calls beside a store that lost its device" beside_an_orphan
run
