#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Above and below what people build from disks.  The model is at work on the
# whole of it; then all is taken down, and without the cache it has what it must.
. "$(dirname "$0")/lib.sh"

impatient
export MDADM_NO_UDEV=1

# For each kind: KIND_up DEVICE [new] makes $top of it, KIND_down takes that away.

lvm_on()
{
	local device=$1 verb=$2

	shift 2
	lvm "$verb" --devices "$device" --config "
		activation { udev_sync=0 udev_rules=0 verify_udev_operations=0 }
		devices { obtain_device_list_from_udev=0 external_device_info_source=\"none\" }
		global { event_activation=0 }
		backup { backup=0 archive=0 }" "$@"
}

lvm_up()
{
	need lvm
	lvm_device=$1
	at_exit lvm_down
	if [ "${2-}" = new ]; then
		lvm_on "$1" pvcreate -qq -y -ff "$1"
		lvm_on "$1" vgcreate -qq wbvg "$1"
		lvm_on "$1" lvcreate -qq -y -Wn -Zn -L 40M -n top wbvg
	else
		lvm_on "$1" vgchange -qq -ay wbvg
	fi
	top=/dev/mapper/wbvg-top
}

lvm_down()
{
	lvm_on "$lvm_device" vgchange -qq -an wbvg
}

crypt_up()
{
	need cryptsetup
	modprobe -q -a dm-crypt xts || skip "needs dm-crypt"
	at_exit crypt_down
	head -c 64 /dev/zero | tr '\0' k |
		cryptsetup open -q --type plain --cipher aes-xts-plain64 --key-size 512 \
			--key-file - --allow-discards "$1" wb-top
	top=/dev/mapper/wb-top
}

crypt_down()
{
	cryptsetup close wb-top
}

# One leg is the device, the other one is not looked at afterwards.
raid_up()
{
	need mdadm
	modprobe -q raid1 || skip "needs raid1"
	if [ "${2-}" = new ]; then
		linear wb-leg "$disk" $((128 * 2048)) $((64 * 2048))
		at_exit raid_down
		mdadm --quiet --create /dev/md127 --run --level=1 --raid-devices=2 \
			--metadata=1.2 --bitmap=none --assume-clean "$1" /dev/mapper/wb-leg
	else
		at_exit raid_down
		mdadm --quiet --assemble --run /dev/md127 "$1" || [ -b /dev/md127 ]
	fi
	top=/dev/md127
}

raid_down()
{
	mdadm --quiet --stop /dev/md127
}

loop_up()
{
	modprobe -q loop || skip "needs loop"
	top=$(losetup --find --show "$1")
	at_exit "losetup -d $top"
}

loop_down()
{
	losetup -d "$top"
}

delay_up()
{
	need_target delay
	top=/dev/mapper/wb-top
	dmsetup create wb-top --table "0 $(sectors "$1") delay $1 0 0 $1 0 20"
	at_exit delay_down
}

delay_down()
{
	dmsetup remove --retry wb-top
}

writebehind_up()
{
	make_wb wb-top "$1" 4 max_age 100
	top=/dev/mapper/wb-top
}

writebehind_down()
{
	remove_wb wb-top
}

# The first 64 MiB of the disk.
with_disk()
{
	fast_disk disk
	linear wb-disk "$disk" 0 $((64 * 2048))
	dd if=/dev/zero of=/dev/mapper/wb-disk bs=1M count=1 oflag=direct status=none
}

# model_on DEVICE [OPTION]
model_on()
{
	wb_model -m 8 -n 400 -s "$RANDOM" -w "$work/model" "${@:2}" "$1"
}

# on_top KIND MODE [OPTION]: it stands on the device, and afterwards on the bare
# disk.
on_top()
{
	local disk top

	with_disk
	make_wb wb-stack /dev/mapper/wb-disk 8 mode "$2" max_age 200
	"$1_up" /dev/mapper/wb-stack new
	model_on "$top" "${@:3}"
	"$1_down"
	remove_wb wb-stack
	"$1_up" /dev/mapper/wb-disk
	wb_model -c "$work/model" "$top"
	"$1_down"
}

# below KIND MODE [OPTION]: it is the origin.
below()
{
	local disk top

	with_disk
	"$1_up" /dev/mapper/wb-disk new
	make_wb wb-stack "$top" 8 mode "$2" max_age 200
	model_on /dev/mapper/wb-stack "${@:3}"
	expect "health" "$(status wb-stack health)" = ok
	remove_wb wb-stack
	wb_model -c "$work/model" "$top"
	"$1_down"
}

# What happens to one leg of a mirror is not the cache's business.
leg_fails()
{
	local disk top pid

	with_disk
	raid_up /dev/mapper/wb-disk new
	make_wb wb-stack "$top" 8 max_age 100
	wb_model -m 8 -n 0 -s "$RANDOM" -w "$work/model" /dev/mapper/wb-stack &
	pid=$!
	at_exit "kill -KILL $pid"
	wait_for 60 stats_is wb-stack writeback_ios -ge 20
	mdadm --quiet --fail /dev/md127 /dev/mapper/wb-leg
	wbctl clear-stats wb-stack
	wait_for 60 stats_is wb-stack writeback_ios -ge 20
	kill "$pid"
	wait "$pid"
	expect "errors" "$(stats wb-stack errors)" -eq 0
	remove_wb wb-stack
	wb_model -c "$work/model" "$top"
}

it "LVM on top" on_top lvm durable
# what was discarded is noise once it is decrypted
it "dm-crypt on top" on_top crypt durable -D
it "RAID 1 on top" on_top raid ordered
it "loop on top" on_top loop ordered
it "writebehind on top" on_top writebehind durable
it "LVM below" below lvm ordered
it "dm-crypt below" below crypt ordered -D
it "RAID 1 below" below raid durable
it "a leg of the RAID 1 below fails" leg_fails
it "loop below" below loop durable
it "dm-delay below" below delay durable
run
