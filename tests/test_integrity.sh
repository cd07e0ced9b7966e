#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is read is what was written: random I/O of every kind against a model.
. "$(dirname "$0")/lib.sh"

seed=${WB_SEED:-$((RANDOM * 32768 + RANDOM))}
ops=${WB_OPS:-6000}

# model ORIGIN MIB ARGUMENT...: run it on the device, and look at the origin
# when the device is gone.
model()
{
	make_wb wb-model "$@"
	note "seed $seed"
	wb_model -n "$ops" -s "$seed" -w "$work/model" /dev/mapper/wb-model
	note "absorbed $(stats wb-model absorbed_bytes), written back $(stats wb-model writeback_bytes), throttled $(stats wb-model throttled_ios)"
	remove_wb wb-model
	wb_model -c "$work/model" "$1"
}

on_fast_disk()
{
	local origin

	fast_disk origin
	model "$origin" "$@"
}

# Every write is in flight for long enough to be overtaken.
on_slow_completions()
{
	local origin

	null_blk origin wb-late size=64 irqmode=2 completion_nsec=3000000 \
		discard=1 cache_size=8
	model "$origin" "$@"
}

# Blocks of 4 KiB below: smaller writes are not the origin's to take.
on_large_sectors()
{
	local origin

	null_blk origin wb-4k size=64 blocksize=4096 irqmode=0
	make_wb wb-model "$origin" 2 max_age 50
	must_fail wb_io write -b 512 1 /dev/mapper/wb-model 512 512
	wb_io write -r 1 /dev/mapper/wb-model 0 $((8 * MIB))
	wb_io check 1 /dev/mapper/wb-model 0 $((8 * MIB))
	remove_wb wb-model
	wb_io check 1 "$origin" 0 $((8 * MIB))
}

# A file on another machine: what sends to it keeps references to the pages of a write,
# and lets go of them.  They must be the cache's all the time.
on_a_network()
{
	local file origin

	need perl losetup
	[ -n "${WB_OUT-}" ] || skip "needs a directory of the host's"
	modprobe -q loop || :
	file=$(mktemp "$WB_OUT/origin.XXXXXX")
	at_exit "rm $file"
	truncate -s 64M "$file"
	origin=$(losetup --show -f "$file")
	at_exit "losetup -d $origin"
	make_wb wb-model "$origin" 16 read_cache
	wb_io write "$seed" /dev/mapper/wb-model 0 $((8 * MIB))
	wb_io sync /dev/mapper/wb-model
	perl -e 'print "x" x (1 << 20) for 1 .. 200' >"$work/memory"
	wb_io check "$seed" /dev/mapper/wb-model 0 $((8 * MIB))
	rm "$work/memory"
	remove_wb wb-model
	wb_io check "$seed" "$origin" 0 $((8 * MIB))
}

busy="max_age 20 pause_writeback 10"

for mode in durable ordered volatile; do
	it "$mode, a tiny cache" on_fast_disk 1 mode $mode
	it "$mode, a tiny cache, also for reads" on_fast_disk 2 mode $mode read_cache
	it "$mode, a roomy cache that is written back all the time" \
		on_fast_disk 64 mode $mode "$busy" read_cache
	it "$mode, writes that take long to complete" \
		on_slow_completions 4 mode $mode "$busy" no_read_cache
done
it "a roomy cache that nothing leaves before the end" on_fast_disk 64 "$lazy"
it "an origin with sectors of 4 KiB" on_large_sectors
it "an origin across a network, which holds on to the pages" on_a_network
run
