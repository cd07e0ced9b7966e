#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What wbctl does when things go wrong: shows where dirty data lies, dumps it,
# replays it, throws it away, makes everything safe at once.
. "$(dirname "$0")/dumps.sh"

impatient

#
# map
#

# extents [OPTION]: "sector bytes" of each, a line each.
extents()
{
	wbctl map --json "$@" wb-res >"$work/map.json" || { echo failed; return 1; }
	jq -r '.extents[] | "\(.sector) \(.bytes)"' "$work/map.json"
}

map_shows()
{
	local origin dump

	with_store mode ordered
	expect "lines for nothing dirty" "$(extents | wc -l)" -eq 0
	wb_io write -r 1 "$dev" 0 $((MIB))
	wb_io sync "$dev"
	wb_io write -r 2 "$dev" $((MIB / 2)) $((MIB))
	wb_io write -b 512 3 "$dev" $((9 * MIB + 512)) 512
	expect "extents" "$(extents | tr '\n' ,)" = \
		"0 524288,1024 524288,2048 524288,18433 512,"
	expect "the two versions" "$(wbctl map --json wb-res |
		jq -c '.extents[1] | [.first_epoch, .last_epoch, .versions, .failed]')" = \
		"[1,2,true,false]"
	wbctl map wb-res
	wbctl flush wb-res
	expect "lines when clean" "$(extents | wc -l)" -eq 0
}

# On a terminal there is a strip; its width is that of the terminal.
map_strip()
{
	local origin dump

	need script
	with_store
	wb_io write 1 "$dev" 0 $((MIB))
	TERM=xterm script -qec "stty cols 66; wbctl map wb-res" /dev/null >"$work/out"
	grep -qE '^\[#[#.]{63}\]' "$work/out" || fail "no strip: $(cat "$work/out")"
	wbctl map wb-res >"$work/plain"
	must_fail grep -q '\[' "$work/plain"
}

failed_is()
{
	[ "$(extents --failed)" = "$1" ]
}

map_failed()
{
	local origin dump size

	with_store
	size=$(sectors "$origin")
	at_exit "mend_origin wb-below $origin"
	swap_table wb-below "0 2048 linear $origin 0
		2048 64 error
		2112 $((size - 2112)) linear $origin 2112"
	wb_io write 1 "$dev" 0 $((2 * MIB))
	expect "failed before the first attempt" "$(extents --failed | wc -l)" -eq 0
	wbctl status wb-res >"$work/status"
	must_fail grep -q -- --failed "$work/status"
	must_fail timeout 100 wbctl flush wb-res
	wait_for 60 status_is wb-res failed_bytes -gt 0
	wait_for 60 failed_is "2048 32768"
	wbctl status wb-res | grep -F -- 'wbctl map --failed wb-res'
	mend_origin wb-below "$origin"
	wbctl flush wb-res
	wb_io check 1 "$origin" 0 $((2 * MIB))
}

#
# dump, replay
#

whole()
{
	local origin dump copy

	with_store mode "$1"
	blank copy
	three_epochs
	# The page cache of the origin knows nothing of what is written below it.
	dd if="$origin" of="$copy" bs=1M iflag=direct status=none
	wbctl dump wb-res "$dump"
	expect "files beside the dump" "$(find "$work" -name 'dump.*' | wc -l)" -eq 0
	refused 0 "it is blank" replay "$copy"
	cmp "$dev" "$copy"
	expect "dirty" "$(dirty wb-res)" -gt 0
	wbctl flush wb-res
	dd if="$origin" bs=1M iflag=direct status=none | cmp "$copy"
}

to_stdout()
{
	local origin dump

	with_store mode ordered
	three_epochs
	wbctl dump wb-res "$dump"
	# Only the head, with the time and its CRC, may differ.
	wbctl dump wb-res - | cat >"$work/piped"
	expect "sizes" "$(stat -c %s "$dump")" -eq "$(stat -c %s "$work/piped")"
	cmp -i 4096 "$dump" "$work/piped"
}

# number OFFSET BYTES: of the dump.
number()
{
	od -An "-tu$2" -j"$1" -N"$2" "$dump" | xargs
}

info()
{
	tail -c +33 "$dump" | head -c "$(number 12 4)" | jq ".$1"
}

# What was acknowledged before the dump is in it, what it has is a prefix.
under_writers()
{
	local origin dump copy seed pid n found=0

	with_store mode ordered
	blank copy
	for seed in {1..5}; do
		wb_io write -r "$seed" "$dev" 0 $((MIB))
		wb_io sync "$dev"
	done
	(
		seed=6
		while wb_io write -r "$seed" "$dev" 0 $((MIB)) && wb_io sync "$dev"; do
			seed=$((seed + 1))
		done
	) &
	pid=$!
	at_exit "kill $pid"
	wait_for 60 status_is wb-res acked_epoch -ge 8
	wbctl dump wb-res "$dump"
	kill "$pid"
	expect "epoch of the last record" "$(number $(($(stat -c %s "$dump") - 32 - 4120 + 8)) 8)" \
		-le "$(info acked_epoch)"
	replay "$copy"
	for ((seed = 5; found < MIB; seed++)); do
		expect "seed that was found" "$seed" -lt 50
		n=$(wb_io count "$seed" "$copy" 0 $((MIB)))
		[ "$n" -gt 0 ] || continue
		found=$((n + $(wb_io count $((seed + 1)) "$copy" 0 $((MIB)))))
		expect "bytes of two neighbouring epochs" "$found" -eq $((MIB))
	done
}

to_an_epoch()
{
	local origin dump copy epoch

	with_store mode ordered
	blank copy
	for epoch in 1 2 3; do
		wb_io write -r "$epoch" "$dev" 0 $((MIB))
		wb_io write "$epoch" "$dev" $(((epoch + 1) * MIB)) $((MIB))
		wb_io sync "$dev"
	done
	wbctl dump wb-res "$dump"
	replay --epoch 2 "$copy"
	wb_io check 2 "$copy" 0 $((MIB))
	wb_io check 1 "$copy" $((2 * MIB)) $((MIB))
	wb_io check 2 "$copy" $((3 * MIB)) $((MIB))
	expect "bytes of the epoch behind" "$(wb_io count 3 "$copy" 0 $((32 * MIB)))" -eq 0
	replay "$copy"
	cmp "$dev" "$copy"
}

from_a_failing_origin()
{
	local origin dump

	with_store mode ordered
	wb_io write -r 1 "$dev" 0 $((MIB))
	wb_io sync "$dev"
	break_origin wb-below "$origin"
	wb_io write -r 2 "$dev" $((MIB)) $((MIB))
	must_fail timeout 100 wbctl flush wb-res
	wbctl dump wb-res "$dump"
	replay "$origin"
	wb_io check 1 "$origin" 0 $((MIB))
	wb_io check 2 "$origin" $((MIB)) $((MIB))
}

orphan_id()
{
	wbctl list --json | jq -er '.devices[] | select(.orphan) | .id'
}

orphan()
{
	local origin dump id

	with_store mode "$1"
	wb_io write -r 1 "$dev" 0 $((2 * MIB))
	break_origin wb-below "$origin"
	timeout 100 dmsetup remove wb-res
	id=$(orphan_id)
	at_exit "wbctl discard --yes id:$id"
	wbctl dump "id:$id" "$dump"
	mend_origin wb-below "$origin"
	replay /dev/mapper/wb-below 2>"$work/err"
	grep -q "id:$id holds dirty data for it" "$work/err"
	wb_io check 1 "$origin" 0 $((2 * MIB))
}

dump_refuses()
{
	local origin dump

	with_store
	refused 3 "no such device" wbctl dump wb-nothing "$dump"
	echo kept >"$dump"
	refused 1 "--force" wbctl dump wb-res "$dump"
	expect "the file" "$(cat "$dump")" = kept
	wbctl dump --force wb-res "$dump"
	must_fail grep -q kept "$dump"
	mknod "$work/node" c 1 3
	refused 1 "not a regular file" wbctl dump --force wb-res "$work/node"
	expect "the node" "$(stat -c %F "$work/node")" = "character special file"
	ln -s "$dump" "$work/link"
	refused 1 "not a regular file" wbctl dump --force wb-res "$work/link"
	refused 1 "No such file" wbctl dump wb-res "$work/nowhere/dump"
	mkfs.ext4 -q "$dev"
	mkdir "$work/mnt"
	mount "$dev" "$work/mnt"
	at_exit "umount $work/mnt"
	refused 1 "on the device that is dumped" wbctl dump wb-res "$work/mnt/dump"
	must_fail wbctl dump wb-res - >"$work/mnt/out" 2>"$work/err"
	grep -q "on the device that is dumped" "$work/err"
	rm "$work/mnt/out"
	expect "files there" "$(find "$work/mnt" -type f | wc -l)" -eq 0
	# Its journal would flush what is to be dumped.
	umount "$work/mnt"
	mkdir "$work/small"
	mount -t tmpfs -o size=64k none "$work/small"
	at_exit "umount $work/small"
	wb_io write 1 "$dev" $((20 * MIB)) $((2 * MIB))
	must_fail wbctl dump wb-res "$work/small/dump" 2>"$work/err"
	grep -q "No space left" "$work/err"
	expect "files there" "$(find "$work/small" -type f | wc -l)" -eq 0
	expect "still held" "$(status wb-res state)" != held
}

unfinished_dump()
{
	compgen -G "$work/dump.*" >"$work/seen"
}

# The terminal goes.  It may come to its end before.
dump_hung_up()
{
	local pid code=0

	rm -f "$dump"
	wbctl dump wb-res "$dump" 2>"$work/err" &
	pid=$!
	until unfinished_dump || gone "$pid"; do
		sleep 0.01
	done
	kill -HUP "$pid" || :
	wait "$pid" || code=$?
	[ "$code" = 1 ]
}

# Nothing that answers is asked meanwhile.
dump_of_a_hung_origin()
{
	local origin dump copy pid code=0

	with_store
	wb_io write 1 "$dev" 0 "$MIB"
	wedge wb-below
	env --default-signal=INT wbctl dump wb-res "$dump" &
	pid=$!
	wait_for 60 unfinished_dump
	kill -INT "$pid"
	wait_for 60 gone "$pid"
	wait "$pid" || code=$?
	expect "exit status" "$code" -eq 1
	must_fail unfinished_dump
	wbctl dump wb-res "$dump"
	dmsetup resume wb-below
	blank copy
	replay "$copy"
	wb_io check 1 "$copy" 0 "$MIB"
}

# A file that came there while the dump was made.
dump_overtaken()
{
	local origin dump pid code=0

	with_store
	wb_io write 1 "$dev" 0 "$MIB"
	wedge wb-below
	wbctl flush --async wb-res
	wait_for 60 status_is wb-res writeback_bytes -gt 0
	wbctl dump wb-res "$dump" 2>"$work/err" &
	pid=$!
	wait_for 60 unfinished_dump
	echo other >"$dump"
	dmsetup resume wb-below
	wait "$pid" || code=$?
	expect "exit status" "$code" -eq 1
	grep -q "File exists" "$work/err"
	expect "what came" "$(cat "$dump")" = other
	must_fail unfinished_dump
}

# Or who reads the progress.
dump_interrupted()
{
	local origin dump code=0

	with_store
	wb_io write 1 "$dev" 0 $((14 * MIB))
	wait_for 60 dump_hung_up
	grep -q "interrupted" "$work/err"
	expect "files" "$(find "$work" -name 'dump*' | wc -l)" -eq 0

	mkfifo "$work/progress"
	exec 7<>"$work/progress"
	exec 8>"$work/progress"
	exec 7<&-
	wbctl dump wb-res "$dump" >&8 2>"$work/err" || code=$?
	exec 8>&-
	expect "exit status" "$code" -eq 1
	grep -q "cannot write the output" "$work/err"
	must_fail unfinished_dump
	rm -f "$dump"
	wbctl dump wb-res "$dump"
}

# What it says must not be written to what it opens, and cannot be written elsewhere.
standard_files_closed()
{
	local origin dump copy

	with_store
	wb_io write 1 "$dev" $((1 * MIB)) $((MIB))
	must_fail wbctl dump wb-res "$dump" <&- >&-
	blank copy
	must_fail replay "$copy" <&- >&- 2>&-
	cmp "$dev" "$copy"
}

#
# discard
#

discard()
{
	local origin dump id

	with_store
	refused 1 "a device holds it" wbctl discard --yes wb-res
	refused 3 "no such device" wbctl discard --yes wb-nothing
	wb_io write -r 1 "$dev" 0 $((MIB))
	break_origin wb-below "$origin"
	timeout 100 dmsetup remove wb-res
	id=$(orphan_id)
	refused 2 "1.0M" wbctl discard "id:$id"
	refused 2 "--yes" wbctl discard wb-res
	expect "orphan" "$(orphan_id)" -eq "$id"
	must_fail rmmod dm_writebehind
	wbctl discard --yes "id:$id"
	refused 3 "no such device" wbctl status "id:$id"
	rmmod dm_writebehind
}

#
# emergency
#

emergency()
{
	local origin dump

	with_store mode ordered
	wbctl freeze wb-res
	three_epochs
	wbctl emergency wb-res | grep -qx "wb-res: safe"
	expect "dirty" "$(dirty wb-res)" -eq 0
	expect "frozen" "$(wbctl status --json wb-res | jq .frozen)" = false
	expect "write_through" "$(wbctl get wb-res write_through)" -eq 1
	wb_io write 7 "$dev" $((20 * MIB)) $((MIB))
	wb_io check 7 "$origin" $((20 * MIB)) $((MIB))
	wbctl emergency --off --all
	expect "write_through" "$(wbctl get wb-res write_through)" -eq 0
	wb_io write 8 "$dev" $((20 * MIB)) $((MIB))
	expect "dirty" "$(dirty wb-res)" -eq $((MIB))
	refused 2 "either" wbctl emergency
	refused 2 "either" wbctl emergency --all wb-res
	refused 3 "no such device" wbctl emergency wb-nothing
}

# One that hangs does not keep the others from being safe.
emergency_for_two()
{
	local origin dump other code=0

	with_store mode ordered
	blank other
	make_wb wb-other "$other" 8 "$lazy" mode volatile
	wb_io write 1 "$dev" 0 $((MIB))
	wb_io write 2 /dev/mapper/wb-other 0 $((MIB))
	wedge wb-below
	wbctl emergency --timeout 2 --all >"$work/out" 2>"$work/err" || code=$?
	cat "$work/out" "$work/err"
	expect "exit status" "$code" -eq 4
	grep -qx "wb-other: safe" "$work/out"
	grep -q "wb-res: not safe: 1.0M dirty: timed out" "$work/err"
	wb_io check 2 "$other" 0 $((MIB))
	dmsetup resume wb-below
	wbctl emergency --all
	wb_io check 1 "$origin" 0 $((MIB))
}

emergency_with_failing_origin()
{
	local origin dump code=0

	with_store mode ordered
	wb_io write 1 "$dev" 0 $((MIB))
	break_origin wb-below "$origin"
	timeout 100 wbctl emergency wb-res 2>"$work/err" || code=$?
	cat "$work/err"
	expect "exit status" "$code" -eq 1
	grep -q "wb-res: not safe: 1.0M dirty: the origin is failing" "$work/err"
}

it "map: extents and versions" map_shows
it "map: a strip on a terminal only" map_strip
it "map --failed: the bad extents" map_failed
it "dump and replay: byte for byte, durable" whole durable
it "dump and replay: byte for byte, ordered" whole ordered
it "dump and replay: byte for byte, volatile" whole volatile
it "dump to the standard output" to_stdout
it "dump under writers: a prefix" under_writers
it "replay --epoch" to_an_epoch
it "dump of a failing origin's device" from_a_failing_origin
it "dump of an orphan, durable" orphan durable
it "dump of an orphan, ordered" orphan ordered
it "dump refuses" dump_refuses
it "dump: interrupted, nothing is left" dump_interrupted
it "dump: of an origin that does not answer" dump_of_a_hung_origin
it "dump: another file comes there meanwhile" dump_overtaken
it "dump and replay with closed standard files" standard_files_closed
it "discard" discard
it "emergency" emergency
it "emergency: one of two hangs" emergency_for_two
it "emergency: the origin fails" emergency_with_failing_origin
run
