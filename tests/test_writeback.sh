#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How data goes down: sorted and merged, once, for the reason that is counted.
. "$(dirname "$0")/lib.sh"

seed=$RANDOM
dev=/dev/mapper/wb-back

# with_cache MIB ARGUMENT...: nothing is written back but for what they ask.
with_cache()
{
	local origin

	fast_disk origin
	make_wb wb-back "$origin" "$@"
}

reason()
{
	stats wb-back "writeback_reason.$1"
}

# only REASON BYTES: it is the only one, and all of what was written back.
only()
{
	local all

	all=$(stats wb-back writeback_bytes)
	expect "written back" "$all" -eq "$2"
	expect "for reason $1" "$(reason "$1")" -eq "$all"
}

sorted_and_merged()
{
	local origin before writes

	slow_disk origin
	make_wb wb-back "$origin" 128 "$lazy"
	before=$(writes_of "$origin")
	wb_io write -r "$seed" "$dev" 0 $((64 * MIB))
	expect "writes of the origin before the flush" "$(writes_of "$origin")" -eq "$before"
	wb_io sync "$dev"
	writes=$(($(writes_of "$origin") - before))
	note "64 MiB in $writes writes"
	expect "writes of the origin" "$writes" -le 320
	wb_io check "$seed" "$origin" 0 $((64 * MIB))
}

absorbed()
{
	local i

	with_cache 16 "$lazy"
	for i in {1..8}; do
		wb_io write $((seed + i)) "$dev" 0 $((2 * MIB))
	done
	wb_io sync "$dev"
	expect "written back" "$(stats wb-back writeback_bytes)" -eq $((2 * MIB))
	expect "absorbed" "$(stats wb-back absorbed_bytes)" -eq $((14 * MIB))
	expect "written" "$(stats wb-back write_bytes)" -eq $((16 * MIB))
}

# Sectors that nobody wrote are not written back either.
holes()
{
	with_cache 16 "$lazy"
	wb_io write -g -b 512 "$seed" "$dev" 0 $((256 * KIB))
	wb_io sync "$dev"
	expect "written back" "$(stats wb-back writeback_bytes)" -eq $((128 * KIB))
}

age()
{
	with_cache 16 max_age 200 pause_writeback 86400000
	wb_io write "$seed" "$dev" 0 $((2 * MIB))
	wait_for 60 clean wb-back
	only age $((2 * MIB))
}

idle()
{
	with_cache 16 pause_writeback 100 max_age 86400000
	wb_io write "$seed" "$dev" 0 $((2 * MIB))
	wait_for 60 clean wb-back
	only idle $((2 * MIB))
}

watermark()
{
	with_cache 16 high_watermark 50 low_watermark 25 writeback_jobs 1 max_age 86400000 \
		pause_writeback 86400000
	wb_io write "$seed" "$dev" 0 $((7 * MIB))
	expect "written back below the mark" "$(stats wb-back writeback_bytes)" -eq 0
	wb_io write "$seed" "$dev" $((7 * MIB)) $((3 * MIB))
	wait_for 60 status_is wb-back dirty_bytes -le $((4 * MIB))
	expect "dirty below the lower mark" "$(dirty wb-back)" -ge $((2 * MIB))
	expect "for reason watermark" "$(reason watermark)" -ge $((6 * MIB))
	only watermark "$(reason watermark)"
}

flush()
{
	with_cache 16 "$lazy"
	wb_io write "$seed" "$dev" 0 $((2 * MIB))
	"$@"
	wait_for 60 clean wb-back
	only flush $((2 * MIB))
}

pressure()
{
	with_cache 1 "$lazy"
	wb_io write "$seed" "$dev" 0 $((4 * MIB))
	expect "for reason pressure" "$(reason pressure)" -ge $((3 * MIB))
	only pressure "$(reason pressure)"
	expect "throttled" "$(stats wb-back throttled_ios)" -gt 0
}

teardown()
{
	with_cache 16 "$lazy"
	wb_io write "$seed" "$dev" 0 $((2 * MIB))
	dmsetup suspend wb-back
	only teardown $((2 * MIB))
	dmsetup resume wb-back
}

frozen()
{
	with_cache 16 max_age 50 pause_writeback 50
	"$@" freeze
	wb_io write "$seed" "$dev" 0 $((2 * MIB))
	wait_for 60 status_is wb-back oldest_dirty_ms -ge 1000
	expect "written back while frozen" "$(stats wb-back writeback_bytes)" -eq 0
	"$@" thaw
	wait_for 60 clean wb-back
}

flush_while_frozen()
{
	with_cache 16 max_age 50 pause_writeback 50
	wbctl freeze wb-back
	wb_io write "$seed" "$dev" 0 $((2 * MIB))
	wb_io sync "$dev"
	only flush $((2 * MIB))
}

wbctl_verb()
{
	wbctl "$1" wb-back
}

message()
{
	dmsetup message wb-back 0 "$@"
}

ordered_is_the_same()
{
	with_cache 16 mode ordered "$lazy"
	wb_io write "$seed" "$dev" 0 $((1 * MIB))
	wb_io sync "$dev"
	wb_io write $((seed + 1)) "$dev" 0 $((1 * MIB))
	wb_io sync "$dev"
	wbctl flush wb-back
	# an epoch each: the first version is not to be left out
	only flush $((2 * MIB))
	expect "epochs" "$(status wb-back durable_epoch)" -ge 2
}

# busy_disk SLOTS NS [FIO-ARGUMENT...]: takes so many I/Os at a time, and has dirty data
# of 8 MiB in 4 KiB pieces that is being written while somebody reads.
busy_disk()
{
	local origin

	null_blk origin wb-busy size=64 irqmode=2 submit_queues=1 hw_queue_depth="$1" \
		completion_nsec="$2"
	trace_on writebehind/wb_writeback_submit
	trace_on writebehind/wb_read
	trace_on block/block_bio_complete
	make_wb wb-back "$origin" 16 high_watermark 100 low_watermark 100 max_age 100 \
		pause_writeback 86400000
	fio --name=reads --filename="$dev" --readonly --direct=1 --rw=randread --bs=4k \
		--offset=32m --size=32m --time_based --runtime=1h --thread "${@:3}" &
	at_exit "kill $!; wait $!"
	wait_for 60 stats_is wb-back read_miss_bytes -gt 0
	wb_io write -r -g "$seed" "$dev" 0 $((16 * MIB))
}

in_flight()
{
	sed -n 's/.*wb_writeback_submit:.*in_flight=\([0-9]*\).*/\1/p' "$tracing/trace" | sort -n
}

in_flight_at_most()
{
	test "$(in_flight | tail -n 1)" "$@"
}

disk_of_many()
{
	busy_disk 64 20000000
	wait_for 60 in_flight_at_most -ge 8
	wait_for 60 clean wb-back
}

disk_of_one()
{
	busy_disk 1 1000000
	wait_for 60 clean wb-back
	in_flight >"$work/in_flight"
	note "in flight: $(uniq -c <"$work/in_flight" | awk '{ print $2 " " $1 " times" }' | paste -sd,)"
	expect "in flight, of half of the writes at most" \
		"$(sed -n "$(($(wc -l <"$work/in_flight") / 2))p" "$work/in_flight")" -le 2
}

# How many reads of the origin there were, and how many writes began during one.
count_reads()
{
	awk -v device="$(mountpoint -x "$dev" | tr : ,)" '
		/ wb_read: .* miss/ { reads++; reading = 1 }
		/ block_bio_complete: / && $0 ~ " " device " R" { reading = 0 }
		/ wb_writeback_submit: / && reading { during++ }
		END { print reads + 0, during + 0 }' "$tracing/trace"
}

makes_way()
{
	local reads during

	busy_disk 1 2000000 --thinktime=10000
	# no numbers to compare: while they are, none makes way
	wbctl set wb-back writeback_jobs 1
	wait_for 60 clean wb-back
	read -r reads during < <(count_reads)
	note "$reads reads, $during writes submitted during one"
	expect "reads" "$reads" -gt 0
	expect "writes during reads" "$during" -le $((reads / 4))
}

# Reads that take long by themselves do not hold up each of the writes: that would be
# 50 ms 1024 times, more than 50 of these reads.
slow_reads()
{
	local disk start reader

	slow_disk disk
	modprobe -q dm-delay || skip "needs dm-delay"
	dmsetup create wb-slow --table "0 $(blockdev --getsz "$disk") delay $disk 0 900 $disk 0 0"
	at_exit "dmsetup remove --retry wb-slow"
	make_wb wb-back /dev/mapper/wb-slow 16 "$lazy" writeback_jobs 1
	fio --name=reads --filename="$dev" --readonly --direct=1 --rw=randread --bs=4k \
		--offset=32m --size=32m --time_based --runtime=1h --thread &
	reader=$!
	at_exit "kill $!; wait $!"
	wait_for 60 stats_is wb-back read_miss_bytes -gt 0
	wb_io write -r -g "$seed" "$dev" 0 $((8 * MIB))
	start=$(stats wb-back read_miss_bytes)
	wbctl flush wb-back
	expect "reads beside 1024 writes" \
		$((($(stats wb-back read_miss_bytes) - start) / 4096)) -le 40
	must_fail gone "$reader"
}

it "64 MiB of shuffled 4 KiB writes in at most 320 writes" sorted_and_merged
it "what is overwritten in time is never written back" absorbed
it "sectors between written ones are left alone" holes
it "reason: age" age
it "reason: idle" idle
it "reason: watermark, down to the lower one" watermark
it "reason: flush, by fsync" flush wb_io sync $dev
it "reason: flush, by wbctl" flush wbctl flush wb-back
it "reason: flush, by message" flush message flush
it "reason: pressure" pressure
it "reason: teardown" teardown
it "frozen by wbctl: nothing in the background" frozen wbctl_verb
it "frozen by message: nothing in the background" frozen message
it "frozen: a flush is obeyed" flush_while_frozen
it "ordered: each epoch is written" ordered_is_the_same
it "beside reads: many at a time, if the disk takes many" disk_of_many
it "beside reads: one or two, if it does one at a time" disk_of_one
it "beside reads: makes way for them" makes_way
it "beside reads: not for long, if they are slow" slow_reads
run
