#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What FLUSH and FUA promise in each mode, and what a failing origin makes of it.
. "$(dirname "$0")/lib.sh"

impatient

seed=$RANDOM
dev=/dev/mapper/wb-flush

durable_waits_for_the_origin()
{
	local origin

	slow_disk origin
	make_wb wb-flush "$origin" 32 mode durable "$lazy"
	wb_io write -r "$seed" "$dev" 0 $((4 * MIB))
	expect "on the origin already" "$(wb_io count "$seed" "$origin" 0 $((4 * MIB)))" -eq 0
	wb_io sync "$dev"
	wb_io check "$seed" "$origin" 0 $((4 * MIB))
	expect "dirty" "$(dirty wb-flush)" -eq 0
}

# A sync that returned is a flush that the origin has seen.
each_sync_flushes_the_origin()
{
	local origin before i

	fast_disk origin
	make_wb wb-flush "$origin" 32 mode durable "$lazy"
	before=$(flushes_of "$origin")
	for i in {1..10}; do
		wb_io write -b 4096 "$i" "$dev" 0 4096
		wb_io sync "$dev"
		expect "flushes of the origin" "$(flushes_of "$origin")" -ge $((before + i))
	done
}

volatile_cache()
{
	null_blk "$1" wb-power size=64 cache_size=32 discard=1
}

# after_power_cut MODE COMMAND...: what it calls safe is there when power is back.
after_power_cut()
{
	local origin mode=$1

	shift
	volatile_cache origin
	make_wb wb-flush "$origin" 16 mode "$mode" "$lazy"
	wb_io write -r "$seed" "$dev" 0 $((2 * MIB))
	wb_io write -b 512 "$seed" "$dev" $((3 * MIB)) $((64 * KIB))
	"$@"
	[ ! -b "$dev" ] || remove_wb wb-flush
	power_cut wb-power
	wb_io check "$seed" "$origin" 0 $((2 * MIB))
	wb_io check "$seed" "$origin" $((3 * MIB)) $((64 * KIB))
}

# The test is worth something only if the power cut loses what was not flushed.
power_cut_loses()
{
	local origin

	volatile_cache origin
	wb_io write "$seed" "$origin" 0 $((2 * MIB))
	power_cut wb-power
	expect "left" "$(wb_io count "$seed" "$origin" 0 $((2 * MIB)))" -eq 0
}

fua_write()
{
	wb_io write -b 4096 -S "$seed" "$dev" $((8 * MIB)) $((64 * KIB))
}

fua_is_durable()
{
	local origin

	volatile_cache origin
	make_wb wb-flush "$origin" 16 mode durable "$lazy"
	fua_write
	expect "FUA writes that came" "$(stats wb-flush flushes)" -ge 16
	expect "dirty" "$(dirty wb-flush)" -eq 0
	remove_wb wb-flush
	power_cut wb-power
	wb_io check "$seed" "$origin" $((8 * MIB)) $((64 * KIB))
}

by_age()
{
	wbctl set wb-flush max_age 50
	wait_for 90 clean wb-flush
}

# A commit of the journal is a PREFLUSH and FUA: the origin, copied at once, has
# the file after the journal was replayed.
journal_commit_is_durable()
{
	local origin copy

	need mkfs.ext4
	modprobe -q -a loop ext4 || skip "needs ext4 and loop"
	volatile_cache origin
	make_wb wb-flush "$origin" 16 mode durable "$lazy"
	mkfs.ext4 -q "$dev"
	mkdir "$work/mnt" "$work/copy"
	at_exit "umount $work/mnt"
	mount "$dev" "$work/mnt"
	head -c 1M /dev/urandom >"$work/mnt/file"
	sync "$work/mnt/file"
	dd if="$origin" of="$work/image" bs=1M iflag=direct conv=sparse status=none
	truncate -s 64M "$work/image"
	copy=$(losetup --show -f "$work/image")
	at_exit "umount $work/copy; losetup -d $copy"
	mount "$copy" "$work/copy"
	cmp "$work/mnt/file" "$work/copy/file"
}

wedged_origin()
{
	local disk

	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	make_wb wb-flush /dev/mapper/wb-below 16 mode "$1" "$lazy"
	wb_io write "$seed" "$dev" 0 $((4 * MIB))
	wedge wb-below
}

returns_at_once()
{
	wedged_origin "$1"
	timeout 60 wb_io sync "$dev"
	timeout 60 wb_io write -S -b 4096 "$seed" "$dev" $((8 * MIB)) $((16 * KIB))
	expect "dirty" "$(dirty wb-flush)" -ge $((4 * MIB))
	dmsetup resume wb-below
	wbctl flush wb-flush
	wb_io check "$seed" /dev/mapper/wb-below 0 $((4 * MIB))
}

waits_for_a_wedged_origin()
{
	local pid

	wedged_origin durable
	wb_io sync "$dev" &
	pid=$!
	wait_for 60 stats_is wb-flush flushes -ge 1
	wait_for 60 status_is wb-flush writeback_bytes -gt 0
	must_fail gone "$pid"
	expect "dirty" "$(dirty wb-flush)" -eq $((4 * MIB))
	dmsetup resume wb-below
	wait "$pid"
	expect "dirty" "$(dirty wb-flush)" -eq 0
}

failing_origin()
{
	local disk code=0

	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	make_wb wb-flush /dev/mapper/wb-below 16 mode durable max_age 100
	wb_io write $((seed + 1)) "$dev" 0 $((2 * MIB))
	wb_io sync "$dev"
	break_origin wb-below "$disk"
	wb_io write -r "$seed" "$dev" 0 $((2 * MIB))
	must_fail wb_io sync "$dev"
	expect "health" "$(status wb-flush health)" = failing
	expect "dirty" "$(dirty wb-flush)" -eq $((2 * MIB))
	expect "errors" "$(stats wb-flush errors)" -gt 0
	wbctl flush --timeout 60 wb-flush || code=$?
	expect "exit status of wbctl flush" "$code" -eq 1
	wb_io check "$seed" "$dev" 0 $((2 * MIB))

	mend_origin wb-below "$disk"
	wait_for 90 clean wb-flush
	wait_for 60 status_is wb-flush health = ok
	wb_io check "$seed" /dev/mapper/wb-below 0 $((2 * MIB))
	wb_io sync "$dev"
}

# Written is not durable: the data counts as dirty until a flush went well.
failing_flush()
{
	local origin

	faulty_disk origin
	make_wb wb-flush "$origin" 16 mode "$1" max_age 50
	touch "$work/fail-flush"
	wb_io write -r "$seed" "$dev" 0 $((2 * MIB))
	wait_for 60 stats_is wb-flush errors -ge 2
	expect "dirty" "$(dirty wb-flush)" -eq $((2 * MIB))
	[ "$1" != durable ] || must_fail wb_io sync "$dev"
	must_fail wbctl flush wb-flush
	expect "dirty" "$(dirty wb-flush)" -eq $((2 * MIB))
	rm "$work/fail-flush"
	wait_for 90 clean wb-flush
	wait_for 60 status_is wb-flush health = ok
	wb_io sync "$dev"
	remove_wb wb-flush
	wb_io check "$seed" "$origin" 0 $((2 * MIB))
}

# Thousands of parts on their way are not to be waited for.
beside_a_discard()
{
	local origin pid

	null_blk origin wb-trim size=256 discard=1 irqmode=2 completion_nsec=10000000
	echo 65536 >"/sys/block/${origin##*/}/queue/discard_max_bytes"
	make_wb wb-flush "$origin" 16 mode durable "$lazy"
	blkdiscard -f "$dev" &
	pid=$!
	at_exit "wait $pid"
	wait_for 60 stats_is wb-flush discard_bytes -gt 0
	wb_io write "$seed" "$dev" 0 4096
	wb_io sync "$dev"
	must_fail gone "$pid"
}

# Sixteen at a time share epochs, and the flushes of the origin that make them durable.
write_through_shares()
{
	local origin writes

	need fio
	fast_disk origin
	make_wb wb-flush "$origin" 32 mode ordered write_through "$lazy"
	fio --name=a --filename="$dev" --direct=1 --ioengine=io_uring --rw=randwrite --bs=4k \
		--iodepth=16 --size=16m --number_ios=2048 >"$work/fio"
	expect "dirty" "$(dirty wb-flush)" -eq 0
	writes=$(stats wb-flush writes)
	expect "writes" "$writes" -ge 2048
	expect "flushes of the origin" "$(stats wb-flush origin_flushes)" -lt $((writes / 2))
}

it "durable: a sync returns when the data is on the origin" durable_waits_for_the_origin
it "durable: each sync flushes the origin" each_sync_flushes_the_origin
it "a power cut loses what the origin did not flush" power_cut_loses
it "durable: a sync holds against a power cut of the origin" \
	after_power_cut durable wb_io sync $dev
it "durable: FUA holds against a power cut of the origin" fua_is_durable
it "durable: FUA covers what came before it" after_power_cut durable fua_write
it "ordered: a FLUSH of the whole device holds against a power cut" \
	after_power_cut ordered wbctl flush wb-flush
it "volatile: what was written back by age holds against a power cut" \
	after_power_cut volatile by_age
it "removal holds against a power cut" after_power_cut volatile remove_wb wb-flush
it "suspend holds against a power cut" \
	after_power_cut volatile dmsetup suspend wb-flush
it "durable: a commit of ext4's journal" journal_commit_is_durable
it "durable: a sync waits for an origin that does not answer" waits_for_a_wedged_origin
it "durable: a sync beside a discard of many parts" beside_a_discard
it "ordered: a sync and FUA return at once" returns_at_once ordered
it "volatile: a sync and FUA return at once" returns_at_once volatile
it "ordered: write_through, many at a time" write_through_shares
it "a failing origin: EIO, data stays, and drains when it is back" failing_origin
it "a flush of the origin that fails: EIO, and nothing counts as clean" failing_flush durable
it "the same in the background, volatile" failing_flush volatile
run
