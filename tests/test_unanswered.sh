#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An origin that never answers: whoever waits for it can be killed, what is in flight
# comes behind nothing that is written later, and nothing is lost once it answers.
. "$(dirname "$0")/lib.sh"

impatient
dev=/dev/mapper/wb-mute
below=/dev/mapper/wb-below
disk=
brisk="max_age 50 pause_writeback 50"

# in_flight MIB ARGUMENT...: data of $seed on a device of 64 MiB with a cache of 16,
# some of it on its way to an origin that does not answer.
in_flight()
{
	seed=$((RANDOM << 15 | RANDOM))
	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	make_wb wb-mute "$below" 16 "$brisk" "${@:2}"
	wedge wb-below
	wb_io write -r "$seed" "$dev" 0 $(($1 * MIB))
	wait_for 60 status_is wb-mute writeback_bytes -gt 0
}

state_is()
{
	[ "$(dmsetup info -c --noheadings -o suspended wb-mute)" = "$1" ]
}

answer()
{
	dmsetup resume wb-below
}

# all_there MIB: on the device and, once that is removed, on the disk.
all_there()
{
	wb_io check "$seed" "$dev" 0 $(($1 * MIB))
	remove_wb wb-mute
	wb_io check "$seed" "$disk" 0 $(($1 * MIB))
}

orphans()
{
	wbctl list --json | jq '[.. | objects | select(.orphan? == true)] | length'
}

no_orphan()
{
	[ "$(orphans)" = 0 ]
}

# The device goes on as if nobody had tried.
suspend_killed()
{
	in_flight 4 "$@"
	killed dmsetup suspend --nolockfs wb-mute
	state_is Active
	wb_io write -r $((seed + 1)) "$dev" $((8 * MIB)) $((4 * MIB))
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	answer
	dmsetup suspend wb-mute
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
	wb_io check $((seed + 1)) "$disk" $((8 * MIB)) $((4 * MIB))
	dmsetup resume wb-mute
	remove_wb wb-mute
}

# What another target writes in its place is not undone by what was in flight.
replacement_killed()
{
	in_flight 1 "$@"
	dmsetup load wb-mute --table "0 $((64 * 2048)) linear $below 0"
	killed dmsetup resume wb-mute
	state_is Active
	answer
	dmsetup load wb-mute --table "0 $((64 * 2048)) linear $below 0"
	dmsetup resume wb-mute
	wb_io write $((seed + 1)) "$dev" 0 "$MIB"
	remove_wb wb-mute
	wb_io check $((seed + 1)) "$disk" 0 "$MIB"
	expect "orphans" "$(orphans)" -eq 0
}

# The data is not handed over as long as some of it is in flight.
handover_killed()
{
	in_flight 4 "$@"
	dmsetup load wb-mute --table "$(table "$below" 16 "$lazy" "$@")"
	killed dmsetup suspend --noflush --nolockfs wb-mute
	state_is Active
	killed dmsetup resume wb-mute
	state_is Active
	dmsetup load wb-mute --table "$(table "$below" 16 "$lazy" "$@")"
	answer
	dmsetup suspend --noflush --nolockfs wb-mute
	dmsetup resume wb-mute
	all_there 4
}

# Who waits for room is not told that a handover failed.
handover_killed_above_writers()
{
	local i writers=()

	in_flight 16 "$@"
	for i in {1..4}; do
		wb_io write -b 4096 "$seed" "$dev" $((12 * i * MIB + 6 * MIB)) 65536 &
		writers+=($!)
	done
	at_exit "kill -KILL ${writers[*]}"
	wait_for 60 status_is wb-mute waiting_writers -eq 4
	dmsetup load wb-mute --table "$(table "$below" 16 "$lazy" "$@")"
	for i in {1..3}; do
		killed dmsetup suspend --noflush --nolockfs wb-mute
		state_is Active
	done
	answer
	for i in "${writers[@]}"; do
		wait "$i"
	done
	remove_wb wb-mute
	wb_io check "$seed" "$disk" 0 $((16 * MIB))
	for i in {1..4}; do
		wb_io check "$seed" "$disk" $((12 * i * MIB + 6 * MIB)) 65536
	done
}

# cleared ARGUMENT...: whose table was to take over has to drain it first, in process
# $pid, and the origin does not answer.
cleared()
{
	in_flight 4 "$@"
	answer
	dmsetup suspend wb-mute
	dmsetup resume wb-mute
	dmsetup message wb-mute 0 set max_age 86400000
	dmsetup message wb-mute 0 set pause_writeback 86400000
	seed=$((seed + 1))
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	dmsetup load wb-mute --table "$(table "$below" 16 "$brisk" "$@")"
	dmsetup suspend --noflush --nolockfs wb-mute
	dmsetup suspend --nolockfs wb-below
	begun pid dmsetup clear wb-mute
}

# What is resumed next could be another target: so it is waited for even by who is
# killed, also if somebody has tried to resume the device.
clear_killed()
{
	local pid

	cleared "$@"
	kill -KILL "$pid"
	wait_for 60 is_waiting "$pid"
	killed dmsetup resume wb-mute
	wait_for 60 is_waiting "$pid"
	answer
	wait_for 60 gone "$pid"
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
	dmsetup load wb-mute --table "0 $((64 * 2048)) linear $below 0"
	dmsetup resume wb-mute
	all_there 4
	expect "orphans" "$(orphans)" -eq 0
}

# But no longer than until the device itself is resumed.
clear_killed_and_resumed()
{
	local pid resume

	cleared "$@"
	kill -KILL "$pid"
	wait_for 60 is_waiting "$pid"
	begun resume dmsetup resume wb-mute
	answer
	wait "$resume"
	wait_for 60 gone "$pid"
	all_there 4
}

# It leaves what is in flight to the next who is to take over, and is not in its way.
clear_and_another()
{
	local pid

	cleared "$@"
	dmsetup load wb-mute --table "$(table "$below" 8 "$brisk" "$@")"
	killed dmsetup resume wb-mute
	wait "$pid"
	dmsetup load wb-mute --table "$(table "$below" 8 "$brisk" "$@")"
	answer
	dmsetup resume wb-mute
	all_there 4
}

# Who removes the device waits for it, and cannot be killed until it has let go.
clear_killed_and_removed()
{
	local pid remove

	cleared "$@"
	kill -KILL "$pid"
	wait_for 60 is_waiting "$pid"
	begun remove dmsetup remove wb-mute
	wait_for 60 gone "$pid"
	kill -KILL "$remove"
	wait_for 60 gone "$remove"
	expect "orphans" "$(orphans)" -eq 1
	answer
	make_wb wb-mute "$below" 16 "$@"
	all_there 4
}

# Kept, and taken up again; the origin cannot be torn down meanwhile.
removal_killed()
{
	in_flight 12 "$@"
	killed dmsetup remove wb-mute
	expect "orphans" "$(orphans)" -eq 1
	must_fail wbctl discard --yes wb-mute
	must_fail dmsetup remove wb-below
	answer
	wait_for 60 status_is wb-mute writeback_bytes -eq 0
	make_wb wb-mute "$below" 16 "$@"
	all_there 12
	expect "orphans" "$(orphans)" -eq 0
}

# All of it was in flight: nothing is left when it has arrived, and nobody asks for it.
removal_killed_and_nothing_left()
{
	seed=$((RANDOM << 15 | RANDOM))
	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	make_wb wb-mute "$below" 16 "$lazy"
	wb_io write "$seed" "$dev" 0 65536
	wedge wb-below
	killed dmsetup remove wb-mute
	expect "orphans" "$(orphans)" -eq 1
	answer
	wait_for 60 no_orphan
	wb_io check "$seed" "$disk" 0 65536
	wait_for 60 rmmod dm_writebehind
}

# Taken up before the origin answers: that is waited for, and may be given up as well.
attached_and_killed()
{
	in_flight 4 "$@"
	killed dmsetup remove wb-mute
	dmsetup create wb-mute --notable
	dmsetup load wb-mute --table "$(table "$below" 16 "$@")"
	killed dmsetup resume wb-mute
	killed dmsetup resume wb-mute
	remove_wb wb-mute
	expect "orphans" "$(orphans)" -eq 1
	dmsetup create wb-mute --notable
	dmsetup load wb-mute --table "$(table "$below" 16 "$@")"
	answer
	dmsetup resume wb-mute
	all_there 4
}

# Discarded as soon as that can be.
discarded()
{
	in_flight 12 writeback_jobs 1
	killed dmsetup remove wb-mute
	must_fail wbctl discard --yes wb-mute
	answer
	wait_for 60 wbctl discard --yes wb-mute
	wait_for 60 rmmod dm_writebehind
}

it "a suspend, durable" suspend_killed mode durable
it "a suspend, ordered" suspend_killed mode ordered
it "another target was to take its place" replacement_killed mode ordered
it "a table was to take over" handover_killed mode ordered
it "the same, while the cache is full" handover_killed_above_writers mode ordered
it "the table that was to take over is cleared" clear_killed mode durable
it "the same, and the device is resumed" clear_killed_and_resumed mode ordered
it "the same, and another table is to take over" clear_and_another mode ordered
it "the same, and the device is removed" clear_killed_and_removed mode durable
it "a removal" removal_killed mode ordered writeback_jobs 1
it "a removal, and nothing is left" removal_killed_and_nothing_left
it "a removal, taken up before the origin answers" attached_and_killed mode durable
it "a removal, and what is left is thrown away" discarded
run
