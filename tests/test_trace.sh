#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tracepoints tell what happens, and in whose context.
. "$(dirname "$0")/lib.sh"

dev=/dev/mapper/wb-trace
# Each TEXT must be in the trace.
traced()
{
	local text

	for text; do
		grep -qE -- "$text" "$tracing"/trace || fail "not traced: $text"
	done
}

a_write_and_its_way()
{
	local origin number

	fast_disk origin
	trace_on writebehind
	make_wb wb-trace "$origin" 16 mode durable "$lazy"
	number=$(mountpoint -x "$dev")
	wb_io write -b 8192 1 "$dev" 16384 8192
	wb_io check 1 "$dev" 16384 8192
	dd if="$dev" of=/dev/null bs=4096 skip=1000 count=1 iflag=direct status=none
	wb_io sync "$dev"
	traced "wb_io.* wb_write: $number sector=32 bytes=8192 fua=0" \
		"wb_io.* wb_read: $number sector=32 bytes=8192 hit" \
		"dd.* wb_read: $number sector=8000 bytes=4096 miss" \
		"wb_flush: $number mode=durable epoch=1 waits" \
		"wb_writeback_submit: $number sector=32 bytes=8192 reason=flush in_flight=1" \
		"wb_writeback_complete: $number bytes=8192 ns=[0-9]+ error=0" \
		"wb_epoch: $number durable=1 acked=1"
}

a_full_cache()
{
	local origin

	slow_disk origin
	trace_on writebehind
	make_wb wb-trace "$origin" 1 mode volatile
	# else they are slowed down before
	wbctl freeze wb-trace
	wb_io write -r 1 "$dev" 0 $((4 * MIB))
	traced "wb_throttle: .* full"
}

an_error()
{
	local disk origin=/dev/mapper/wb-below

	fast_disk disk
	linear wb-below "$disk"
	trace_on writebehind
	make_wb wb-trace "$origin" 16 mode volatile "$lazy"
	wb_io write -b 4096 1 "$dev" 40960 4096
	break_origin wb-below "$disk"
	dmsetup message wb-trace 0 flush
	wait_for 60 status_is wb-trace health != ok
	traced "wb_writeback_complete: .* error=-5" "wb_error: .* write sector=80 error=-5"
	mend_origin wb-below "$disk"
	wait_for 60 status_is wb-trace dirty_bytes = 0
}

# What the documentation names is there: events, and what recipes ask of them.
documented()
{
	local doc=$tests_dir/../docs/writebehind.rst events=$tracing/events/writebehind
	local event field

	fast_disk origin
	trace_on writebehind
	for event in "$events"/*/; do
		event=$(basename "$event")
		grep -qE "^([a-z_, ]*, )?$event(,.*)?  " "$doc" || fail "$event: not in writebehind.rst"
	done
	grep -oE 'writebehind:wb_[a-z_]+|args->[a-z_]+' "$doc" >"$work/asked"
	expect "what recipes ask for" "$(wc -l <"$work/asked")" -ge 5
	while IFS=: read -r event field; do
		if [ -n "$field" ]; then
			asked=$field
			test -e "$events/$asked/format" || fail "$asked: no such event"
		else
			grep -qw "${event#args->};" "$events/$asked/format" ||
				fail "$asked: no field ${event#args->}"
		fi
	done <"$work/asked"
}

it "events and fields that the documentation names" documented
it "a write, its flush and its way to the origin" a_write_and_its_way
it "a writer that waits" a_full_cache
it "what the origin refuses" an_error
run
