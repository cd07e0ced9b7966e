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

# leave MIB: of the available memory; what is taken is not swapped out.
leave()
{
	local mib=$(($(meminfo MemAvailable) / KIB - $1))

	mkdir "$work/hog"
	mount -t ramfs hog "$work/hog"
	at_exit "umount $work/hog"
	dd if=/dev/zero of="$work/hog/file" bs=1M count="$mib" status=none
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

# Others take nearly all that there is, and let it go, again and again.
others_want_it()
{
	local origin each

	need stress-ng
	fast_disk origin
	make_wb wb-mem "$origin" 4 mode "$1" max_age 100
	each=$((($(meminfo MemAvailable) / KIB - 56) / 2))
	stress-ng --quiet --vm 2 --vm-bytes "${each}m" --vm-method zero-one &
	at_exit "kill $!; wait $!"
	wb_io write -B -r 1 "$dev" 0 $((32 * MIB))
	wb_io write -r 2 "$dev" 0 $((32 * MIB))
	wb_io sync "$dev"
	wb_io check 2 "$dev" 0 $((32 * MIB))
	kill -0 $!
	expect "errors" "$(stats wb-mem errors)" -eq 0
}

# in_a_group MIB COMMAND...: which may use so much, its page cache included.
in_a_group()
{
	local top=$work/groups group=$work/groups/wb

	mkdir "$top"
	at_exit "umount $top"
	mount -t cgroup2 none "$top"
	echo +memory >"$top/cgroup.subtree_control" || skip "needs the memory controller"
	at_exit "rmdir $group"
	mkdir "$group"
	echo "${1}M" >"$group/memory.max"
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		exec "${@:2}"
	)
	note "$(xargs <"$group/memory.events")"
	grep -q "^oom_kill 0" "$group/memory.events"
}

# What the cache holds is not the writer's.
limited_writer()
{
	local origin

	fast_disk origin
	make_wb wb-mem "$origin" 64 mode "$1" "$lazy"
	in_a_group 16 wb_io write -B -r 1 "$dev" 0 $((48 * MIB))
	expect "dirty" "$(dirty wb-mem)" -ge $((30 * MIB))
	wb_io sync "$dev"
	wb_io check 1 "$dev" 0 $((48 * MIB))
}

#
# A read cache lends what it can spare
#

lent()
{
	status wb-mem lent_bytes
}

# 256 MiB, of which 200 are clean then.
with_clean_data()
{
	fast_disk origin
	make_wb wb-mem "$origin" 256 mode volatile high_watermark 50 low_watermark 40 "$@"
	wb_io write 1 "$dev" 0 $((200 * MIB))
	wbctl flush wb-mem
	quiet_memory
}

read_cache_lends()
{
	local origin before

	fast_disk origin
	load_module
	quiet_memory
	before=$(meminfo MemFree)
	with_clean_data read_cache
	note "$(($(lent) / MIB)) MiB are lent"
	expect "lent" "$(lent)" -ge $((64 * MIB))
	expect "lent" "$(lent)" -le $((128 * MIB))
	expect "clean" "$(status wb-mem clean_bytes)" -ge $((40 * MIB))
	near $((before - 259 * KIB + $(lent) / KIB))
	wb_io check 1 "$dev" 0 $((200 * MIB))
	wb_io check 1 "$origin" 0 $((200 * MIB))
}

lends_nothing_else()
{
	local origin

	with_clean_data
	expect "lent" "$(lent)" -eq 0
}

# Writeback is held but for what a writer waits for, until memory has come back: then
# all of the budget is there again.
burst_takes_it_back()
{
	local origin

	with_clean_data read_cache
	expect "lent" "$(lent)" -gt 0
	wbctl freeze wb-mem
	wb_io write 2 "$dev" 0 $((220 * MIB))
	wait_for 60 status_is wb-mem lent_bytes -eq 0
	wb_io write 2 "$dev" 0 $((220 * MIB))
	expect "dirty" "$(dirty wb-mem)" -eq $((220 * MIB))
	echo 2 >/proc/sys/vm/drop_caches
	expect "lent" "$(lent)" -eq 0
	wb_io check 2 "$dev" 0 $((220 * MIB))
	wbctl thaw wb-mem
	wbctl flush wb-mem
	wb_io check 2 "$origin" 0 $((220 * MIB))
}

taken_back_without_read_cache()
{
	local origin

	with_clean_data read_cache
	expect "lent" "$(lent)" -gt 0
	wbctl set wb-mem read_cache 0
	wait_for 60 status_is wb-mem lent_bytes -eq 0
	wb_io check 1 "$dev" 0 $((200 * MIB))
}

# The machine has nothing to give back: what there is goes round.
never_given_back()
{
	local origin

	with_clean_data read_cache
	expect "lent" "$(lent)" -gt 0
	leave 48
	wb_io write -r 2 "$dev" 0 $((140 * MIB))
	note "$(($(lent) / MIB)) MiB are lent"
	expect "lent" "$(lent)" -gt 0
	wb_io check 2 "$dev" 0 $((140 * MIB))
	expect "errors" "$(stats wb-mem errors)" -eq 0
	rm "$work/hog/file"
	wbctl set wb-mem read_cache 0
	wait_for 60 status_is wb-mem lent_bytes -eq 0
}

reloaded_with_lent()
{
	local origin

	with_clean_data read_cache
	expect "lent" "$(lent)" -gt 0
	wb_io write 2 "$dev" 0 $((8 * MIB))
	reload_wb wb-mem "$origin" 256 mode volatile read_cache
	wb_io check 2 "$dev" 0 $((8 * MIB))
	reload_wb wb-mem "$origin" 128 mode volatile read_cache
	expect "lent" "$(lent)" -eq 0
	wb_io check 2 "$dev" 0 $((8 * MIB))
	wb_io check 1 "$dev" $((8 * MIB)) $((192 * MIB))
}

# Reads, writes and their writeback while the machine asks again and again.
lends_under_load()
{
	local origin writer i looks=0

	fast_disk origin
	make_wb wb-mem "$origin" 64 mode "$1" read_cache high_watermark 30 low_watermark 10 \
		max_age 50 pause_writeback 20
	wb_io write 1 "$dev" 0 $((128 * MIB))
	for i in 1 2; do
		wb_io write -r "$i" "$dev" 0 $((64 * MIB))
		wbctl flush wb-mem
		wb_io check "$i" "$dev" 0 $((64 * MIB))
		wb_io check 1 "$dev" $((64 * MIB)) $((64 * MIB))
	done &
	writer=$!
	until gone "$writer"; do
		echo 2 >/proc/sys/vm/drop_caches
		! status_is wb-mem lent_bytes -gt 0 || looks=$((looks + 1))
	done
	wait "$writer"
	note "lent at $looks looks"
	expect "looks" "$looks" -ge 1
	wb_io sync "$dev"
	wb_io check 2 "$origin" 0 $((64 * MIB))
}

# Much later nothing has been added.
no_growth()
{
	local origin before i

	[ ! -e /sys/kernel/debug/kmemleak ] || skip "slabs grow for kmemleak, which tells itself"
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
	[ -e /proc/swaps ] || skip "needs a kernel that swaps"
	modprobe -q ext4 || skip "needs ext4"
	fast_disk origin
	make_wb wb-mem "$origin" 8 mode "$1" max_age 200
	mkfs.ext4 -q "$dev" 256M
	mkdir "$work/mnt"
	at_exit "umount $work/mnt"
	mount "$dev" "$work/mnt"
	dd if=/dev/zero of="$work/mnt/swap" bs=1M count=192 status=none
	chmod 600 "$work/mnt/swap"
	mkswap -q "$work/mnt/swap"
	at_exit "swapoff $work/mnt/swap"
	swapon "$work/mnt/swap"
	quiet_memory
	leave 64
	before=$(swapped_out)
	hog 144
	note "$((($(swapped_out) - before) / 256)) MiB swapped out"
	expect "pages swapped out" $(($(swapped_out) - before)) -ge $((16 * 256))
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
it "hardly any memory left, ordered" hardly_any_left ordered
it "stress-ng takes nearly all there is, durable" others_want_it durable
it "a writer in a cgroup of 16 MiB, durable" limited_writer durable
it "a writer in a cgroup of 16 MiB, volatile" limited_writer volatile
it "a read cache lends what it can spare" read_cache_lends
it "and nothing else is lent" lends_nothing_else
it "what is lent: a burst takes it back" burst_takes_it_back
it "what is lent: taken back without read_cache" taken_back_without_read_cache
it "what is lent: the machine does not give it back" never_given_back
it "what is lent: reloaded" reloaded_with_lent
it "what is lent: under load" lends_under_load ordered
it "it does not grow" no_growth
it "a swap file on it" swap_on_it ordered
run
