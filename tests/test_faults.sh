#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Origins that fail in many ways: no byte is wrong, none is lost, nobody hangs,
# everybody is told, and when the origin is back it is drained without help.
. "$(dirname "$0")/lib.sh"

impatient
seed=$RANDOM
dev=/dev/mapper/wb-fault
brisk="max_age 50 pause_writeback 50"

# with_cache MIB ARGUMENT...: over 64 MiB that can be made to fail, with data on
# them that no case before had.
with_cache()
{
	seed=$((RANDOM << 15 | RANDOM))
	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	make_wb wb-fault /dev/mapper/wb-below "$@"
}

health_is()
{
	status_is wb-fault health = "$1"
}

back_in_health()
{
	wait_for 90 clean wb-fault
	wait_for 90 health_is ok
}

# fail_from_now_on [MIB]: and there is something to fail with.
fail_from_now_on()
{
	break_origin wb-below "$disk"
	wb_io write -r "$seed" "$dev" 0 $((${1-1} * MIB))
	wbctl set wb-fault max_age 10
	wait_for 60 health_is failing
}

mend()
{
	mend_origin wb-below "$disk"
	wbctl thaw wb-fault
	back_in_health
}

#
# Kinds of failure
#

# rewrite MIB FILE: again and again, until FILE is there; its number last of all.
rewrite()
{
	local n=0

	while [ ! -e "$2" ]; do
		n=$((n + 1))
		wb_io write -r $((seed + n)) "$dev" 0 $(($1 * MIB)) || return
		echo "$n" >"$work/round"
	done
}

# under_rewriting COMMAND...: it is done while the device is written.
under_rewriting()
{
	local pid

	rewrite 4 "$work/enough" &
	pid=$!
	at_exit "touch $work/enough; wait $pid"
	wait_for 60 test -s "$work/round"
	"$@"
	touch "$work/enough"
	wait "$pid"
	mend
	seed=$((seed + $(cat "$work/round")))
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
}

goes_and_comes()
{
	for _ in 1 2; do
		break_origin wb-below "$disk"
		wait_for 60 status_is wb-fault health != ok
		mend_origin wb-below "$disk"
		wait_for 90 health_is ok
	done
}

origin_replaced()
{
	local disk

	with_cache 32 mode "$1" "$brisk"
	under_rewriting goes_and_comes
}

# flaky FEATURE...: one second good, one second bad.
flaky()
{
	at_exit "mend_origin wb-below $disk"
	swap_table wb-below "0 131072 flakey $disk 0 1 1 $# $*"
}

has_failed()
{
	flaky "$@"
	wbctl clear-stats wb-fault
	wait_for 90 stats_is wb-fault errors -ge 5
	mend_origin wb-below "$disk"
}

comes_and_goes_by_itself()
{
	local disk

	need_target flakey
	with_cache 32 mode "$1" "$brisk"
	under_rewriting has_failed
}

# Reads do not fail, so the model can be at work meanwhile.
model_over_flaky_writes()
{
	local disk pid

	need_target flakey
	with_cache 16 mode ordered "$brisk"
	wb_model -n 0 -m 8 -s "$RANDOM" -w "$work/model" "$dev" &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 stats_is wb-fault writes -ge 200
	has_failed error_writes
	kill "$pid"
	wait "$pid"
	mend
	remove_wb wb-fault
	wb_model -c "$work/model" "$disk"
}

# fio has the last word, too: on the device meanwhile, on the bare disk afterwards.
fio_over_flaky_writes()
{
	local disk job=(--name=verify --ioengine=libaio --iodepth=8 --direct=1
		--rw=randwrite --bsrange=4k-64k --size=24m --randseed="$RANDOM"
		--verify=crc32c --verify_fatal=1 --output="$work/fio")

	need fio
	need_target flakey
	with_cache 32 mode durable "$brisk"
	flaky error_writes
	wbctl clear-stats wb-fault
	fio "${job[@]}" --filename="$dev" --rate=4m || { cat "$work/fio"; fail "fio"; }
	expect "errors" "$(stats wb-fault errors)" -ge 5
	mend
	remove_wb wb-fault
	fio "${job[@]}" --filename="$disk" --verify_only || { cat "$work/fio"; fail "fio"; }
}

map_shows_failed()
{
	wbctl map --help >/dev/null 2>&1 || return 0
	[ "$(wbctl map --failed --json wb-fault |
		jq -r '.extents[] | "\(.sector) \(.bytes)"')" = "$1" ]
}

# Sectors 2050 to 2051 cannot be written: they cost the one block that has them.
bad_block()
{
	local origin bad=/sys/kernel/config/nullb/wb-bad/badblocks

	null_blk origin wb-bad size=32
	make_wb wb-fault "$origin" 16 mode durable "$lazy"
	echo "+2050-2051" >"$bad" || skip "needs null_blk with badblocks"
	wb_io write "$seed" "$dev" 0 $((4 * MIB))
	must_fail timeout 100 wb_io sync "$dev"
	wait_for 60 status_is wb-fault failed_bytes -eq 4096
	expect "bad sector" "$(status wb-fault bad_sector)" -eq 2048
	expect "dirty" "$(dirty wb-fault)" -eq 4096
	wait_for 60 map_shows_failed "2048 4096"
	wb_io check "$seed" "$origin" 0 "$MIB"
	wb_io check "$seed" "$origin" $((MIB + 4096)) $((3 * MIB - 4096))
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	echo "-2050-2051" >"$bad"
	back_in_health
	wb_io sync "$dev"
	remove_wb wb-fault
	wb_io check "$seed" "$origin" 0 $((4 * MIB))
}

# A part of a discard that fails is not made good by the parts behind it.
bad_part_of_a_discard()
{
	local origin

	null_blk origin wb-bad size=32 discard=1
	echo 65536 >"/sys/block/${origin##*/}/queue/discard_max_bytes"
	echo "+0-7" >/sys/kernel/config/nullb/wb-bad/badblocks || skip "needs null_blk with badblocks"
	make_wb wb-fault "$origin" 16 mode durable
	must_fail blkdiscard -f -o 0 -l "$MIB" "$dev"
	blkdiscard -f -o "$MIB" -l "$MIB" "$dev"
}

# A discard that the origin refuses has changed nothing: not back to what was there
# before, either.
refused_discard()
{
	local origin bad=/sys/kernel/config/nullb/wb-bad/badblocks

	null_blk origin wb-bad size=32 discard=1
	make_wb wb-fault "$origin" 16 mode durable "$lazy"
	wb_io write $((seed + 1)) "$dev" 0 "$MIB"
	wb_io sync "$dev"
	wb_io write "$seed" "$dev" 0 "$MIB"
	echo "+0-7" >"$bad" || skip "needs null_blk with badblocks"
	must_fail blkdiscard -f -o 0 -l "$MIB" "$dev"
	echo "-0-7" >"$bad"
	wb_io check "$seed" "$dev" 0 "$MIB"
	blkdiscard -f -o 4096 -l 4096 "$dev"
	expect "dirty" "$(dirty wb-fault)" -eq $((MIB - 4096))
	remove_wb wb-fault
	wb_io check "$seed" "$origin" 0 4096
	wb_io check "$seed" "$origin" 8192 $((MIB - 8192))
}

# A medium error is for who reads the sector; RAM knows it all the same, and writing
# mends it.
medium_error()
{
	local origin

	scsi_disk origin opts=2 medium_error_start=2048 medium_error_count=8
	make_wb wb-fault "$origin" 16 mode durable "$lazy"
	must_fail dd if="$dev" of=/dev/null bs=4k skip=256 count=1 iflag=direct status=none
	dd if="$dev" of=/dev/null bs=4k skip=255 count=1 iflag=direct status=none
	wb_io write "$seed" "$dev" "$MIB" 4096
	wb_io check "$seed" "$dev" "$MIB" 4096
	wb_io sync "$dev"
	expect "health" "$(status wb-fault health)" = ok
	echo 0 >/sys/bus/pseudo/drivers/scsi_debug/opts
	remove_wb wb-fault
	wb_io check "$seed" "$origin" "$MIB" 4096
}

write_protected()
{
	local origin wp=/sys/module/scsi_debug/parameters/wp

	scsi_disk origin
	make_wb wb-fault "$origin" 16 mode durable "$brisk"
	at_exit "echo 0 >$wp"
	echo 1 >"$wp"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	wait_for 60 health_is failing
	must_fail wb_io sync "$dev"
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	echo 0 >"$wp"
	back_in_health
	remove_wb wb-fault
	wb_io check "$seed" "$origin" 0 $((4 * MIB))
}

scsi_gone()
{
	[ -z "$(scsi_name)" ]
}

unplug()
{
	echo 1 >"/sys/block/${1##*/}/device/delete"
	wait_for 60 scsi_gone
}

# plug_in VAR: the same medium, but for the kernel another disk.
plug_in()
{
	local host

	for host in /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*; do
		echo "- - -" >"/sys/class/scsi_host/${host##*/}/scan"
	done
	wait_for 60 scsi_is_up
	printf -v "$1" %s "/dev/$(scsi_name)"
}

# A disk behind a stable name, as multipath has it.
unplugged()
{
	local disk

	scsi_disk disk
	linear wb-below "$disk"
	make_wb wb-fault /dev/mapper/wb-below 16 mode "$1" "$brisk"
	wbctl freeze wb-fault
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	unplug "$disk"
	wbctl thaw wb-fault
	wait_for 60 health_is failing
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	plug_in disk
	mend
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
}

partition()	# DISK FIRST: of 32 MiB
{
	addpart "$1" 1 "$2" 65536
	wait_for 60 test -b "${1}1"
}

# Its number and its disk are the same, but what is dirty belongs elsewhere.
partition_made_anew()
{
	local disk

	need addpart delpart
	scsi_disk disk
	partition "$disk" 2048
	make_wb wb-fault "${disk}1" 16 "$lazy"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	echo offline >"/sys/block/${disk##*/}/device/state"
	dmsetup remove --force wb-fault
	expect "orphans' bytes" "$(orphaned_bytes)" -eq $((4 * MIB))
	echo running >"/sys/block/${disk##*/}/device/state"
	delpart "$disk" 1
	partition "$disk" 4096
	must_fail dmsetup create wb-fault --table "$(table "${disk}1" 16)"
	kernel_log_has "dirty data is left of a partition that began elsewhere"
	delpart "$disk" 1
	partition "$disk" 2048
	make_wb wb-fault "${disk}1" 16 "$lazy"
	remove_wb wb-fault
	wb_io check "$seed" "${disk}1" 0 $((4 * MIB))
	delpart "$disk" 1
}

# It might as well be another disk that got the number: not a byte is written to
# it but by a replay, which knows disks by more than that.
unplugged_without_a_name()
{
	local disk before

	scsi_disk disk
	make_wb wb-fault "$disk" 16 "$lazy"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	unplug "$disk"
	dmsetup remove --force wb-fault
	expect "orphans' bytes" "$(orphaned_bytes)" -eq $((4 * MIB))
	before=$disk
	plug_in disk
	expect "number of the disk" "$disk" = "$before"
	must_fail dmsetup create wb-fault --table "$(table "$disk" 16)"
	kernel_log_has "origin: a store without a device holds dirty data of another disk"
	expect "on the disk" "$(wb_io count "$seed" "$disk" 0 $((4 * MIB)))" -eq 0
	discard_orphan
	make_wb wb-fault "$disk" 16
	rmmod_after_removal
}

# Longer without an answer than the hung-task detector waits is neither an error nor, for
# who waits for it, a hung task.
slow_to_answer()
{
	local disk sync suspend

	at_exit impatient
	hung_after 10
	with_cache 16 mode durable "$brisk"
	wedge wb-below
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	wb_io sync "$dev" &
	sync=$!
	wait_for 60 status_is wb-fault writeback_bytes -gt 0
	dmsetup load wb-fault --table "$(table /dev/mapper/wb-below 16 mode durable "$brisk")"
	dmsetup suspend --noflush --nolockfs wb-fault &
	suspend=$!
	wait_for 180 status_is wb-fault oldest_dirty_ms -ge 25000
	must_fail gone "$sync"
	must_fail gone "$suspend"
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	wb_io write "$seed" "$dev" $((8 * MIB)) $((4 * MIB))
	expect "health" "$(status wb-fault health)" = ok
	dmsetup resume wb-below
	wait "$suspend"
	dmsetup resume wb-fault
	wait "$sync"
	expect "errors" "$(stats wb-fault errors)" -eq 0
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
	wb_io check "$seed" "$disk" $((8 * MIB)) $((4 * MIB))
}

# After an outage all of the backlog has failed.  It is not written block by block,
# though one of the first blocks stays bad, and that one is found.
backlog_after_an_outage()
{
	local disk

	with_cache 40 mode durable "$lazy"
	fail_from_now_on 32
	wait_for 60 status_is wb-fault failed_bytes -gt $((16 * MIB))
	# what a pass over the dead disk costs is not counted
	wbctl freeze wb-fault
	bad_spot wb-below "$disk" 8 8
	wbctl clear-stats wb-fault
	wbctl thaw wb-fault
	wait_for 90 status_is wb-fault failed_bytes = 4096
	note "$(stats wb-fault writeback_ios) I/Os"
	expect "I/Os" "$(stats wb-fault writeback_ios)" -le 1024
	wait_for 90 health_is failing
	expect "bad sector" "$(status wb-fault bad_sector)" = 8
	mend
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((32 * MIB))
}

# A disk that takes its time for each error is not asked for each block, and who waits
# for a flush is told soon.
dead_and_slow()
{
	local disk

	need_target delay
	with_cache 40 mode durable "$lazy"
	fail_from_now_on 32
	dmsetup create wb-dead --table "0 131072 error"
	at_exit "dmsetup remove --retry wb-dead; mend_origin wb-below $disk"
	swap_table wb-below "0 131072 delay /dev/mapper/wb-dead 0 500"
	wbctl clear-stats wb-fault
	must_fail wbctl flush wb-fault
	note "$(stats wb-fault writeback_ios) I/Os"
	expect "I/Os for 8192 blocks" "$(stats wb-fault writeback_ios)" -le 1024
	expect "failed" "$(status wb-fault failed_bytes)" = $((32 * MIB))
	mend
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((32 * MIB))
}

# comb FIRST COUNT: in so many sectors every other block is bad.
comb()
{
	local i

	echo "0 $1 linear $disk 0"
	for ((i = $1; i < $1 + $2; i += 16)); do
		echo "$i 8 error"
		echo "$((i + 8)) 8 linear $disk $((i + 8))"
	done
}

# Two stretches that are bad all over, and one with good blocks between bad ones.
good_among_bad()
{
	local disk

	with_cache 16 mode "$1" "$brisk"
	at_exit "mend_origin wb-below $disk"
	swap_table wb-below "$(comb 1024 2048)
		3072 1024 error
		4096 4096 linear $disk 4096
		8192 4096 error
		12288 118784 linear $disk 12288"
	# one epoch of it: a later one would wait for what fails
	wbctl freeze wb-fault
	wb_io write "$seed" "$dev" 0 $((8 * MIB))
	wbctl thaw wb-fault
	wait_for 400 status_is wb-fault failed_bytes = $(((1024 + 1024 + 4096) * 512))
	wait_for 400 status_is wb-fault dirty_bytes = $(((1024 + 1024 + 4096) * 512))
	mend
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((8 * MIB))
}

# A disk that loses its cache with a flush that fails, as disks do: all that the
# flush covered counts as failed, and is written again.
flush_loses_cache()
{
	local origin

	faulty_disk origin
	wb_io write "$seed" "$origin" 0 "$MIB"
	touch "$work/fail-flush"
	must_fail wb_io sync "$origin"
	expect "left by a flush that failed" "$(wb_io count "$seed" "$origin" 0 "$MIB")" -eq 0

	make_wb wb-fault "$origin" 16 mode "$1" "$lazy"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	must_fail wbctl flush --timeout 90 wb-fault
	expect "dirty" "$(dirty wb-fault)" -eq $((4 * MIB))
	wait_for 60 status_is wb-fault failed_bytes -eq $((4 * MIB))
	rm "$work/fail-flush"
	wbctl flush wb-fault
	expect "written back" "$(stats wb-fault writeback_bytes)" -ge $((8 * MIB))
	wb_io check "$seed" "$origin" 0 $((4 * MIB))
}

# sync_on FILE: again and again until FILE is there, or one fails.
sync_on()
{
	while [ ! -e "$1" ]; do
		wb_io sync "$dev" || return
		echo synced >>"$work/syncs"
	done
}

# How often it was failing sooner after the first failure than four passes, each after
# its back-off, take at least: 0, 50, 100 and 200 ms.
failing_too_soon()
{
	dmesg | tr -d '[]' | awk '
		/wb-fault: .*health is retrying/ && !since { since = $1 }
		/wb-fault: .*health is ok/ { since = 0 }
		/wb-fault: .*health is failing/ && $1 - since < 0.34 { n++ }
		END { print n + 0 }'
}

# What is written during a short outage fails, too, over and over; that says nothing of
# whether what failed first still does.
short_outage()
{
	local disk before writer syncing

	with_cache 40 mode durable "$brisk"
	before=$(failing_too_soon)
	rewrite 32 "$work/enough" &
	writer=$!
	at_exit "touch $work/enough; wait $!"
	wait_for 60 test -s "$work/round"
	sync_on "$work/enough" &
	syncing=$!
	wait_for 60 test -s "$work/syncs"
	wbctl clear-stats wb-fault
	break_origin wb-below "$disk"
	wait_for 60 stats_is wb-fault errors -ge 8
	mend_origin wb-below "$disk"
	wait_for 90 health_is ok
	touch "$work/enough"
	# a slow machine may not have mended it in time
	wait "$syncing" || kernel_log | grep -q "wb-fault: .*health is failing"
	wait "$writer"
	expect "failing too soon" "$(failing_too_soon)" -eq "$before"
}

#
# Who is told
#

# listen: health as uevents have it goes to $work/heard.
listen()
{
	need perl
	perl -MSocket -e '
		socket(my $s, 16, SOCK_RAW, 15) or die "socket: $!";
		bind($s, pack("SSLL", 16, 0, 0, 1)) or die "bind: $!";
		$| = 1;
		print "listening\n";
		while (sysread($s, my $e, 65536)) {
			my %e = map { split /=/, $_, 2 } grep { /=/ } split /\0/, $e;
			print "$e{WB_NAME} $e{WB_ORIGIN} $e{WB_HEALTH}\n"
				if $e{ACTION} eq "change" && ($e{WB_EVENT} // "") eq "HEALTH";
		}' >"$work/heard" &
	at_exit "kill $!"
	wait_for 60 grep -q listening "$work/heard"
}

# heard N: the N-th thing.
heard()
{
	sed -n "$((${1} + 1))p" "$work/heard"
}

was_heard()
{
	[ -n "$(heard "$1")" ]
}

last_heard()
{
	[ "$(tail -n 1 "$work/heard")" = "$1" ]
}

health_told()
{
	jq -es "any(.event == \"health\" and .value == \"$1\" and .name == \"wb-fault\")" \
		"$work/told" >/dev/null
}

# next_event: dm's own, in the background.
next_event()
{
	local seen

	# known before anything may happen
	seen=$(dmsetup info -c --noheadings -o events wb-fault)
	dmsetup wait wb-fault "$seen" &
	waiter=$!
}

# What stalls after the first error is held in `retrying` for as long as we look.
told()
{
	local origin waiter

	faulty_disk origin
	at_exit "rm -f $work/stall $work/stall-next"
	make_wb wb-fault "$origin" 16 mode durable "$brisk"
	listen
	wbctl events --follow --json >"$work/told" &
	at_exit "kill $!"
	next_event
	touch "$work/fail-write" "$work/stall-next"
	# one request: were a part of it held, the rest would not be judged
	wb_io write "$seed" "$dev" 0 4096
	wait "$waiter"
	wait_for 60 was_heard 1
	expect "first" "$(heard 1)" = "wb-fault nbd0 retrying"
	expect "health" "$(status wb-fault health)" = retrying
	dmsetup status wb-fault | grep -q " health retrying "

	next_event
	rm "$work/stall"
	wait "$waiter"
	wait_for 60 was_heard 2
	expect "second" "$(heard 2)" = "wb-fault nbd0 failing"
	expect "health" "$(status wb-fault health)" = failing

	next_event
	rm "$work/fail-write"
	wait "$waiter"
	wait_for 60 last_heard "wb-fault nbd0 ok"
	back_in_health
	# on the way it may be retrying for a moment
	expect "lines heard" "$(wc -l <"$work/heard")" -le 5
	wait_for 60 health_told failing
	wait_for 60 health_told ok
	kernel_log_has "wb-fault: origin nbd0: health is failing"
}

#
# While it is failing
#

flush_fails_and_reads_do_not()
{
	local disk

	with_cache 16 mode durable "$brisk"
	fail_from_now_on 4
	must_fail timeout 60 wb_io sync "$dev"
	must_fail timeout 60 wb_io write -S -b 4096 "$seed" "$dev" $((8 * MIB)) 4096
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	must_fail dd if="$dev" of=/dev/null bs=4k skip=12288 count=1 iflag=direct status=none
	mend
	wb_io sync "$dev"
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
}

# Of one block each attempt is one error.  The next would be seconds away.
flush_finds_it_mended()
{
	local disk

	with_cache 16 mode durable "$brisk"
	break_origin wb-below "$disk"
	wb_io write -b 4096 "$seed" "$dev" 0 4096
	wait_for 60 stats_is wb-fault errors -ge 7
	health_is failing
	mend_origin wb-below "$disk"
	wb_io sync "$dev"
	health_is ok
	wb_io check "$seed" "$disk" 0 4096
}

buffers_up_to_the_budget()
{
	local disk pid

	with_cache 4 mode "$1" on_error buffer "$brisk"
	fail_from_now_on
	wb_io write "$seed" "$dev" "$MIB" $((3 * MIB))
	expect "dirty" "$(dirty wb-fault)" -eq $((4 * MIB))
	wb_io write -b 4096 "$seed" "$dev" $((8 * MIB)) $((4 * MIB)) &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 status_is wb-fault waiting_writers -gt 0
	must_fail gone "$pid"
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	mend
	wait "$pid"
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
	wb_io check "$seed" "$disk" $((8 * MIB)) $((4 * MIB))
}

waiting_writer_can_be_killed()
{
	local disk pid

	with_cache 4 mode durable on_error buffer "$brisk"
	fail_from_now_on 4
	wb_io write -b 4096 "$seed" "$dev" $((8 * MIB)) $((4 * MIB)) &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 status_is wb-fault waiting_writers -gt 0
	kill -KILL "$pid"
	wait_for 60 gone "$pid"
	mend
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
}

# Writers wait for room that the origin does not make: dm waits, unkillably, for
# who is within the target when it suspends.
full_and_failing()
{
	with_cache 4 mode durable on_error buffer "$brisk"
	fail_from_now_on 4
	wb_io write -b 4096 $((seed + 1)) "$dev" $((8 * MIB)) $((8 * MIB)) &
	writer=$!
	at_exit "kill -KILL $writer"
	wait_for 60 status_is wb-fault waiting_writers -gt 0
}

more_room()
{
	local disk writer

	full_and_failing
	dmsetup load wb-fault --table "$(table /dev/mapper/wb-below 16 mode durable)"
	timeout 60 dmsetup suspend --noflush --nolockfs wb-fault
	dmsetup resume wb-fault
	wait "$writer"
	expect "dirty" "$(dirty wb-fault)" -eq $((12 * MIB))
	mend
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
	wb_io check $((seed + 1)) "$disk" $((8 * MIB)) $((8 * MIB))
}

suspend_is_given_up()
{
	local disk writer suspend

	full_and_failing
	# a shell's background job has SIGINT ignored
	begun suspend env --default-signal=INT dmsetup suspend --nolockfs wb-fault
	kill -INT "$suspend"
	must_fail wait "$suspend"
	kill -0 "$writer"
	mend
	wait "$writer"
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
	wb_io check $((seed + 1)) "$disk" $((8 * MIB)) $((8 * MIB))
}

# What a killed process has left in the page cache stays in the queue, and has its
# turn, but the others are not to stay in dm's way because of that.
suspend_is_given_up_behind_a_killed_writer()
{
	local disk writer last suspend

	# its fsync waits for the origin, as it would for any disk
	at_exit impatient
	echo 120 >/proc/sys/kernel/hung_task_timeout_secs
	full_and_failing
	wb_io write -B -y "$seed" "$dev" $((24 * MIB)) "$MIB" &
	at_exit "kill -KILL $!"
	wait_for 60 status_is wb-fault waiting_writers -gt 1
	kill -KILL $!
	wb_io write -b 4096 $((seed + 2)) "$dev" $((16 * MIB)) "$MIB" &
	last=$!
	at_exit "kill -KILL $last"
	wait_for 60 status_is wb-fault waiting_writers -gt 2
	begun suspend env --default-signal=INT dmsetup suspend --nolockfs wb-fault
	kill -INT "$suspend"
	wait_for 60 gone "$suspend"
	must_fail wait "$suspend"
	mend
	wait "$writer"
	wait "$last"
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
	wb_io check $((seed + 1)) "$disk" $((8 * MIB)) $((8 * MIB))
	wb_io check $((seed + 2)) "$disk" $((16 * MIB)) "$MIB"
}

policy_frees_who_waits()
{
	local disk writer

	full_and_failing
	wbctl set wb-fault on_error refuse
	must_fail wait "$writer"
	mend
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
}

# with_bad_spot MIB ARGUMENT...: 64 KiB at 32 MiB cannot be written, and so it is
# failing, but the rest of the origin is good.
with_bad_spot()
{
	with_cache "$@"
	bad_spot wb-below "$disk" 65536 128
	wb_io write "$seed" "$dev" $((32 * MIB)) $((64 * KIB))
	wait_for 60 health_is failing
	expect "dirty" "$(dirty wb-fault)" -eq $((64 * KIB))
}

# What cannot be written costs the rest nothing.
bad_spot_and_large_writes()
{
	local disk before writes

	with_bad_spot 16 mode durable "$brisk"
	before=$(writes_of "$disk")
	# all of it at once, however slow the writer is
	wbctl freeze wb-fault
	wb_io write -r "$seed" "$dev" 0 $((8 * MIB))
	wbctl thaw wb-fault
	wait_for 60 status_is wb-fault dirty_bytes -eq $((64 * KIB))
	writes=$(($(writes_of "$disk") - before))
	note "8 MiB in $writes writes"
	expect "writes of the origin" "$writes" -le 512
	wb_io check "$seed" "$disk" 0 $((8 * MIB))
}

writes_through()
{
	local disk

	with_bad_spot 16 mode durable on_error writethrough "$brisk"
	wb_io write -r "$seed" "$dev" 0 "$MIB"
	wb_io check "$seed" "$disk" 0 "$MIB"
	wb_io check "$seed" "$dev" 0 "$MIB"
	expect "dirty" "$(dirty wb-fault)" -eq $((64 * KIB))
	# what is dirty already, half of a write too
	wb_io write -b $((64 * KIB)) $((seed + 1)) "$dev" $((32 * MIB - 32 * KIB)) $((64 * KIB))
	wb_io check $((seed + 1)) "$dev" $((32 * MIB - 32 * KIB)) $((64 * KIB))
	wb_io check "$seed" "$dev" $((32 * MIB + 32 * KIB)) $((32 * KIB))
	wb_io write -b 512 $((seed + 2)) "$dev" $((32 * MIB + 512)) 512
	wb_io check $((seed + 2)) "$dev" $((32 * MIB + 512)) 512
	# its error is the writer's
	break_origin wb-below "$disk"
	must_fail wb_io write "$seed" "$dev" $((2 * MIB)) "$MIB"
	mend
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 "$MIB"
	wb_io check $((seed + 1)) "$disk" $((32 * MIB - 32 * KIB)) $((32 * KIB))
	wb_io check $((seed + 2)) "$disk" $((32 * MIB + 512)) 512
}

# The same flush, sent for a write past the cache: only that is told of it.  Below, half
# of what writeback writes is in that disk's cache, the other half is held up elsewhere.
flush_of_another_loses_cache()
{
	local nbd disk arm=/dev/mapper/wb-arm

	faulty_disk nbd
	fast_disk disk
	linear wb-arm "$disk" 65536 65536
	dmsetup create wb-below --table "0 65536 linear $nbd 0
		65536 65536 linear $arm 0"
	at_exit "dmsetup remove --retry wb-below"
	make_wb wb-fault /dev/mapper/wb-below 16 mode volatile on_error writethrough "$brisk"
	touch "$work/fail-write"
	break_origin wb-arm "$disk"
	wb_io write -r "$seed" "$dev" 0 65536
	wb_io write -r "$seed" "$dev" $((32 * MIB)) 65536
	wait_for 90 health_is failing
	# both halves in one pass, and so few blocks that it leaves none out
	wbctl freeze wb-fault
	wait_for 60 status_is wb-fault writeback_bytes -eq 0
	dmsetup suspend --noflush --nolockfs wb-arm
	dmsetup load wb-arm --table "0 65536 linear $disk 65536"
	rm "$work/fail-write"
	wbctl thaw wb-fault
	wait_for 90 wb_io check "$seed" "$nbd" 0 65536

	touch "$work/fail-flush"
	must_fail wb_io write -b 4096 "$seed" "$dev" $((8 * MIB)) 4096
	rm "$work/fail-flush"
	expect "left by a flush that failed" "$(wb_io count "$seed" "$nbd" 0 65536)" -eq 0
	dmsetup resume wb-arm
	back_in_health
	wb_io check "$seed" "$dev" 0 65536
	remove_wb wb-fault
	wb_io check "$seed" "$nbd" 0 65536
	wb_io check "$seed" "$disk" $((32 * MIB)) 65536
}

# What failed for one may have been the flush that another in flight needed: that finds
# nothing left to do, and what was written may be lost.
flush_that_another_needed()
{
	local disk pid

	fast_disk disk
	linear wb-arm "$disk" 65536 65536
	dmsetup create wb-below --table "0 2048 linear $disk 0
		2048 128 error
		2176 6016 linear $disk 2176
		8192 128 error
		8320 57216 linear $disk 8320
		65536 65536 linear /dev/mapper/wb-arm 0"
	at_exit "dmsetup remove --retry wb-below"
	make_wb wb-fault /dev/mapper/wb-below 16 mode volatile on_error writethrough "$brisk"
	wb_io write -b 4096 "$seed" "$dev" "$MIB" 4096
	wait_for 90 health_is failing
	dmsetup suspend --noflush --nolockfs wb-arm
	begun pid wb_io write -b 4096 "$seed" "$dev" $((32 * MIB)) 4096
	must_fail wb_io write -b 4096 "$seed" "$dev" $((4 * MIB)) 4096
	dmsetup resume wb-arm
	must_fail wait "$pid"
	wb_io write -b 4096 "$seed" "$dev" $((32 * MIB)) 4096
	wb_io check "$seed" "$disk" $((32 * MIB)) 4096
	linear wb-mended "$disk"
	dmsetup load wb-below --table "$(dmsetup table wb-mended)"
	dmsetup resume wb-below
	dmsetup remove wb-mended
	back_in_health
	remove_wb wb-fault
}

# While nobody holds the origin it may change: what was clean is not to be trusted.
taken_up_on_a_changed_origin()
{
	local disk

	with_cache 16 mode durable read_cache "$brisk"
	wb_io write "$seed" "$dev" 0 "$MIB"
	wb_io sync "$dev"
	expect "clean" "$(status wb-fault clean_bytes)" -ge "$MIB"
	bad_spot wb-below "$disk" 65536 128
	wb_io write "$seed" "$dev" $((32 * MIB)) $((64 * KIB))
	wait_for 60 health_is failing
	remove_wb wb-fault
	expect "orphans' bytes" "$(orphaned_bytes)" -eq $((64 * KIB))
	mend_origin wb-below "$disk"
	wb_io write $((seed + 1)) "$disk" 0 "$MIB"
	make_wb wb-fault /dev/mapper/wb-below 16 mode durable read_cache "$brisk"
	wb_io check $((seed + 1)) "$dev" 0 "$MIB"
	wb_io check "$seed" "$dev" $((32 * MIB)) $((64 * KIB))
}

# Random I/O of all sizes, some of it past the cache, some of it into what is
# still dirty in there from before.
model_while_writing_through()
{
	local disk

	with_cache 16 mode volatile on_error writethrough read_cache "$lazy"
	wb_model -m 8 -n 500 -s "$seed" "$dev"
	bad_spot wb-below "$disk" 65536 128
	wb_io write "$seed" "$dev" $((32 * MIB)) $((64 * KIB))
	must_fail wbctl flush --timeout 90 wb-fault
	expect "health" "$(status wb-fault health)" = failing
	# past the cache a read may meet a write half-way, as on any disk: one at a time
	wb_model -t 1 -m 8 -n 2000 -s $((seed + 1)) -w "$work/model" "$dev"
	expect "health" "$(status wb-fault health)" = failing
	mend_origin wb-below "$disk"
	wbctl flush wb-fault
	remove_wb wb-fault
	wb_model -c "$work/model" "$disk"
	wb_io check "$seed" "$disk" $((32 * MIB)) $((64 * KIB))
}

# refuses MODE POLICY
refuses()
{
	local disk

	with_bad_spot 16 mode "$1" on_error "$2" "$brisk"
	must_fail wb_io write "$seed" "$dev" 0 "$MIB"
	must_fail wb_io write "$seed" "$dev" $((32 * MIB)) $((64 * KIB))
	wb_io check "$seed" "$dev" $((32 * MIB)) $((64 * KIB))
	expect "dirty" "$(dirty wb-fault)" -eq $((64 * KIB))
	expect "on the origin" "$(wb_io count "$seed" "$disk" 0 "$MIB")" -eq 0
	mend
	wb_io write "$seed" "$dev" 0 "$MIB"
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 "$MIB"
	wb_io check "$seed" "$disk" $((32 * MIB)) $((64 * KIB))
}

# A discard that is to be durable waits behind what cannot be written: it is told.
discard_that_waits()
{
	local disk pid

	with_cache 16 mode ordered "$lazy"
	fail_from_now_on
	wbctl set wb-fault write_through 1
	blkdiscard -f -o $((32 * MIB)) -l "$MIB" "$dev" 2>/dev/null &
	pid=$!
	wait_for 90 gone "$pid"
	must_fail wait "$pid"
	wbctl set wb-fault write_through 0
	mend
	blkdiscard -o $((32 * MIB)) -l "$MIB" "$dev"
	remove_wb wb-fault
	wb_io check "$seed" "$disk" 0 "$MIB"
}

# Another policy takes force while it is failing.
policy_changes()
{
	local disk

	with_bad_spot 16 mode durable on_error refuse "$brisk"
	must_fail wb_io write "$seed" "$dev" 0 "$MIB"
	wbctl set wb-fault on_error buffer
	wb_io write "$seed" "$dev" 0 "$MIB"
	wbctl set wb-fault on_error writethrough
	wb_io write "$seed" "$dev" $((2 * MIB)) "$MIB"
	wb_io check "$seed" "$disk" $((2 * MIB)) "$MIB"
	mend
	wb_io check "$seed" "$disk" 0 "$MIB"
}

#
# Removed while it is failing
#

rmmod_after_removal()
{
	remove_wb wb-fault
	rmmod dm_writebehind
}

orphan_id()
{
	wbctl list --json | jq -er '[.. | objects | select(.orphan? == true) | .id][0]'
}

discard_orphan()
{
	wbctl discard --help >/dev/null 2>&1 || skip "needs wbctl discard"
	wbctl discard --yes "id:$(orphan_id)"
	expect "orphans' bytes" "$(orphaned_bytes)" -eq 0
}

with_dead_origin()
{
	with_cache 16 "$lazy"
	break_origin wb-below "$disk"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
}

is_kept()
{
	expect "orphans' bytes" "$(orphaned_bytes)" -eq $((4 * MIB))
	must_fail rmmod dm_writebehind
}

taken_up_again()
{
	mend_origin wb-below "$disk"
	make_wb wb-fault /dev/mapper/wb-below 16 "$brisk"
	wb_io sync "$dev"
	wb_io check "$seed" "$dev" 0 $((4 * MIB))
	back_in_health
	rmmod_after_removal
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
}

# removed_by COMMAND...
removed_by()
{
	local disk

	with_dead_origin
	timeout 100 "$@" wb-fault
	is_kept
	dmsetup remove wb-fault || :
	taken_up_again
}

discarded()
{
	local disk

	with_dead_origin
	timeout 100 dmsetup remove --force wb-fault
	is_kept
	discard_orphan
	rmmod dm_writebehind
	mend_origin wb-below "$disk"
	expect "on the origin" "$(wb_io count "$seed" "$disk" 0 $((4 * MIB)))" -eq 0
}

# With an origin that is in order nothing is left behind by force either.
removed_by_force()
{
	local disk

	with_cache 16 "$lazy"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	"$@" wb-fault
	wb_io check "$seed" "$disk" 0 $((4 * MIB))
	expect "orphans' bytes" "$(orphaned_bytes)" -eq 0
}

it "an origin that comes and goes" origin_replaced ordered
it "a flaky origin" comes_and_goes_by_itself durable
it "a flaky origin, judged by the model" model_over_flaky_writes
it "a flaky origin, verified by fio" fio_over_flaky_writes
it "a bad block costs no more than itself" bad_block
it "a part of a discard that fails" bad_part_of_a_discard
it "a discard that fails drops nothing" refused_discard
it "a medium error is the reader's, and mended by a write" medium_error
it "a disk that is write-protected for a while" write_protected
it "a disk that is unplugged and comes back" unplugged ordered
it "a disk in the place of one that was unplugged is not written" unplugged_without_a_name
it "a partition that was made anew elsewhere is not written" partition_made_anew
it "an answer that takes half a minute, twice what the hung-task detector waits" slow_to_answer
it "a disk slow to fail is not asked for each block" dead_and_slow
it "good blocks among bad ones, durable" good_among_bad durable
it "good blocks among bad ones, ordered" good_among_bad ordered
it "after an outage writeback is not block by block" backlog_after_an_outage
it "a flush that loses the origin's cache" flush_loses_cache ordered
it "a short outage under writers" short_outage
it "health in status, events and uevents" told
it "failing: flushes fail, reads do not" flush_fails_and_reads_do_not
it "failing: a flush finds out that the origin was mended" flush_finds_it_mended
it "failing: a discard that waits fails" discard_that_waits
it "failing: buffers up to the budget" buffers_up_to_the_budget ordered
it "failing: who waits for room can be killed" waiting_writer_can_be_killed
it "failing and full: reloaded with more room" more_room
it "a bad spot, and large writes beside it" bad_spot_and_large_writes
it "removed while failing, taken up again when the origin was changed meanwhile" \
	taken_up_on_a_changed_origin
it "failing and full: a suspend that is given up" suspend_is_given_up
it "failing and full: the same, behind what a killed process has left" \
	suspend_is_given_up_behind_a_killed_writer
it "failing and full: on_error refuse frees who waits" policy_frees_who_waits
it "failing: writethrough" writes_through
it "failing: writethrough, whose flush loses the origin's cache" flush_of_another_loses_cache
it "failing: writethrough, while another fails" flush_that_another_needed
it "failing: writethrough, judged by the model" model_while_writing_through
it "failing: writethrough refuses in ordered" refuses ordered writethrough
it "failing: refuse" refuses durable refuse
it "failing: the policy changes" policy_changes
it "removed by force over a dead origin: kept, taken up again" removed_by dmsetup remove --force
it "the same by wipe_table" removed_by dmsetup wipe_table
it "kept, and discarded" discarded
it "removed by force: drained" removed_by_force dmsetup remove --force
it "wiped: drained" removed_by_force dmsetup wipe_table
run
