#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Epochs: many, tiny, empty, and more than may wait. Ordered mode.
. "$(dirname "$0")/lib.sh"

seed=$RANDOM
dev=/dev/mapper/wb-epochs
most=65536

# The origin answers nobody: nothing below depends on its speed.
wedged_origin()
{
	local disk

	# an I/O for each epoch, in the end: an emulated disk takes its time for them
	null_blk disk wb-origin size=512 discard=1
	linear wb-below "$disk"
	make_wb wb-epochs /dev/mapper/wb-below "$1" mode ordered "$lazy"
	wedge wb-below
}

# write_epochs COUNT: sectors one by one, each an epoch with a version of its own
# of the block that it is in.
write_epochs()
{
	wb_io write -S -b 512 "$seed" "$dev" 0 $(($1 * 512))
}

empty()
{
	local before

	wedged_origin 16
	wb_io write -b 4096 "$seed" "$dev" 0 4096
	wb_io sync "$dev"
	before=$(status wb-epochs acked_epoch)
	for _ in {1..20}; do
		wb_io sync "$dev"
	done
	expect "epochs" "$(status wb-epochs acked_epoch)" -eq "$before"
	dmsetup resume wb-below
}

# Nothing of it can reach the origin, so a writer that waited would wait for good.
thousands()
{
	local memory

	wedged_origin 64
	memory=$(status wb-epochs descriptor_bytes)
	timeout 100 bash -c "$(declare -f write_epochs); seed=$seed dev=$dev; write_epochs 10000"
	expect "acknowledged" "$(status wb-epochs acked_epoch)" -ge 10000
	expect "durable" "$(status wb-epochs durable_epoch)" -eq 0
	expect "versions" "$(dirty wb-epochs)" -eq $((10000 * 4096))
	expect "memory for it" "$(status wb-epochs descriptor_bytes)" -eq "$memory"
	expect "the window" "$(status wb-epochs loss_window_bytes)" -eq $((10000 * 4096))
	wb_io check "$seed" "$dev" 0 $((10000 * 512))
	dmsetup resume wb-below
	wbctl flush --timeout 300 wb-epochs >/dev/null
	expect "durable" "$(status wb-epochs durable_epoch)" -ge 10000
	expect "dirty" "$(dirty wb-epochs)" -eq 0
	wb_io check "$seed" /dev/mapper/wb-below 0 $((10000 * 512))
}

stands_at()
{
	[ "$(status wb-epochs acked_epoch)" -ge "$1" ]
}

# The writer is stopped by the queue of epochs, not by the cache: that has room.
too_many()
{
	local writer

	wedged_origin 320
	write_epochs $((most + 2000)) &
	writer=$!
	at_exit "kill -KILL $writer; wait $writer"
	wait_for 600 stands_at "$most"
	# one more than may wait has the writer waiting for the first
	wait_for 60 stands_at $((most + 1))
	expect "acknowledged" "$(status wb-epochs acked_epoch)" -le $((most + 1))
	kill -0 "$writer"
	expect "dirty" "$(dirty wb-epochs)" -lt $((300 * MIB))
	dmsetup resume wb-below
	wait "$writer"
	wb_io check "$seed" "$dev" 0 $(((most + 2000) * 512))
	remove_wb wb-epochs
	wb_io check "$seed" /dev/mapper/wb-below 0 $(((most + 2000) * 512))
}

again()	# BLOCK: another content for it
{
	wb_io write -b 4096 $((seed + 1)) "$dev" $(($1 * 4096)) 4096
}

sixteen=$((16 * 4096))

# Of 16 blocks the first is in flight, and writeback has cut the epoch behind them.
cut_off()
{
	wedged_origin 16
	wbctl set wb-epochs writeback_jobs 1
	wb_io write -e 2 -b 4096 "$seed" "$dev" 0 $((2 * sixteen))
	wbctl set wb-epochs max_age 10
	wait_for 60 status_is wb-epochs writeback_bytes -gt 0
	wbctl set wb-epochs max_age 86400000
}

cut()
{
	local block

	cut_off
	again 30
	expect "overwritten in place" "$(dirty wb-epochs)" -eq "$sixteen"
	# nothing is in the open epoch, so the flush closes none
	wb_io sync "$dev"
	again 28
	expect "a version behind the flush" "$(dirty wb-epochs)" -eq $((sixteen + 4096))
	again 28
	expect "which is overwritten" "$(dirty wb-epochs)" -eq $((sixteen + 4096))
	again 0
	expect "a version beside that in flight" "$(dirty wb-epochs)" -eq $((sixteen + 2 * 4096))
	wb_io sync "$dev"
	again 0
	expect "another behind a flush" "$(dirty wb-epochs)" -eq $((sixteen + 3 * 4096))

	dmsetup resume wb-below
	wbctl flush wb-epochs >/dev/null
	for block in 0 28 30; do
		wb_io check $((seed + 1)) /dev/mapper/wb-below $((block * 4096)) 4096
	done
	for block in {2..26..2}; do
		wb_io check "$seed" /dev/mapper/wb-below $((block * 4096)) 4096
	done
}

# The discard is behind the cut, and before what is written then.
cut_discard()
{
	cut_off
	again 28
	blkdiscard -f -o $((28 * 4096)) -l 4096 "$dev"	# without, it reads
	again 28
	expect "a version behind the discard" "$(dirty wb-epochs)" -eq $((sixteen + 4096))
	dmsetup resume wb-below
	wbctl flush wb-epochs >/dev/null
	wb_io check $((seed + 1)) "$dev" $((28 * 4096)) 4096
	wb_io check $((seed + 1)) /dev/mapper/wb-below $((28 * 4096)) 4096
}

it "what writeback has cut off goes on until a flush" cut
it "or until a discard" cut_discard
it "empty ones cost nothing" empty
it "thousands of tiny ones: no memory, no waiting" thousands
it "more than may wait: writers are paced" too_many
run
