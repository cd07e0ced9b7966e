#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fio reads back and verifies what it wrote, with several engines and sizes.
. "$(dirname "$0")/lib.sh"

# verify MIB ARGUMENTS FIO-OPTION...
verify()
{
	local origin mib=$1 arguments=$2

	shift 2
	need fio
	fast_disk origin
	make_wb wb-fio "$origin" "$mib" "$arguments"
	fio --name=verify --filename=/dev/mapper/wb-fio --rw=randwrite --direct=1 \
		--verify=crc32c --verify_fatal=1 --randseed="$RANDOM" \
		--group_reporting --output="$work/fio" "$@" ||
		{ cat "$work/fio"; fail "fio"; }
	note "$(grep -o 'WRITE: bw=[^,]*' "$work/fio")"
	remove_wb wb-fio
}

small=(--bsrange=512-64k --blockalign=512)

it "io_uring, two jobs, verified while it writes, a tiny cache" \
	verify 2 "max_age 50" --ioengine=io_uring --iodepth=16 --numjobs=2 \
	--bs=4k --size=8m --offset_increment=8m --verify_backlog=256
it "libaio, sizes from 512 bytes, also kept for reads" \
	verify 8 read_cache --ioengine=libaio --iodepth=16 "${small[@]}" --size=16m
it "psync, sizes from 512 bytes, a roomy cache" \
	verify 64 no_read_cache --ioengine=psync "${small[@]}" --size=8m --fsync=64
it "io_uring, half of it reads, ordered" \
	verify 4 "mode ordered" --ioengine=io_uring --iodepth=32 --rw=randrw \
	--bsrange=4k-128k --size=16m --fdatasync=128
run
