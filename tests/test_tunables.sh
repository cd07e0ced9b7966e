#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What can be set: on the table line, while in use, and how it is shown.
. "$(dirname "$0")/lib.sh"

dev=/dev/mapper/wb-tune

with_options()
{
	local origin

	fast_disk origin
	make_wb wb-tune "$origin" 16 "$@"
}

# set_by COMMAND...: every tunable, one after the other, shows its new value.
set_by()
{
	local name value

	with_options
	while read -r name value; do
		"$@" "$name" "$value"
		[[ "$(dmsetup table wb-tune) " = *" $name $value "* ]] ||
			fail "$name $value is not in the table"
	done <<-END
		low_watermark 0
		high_watermark 1
		high_watermark 100
		low_watermark 100
		max_age 10
		max_age 86400000
		writeback_jobs 1
		writeback_jobs 1024
		pause_writeback 0
		pause_writeback 86400000
		drain_limit 86400
		drain_limit 0
		mode volatile
		mode ordered
		mode durable
	END
	"$@" read_cache 1
	expect "read_cache" "$(wbctl get wb-tune read_cache)" = 1
	[[ "$(dmsetup table wb-tune) " = *" read_cache "* ]]
	expect "max_age" "$(wbctl get wb-tune max_age)" -eq 86400000
	expect "mode" "$(wbctl get wb-tune mode)" = durable
}

# A value out of range changes nothing, and says what is allowed.
refused_by()
{
	local name value before

	with_options
	before=$(dmsetup table wb-tune)
	while read -r name value; do
		must_fail "$@" "$name" "$value"
		kernel_log_has "set $name $value: $name: allowed are"
	done <<-END
		high_watermark 0
		high_watermark 101
		low_watermark 101
		max_age 9
		max_age 86400001
		writeback_jobs 0
		writeback_jobs 1025
		writeback_jobs x
		pause_writeback 86400001
		pause_writeback 1.5
		drain_limit 86401
		drain_limit 4294967296
		read_cache 2
		mode fast
	END
	must_fail "$@" low_watermark 60
	kernel_log_has "low_watermark: allowed are 0 to high_watermark"
	must_fail "$@" nothing 1
	expect "table" "$(dmsetup table wb-tune)" = "$before"
}

message()
{
	dmsetup message wb-tune 0 "$@"
}

bad_messages()
{
	local words

	with_options
	while read -r words; do
		kernel_log_mark "$words"
		# shellcheck disable=SC2086
		must_fail message $words
		kernel_log_has "message ${words%% *}: allowed"
	done <<-END
		nonsense
		flush now
		freeze 1
		thaw 1
		clear_stats all
		set
		set max_age
		set max_age 100 200
	END
}

takes_effect_at_once()
{
	with_options "$lazy"
	wb_io write 1 "$dev" 0 $((2 * MIB))
	wbctl set wb-tune max_age 50
	wait_for 60 clean wb-tune
	wbctl set wb-tune max_age 86400000
	wb_io write 1 "$dev" 0 $((2 * MIB))
	wbctl set wb-tune pause_writeback 20
	wait_for 60 clean wb-tune
	wbctl set wb-tune pause_writeback 86400000
	wb_io write 1 "$dev" 0 $((8 * MIB))
	wbctl set wb-tune low_watermark 10
	wbctl set wb-tune high_watermark 20
	wait_for 60 status_is wb-tune dirty_bytes -le $((4 * MIB))
}

# To durable only once all older data is: a sync after the switch can rely on it.
mode_switch()
{
	local origin

	with_options mode volatile "$lazy"
	fast_disk origin
	wb_io write 7 "$dev" 0 $((8 * MIB))
	wbctl set wb-tune mode durable
	wb_io sync "$dev"
	wb_io check 7 "$origin" 0 $((8 * MIB))
	wait_for 60 status_is wb-tune mode = durable
}

# What is fed back must not undo it.
switch_that_waits()
{
	local disk

	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	make_wb wb-tune /dev/mapper/wb-below 16 mode volatile "$lazy"
	wb_io write 7 "$dev" 0 "$MIB"
	wedge wb-below
	wbctl set wb-tune mode durable
	expect "mode in force" "$(status wb-tune mode)" = volatile
	dmsetup table wb-tune | grep -q " mode durable"
	dmsetup resume wb-below
	wait_for 60 status_is wb-tune mode = durable
}

clear_stats()
{
	with_options
	wb_io write 1 "$dev" 0 $((2 * MIB))
	expect "write_bytes" "$(stats wb-tune write_bytes)" -eq $((2 * MIB))
	message clear_stats
	expect "write_bytes" "$(stats wb-tune write_bytes)" -eq 0
}

round_trip()
{
	local line

	with_options "$@"
	line=$(dmsetup table wb-tune)
	remove_wb wb-tune
	dmsetup create wb-tune --table "$line"
	expect "table" "$(dmsetup table wb-tune)" = "$line"
	dmsetup load wb-tune --table "$line"
	expect "table that is only loaded" "$(dmsetup table --inactive wb-tune)" = "$line"
	dmsetup clear wb-tune
}

it "set by wbctl, shown by wbctl and dmsetup table" set_by wbctl set wb-tune
it "set by message, shown likewise" set_by message set
it "wrong values by message are refused and named" refused_by message set
it "messages that are none are refused and named" bad_messages
it "a change takes effect on what is dirty already" takes_effect_at_once
it "a switch to durable covers older data" mode_switch
it "a switch that waits is in the table line already" switch_that_waits
it "clear_stats" clear_stats
it "the table line fed back makes the same target" round_trip
it "also with every argument given" round_trip mode ordered high_watermark 80 \
	low_watermark 20 max_age 1234 writeback_jobs 7 pause_writeback 0 \
	drain_limit 9 read_cache
run
