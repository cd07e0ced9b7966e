#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each allocation of the module's fails once, and some of its I/O: what was asked
# for is done or refused, nothing is lost, and the next attempt works.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

failures=$(mktemp)

one_after_the_other()
{
	local origin

	need_debug_kernel
	fast_disk origin
	if [ "$1" = insmod ]; then
		! lsmod | grep -q ^dm_writebehind || rmmod dm_writebehind
	else
		load_module
	fi
	trace_failures
	at_exit "knob probability 0; dmsetup resume wb-nth; dmsetup remove wb-nth"
	wb_failnth "${@:2}" "$1" "$origin" "$WB_KO"
	note_failures "$failures"
}

in_table()
{
	dmsetup table wb-fire | grep -q "$1"
}

# under_fire PERCENT MODE: random I/O while so many allocations fail.
under_fire()
{
	local origin percent=$1

	need_debug_kernel
	fast_disk origin
	load_module
	trace_failures
	make_wb wb-fire "$origin" 4 mode "$2" max_age 50
	fail_percent "$percent"
	wb_model -n 600 -s "$RANDOM" -w "$work/model" /dev/mapper/wb-fire
	dmsetup message wb-fire 0 set mode volatile
	wait_for 60 in_table "mode volatile"
	remove_wb wb-fire
	knob probability 0
	note_failures "$failures"
	wb_model -c "$work/model" "$origin"
}

# There are few requests, which may all go well.
written_with_errors()
{
	wb_io write 8 /dev/mapper/wb-fire 0 $((2 * MIB))
	stats_is wb-fire errors -gt 0
}

# requests_fail PERCENT MODE: of those that the origin gets.
requests_fail()
{
	local origin switch knobs=/sys/kernel/debug/fail_make_request

	need_debug_kernel
	fast_disk origin
	make_wb wb-fire "$origin" 4 mode "$2" max_age 50
	wb_io write 7 /dev/mapper/wb-fire 0 $((2 * MIB))
	switch=/sys/block/${origin##*/}/make-it-fail
	at_exit "echo 0 >$knobs/probability; echo 0 >$switch"
	echo -1 >"$knobs/times"
	echo 0 >"$knobs/verbose"
	echo "$1" >"$knobs/probability"
	echo 1 >"$switch"
	wait_for 100 written_with_errors
	echo 0 >"$knobs/probability"
	wbctl flush wb-fire
	wb_io check 8 /dev/mapper/wb-fire 0 $((2 * MIB))
	remove_wb wb-fire
	wb_io check 8 "$origin" 0 $((2 * MIB))
}

# Whoever waits for an origin that does not answer can be killed all the same.
killed_under_fire()
{
	local origin

	need_debug_kernel
	fast_disk origin
	linear wb-below "$origin" 0 $((64 * 2048))
	trace_failures
	make_wb wb-fire /dev/mapper/wb-below 4 max_age 50
	wedge wb-below
	wb_io write -r 9 /dev/mapper/wb-fire 0 "$MIB"
	wait_for 60 status_is wb-fire writeback_bytes -gt 0
	fail_percent 100
	killed dmsetup suspend --nolockfs wb-fire
	killed dmsetup remove wb-fire
	knob probability 0
	note_failures "$failures"
	expect "dirty" "$(orphaned_bytes)" -eq "$MIB"
	dmsetup resume wb-below
	make_wb wb-fire /dev/mapper/wb-below 4
	remove_wb wb-fire
	wb_io check 9 "$origin" 0 "$MIB"
}

all_were_tested()
{
	need_debug_kernel
	need objdump
	note "$(sort -u "$failures" | wc -l) places where something was refused"
	note "not tried: the event of a failing origin, on which nothing depends"
	not_failed "$failures" >"$work/left"
	[ ! -s "$work/left" ] || fail "never failed: $(paste -sd, "$work/left")"
}

for operation in $(wb_failnth -l); do
	it "$operation: each allocation fails once" one_after_the_other "$operation"
done
for operation in load resize-dirty blocks; do
	it "$operation: each allocation and all after it fail" \
		one_after_the_other "$operation" -a
done
for operation in reload write-part read sync discard zero flush remove; do
	it "$operation, ordered: each allocation fails once" \
		one_after_the_other "$operation" -m ordered
done
it "under load: half of the allocations fail, durable" under_fire 50 durable
it "under load: all allocations fail, ordered" under_fire 100 ordered
it "a third of the origin's I/O fails" requests_fail 33 durable
it "a third of the origin's I/O fails, ordered" requests_fail 33 ordered
it "a suspend and a removal that are killed while all allocations fail" killed_under_fire
it "no allocation was left untested" all_were_tested
run
