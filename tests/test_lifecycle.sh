#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Suspend, resume, reload, rename, remove, rmmod: with dirty data, under load,
# and the data is right on the origin afterwards.
. "$(dirname "$0")/lib.sh"

impatient

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

# A filesystem is frozen, which takes long, and writes.
held_while_being_suspended()
{
	local origin suspend holder

	need mkfs.ext4
	modprobe -q ext4 || skip "needs ext4"
	null_blk origin wb-slow size=64 mbps=2 max_sectors=64
	make_wb wb-life "$origin" 4 mode ordered max_age 50 pause_writeback 50
	mkfs.ext4 -q -E nodiscard,lazy_itable_init "$dev"
	mkdir "$work/mnt"
	at_exit "umount $work/mnt"
	mount "$dev" "$work/mnt"
	wbctl flush wb-life
	dd if=/dev/zero of="$work/mnt/file" bs=1M count=8 status=none
	dmsetup suspend wb-life &
	suspend=$!
	at_exit "dmsetup resume wb-life"
	wait_for 60 grep -qs freeze_super "/proc/$suspend/stack"
	wb_abi hold "$dev" >"$work/held" &
	holder=$!
	at_exit "kill $holder"
	wait_for 60 gone "$suspend"
	wait "$suspend"
	wait_for 60 grep -q held "$work/held"
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

# The table that was to take the data over goes away unused.
heir_replaced()
{
	loaded_for_hand_over 16
	[ -z "$1" ] || dmsetup "$1" wb-life
	dmsetup load wb-life --table "0 $(sectors "$origin") linear $origin 0"
	dmsetup resume wb-life
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	remove_wb wb-life
	on_origin
}

# It may be resumed as it was before that.
heir_cleared()
{
	loaded_for_hand_over 16
	dmsetup clear wb-life
	dmsetup resume wb-life
	wb_io write $((seed + 1)) "$dev" $((4 * MIB)) $((4 * MIB))
	wb_io sync "$dev"
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	on_origin
}

# Somebody else loads and resumes another table while the one that was to take over
# has gone, and what it left is being drained.
taken_over_while_drained()
{
	local clear

	seed=$BASHPID
	null_blk origin wb-late size=64 irqmode=2 completion_nsec=20000000
	echo 4 >"/sys/block/${origin##*/}/queue/max_sectors_kb"
	make_wb wb-life "$origin" 16 "$lazy" writeback_jobs 1
	wb_io write "$seed" "$dev" 0 $((2 * MIB))
	dmsetup load wb-life --table "$(table "$origin" 16 "$lazy")"
	dmsetup suspend --noflush wb-life
	dmsetup clear wb-life &
	clear=$!
	wait_for 60 status_is wb-life dirty_bytes -lt $((2 * MIB))
	dmsetup load wb-life --table "$(table "$origin" "$1" "$lazy")"
	dmsetup resume wb-life
	wait "$clear"
	wb_io check "$seed" "$dev" 0 $((2 * MIB))
	remove_wb wb-life
	wb_io check "$seed" "$origin" 0 $((2 * MIB))
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

all_there_then_removed()
{
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	remove_wb wb-life
	on_origin
}

# resized MIB: what is dirty moves along.
resized()
{
	loaded_for_hand_over "$1"
	dmsetup resume wb-life
	expect "dirty" "$(dirty wb-life)" -eq $((4 * MIB))
	expect "cache" "$(status wb-life cache_bytes)" -eq $(($1 * MIB))
	all_there_then_removed
}

# The same where the suspend has drained it.
resized_with_drain()
{
	with_dirty_data
	reload_wb wb-life "$origin" "$1" "$lazy"
	expect "cache" "$(status wb-life cache_bytes)" -eq $(($1 * MIB))
	expect "dirty" "$(dirty wb-life)" -eq 0
	all_there_then_removed
}

# refused_resume REASON: in one line of the log.
refused_resume()
{
	must_fail dmsetup resume wb-life
	expect "lines of the log" "$(kernel_log | grep -c "writebehind: wb-life: ")" -eq 1
	kernel_log_has "writebehind: wb-life: $1" || fail "another reason than: $1"
}

resized_too_small()
{
	loaded_for_hand_over 2
	dmsetup resume wb-life
	expect "dirty" "$(dirty wb-life)" -eq 0
	expect "budget" "$(status wb-life cache_bytes)" -eq $((2 * MIB))
	all_there_then_removed
}

# The origin does not take it: refused, and nothing is lost.
too_small_while_failing()
{
	local disk origin=/dev/mapper/wb-below

	seed=$BASHPID
	fast_disk disk
	linear wb-below "$disk"
	make_wb wb-life "$origin" 16 "$lazy"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	break_origin wb-below "$disk"
	dmsetup load wb-life --table "$(table "$origin" 2 "$lazy")"
	dmsetup suspend --noflush wb-life
	must_fail timeout 100 dmsetup resume wb-life
	kernel_log_has "writebehind: wb-life: cache MiB: more than that is dirty"
	expect "dirty" "$(dirty wb-life)" -eq $((4 * MIB))
	mend_origin wb-below "$disk"
	"$@"
	all_there_then_removed
}

loaded_anew()
{
	dmsetup load wb-life --table "$(table "$origin" 16 "$lazy")"
	dmsetup resume wb-life
}

resumed_again()
{
	# its line is in force already, and what is set is not undone
	dmsetup message wb-life 0 set max_age 12345
	dmsetup resume wb-life
	expect "max_age" "$(wbctl get wb-life max_age)" -eq 12345
	expect "budget" "$(status wb-life cache_bytes)" -eq $((2 * MIB))
}

removed_and_made_anew()
{
	remove_wb wb-life
	expect "orphans' bytes" "$(orphaned_bytes)" -eq 0
	make_wb wb-life "$origin" 16 "$lazy"
}

# Before it moves to an origin whose store is an older one.
two_stores()
{
	local disk other number

	seed=$BASHPID
	fast_disk disk
	linear wb-below "$disk"
	null_blk other wb-other size=64
	make_wb wb-life /dev/mapper/wb-below 16 "$lazy"
	wb_io write "$seed" "$dev" 0 "$MIB"
	break_origin wb-below "$disk"
	timeout 100 dmsetup remove wb-life
	make_wb wb-life "$other" 16 "$lazy"
	wb_io write $((seed + 1)) "$dev" 0 $((2 * MIB))
	mend_origin wb-below "$disk"
	dmsetup load wb-life --table "$(table /dev/mapper/wb-below 16 "$lazy")"
	number=$(dmsetup info -c --noheadings --separator : -o major,minor wb-life)
	expect "dirty, by name" "$(dirty wb-life)" -eq $((2 * MIB))
	expect "dirty, by number" "$(dirty "$number")" -eq $((2 * MIB))
	timeout 100 wbctl flush "$number"
	wb_io check $((seed + 1)) "$other" 0 $((2 * MIB))
	dmsetup suspend wb-life
	dmsetup resume wb-life
	wb_io check "$seed" "$dev" 0 "$MIB"
	remove_wb wb-life
	wb_io check "$seed" "$disk" 0 "$MIB"
}

# part_of_disk MIB: wb-below, 64 MiB at first, is now as long as this.
part_of_disk()
{
	swap_table wb-below "0 $(($1 * 2048)) linear $disk 0"
}

with_dirty_end()
{
	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	at_exit "part_of_disk 64"
	make_wb wb-life /dev/mapper/wb-below 16 "$lazy"
	wb_io write -r "$seed" "$dev" $((36 * MIB)) $((4 * MIB))
}

# move_to LENGTH-MIB SUSPEND-OPTION...: a table for the origin as it is now.
move_to()
{
	dmsetup load wb-life --table "0 $(($1 * 2048)) writebehind /dev/mapper/wb-below 16"
	shift
	dmsetup suspend "$@" wb-life
	dmsetup resume wb-life
}

origin_grows()
{
	local disk seed=$BASHPID

	with_dirty_end
	part_of_disk 128
	move_to 128 "$@"
	expect "length" "$(sectors "$dev")" -eq $((128 * 2048))
	expect "origin" "$(status wb-life origin_bytes)" -eq $((128 * MIB))
	wb_io write -r "$seed" "$dev" $((124 * MIB)) $((4 * MIB))
	remove_wb wb-life
	wb_io check "$seed" "$disk" $((36 * MIB)) $((4 * MIB))
	wb_io check "$seed" "$disk" $((124 * MIB)) $((4 * MIB))
}

origin_shrinks()
{
	local disk seed=$BASHPID

	with_dirty_end
	part_of_disk 40
	move_to 40 "$@"
	expect "length" "$(sectors "$dev")" -eq $((40 * 2048))
	wb_io check "$seed" "$dev" $((36 * MIB)) $((4 * MIB))
	remove_wb wb-life
	wb_io check "$seed" "$disk" $((36 * MIB)) $((4 * MIB))
}

drained_to_the_end()
{
	wb_io check "$seed" "$dev" $((36 * MIB)) $((4 * MIB))
	wbctl flush wb-life
	wb_io check "$seed" "$disk" $((36 * MIB)) $((4 * MIB))
}

origin_shrinks_below()
{
	local disk seed=$BASHPID

	with_dirty_end
	part_of_disk 38
	must_fail dmsetup load wb-life \
		--table "0 $((38 * 2048)) writebehind /dev/mapper/wb-below 16"
	kernel_log_has "origin: ends before dirty data does"
	expect "dirty" "$(dirty wb-life)" -eq $((4 * MIB))
	part_of_disk 64
	drained_to_the_end
}

origin_shrinks_below_before_resume()
{
	local disk seed=$BASHPID

	with_dirty_end
	dmsetup load wb-life --table "0 $((32 * 2048)) writebehind /dev/mapper/wb-below 16"
	dmsetup suspend --noflush wb-life
	part_of_disk 38
	refused_resume "origin: ends before dirty data does"
	expect "dirty" "$(dirty wb-life)" -eq $((4 * MIB))
	part_of_disk 64
	dmsetup load wb-life --table "$(table /dev/mapper/wb-below 16 "$lazy")"
	dmsetup resume wb-life
	drained_to_the_end
}

# A disk whose first half is good and whose second half fails.
half_broken()
{
	at_exit "mend_origin wb-below $disk"
	swap_table wb-below "0 65536 linear $disk 0
		65536 65536 error"
}

# Four epochs for the same place, the third of which cannot be written.
four_epochs()
{
	local i

	for i in {1..4}; do
		wb_io write $((seed + i)) "$dev" 0 "$MIB"
		[ "$i" != 3 ] || wb_io write "$seed" "$dev" $((40 * MIB)) "$MIB"
		wb_io sync "$dev"
	done
	expect "dirty, all versions" "$(dirty wb-life)" -eq $((5 * MIB))
}

third_epoch_is_next()
{
	[ "$(status wb-life durable_epoch)" -ge 2 ] &&
		[ "$(status wb-life failed_bytes)" = "$MIB" ]
}

# resized_in_order MIB: with all versions, those that have failed before among
# them, and in their order.
resized_in_order()
{
	local disk seed=$BASHPID

	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	make_wb wb-life /dev/mapper/wb-below 16 mode ordered "$lazy"
	half_broken
	four_epochs
	dmsetup load wb-life --table "$(table /dev/mapper/wb-below "$1" mode ordered "$lazy")"
	dmsetup suspend --noflush wb-life
	dmsetup resume wb-life
	expect "dirty, all versions" "$(dirty wb-life)" -eq $((5 * MIB))
	must_fail wbctl flush --timeout 90 wb-life
	wait_for 60 third_epoch_is_next
	expect "of the fourth epoch on the origin" \
		"$(wb_io count $((seed + 4)) "$disk" 0 "$MIB")" -eq 0

	dmsetup load wb-life --table "$(table /dev/mapper/wb-below 32 mode ordered "$lazy")"
	dmsetup suspend --noflush wb-life
	dmsetup resume wb-life
	wb_io check $((seed + 4)) "$dev" 0 "$MIB"
	must_fail wbctl flush --timeout 90 wb-life
	expect "of the fourth epoch on the origin" \
		"$(wb_io count $((seed + 4)) "$disk" 0 "$MIB")" -eq 0
	mend_origin wb-below "$disk"
	wbctl flush wb-life
	wb_io check $((seed + 4)) "$disk" 0 "$MIB"
	wb_io check "$seed" "$disk" $((40 * MIB)) "$MIB"
}

renamed()
{
	with_dirty_data
	at_exit "dmsetup remove wb-other"
	dmsetup rename wb-life wb-other
	expect "dirty" "$(dirty wb-other)" -eq $((4 * MIB))
	wbctl flush wb-other
	on_origin
	# the next table that is loaded knows
	reload_wb wb-other "$origin" 16 "$lazy"
	must_fail dmsetup message wb-other 0 set nonsense 1
	kernel_log_has "writebehind: wb-other: message set nonsense"
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
	expect "orphans' bytes" "$(orphaned_bytes)" -eq $((4 * MIB))
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
it "suspended: who wants to hold writeback meanwhile waits for it" held_while_being_suspended
it "suspended with noflush and no new table: drained" suspended_noflush
it "removed after a noflush suspend, with a table loaded" removed_after_noflush ""
it "removed after a noflush suspend, with a table loaded and cleared" \
	removed_after_noflush clear
it "a noflush suspend, then another target for the origin" replaced_after_noflush
it "a noflush suspend, and another target in the place of who was to take over" \
	heir_replaced ""
it "the same, and that one cleared before" heir_replaced clear
it "a noflush suspend, who was to take over cleared, and resumed" heir_cleared
it "the same, taken over by another table while it is drained" taken_over_while_drained 16
it "the same, by one with another budget" taken_over_while_drained 32
it "a table loaded and cleared changes nothing" loaded_and_cleared
it "reloaded while dirty, with other options" reloaded_while_dirty
it "reloaded while dirty, with a larger budget" resized 32
it "reloaded while dirty, with a smaller budget" resized 5
it "reloaded with a larger budget, drained" resized_with_drain 32
it "reloaded with a smaller budget, drained" resized_with_drain 2
it "reloaded while dirty, with too small a budget: drained" resized_too_small
it "the same while the origin fails: refused, nothing is lost" \
	too_small_while_failing loaded_anew
it "the same, and resumed again" too_small_while_failing resumed_again
it "the same, and removed" too_small_while_failing removed_and_made_anew
it "a device with two stores is known by that of its live table" two_stores
it "resized while dirty: order is kept, and what has failed" resized_in_order 8
it "the origin grows" origin_grows
it "the origin grows, while dirty" origin_grows --noflush
it "the origin shrinks, but not below what is dirty" origin_shrinks
it "the same, while dirty" origin_shrinks --noflush
it "the origin shrinks below what is dirty: the load is refused" origin_shrinks_below
it "the same after the load: the resume is refused, nothing is lost" \
	origin_shrinks_below_before_resume
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
