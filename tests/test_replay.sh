#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# wbctl replay: to the device that the dump is from, and to no other.
. "$(dirname "$0")/dumps.sh"

impatient

# interrupted SIGNAL: a replay to a slow disk that ends early; then to the end.
interrupted()
{
	local origin dump slow epoch pid state code=0 cache=32

	with_store mode ordered
	blank slow mbps=4 max_sectors=64
	wb_io write -S -b "$MIB" 7 "$dev" "$MIB" $((20 * MIB))
	expect "epochs" "$(status wb-res acked_epoch)" -ge 20
	wbctl dump wb-res "$dump"
	state=$dump.replay
	# A shell's background job has SIGINT ignored.
	env --default-signal=INT wbctl replay "$dump" "$slow" &
	pid=$!
	wait_for 60 grep -qs '"epoch":[1-9]' "$state"
	kill "-$1" "$pid"
	wait "$pid" || code=$?
	expect "exit status when interrupted" "$code" -ne 0
	epoch=$(jq .epoch "$state")
	expect "epochs that are durable" "$epoch" -lt 20
	refused 1 "is on it from an earlier run" replay --force --epoch $((epoch - 1)) "$slow"
	replay "$slow" >"$work/out"
	grep -qF "going on behind epoch $epoch" "$work/out"
	must_fail test -e "$state"
	# once is enough, it takes its time
	[ "$1" = INT ] || cmp -n $((21 * MIB)) "$dev" "$slow"
}

# state_of DEVICE EPOCH: what a run leaves that ends behind that.
state_of()
{
	jq -n --arg number "$(stat -c %Hr:%Lr "$1")" --argjson epoch "$2" \
		--argjson crc "$(od -An -tu4 -j28 -N4 "$dump")" '
		{ dump: $crc, device: "x", bytes: 33554432, ids: {}, epoch: $epoch,
		  major: ($number | split(":")[0] | tonumber),
		  minor: ($number | split(":")[1] | tonumber) }'
}

# It is not any more what an earlier run made it.
started_over()
{
	local origin dump copy

	with_store mode ordered
	blank copy
	three_epochs
	wbctl dump wb-res "$dump"
	replay --epoch 2 "$copy"
	state_of "$copy" 2 >"$dump.replay"
	cp "$dump.replay" "$work/kept"
	# what is on it is as it should be, whatever is wanted of it
	must_fail replay --force --epoch 1 "$copy" 2>"$work/err"
	grep -q "is on it from an earlier run" "$work/err"
	wb_io write 9 "$copy" $((2 * MIB)) 512
	replay "$copy" >"$work/out" 2>"$work/err"
	grep -qF "up to epoch 2, is not on it: starting over" "$work/err"
	must_fail grep -q "going on" "$work/out"
	cmp "$dev" "$copy"

	# what a later epoch has may be there or not
	blkdiscard -z "$copy"
	replay --epoch 2 "$copy"
	cp "$work/kept" "$dump.replay"
	wb_io write -g -b 512 9 "$copy" 0 $((128 * KIB))
	replay "$copy" >"$work/out" 2>"$work/err"
	grep -qF "going on behind epoch 2" "$work/out"
	cmp "$dev" "$copy"
}

# The state of a replay to one device says nothing of another.
resumed_elsewhere()
{
	local origin dump copy other

	with_store mode ordered
	blank copy
	blank other
	three_epochs
	wbctl dump wb-res "$dump"
	replay --epoch 2 "$copy"
	state_of "$copy" 2 >"$dump.replay"
	cp "$dump.replay" "$work/kept"
	replay --dry-run "$copy" | grep -qF "going on behind epoch 2"
	cmp "$work/kept" "$dump.replay"
	replay "$other"
	cmp "$dev" "$other"
}

# changes_nothing DISK COMMAND...
changes_nothing()
{
	local disk=$1 before

	before=$(writes_of "$disk")
	shift
	"$@"
	expect "writes to $disk" "$(writes_of "$disk")" -eq "$before"
}

wrong_size()
{
	local origin dump copy

	with_store mode ordered
	wb_io write 1 "$dev" $((20 * MIB)) $((MIB))
	wbctl dump wb-res "$dump"
	null_blk copy wb-copy size=16
	changes_nothing "$copy" refused 1 "too small" replay "$copy"
	changes_nothing "$copy" refused 1 "too small" replay --force "$copy"
	null_blk copy wb-large size=48
	changes_nothing "$copy" refused 1 "--force" replay "$copy"
	replay --force "$copy"
	wb_io check 1 "$copy" $((20 * MIB)) $((MIB))
}

in_use()
{
	local origin dump copy

	with_store
	blank copy
	three_epochs
	wbctl dump wb-res "$dump"
	linear wb-holder "$copy"
	changes_nothing "$copy" refused 1 "held by dm-" replay --force "$copy"
	changes_nothing "$copy" refused 1 "held by dm-" replay --dry-run "$copy"
	mkfs.ext4 -q /dev/mapper/wb-holder
	mkdir "$work/mnt"
	mount /dev/mapper/wb-holder "$work/mnt"
	at_exit "umount $work/mnt"
	refused 1 "mounted on $work/mnt" replay --force /dev/mapper/wb-holder
	refused 3 "not a block device" replay "$work"
	refused 3 "no such device" replay "$work/nothing"
}

# A filesystem of its own on each: the dump goes to the one that it is from.
other_filesystem()
{
	local origin dump copy

	with_store mode ordered
	blank copy
	mkfs.ext4 -q "$dev"
	wbctl flush wb-res
	three_epochs
	wbctl dump wb-res "$dump"
	mkfs.ext4 -q "$copy"
	changes_nothing "$copy" refused 1 "it carries ext4:" replay "$copy"
	dd if="$origin" of="$copy" bs=1M status=none
	changes_nothing "$copy" replay --dry-run "$copy"
	replay "$copy" 2>"$work/err"
	expect "warnings" "$(wc -l <"$work/err")" -eq 0
	cmp "$dev" "$copy"
}

# A filesystem that is still in RAM: both what is there and what will be are right.
filesystem_in_ram()
{
	local origin dump copy

	null_blk origin wb-origin size=32
	mkfs.ext4 -q "$origin"
	make_wb wb-res "$origin" 16 "$lazy" mode ordered
	dump=$work/dump
	blank copy
	mkfs.ext4 -qF "$dev"
	wb_io sync "$dev"
	wbctl dump wb-res "$dump"
	dd if="$origin" of="$copy" bs=1M status=none
	replay "$copy"
	cmp "$dev" "$copy"
	replay "$copy"
	cmp "$dev" "$copy"
}

# Without udev a mapped device's UUID is what tells it from another.
other_hardware()
{
	local origin dump copy table

	null_blk origin wb-origin size=32
	table="0 $(sectors "$origin") linear $origin 0"
	dmsetup create wb-below --uuid WB-ONE --table "$table"
	at_exit "dmsetup remove --retry wb-below"
	make_wb wb-res /dev/mapper/wb-below 16 "$lazy" mode ordered
	dump=$work/dump
	three_epochs
	wbctl dump wb-res "$dump"
	null_blk copy wb-copy size=32
	dmsetup create wb-other --uuid WB-TWO --table "0 $(sectors "$copy") linear $copy 0"
	at_exit "dmsetup remove --retry wb-other"
	refused 1 "another device" replay /dev/mapper/wb-other
	wbctl flush wb-res
	remove_wb wb-res
	replay /dev/mapper/wb-below 2>"$work/err"
	expect "warnings" "$(wc -l <"$work/err")" -eq 0
	replay --force /dev/mapper/wb-other
	cmp "$origin" "$copy"
}

# damage OFFSET: one byte of the dump.
damage()
{
	printf X | dd of="$dump" bs=1 seek="$1" conv=notrunc status=none
}

damaged()
{
	local origin dump copy size whole record=4120

	with_store mode ordered
	blank copy
	three_epochs
	wbctl dump wb-res "$dump"
	cp "$dump" "$work/kept"
	size=$(stat -c %s "$dump")

	damage $((size - 32 - record + 100))
	changes_nothing "$copy" must_fail replay --force "$copy" 2>"$work/err"
	grep -q "record .*: damaged: its CRC is wrong" "$work/err"
	grep -qF "1 records damaged: --epoch 2 replays what is whole" "$work/err"
	replay --epoch 2 "$copy"
	wb_io check 2 "$copy" $((MIB)) $((2 * MIB))

	for whole in $((size - 1)) $((size - 32)) $((size - 32 - record)) $((size / 2)) 40; do
		cp "$work/kept" "$dump"
		truncate -s "$whole" "$dump"
		changes_nothing "$copy" must_fail replay "$copy"
	done
	cp "$work/kept" "$dump"
	damage 10
	changes_nothing "$copy" refused 1 "newer wbctl" replay "$copy"
	cp "$work/kept" "$dump"
	damage 40
	changes_nothing "$copy" refused 1 "header is damaged" replay "$copy"
	refused 1 "not a dump" wbctl replay /proc/self/environ "$copy"
	cp "$work/kept" "$dump"
	replay "$copy"
	cmp "$dev" "$copy"
}

it "interrupted and gone on with" interrupted INT
it "killed and gone on with" interrupted KILL
it "to a disk that was filled anew starts over" started_over
it "gone on with on another device: from the start" resumed_elsewhere
it "refuses a wrong size" wrong_size
it "refuses a device in use" in_use
it "refuses another filesystem" other_filesystem
it "takes a filesystem that was in RAM" filesystem_in_ram
it "refuses other hardware" other_hardware
it "finds damage" damaged
run
