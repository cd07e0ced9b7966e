# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What prepare, build and run share: where things are, and how to name a kernel.

vm_dir=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
repo_root=$(realpath "$vm_dir/../..")

# Root's cache is shared by all checkouts; anyone else gets one of their own.
if [ "$(id -u)" = 0 ]; then
	WB_CACHE=${WB_CACHE:-/var/cache/dm-writebehind}
else
	WB_CACHE=${WB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-writebehind}
fi

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# The first of its arguments that exists.
first_existing()
{
	local path

	for path; do
		[ -e "$path" ] && echo "$path" && return
	done
	return 1
}

# kernel_dir NAME: the directory of a kernel given as 6.1, 6.12 or a path.
kernel_dir()
{
	case $1 in
	*/*) realpath "$1" ;;
	*) echo "$WB_CACHE/$1" ;;
	esac
}

# A kernel directory is either an extracted Debian package, a kernel's own
# build tree (make O=DIR), or anything with the same few names in it.
kernel_image()
{
	first_existing "$1"/bzImage "$1"/boot/vmlinux "$1"/boot/vmlinuz-* "$1"/arch/x86/boot/bzImage
}

# Where to build modules for it: `make -C` wants a directory with a .config.
kernel_build_dir()
{
	first_existing "$1"/build/.config "$1"/usr/src/linux-headers-*-amd64/.config \
		"$1"/.config | sed 's,/\.config$,,' | grep .
}

# lib/modules/VERSION below it; a kernel that has all it needs built in may
# have none.
kernel_modules()
{
	local dir

	for dir in "$1"/lib/modules/*/; do
		[ -e "$dir/modules.dep" ] && echo "${dir%/}" && return
	done
}

# build_tree KERNEL-DIR: where this checkout's module is built for a kernel.
build_tree()
{
	local key

	key=$(echo "$repo_root" | sha256sum | cut -c1-12)
	case $1 in
	"$WB_CACHE"/*) echo "$WB_CACHE/build/$key-${1##*/}" ;;
	*) echo "$WB_CACHE/build/$key-$(echo "$1" | sha256sum | cut -c1-12)" ;;
	esac
}

# What the root file system, the disks and the tests' first dmsetup need. A
# name that is built in, or unknown to this kernel, costs nothing.
guest_modules="virtio_pci virtio_console virtio_blk 9pnet_virtio 9p overlay
	configfs dm-mod"

# make_initramfs MODULES-DIR OUT: busybox, $guest_modules in the order they
# load in, and the init. Not compressed: an emulated CPU pays more to unpack it
# than qemu does to hand it over.
make_initramfs()
{
	local modules=$1 out=$2 work name module

	work=$(mktemp -d "${TMPDIR:-/tmp}/wb-initramfs.XXXXXX") || return
	mkdir -p "$work"/{bin,m,dev,proc,sys,host,rw,root}
	cp "$(command -v busybox)" "$work/bin/busybox"
	cp "$vm_dir/initramfs-init" "$work/init"
	chmod 755 "$work/init"
	: >"$work/m/order"

	for name in ${modules:+$guest_modules}; do
		modprobe -d "${modules%/lib/modules/*}" -S "${modules##*/}" \
			--show-depends "$name" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
	while read -r module; do
		name=$(basename "$module" | sed 's/\.ko.*/.ko/')
		case $module in
		*.xz) xz -dc "$module" >"$work/m/$name" ;;
		*.zst) zstd -dcq "$module" >"$work/m/$name" ;;
		*) cp "$module" "$work/m/$name" ;;
		esac
		echo "$name" >>"$work/m/order"
	done

	(cd "$work" && find . | cpio -o -H newc --quiet) >"$out.$$" &&
		mv "$out.$$" "$out"
	rm -rf "$work"
}

# initramfs_for KERNEL-DIR: made anew when the kernel's modules or the init
# script change, so that nobody has to remember to.
initramfs_for()
{
	local dir=$1 modules key image

	modules=$(kernel_modules "$dir")
	key=$({ cat "$vm_dir/initramfs-init"; echo "$guest_modules";
		[ -z "$modules" ] || stat -c '%Y %n' "$modules/modules.dep";
		} | sha256sum | cut -c1-16)
	image=$WB_CACHE/initramfs/$key.cpio
	if [ ! -e "$image" ]; then
		mkdir -p "$WB_CACHE/initramfs"
		make_initramfs "$modules" "$image" || return
	fi
	echo "$image"
}

# What tests call all the time. Each call would be some twenty requests to the host,
# which take longer than the command does.
tools="awk basename bash blockdev cat cmp comm cp cut date dd dirname dmesg dmsetup env
	expr find grep head jq ls mkdir mkfifo mkfs.ext4 mktemp
	modprobe mount mountpoint mv od readlink realpath rm rmdir rmmod sed seq setpriv
	setsid sha256sum sleep sort stat sync tail tee timeout touch tr true truncate
	umount uniq wc xargs"

# tools_initramfs FILE: those that are there, the tests' own, and their libraries, below
# /tools; to be appended to another one. A link is replaced by what it leads to, but
# for those that lead from / to /usr.
tools_initramfs()
{
	local name programs=() tree=$1.tree

	for name in $tools; do
		name=$(command -v "$name") && [[ $name = /* ]] && programs+=("$name")
	done
	for name in "$repo_root"/tests/bin/* "$repo_root/userspace-ctl/wbctl"; do
		[ ! -x "$name" ] || programs+=("$name")
	done
	mkdir -p "$tree"/tools/usr/{bin,sbin,lib,lib64} || return
	for name in bin sbin lib lib64; do
		[ ! -L /$name ] || cp -P /$name "$tree/tools"
	done
	{
		printf '%s\n' "${programs[@]}" /etc/ld.so.cache
		ldd "${programs[@]}" 2>/dev/null | grep -o '/[^ ]* (' | tr -d ' ('
	} | sort -u | sed 's,^/,,' | tar -ch -C / --hard-dereference -T - |
		tar -x -C "$tree/tools" --keep-directory-symlink || return
	(cd "$tree" && find tools | cpio -o -H newc --quiet) >"$1" && rm -r "$tree"
}

#
# The machine
#

# accelerator IMAGE INITRAMFS: kvm or tcg.  KVM may be there and still not run a
# kernel (nested without the hardware's help): believe only a guest that came up,
# and remember the answer.
accelerator()
{
	local answer probe

	answer=$WB_CACHE/accel-$(uname -n)-$(uname -r)
	if [ ! -w /dev/kvm ]; then
		echo tcg
		return
	fi
	if [ ! -e "$answer" ]; then
		probe=$(mktemp)
		if timeout 20 qemu-system-x86_64 -accel kvm -cpu host -M q35 -nodefaults \
			-display none -no-reboot -m 512M -serial file:"$probe" \
			-kernel "$1" -initrd "$2" \
			-append "console=ttyS0 panic=-1 wb.probe" >/dev/null 2>&1 &&
			grep -q 'guest: up' "$probe"; then
			echo kvm >"$answer.$$"
		else
			echo tcg >"$answer.$$"
		fi
		rm "$probe"
		mv "$answer.$$" "$answer"
	fi
	cat "$answer"
}

# The emulated CPU has the host's time stamp counter.  A guest on a busy host
# measures it wrongly, and then its clock runs several times too fast.
tsc_khz()
{
	local answer program

	answer=$WB_CACHE/tsc-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -s "$answer" ]; then
		program=$(mktemp)
		gcc -O1 -o "$program" "$vm_dir/tsc-khz.c" &&
			"$program" >"$answer.$$" && mv "$answer.$$" "$answer"
		rm "$program"
	fi
	cat "$answer"
}

# machine IMAGE INITRAMFS [ACCELERATOR]: leaves in $accel what runs it, in $machine
# qemu's options for that, in $machine_args the kernel's.
# shellcheck disable=SC2034 # for who sources this
machine()
{
	accel=${3:-$(accelerator "$1" "$2")}
	machine_args="panic=-1 oops=panic mitigations=off random.trust_cpu=on"
	machine_args+=" cryptomgr.notests no_timer_check tsc=reliable"
	if [ "$accel" = kvm ]; then
		machine=(-accel kvm -cpu host)
		return
	fi
	# Emulated, "fast" string moves go byte by byte, and a program is translated anew
	# wherever else it is put.
	machine=(-accel "tcg,thread=multi" -cpu "max,-erms,-fsrm")
	machine_args+=" norandmaps tsc_early_khz=$(tsc_khz)"
}

# One grep for all the ways a kernel complains. Neither stock kernel says any of
# it at boot; should one ever, name the line here, do not widen --allow-splat.
splats='BUG:|WARNING:|Oops|Kernel panic|general protection fault|Call Trace'
splats+='|KASAN:|KCSAN:|UBSAN:|kmemleak: [0-9]+ new|refcount_t:|list_(add|del) corruption'
splats+='|possible (circular|recursive)|inconsistent lock state|suspicious RCU'
splats+='|INFO: (task|trying to register)|blocked for more than|soft lockup'
splats+='|hard LOCKUP|rcu.*stall|workqueue lockup|Bad page'
