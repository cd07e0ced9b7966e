#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ext4, XFS and Btrfs made and filled on the device are whole on its origin.
. "$(dirname "$0")/lib.sh"

# Files of all sizes, some written twice, renamed, cut short, punched, removed.
fill()
{
	local dir=$1 i

	mkdir "$dir"/{a,b,c}
	for i in {1..24}; do
		head -c $((RANDOM * i * 2)) /dev/urandom >"$dir/a/$i"
		echo "$i" >"$dir/b/$i"
	done
	sync -f "$dir"
	for i in {1..24..3}; do
		mv "$dir/a/$i" "$dir/c/$i"
		truncate -s $((i * 1000)) "$dir/c/$i"
		rm "$dir/b/$i"
		fallocate -p -o 4096 -l $((i * 512)) "$dir/a/$((i + 1))"
	done
	dd if=/dev/urandom of="$dir/direct" bs=1M count=8 oflag=direct status=none
	dd if=/dev/urandom of="$dir/a/2" bs=700 seek=3 count=99 conv=notrunc,fsync status=none
}

sums()
{
	(cd "$1" && find . -type f -print0 | sort -z | xargs -0 md5sum)
}

fsck_of()
{
	case $1 in
	ext4) e2fsck -fn "$2" ;;
	xfs) xfs_repair -n "$2" ;;
	btrfs) btrfs check --check-data-csum "$2" ;;
	esac
}

# filesystem TYPE MIB ARGUMENT...
filesystem()
{
	local type=$1 origin

	shift
	need "mkfs.$type"
	modprobe -q "$type" || skip "needs $type in the kernel"
	fast_disk origin
	wipefs -aq "$origin"
	make_wb wb-fs "$origin" "$@"
	mkdir "$work/mnt"
	at_exit "umount $work/mnt"
	"mkfs.$type" -q /dev/mapper/wb-fs
	mount -t "$type" -o discard /dev/mapper/wb-fs "$work/mnt"
	fill "$work/mnt"
	sums "$work/mnt" >"$work/before"
	umount "$work/mnt"
	remove_wb wb-fs

	fsck_of "$type" "$origin"
	mount -t "$type" -o ro "$origin" "$work/mnt"
	sums "$work/mnt" >"$work/after"
	umount "$work/mnt"
	cmp "$work/before" "$work/after"
	wipefs -aq "$origin"
}

it "ext4, durable, a small cache" filesystem ext4 8 mode durable
it "XFS, ordered" filesystem xfs 64 mode ordered
it "Btrfs, volatile, kept for reads" filesystem btrfs 64 mode volatile read_cache
run
