#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A cache that is too small for the work, and a disk that is too slow: memory
# stays bounded, reads go on, status answers, a writer can be killed.
. "$(dirname "$0")/lib.sh"

impatient

dev=/dev/mapper/wb-full

# Eight times the cache, in the background: the writer's number in pid.
full()
{
	slow_disk origin
	make_wb wb-full "$origin" 4
	# else it may be slowed down before it must wait, on a slow machine
	wbctl freeze wb-full
	wb_io write -r 1 "$dev" 0 $((32 * MIB)) &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 stats_is wb-full throttled_ios -gt 0
	wbctl thaw wb-full
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

# Who is told to come again has written nothing yet.
nowait_is_counted_once()
{
	local origin

	fast_disk origin
	make_wb wb-full "$origin" 1 "$lazy"
	wb_io write -n -b 4096 1 "$dev" 0 $((8 * MIB))
	expect "written" "$(stats wb-full write_bytes)" -eq $((8 * MIB))
	wb_io check 1 "$dev" 0 $((8 * MIB))
}

# A look that waits for the disk is slow each time; a guest that is held up is not.
status_is_quick()
{
	worst=$(wb_io status-time "$dev" wb-full 20)
	note "the longest of 20 took $worst us"
	[ "$worst" -le 50000 ]
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
	wait_for 60 status_is_quick
	must_fail gone "$pid"
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

# limits: what is dirty, what may be, and the measured rate, at one moment.
limits()
{
	wbctl status --json wb-full | jq -r '"\(.dirty_bytes) \(.dirty_limit) \(.drain_rate)"'
}

# The limit follows the measured rate: what it was a moment ago counts, too, and
# it may have been a quarter higher between two looks.
stays_below_limit()
{
	local dirty limit rate before=$((64 * MIB)) most=0 pid=$1

	while ! gone "$pid"; do
		read -r dirty limit rate < <(limits)
		expect "dirty, limit $limit, before $before, rate $rate" \
			"$dirty" -le $(((limit > before ? limit : before) * 5 / 4))
		before=$limit
		most=$((dirty > most ? dirty : most))
	done
	note "at most $((most / KIB)) KiB were dirty, $((limit / KIB)) KiB allowed at the end"
}

# A disk of 8 MB/s that must never have more than two seconds of work to come.
drain_limit()
{
	local origin pid dirty limit rate

	need fio
	null_blk origin wb-rate size=256 mbps=8
	make_wb wb-full "$origin" 64 drain_limit 2 mode volatile "$@"
	fio --thread --name=fill --filename=/dev/mapper/wb-full --rw=randwrite --bs=64k \
		--direct=1 --ioengine=libaio --iodepth=8 --size=128m --io_size=80m \
		--output="$work/fio" &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 stats_is wb-full throttled_ios -gt 0
	stays_below_limit "$pid"
	wait "$pid"
	wbctl flush wb-full
	read -r dirty limit rate < <(limits)
	note "rate $rate, limit $limit"
	expect "dirty" "$dirty" -eq 0
	expect "limit" "$limit" -eq $((rate * 2 / 4096 * 4096))
	expect "MB/s" $((rate / 1000000)) -ge 1
	expect "MB/s" $((rate / 1000000)) -le 16
	wbctl set wb-full drain_limit 0
	expect "limit when off" "$(status wb-full dirty_limit)" -eq $((64 * MIB))
}

it "memory is bounded, and all is written in the end" bounded
it "reads go on while writers wait" reads_go_on
it "a writer that waits can be killed" writer_can_be_killed
it "a writer that may not wait is counted once" nowait_is_counted_once
it "status answers within 50 ms during a long drain" status_answers
it "writes that must not wait do not" nowait
# What CPUs counted for themselves while the limit was far must not count now.
limit_after_much()
{
	local origin i

	fast_disk origin
	make_wb wb-full "$origin" 256 mode volatile "$lazy"
	for i in 1 2 3; do
		wb_io write -r "$i" "$dev" 0 $((64 * MIB))
		wbctl flush wb-full >/dev/null
	done
	dmsetup message wb-full 0 set max_age 100
	dmsetup message wb-full 0 set drain_limit 1
	timeout 60 wb_io write -r 4 "$dev" 0 $((4 * MIB))
	wait_for 60 clean wb-full
	wb_io check 4 "$origin" 0 $((4 * MIB))
}
it "a limit that comes late stops nobody for good" limit_after_much
it "drain_limit bounds what is dirty" drain_limit
run
