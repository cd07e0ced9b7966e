#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every table line that is wrong is refused for a reason of its own, and leaves
# nothing behind.
. "$(dirname "$0")/lib.sh"

load_table()
{
	must_fail dmsetup create wb-bad --table "$2"
	kernel_log_has "writebehind: $1" || fail "another reason than: $1"
}

# refused REASON WORD...: the words behind the origin.
refused()
{
	local origin reason=$1

	shift
	load_module
	fast_disk origin
	load_table "$reason" "0 2048 writebehind $origin $*"
}

missing_origin()
{
	load_module
	load_table "origin: cannot be opened" "0 2048 writebehind $work/nothing 16"
}

origin_that_is_none()
{
	load_module
	load_table "origin: cannot be opened" "0 2048 writebehind /dev/mapper 16"
}

zoned_origin()
{
	local origin

	load_module
	null_blk origin wb-zoned size=64 zoned=1 zone_size=4
	load_table "origin: is zoned" "0 2048 writebehind $origin 16"
}

too_long()
{
	local origin

	load_module
	fast_disk origin
	load_table "length: " "0 $(($(sectors "$origin") + 8)) writebehind $origin 16"
}

origin_is_itself()
{
	local origin

	fast_disk origin
	make_wb wb-self "$origin" 16
	must_fail dmsetup load wb-self --table "0 2048 writebehind /dev/mapper/wb-self 16"
	kernel_log_has "writebehind: origin: is this very device"
	expect "health" "$(status wb-self health)" = ok
	wb_io write 1 /dev/mapper/wb-self 0 "$MIB"
	wb_io check 1 /dev/mapper/wb-self 0 "$MIB"
}

origin_of_another()
{
	local origin

	fast_disk origin
	make_wb wb-one "$origin" 16
	must_fail dmsetup create wb-two --table "$(table "$origin" 16)"
	kernel_log_has "writebehind: origin: in use by another writebehind device"
	must_fail dmsetup info wb-two
}

no_memory()
{
	local available

	available=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
	refused "cache MiB: $((available * 2)) is more than there is memory for" $((available * 2))
	refused "cache MiB: $available is more than there is memory for" "$available"
}

module_can_go()
{
	must_fail dmsetup info wb-bad
	wbctl list --json >"$work/list"
	jq -e '[.. | objects | select(has("origin"))] == []' "$work/list"
	rmmod dm_writebehind
	load_module
}

it "no such origin" missing_origin
it "an origin that is a directory" origin_that_is_none
it "a zoned origin" zoned_origin
it "longer than the origin" too_long
it "the origin is the device itself" origin_is_itself
it "the origin belongs to another writebehind device" origin_of_another
it "more memory than there is" no_memory
it "too few arguments" refused "too few arguments: "
size="cache MiB: allowed are 1 to 8388608"
for mib in 0 -1 x 1.5 0x10 8388609 4294967296 99999999999999999999; do
	it "cache size $mib" refused "$size" $mib
done
while IFS=: read -r words reason; do
	# shellcheck disable=SC2086
	it "arguments: $words" refused "$reason" 16 $words
done <<-END
	x:#args: allowed
	-1:#args: allowed
	1:#args: allowed
	17 max_age 100:#args: allowed
	3 max_age 100:#args: allowed
	1 max_age 100:#args: allowed
	0 max_age 100:#args: allowed
	2 nothing 1:unknown argument: allowed
	2 MAX_AGE 100:unknown argument: allowed
	1 max_age:max_age: allowed are 10 to
	2 max_age 9:max_age: allowed are 10 to
	2 max_age 86400001:max_age: allowed are 10 to
	2 max_age soon:max_age: allowed are 10 to
	2 max_age -5:max_age: allowed are 10 to
	2 high_watermark 0:high_watermark: allowed are 1 to 100
	2 high_watermark 101:high_watermark: allowed are 1 to 100
	2 low_watermark 101:low_watermark: allowed are 0 to
	4 high_watermark 40 low_watermark 41:low_watermark: allowed are 0 to high_watermark
	2 writeback_jobs 0:writeback_jobs: allowed are 1 to
	2 writeback_jobs 1025:writeback_jobs: allowed are 1 to
	2 pause_writeback 86400001:pause_writeback: allowed are 0 to
	2 drain_limit 86401:drain_limit: allowed are 0
	1 mode:mode: allowed are durable
	2 mode fast:mode: allowed are durable
	4 max_age 100 max_age 200:argument given twice
	4 mode durable mode durable:argument given twice
	2 read_cache no_read_cache:argument given twice
	2 read_cache 1:unknown argument: allowed
END
it "nothing is left behind: the module can go" module_can_go
run
