#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What it takes of the memory is what it says, and when there is hardly any left
# it goes on all the same.
. "$(dirname "$0")/lib.sh"

impatient
dev=/dev/mapper/wb-mem

# meminfo KEY: in KiB.
meminfo()
{
	awk -v key="$1:" '$1 == key { print $2 }' /proc/meminfo
}

quiet_memory()
{
	sync -f "$work"
	echo 3 >/proc/sys/vm/drop_caches
}

# The number of MiB that the refusal names is to be had.
refusal_names_what_is_allowed()
{
	local origin available allowed

	load_module
	fast_disk origin
	available=$(($(meminfo MemAvailable) / KIB))
	must_fail dmsetup create wb-mem --table "$(table "$origin" $((available * 2)))"
	allowed=$(kernel_log | sed -n "s/.*cache MiB: $((available * 2)) is more than there is memory for, allowed are 1 to \([0-9]*\) now.*/\1/p")
	note "$available MiB available, $allowed allowed"
	expect "allowed" "$allowed" -ge $((available * 7 / 10))
	expect "allowed" "$allowed" -lt "$available"
	make_wb wb-mem "$origin" $((allowed - 16))
	expect "cache" "$(status wb-mem cache_bytes)" -eq $(((allowed - 16) * MIB))
	expect "health" "$(status wb-mem health)" = ok
}

# A larger budget that is not to be had leaves the smaller one in force.
resize_refused()
{
	local origin available

	fast_disk origin
	make_wb wb-mem "$origin" 16 "$lazy"
	wb_io write 1 "$dev" 0 $((4 * MIB))
	available=$(($(meminfo MemAvailable) / KIB))
	must_fail dmsetup load wb-mem --table "$(table "$origin" $((available * 2)))"
	kernel_log_has "cache MiB: $((available * 2)) is more than there is memory for"
	expect "dirty" "$(dirty wb-mem)" -eq $((4 * MIB))
	expect "cache" "$(status wb-mem cache_bytes)" -eq $((16 * MIB))
	wb_io check 1 "$dev" 0 $((4 * MIB))
}

descriptors()
{
	local origin mib=$1 overhead

	fast_disk origin
	make_wb wb-mem "$origin" "$mib" mode volatile "$lazy"
	wb_io write "$mib" "$dev" 0 $((mib * MIB))
	expect "dirty" "$(dirty wb-mem)" -eq $((mib * MIB))
	overhead=$(status wb-mem descriptor_bytes)
	note "$mib MiB: $overhead bytes of descriptors"
	expect "descriptors in percent" $((overhead * 100)) -le $((mib * MIB))
}

near()
{
	quiet_memory
	[ $(($(meminfo MemFree) - $1)) -ge $((-48 * KIB)) ] &&
		[ $(($(meminfo MemFree) - $1)) -le $((48 * KIB)) ]
}

# The CPUs keep some free pages for themselves: up to 48 MiB are not accounted for.
taken_from_the_machine()
{
	local origin before i

	load_module
	fast_disk origin
	quiet_memory
	before=$(meminfo MemFree)
	for i in 1 2 3; do
		make_wb wb-mem "$origin" 256 mode volatile "$lazy"
		wait_for 60 near $((before - 259 * KIB))
		wb_io write "$i" "$dev" 0 $((256 * MIB))
		wait_for 60 near $((before - 259 * KIB))
		remove_wb wb-mem
		wait_for 60 near "$before"
	done
}

# leave MIB: of the available memory.
leave()
{
	local mib=$(($(meminfo MemAvailable) / KIB - $1))

	mkdir "$work/hog"
	mount -t tmpfs -o size=100% hog "$work/hog"
	at_exit "umount $work/hog"
	# a kernel need not write zeroes to its swap
	yes | head -c "${mib}M" >"$work/hog/file"
}

# Page cache, a filesystem's own memory and the cache's writers and writeback, all
# of them out of the last bit of memory.
hardly_any_left()
{
	local origin

	fast_disk origin
	make_wb wb-mem "$origin" 2 mode "$1" max_age 100
	leave 48
	wb_io write -B -r 1 "$dev" 0 $((80 * MIB))
	note "$(($(meminfo MemFree) / KIB)) MiB were free"
	wb_io write -r 2 "$dev" 0 $((4 * MIB))
	wb_io sync "$dev"
	wb_io check 2 "$dev" 0 $((4 * MIB))
	wb_io check 1 "$dev" $((4 * MIB)) $((76 * MIB))
	expect "errors" "$(stats wb-mem errors)" -eq 0
	remove_wb wb-mem
	wb_io check 2 "$origin" 0 $((4 * MIB))
	wb_io check 1 "$origin" $((4 * MIB)) $((76 * MIB))
}

# Much later nothing has been added.
no_growth()
{
	local origin before i

	fast_disk origin
	make_wb wb-mem "$origin" 4 max_age 10 pause_writeback 10
	wb_io write -r 1 "$dev" 0 $((32 * MIB))
	wait_for 60 clean wb-mem
	quiet_memory
	before=$(meminfo SUnreclaim)
	for i in {1..4}; do
		wb_io write -r "$i" "$dev" 0 $((32 * MIB))
		wb_io sync "$dev"
	done
	quiet_memory
	expect "KiB of slabs more" $(($(meminfo SUnreclaim) - before)) -le $((2 * KIB))
}

# Anonymous memory beyond what there is, read back and compared.
hog()
{
	perl -e '
		my $mib = shift;
		my @chunks;
		for my $i (0 .. $mib - 1) {
			$chunks[$i] = pack("N", $i) x (1 << 18);
		}
		for my $i (0 .. $mib - 1) {
			next if $chunks[$i] eq pack("N", $i) x (1 << 18);
			print "MiB $i is not what it was\n";
			exit 1;
		}' "$1"
}

swapped_out()
{
	awk '$1 == "pswpout" { print $2 }' /proc/vmstat
}

# Where writeback needs memory to free memory this does not come back.
swap_on_it()
{
	local origin before

	need mkfs.ext4 mkswap swapon perl
	modprobe -q ext4 || skip "needs ext4"
	fast_disk origin
	make_wb wb-mem "$origin" 8 mode "$1" max_age 200
	mkfs.ext4 -q "$dev" 512M
	mkdir "$work/mnt"
	at_exit "umount $work/mnt"
	mount "$dev" "$work/mnt"
	dd if=/dev/zero of="$work/mnt/swap" bs=1M count=384 status=none
	chmod 600 "$work/mnt/swap"
	mkswap -q "$work/mnt/swap"
	at_exit "swapoff $work/mnt/swap"
	swapon "$work/mnt/swap"
	quiet_memory
	leave 96
	before=$(swapped_out)
	hog 320
	note "$((($(swapped_out) - before) / 256)) MiB swapped out"
	expect "pages swapped out" $(($(swapped_out) - before)) -ge $((64 * 256))
	rm "$work/hog/file"
	swapoff "$work/mnt/swap"
	umount "$work/mnt"
	remove_wb wb-mem
	e2fsck -fn "$origin"
}

it "a refusal names what is allowed" refusal_names_what_is_allowed
it "a larger budget that is not to be had" resize_refused
it "1 MiB, full: descriptors take a hundredth" descriptors 1
it "256 MiB, full: descriptors take a hundredth" descriptors 256
it "the machine gives what was asked for, and gets it back" taken_from_the_machine
it "hardly any memory left, durable" hardly_any_left durable
it "hardly any memory left, ordered" hardly_any_left ordered
it "it does not grow" no_growth
it "a swap file on it, durable" swap_on_it durable
it "a swap file on it, ordered" swap_on_it ordered
run
