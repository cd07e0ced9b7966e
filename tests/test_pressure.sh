#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A cache that is too small for the work, and a disk that is too slow: memory
# stays bounded, reads go on, status answers, a writer can be killed.
. "$(dirname "$0")/lib.sh"

dev=/dev/mapper/wb-full

# Eight times the cache, in the background: the writer's number in pid.
full()
{
	slow_disk origin
	make_wb wb-full "$origin" 4
	wb_io write -r 1 "$dev" 0 $((32 * MIB)) &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 stats_is wb-full throttled_ios -gt 0
}

memory()
{
	awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo
}

bounded()
{
	local origin pid before i

	load_module
	before=$(memory)
	full
	for i in {1..15}; do
		expect "dirty in look $i" "$(dirty wb-full)" -le $((4 * MIB))
		expect "written back in look $i" "$(status wb-full writeback_bytes)" -le $((4 * MIB))
		expect "available memory (MiB) in look $i" "$(memory)" -ge $((before - 64))
	done
	wait "$pid"
	wb_io sync "$dev"
	wb_io check 1 "$origin" 0 $((32 * MIB))
}

reads_go_on()
{
	local origin pid

	full
	must_fail gone "$pid"
	timeout 60 dd if="$dev" of=/dev/null bs=64k count=16 skip=1024 iflag=direct status=none
	must_fail gone "$pid"
}

writer_can_be_killed()
{
	local origin pid

	full
	kill -KILL "$pid"
	wait_for 60 gone "$pid"
	expect "bytes that the writer got rid of" "$(stats wb-full write_bytes)" -lt $((32 * MIB))
	wb_io write 2 "$dev" 0 $((4 * MIB))
	wb_io check 2 "$dev" 0 $((4 * MIB))
}

status_answers()
{
	local pid worst

	slow_disk origin
	make_wb wb-full "$origin" 64 "$lazy"
	wb_io write -g -b 4096 1 "$dev" 0 $((32 * MIB))
	wb_io sync "$dev" &
	pid=$!
	wait_for 60 status_is wb-full writeback_bytes -gt 0
	worst=$(wb_io status-time "$dev" wb-full 20)
	must_fail gone "$pid"
	note "the longest of 20 took $worst us"
	expect "microseconds" "$worst" -le 50000
	wait "$pid"
}

# REQ_NOWAIT: a write that would have to wait says so, and has left no trace.
nowait()
{
	local origin refused

	slow_disk origin
	make_wb wb-full "$origin" 1
	refused=$(wb_io write -n -r 1 "$dev" 0 $((8 * MIB)))
	note "$refused of 2048 would have had to wait"
	expect "refused" "$refused" -gt 0
	wb_io check 1 "$dev" 0 $((8 * MIB))
}

it "memory is bounded, and all is written in the end" bounded
it "reads go on while writers wait" reads_go_on
it "a writer that waits can be killed" writer_can_be_killed
it "status answers within 50 ms during a long drain" status_answers
it "writes that must not wait do not" nowait
run
