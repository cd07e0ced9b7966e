#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The machine goes to sleep, as far as the kernel's own test of that goes: all is told,
# processes are frozen, and a second later it wakes.  For that the kernel patches its own
# code, which an emulated one of more than one CPU does not survive every time.
. "$(dirname "$0")/lib.sh"

dev=/dev/mapper/wb-sleep
delay=/sys/module/suspend/parameters/pm_test_delay

# nap [STATE]: freeze, or disk, an image of the memory.
nap()
{
	echo 1 >"$delay"
	echo freezer >/sys/power/pm_test
	echo "${1-freeze}" >/sys/power/state
}

# In the background, until it waits for the origin; its number in $pid.
nap_later()
{
	begun pid nap
}

# make_sleeper MODE [ARGUMENT...]: with 1 MiB that is dirty, on wb-below, on $disk.
make_sleeper()
{
	[ -w "$delay" ] || skip "needs a kernel with CONFIG_PM_SLEEP_DEBUG"
	fast_disk disk
	linear wb-below "$disk"
	make_wb wb-sleep /dev/mapper/wb-below 16 mode "$1" "$lazy" "${@:2}"
	wb_io write 1 "$dev" 0 "$MIB"
	expect "dirty" "$(dirty wb-sleep)" -eq "$MIB"
}

all_is_written_before()	# MODE
{
	local disk

	make_sleeper "$1"
	nap
	expect "dirty" "$(dirty wb-sleep)" -eq 0
	expect "written for that" "$(stats wb-sleep writeback_reason.teardown)" -eq "$MIB"
	wb_io check 1 "$disk" 0 "$MIB"
}

later_writes_rest()
{
	local disk

	make_sleeper volatile
	nap
	wb_io write 2 "$dev" 0 "$MIB"
	expect "dirty" "$(dirty wb-sleep)" -eq "$MIB"
}

# While it is waited for the first ones, one more comes.
writes_through()	# MODE
{
	local disk pid writer

	make_sleeper "$1"
	wedge wb-below
	nap_later
	begun writer wb_io write 2 "$dev" "$MIB" 4096
	dmsetup resume wb-below
	wait "$writer"
	wait "$pid"
	expect "dirty" "$(dirty wb-sleep)" -eq 0
	wb_io check 2 "$disk" "$MIB" 4096
}

# It would be waited for longer than this test may take.
failing()
{
	make_sleeper volatile shutdown_timeout 86400
	break_origin wb-below "$disk"
	must_fail wbctl flush wb-sleep
	wait_for 60 status_is wb-sleep health = failing
}

# writers_go_on: no harm was done to the device that is failing.
writers_go_on()
{
	wb_io write -y 2 "$dev" "$MIB" "$MIB"
	mend_origin wb-below "$disk"
	wbctl flush wb-sleep
	wb_io check 1 "$disk" 0 "$MIB"
	wb_io check 2 "$disk" "$MIB" "$MIB"
}

need_images()
{
	[ -e /dev/snapshot ] || skip "needs a kernel with CONFIG_HIBERNATION"
}

told()
{
	kernel_log_has "wb-sleep: the machine $1 with $MIB bytes for origin" ||
		fail "nobody was told: $1"
}

no_failing_origin_keeps_it_awake()
{
	local disk

	failing
	nap
	told sleeps
	writers_go_on
}

no_image_with_a_failing_origin()
{
	local disk

	need_images
	failing
	must_fail nap disk
	told "must not hibernate"
	# so this memory would be lost
	must_fail eval ": >/dev/snapshot"
	told "must not resume from an image"
	writers_go_on
}

# It is well when that begins.  Who writes meanwhile waits for it, and hears of no error.
an_origin_that_breaks_meanwhile()
{
	local disk pid writer

	make_sleeper volatile shutdown_timeout 86400
	wedge wb-below
	nap_later
	begun writer wb_io write -y 2 "$dev" "$MIB" 4096
	break_origin wb-below "$disk"
	wait "$writer"
	wait "$pid"
	expect "dirty" "$(dirty wb-sleep)" -eq $((MIB + 4096))
	status_is wb-sleep health = failing
	wb_io write -y 3 "$dev" $((2 * MIB)) "$MIB"
}

no_holder_keeps_it_awake()
{
	local disk pid

	make_sleeper volatile shutdown_timeout 86400
	begun pid wb_abi hold "$dev"
	nap
	wb_io write 2 "$dev" "$MIB" "$MIB"
	expect "dirty" "$(dirty wb-sleep)" -eq $((2 * MIB))
}

no_image_while_somebody_holds()
{
	local disk pid

	need_images
	make_sleeper volatile shutdown_timeout 86400
	begun pid wb_abi hold "$dev"
	must_fail nap disk
	told "must not hibernate"
	kill "$pid"
	wait_for 60 gone "$pid"
	nap disk
	expect "dirty" "$(dirty wb-sleep)" -eq 0
}

# The writer would not be frozen if it still waited.
no_longer_than_allowed()
{
	local disk pid writer

	make_sleeper volatile shutdown_timeout 10
	wedge wb-below
	nap_later
	begun writer wb_io write -y 2 "$dev" "$MIB" "$MIB"
	wait "$writer"
	wait "$pid"
	expect "dirty" "$(dirty wb-sleep)" -eq $((2 * MIB))
}

# The next time may be soon enough.
too_late_for_an_image()
{
	local disk

	need_images
	make_sleeper volatile shutdown_timeout 1
	wedge wb-below
	must_fail nap disk
	told "must not hibernate"
	wb_io write 2 "$dev" "$MIB" "$MIB"
	dmsetup resume wb-below
	wbctl set wb-sleep shutdown_timeout 86400
	nap disk
	expect "dirty" "$(dirty wb-sleep)" -eq 0
	wb_io check 2 "$disk" "$MIB" "$MIB"
}

# Who writes an image has that open; from then on until it is closed it is as if the
# machine were about to sleep.
while_an_image_is_written()	# MODE
{
	local disk

	need_images
	make_sleeper "$1"
	exec 3</dev/snapshot
	expect "dirty" "$(dirty wb-sleep)" -eq 0
	wb_io write 2 "$dev" "$MIB" "$MIB"
	expect "dirty" "$(dirty wb-sleep)" -eq 0
	wb_io write -S -b 4096 3 "$dev" $((2 * MIB)) $((64 * KIB))
	expect "dirty" "$(dirty wb-sleep)" -eq 0
	wb_io check 2 "$disk" "$MIB" "$MIB"
	exec 3<&-
	wb_io write 4 "$dev" 0 "$MIB"
	expect "dirty" "$(dirty wb-sleep)" -eq "$MIB"
}

# It may be the image that is not on the disk.
an_origin_that_breaks_under_an_image()
{
	local disk

	need_images
	make_sleeper volatile
	exec 3</dev/snapshot
	break_origin wb-below "$disk"
	must_fail wb_io write 2 "$dev" "$MIB" 4096
	exec 3<&-
	wb_io write 2 "$dev" "$MIB" "$MIB"
	mend_origin wb-below "$disk"
	wbctl flush wb-sleep
	wb_io check 2 "$disk" "$MIB" "$MIB"
}

who_is_killed_lets_it_be()
{
	local disk pid writer

	make_sleeper volatile
	wedge wb-below
	nap_later
	begun writer wb_io write -y 2 "$dev" "$MIB" "$MIB"
	kill -KILL "$pid"
	wait_for 60 gone "$pid"
	wait "$writer"
	expect "dirty" "$(dirty wb-sleep)" -eq $((2 * MIB))
}

writes_until_told()
{
	local i=0

	until [ -e "$work/stop" ]; do
		i=$((i + 1))
		wb_io write -r -y "$i" "$dev" 0 $((48 * MIB))
		wb_io check "$i" "$dev" 0 $((48 * MIB))
		echo "$i" >"$work/passes"
	done
}

under_load()	# MODE
{
	local disk pid writer

	make_sleeper "$1"
	wbctl set wb-sleep max_age 100
	writes_until_told &
	writer=$!
	at_exit "kill $writer"
	wait_for 60 stats_is wb-sleep write_bytes -gt $((4 * MIB))
	nap
	must_fail gone "$writer"
	nap
	must_fail gone "$writer"
	touch "$work/stop"
	wait "$writer"
	remove_wb wb-sleep
	wb_io check "$(cat "$work/passes")" "$disk" 0 $((48 * MIB))
}

it "volatile: all is written before" all_is_written_before volatile
it "ordered: all is written before" all_is_written_before ordered
it "what is written when it is awake again rests as before" later_writes_rest
it "volatile: a write on the way to it ends when it is on the origin" \
	writes_through volatile
it "ordered: the same" writes_through ordered
it "an origin that fails does not keep it awake, and no writer is refused" \
	no_failing_origin_keeps_it_awake
it "an origin that fails meanwhile: the same" an_origin_that_breaks_meanwhile
it "nor does who holds writeback" no_holder_keeps_it_awake
it "nor, for longer than shutdown_timeout, an origin that does not answer" \
	no_longer_than_allowed
it "an image: not with an origin that fails" no_image_with_a_failing_origin
it "an image: not while somebody holds writeback" no_image_while_somebody_holds
it "an image: not with what was not written in time" too_late_for_an_image
it "volatile: while it is written all goes through" while_an_image_is_written volatile
it "ordered: the same" while_an_image_is_written ordered
it "an origin that breaks while it is written" an_origin_that_breaks_under_an_image
it "who waits for it can be killed" who_is_killed_lets_it_be
it "durable: under load" under_load durable
it "ordered: under load" under_load ordered
run
