#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Suspend, resume, reload, rename, remove, rmmod: with dirty data, under load,
# and the data is right on the origin afterwards.
. "$(dirname "$0")/lib.sh"

dev=/dev/mapper/wb-life

with_dirty_data()
{
	seed=$BASHPID
	fast_disk origin
	make_wb wb-life "$origin" 16 "$lazy" "$@"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	expect "dirty" "$(dirty wb-life)" -eq $((4 * MIB))
}

on_origin()
{
	wb_io check "$seed" "$origin" 0 $((4 * MIB))
}

removed()
{
	with_dirty_data mode "$1"
	remove_wb wb-life
	on_origin
}

suspended()
{
	with_dirty_data
	dmsetup suspend wb-life
	on_origin
	expect "dirty" "$(dirty wb-life)" -eq 0
	dmsetup resume wb-life
}

# With a table loaded for the same origin the data is its to take.
loaded_for_hand_over()
{
	with_dirty_data
	dmsetup load wb-life --table "$(table "$origin" "$1" "$lazy" mode volatile)"
	dmsetup suspend --noflush wb-life
	expect "dirty" "$(dirty wb-life)" -eq $((4 * MIB))
	expect "on the origin" "$(wb_io count "$seed" "$origin" 0 $((4 * MIB)))" -eq 0
}

# No table was loaded that could take it over: it may as well be written now.
suspended_noflush()
{
	with_dirty_data
	dmsetup suspend --noflush wb-life
	on_origin
	dmsetup resume wb-life
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
}

removed_after_noflush()
{
	loaded_for_hand_over 16
	[ -z "$1" ] || dmsetup "$1" wb-life
	remove_wb wb-life
	on_origin
}

# Another target for the same origin must not find old data written over its own.
replaced_after_noflush()
{
	with_dirty_data
	dmsetup suspend --noflush wb-life
	dmsetup load wb-life --table "0 $(sectors "$origin") linear $origin 0"
	dmsetup resume wb-life
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	wb_io write $((seed + 1)) "$dev" 0 $((4 * MIB))
	remove_wb wb-life
	wb_io check $((seed + 1)) "$origin" 0 $((4 * MIB))
}

loaded_and_cleared()
{
	local before

	with_dirty_data
	before=$(dmsetup table wb-life)
	dmsetup load wb-life --table "$(table "$origin" 32 mode volatile)"
	dmsetup clear wb-life
	expect "table" "$(dmsetup table wb-life)" = "$before"
	expect "dirty" "$(dirty wb-life)" -eq $((4 * MIB))
	remove_wb wb-life
	on_origin
}

reloaded_while_dirty()
{
	loaded_for_hand_over 16
	dmsetup resume wb-life
	expect "dirty" "$(dirty wb-life)" -eq $((4 * MIB))
	expect "mode" "$(status wb-life mode)" = volatile
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	remove_wb wb-life
	on_origin
}

# Another size cannot take over what is dirty: refused, and nothing is lost.
resized_while_dirty()
{
	loaded_for_hand_over 32
	must_fail dmsetup resume wb-life
	kernel_log_has "cache MiB: cannot change while dirty"
	dmsetup load wb-life --table "$(table "$origin" 16 "$lazy")"
	dmsetup resume wb-life
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	remove_wb wb-life
	on_origin
}

renamed()
{
	with_dirty_data
	at_exit "dmsetup remove wb-other"
	dmsetup rename wb-life wb-other
	expect "dirty" "$(dirty wb-other)" -eq $((4 * MIB))
	wbctl flush wb-other
	on_origin
	dmsetup rename wb-other wb-life
}

rmmod_refused()
{
	with_dirty_data
	must_fail rmmod dm_writebehind
	dmsetup suspend wb-life
	must_fail rmmod dm_writebehind
	remove_wb wb-life
	rmmod dm_writebehind
	on_origin
}

# What the origin refuses stays, can be seen, and is taken up again.
orphaned()
{
	local origin seed=$BASHPID

	fast_disk origin
	linear wb-below "$origin" 0 $((64 * 2048))
	make_wb wb-life /dev/mapper/wb-below 16 "$lazy"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	break_origin wb-below "$origin"
	timeout 100 dmsetup remove wb-life
	wbctl list --json | jq -e '.. | objects | select(.dirty_bytes? == 4194304)' >/dev/null
	must_fail rmmod dm_writebehind
	mend_origin wb-below "$origin"
	make_wb wb-again /dev/mapper/wb-below 16 "$lazy"
	wb_io check "$seed" /dev/mapper/wb-again 0 $((4 * MIB))
	remove_wb wb-again
	on_origin
	rmmod dm_writebehind
}

# under_load MODE COMMAND...: it is done while the model is at work.
under_load()
{
	local origin mode=$1 pid i

	shift
	fast_disk origin
	make_wb wb-life "$origin" 4 mode "$mode" max_age 50
	wb_model -n 0 -s "$RANDOM" -w "$work/model" "$dev" &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 stats_is wb-life writes -ge 200
	for i in {1..3}; do
		"$@" "$i"
		wbctl clear-stats wb-life
		wait_for 60 stats_is wb-life writes -ge 50
	done
	kill "$pid"
	wait "$pid"
	remove_wb wb-life
	wb_model -c "$work/model" "$origin"
}

suspend_resume()
{
	dmsetup suspend wb-life
	dmsetup resume wb-life
}

noflush_suspend_resume()
{
	dmsetup suspend --noflush --nolockfs wb-life
	dmsetup resume wb-life
}

modes=(x volatile ordered durable ordered)

change_options()
{
	dmsetup load wb-life --table "$(table "$origin" 4 mode "${modes[$1]}" max_age 30 read_cache)"
	dmsetup suspend --noflush --nolockfs wb-life
	dmsetup resume wb-life
}

change_size()
{
	reload_wb wb-life "$origin" $((2 + $1)) max_age 30
}

change_mode()
{
	wbctl set wb-life mode "${modes[$1]}"
}

it "removed while dirty, durable" removed durable
it "removed while dirty, ordered" removed ordered
it "removed while dirty, volatile" removed volatile
it "suspended: drained" suspended
it "suspended with noflush and no new table: drained" suspended_noflush
it "removed after a noflush suspend, with a table loaded" removed_after_noflush ""
it "removed after a noflush suspend, with a table loaded and cleared" \
	removed_after_noflush clear
it "a noflush suspend, then another target for the origin" replaced_after_noflush
it "a table loaded and cleared changes nothing" loaded_and_cleared
it "reloaded while dirty, with other options" reloaded_while_dirty
it "reloaded while dirty, with another size: refused" resized_while_dirty
it "renamed while dirty" renamed
it "rmmod is refused while there is a device" rmmod_refused
it "removed over a broken origin: listed, and taken up again" orphaned
it "under load: suspend and resume" under_load durable suspend_resume
it "under load: suspend with noflush" under_load durable noflush_suspend_resume
it "under load: suspend with noflush, ordered" under_load ordered noflush_suspend_resume
it "under load: reload with other options" under_load durable change_options
it "under load: reload with another size" under_load volatile change_size
it "under load: the mode switched by wbctl" under_load ordered change_mode
run
