#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The machine goes to sleep, as far as the kernel's own test of that goes: all is told,
# processes are frozen, and a second later it wakes.
. "$(dirname "$0")/lib.sh"

dev=/dev/mapper/wb-sleep
delay=/sys/module/suspend/parameters/pm_test_delay

nap()
{
	[ -w $delay ] || skip "needs a kernel with CONFIG_PM_SLEEP_DEBUG"
	echo 1 >$delay
	echo freezer >/sys/power/pm_test
	echo freeze >/sys/power/state
}

# nap_later: in the background, until it waits for the origin; its number in $pid.
nap_later()
{
	begun pid nap
}

# make_sleeper MODE [ARGUMENT...]: with 1 MiB that is dirty, on wb-below, on $disk.
make_sleeper()
{
	fast_disk disk
	linear wb-below "$disk"
	make_wb wb-sleep /dev/mapper/wb-below 16 mode "$1" "$lazy" "${@:2}"
	wb_io write 1 "$dev" 0 $MIB
	expect "dirty" "$(dirty wb-sleep)" -eq $MIB
}

all_is_written_before()	# MODE
{
	local disk

	make_sleeper "$1"
	nap
	expect "dirty" "$(dirty wb-sleep)" -eq 0
	expect "written for that" "$(stats wb-sleep writeback_reason.teardown)" -eq $MIB
	wb_io check 1 "$disk" 0 $MIB
}

later_writes_rest()
{
	local disk

	make_sleeper volatile
	nap
	wb_io write 2 "$dev" 0 $MIB
	expect "dirty" "$(dirty wb-sleep)" -eq $MIB
}

# While it is waited for the first ones, one more comes.
writes_through()	# MODE
{
	local disk pid writer

	make_sleeper "$1"
	wedge wb-below
	nap_later
	begun writer wb_io write 2 "$dev" $MIB 4096
	dmsetup resume wb-below
	wait "$writer"
	wait "$pid"
	expect "dirty" "$(dirty wb-sleep)" -eq 0
	wb_io check 2 "$disk" $MIB 4096
}

# It would be waited for longer than this test may take.
no_failing_origin_keeps_it_awake()
{
	local disk

	make_sleeper volatile shutdown_timeout 86400
	break_origin wb-below "$disk"
	must_fail wbctl flush wb-sleep
	wait_for 60 status_is wb-sleep health = failing
	nap
	kernel_log_has "wb-sleep: the machine sleeps with $MIB bytes for origin" ||
		fail "nobody was told"
	wb_io write 2 "$dev" $MIB $MIB
	mend_origin wb-below "$disk"
	wbctl flush wb-sleep
	wb_io check 1 "$disk" 0 $MIB
	wb_io check 2 "$disk" $MIB $MIB
}

no_holder_keeps_it_awake()
{
	local disk pid

	make_sleeper volatile shutdown_timeout 86400
	begun pid wb_abi hold "$dev"
	nap
	wb_io write 2 "$dev" $MIB $MIB
	expect "dirty" "$(dirty wb-sleep)" -eq $((2 * MIB))
}

no_longer_than_allowed()
{
	local disk pid

	make_sleeper volatile shutdown_timeout 1
	wedge wb-below
	nap
	wb_io write 2 "$dev" $MIB $MIB
	expect "dirty" "$(dirty wb-sleep)" -eq $((2 * MIB))
}

who_is_killed_lets_it_be()
{
	local disk

	make_sleeper volatile
	wedge wb-below
	killed nap
	wb_io write 2 "$dev" $MIB $MIB
	expect "dirty" "$(dirty wb-sleep)" -eq $((2 * MIB))
}

under_load()	# MODE
{
	local disk pid i before

	fast_disk disk
	make_wb wb-sleep "$disk" 16 mode "$1" max_age 100
	for i in {1..3}; do
		before=$(stats wb-sleep write_bytes)
		wb_io write -r -y "$i" "$dev" 0 $((48 * MIB)) &
		pid=$!
		wait_for 60 stats_is wb-sleep write_bytes -gt "$before"
		nap
		wait "$pid"
		wb_io check "$i" "$dev" 0 $((48 * MIB))
	done
	remove_wb wb-sleep
	wb_io check 3 "$disk" 0 $((48 * MIB))
}

it "volatile: all is written before" all_is_written_before volatile
it "ordered: all is written before" all_is_written_before ordered
it "what is written when it is awake again rests as before" later_writes_rest
it "volatile: a write on the way to it ends when it is on the origin" \
	writes_through volatile
it "ordered: the same" writes_through ordered
it "an origin that fails does not keep it awake, and no writer is refused" \
	no_failing_origin_keeps_it_awake
it "nor does who holds writeback" no_holder_keeps_it_awake
it "nor, for longer than shutdown_timeout, an origin that does not answer" \
	no_longer_than_allowed
it "who waits for it can be killed" who_is_killed_lets_it_be
it "durable: under load" under_load durable
it "ordered: under load" under_load ordered
run
