# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests share.  A test is a script that sources this, writes each of
# its cases as a function, announces them with `it`, and ends with `run`:
#
#	. "$(dirname "$0")/lib.sh"
#	keeps_what_was_written() { ...; }
#	it "keeps what was written" keeps_what_was_written
#	run
#
# $work is a directory for its files.  A case runs in a subshell with `set -e`: the first command that fails fails
# it, and the line is shown.  What it makes goes away at its end, the last thing
# first.  A case also fails when the kernel complained meanwhile.

tests_dir=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
export PATH=${WB_BIN:-$tests_dir/bin}:$tests_dir:$tests_dir/../userspace-ctl:$PATH:/usr/sbin:/sbin

KSFT_SKIP=4

#
# Cases
#

titles=()
cases=()

# it TITLE FUNCTION [ARGUMENT...]
it()
{
	titles+=("$1")
	shift
	cases+=("${*@Q}")
}

# A line that is shown for a case that went well, too.
note()
{
	echo "# $*"
}

fail()
{
	echo "failed: $*"
	exit 1
}

skip()
{
	echo "skip: $*"
	exit $KSFT_SKIP
}

# expect WHAT VALUE OPERATOR VALUE: as test(1) has it.  What printed nothing is not
# simply another value.
expect()
{
	[ "$3" != != ] || [ -n "$2" ] || fail "$1: nothing $3 $4"
	test "$2" "$3" "$4" || fail "$1: $2 $3 $4 does not hold"
}

# `! command` would not end a case.  One that timeout(1) has ended, or that is not
# there, has not failed.
must_fail()
{
	local code=0

	"$@" || code=$?
	case $code in
	0) fail "succeeded, and should not have: $*" ;;
	124 | 127) fail "did not come to fail: $*" ;;
	esac
}

# wait_for SECONDS COMMAND...: until it succeeds.  Looks ever less often, as a look
# may cost more than what it waits for.
wait_for()
{
	local end=$((SECONDS + $1)) pause=3

	shift
	until "$@"; do
		[ $SECONDS -le $end ] || fail "waited in vain for: $*"
		sleep "${pause}e-2"
		[ $pause -ge 40 ] || pause=$((pause * 2))
	done
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

# Asleep whenever looked at, for half a second.
is_waiting()
{
	local i stat

	for i in {1..10}; do
		read -r stat <"/proc/$1/stat" || return
		[[ $stat = *") "[DSI]" "* ]] || return
		sleep 0.05
	done
}

# begun VAR COMMAND...: in the background, until it waits, which it must.
begun()
{
	"${@:2}" &
	printf -v "$1" %s $!
	at_exit "kill -KILL $!"
	wait_for 60 is_waiting $!
}

# killed COMMAND...: once it waits.
killed()
{
	local pid

	begun pid "$@"
	kill -KILL "$pid"
	wait_for 60 gone "$pid"
	must_fail wait "$pid"
}

# Undone in the reverse order of the calls, however the case ends.
undo=()

at_exit()
{
	undo=("$*" "${undo[@]}")
}

clean_up()
{
	local step

	trap - ERR
	set +e
	for step in "${undo[@]}"; do
		eval "$step" >/dev/null 2>&1
	done
}

# Mapped devices of tests, each in a line.
mapped()
{
	local file name

	for file in /sys/block/dm-*/dm/name; do
		{ read -r name <"$file"; } 2>/dev/null || continue
		[[ $name != wb* ]] || echo "$name"
	done
}

# nothing_left NAMES: but those. What a case leaves behind is in the way of others,
# which fail in its stead.
nothing_left()
{
	local name left=''

	for name in $(mapped); do
		[[ " $1 " = *" $name "* ]] || left+=" $name"
	done
	[ -z "$left" ] || echo "failed: left behind:$left"
	[ -z "$left" ]
}

run_case()
{
	local title=$1 code=0 log=$top/log before

	shift
	kernel_log_mark "$title"
	before=$(mapped)
	mkdir "$work"
	(
		set -eE
		trap 'echo "${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND: status $?" >&2' ERR
		trap clean_up EXIT
		"$@"
	) >"$log" 2>&1 </dev/null
	code=$?
	rm -rf "$work"
	# others than skip() exit like that, too
	[ $code != $KSFT_SKIP ] || grep -q '^skip: ' "$log" || code=1
	if [ $code = 0 ] && ! { kernel_log_clean && nothing_left "${before//$'\n'/ }"; } >>"$log"; then
		code=1
	fi
	[ $code = 0 ] || discard_all
	return $code
}

# Prints KTAP for the cases whose title has $WB_CASE in it (all), and ends.
run()
{
	local i n=0 failed=0 reason start

	top=$(mktemp -d)
	trap 'rm -rf "$top"' EXIT
	work=$top/case
	for i in "${!titles[@]}"; do
		[[ ${titles[i]} == *${WB_CASE-}* ]] || unset "titles[i]"
	done
	echo "KTAP version 1"
	echo "1..${#titles[@]}"
	for i in "${!titles[@]}"; do
		n=$((n + 1))
		start=$SECONDS
		eval "run_case ${titles[i]@Q} ${cases[i]}"
		case $? in
		0)
			grep '^# ' "$top/log"
			echo "ok $n ${titles[i]}"
			;;
		"$KSFT_SKIP")
			reason=$(sed -n 's/^skip: //p' "$top/log" | tail -n 1)
			echo "ok $n ${titles[i]} # SKIP $reason"
			;;
		*)
			sed -e 's/^# //' -e 's/^/# /' "$top/log"
			kernel_log | tail -n 30 | sed 's/^/# kernel: /'
			echo "not ok $n ${titles[i]}"
			failed=1
			;;
		esac
		[ $((SECONDS - start)) -lt 5 ] || note "took $((SECONDS - start)) s"
	done
	exit $failed
}

#
# The kernel's log
#

kernel_log_mark()
{
	log_mark="wb-test $$ $RANDOM: $1"
	echo "$log_mark" >/dev/kmsg
}

# kernel_log [REGEX]: since the case began; the lines that match.  If its beginning is
# no longer there, what is left.
kernel_log()
{
	dmesg | awk -v mark="$log_mark" -v regex="${1-}" '
		$0 ~ regex { lines = lines $0 "\n" }
		index($0, mark) { lines = "" }
		END { printf "%s", lines }'
}

kernel_log_has()
{
	kernel_log | grep -qF -- "$1"
}

# What a kernel's log must not have.
complaints="BUG:|WARNING:|Oops|Call Trace|general protection|refcount_t:"
complaints+="|list_(add|del) corruption|blocked for more than|lockup|[Rr][Cc][Uu].*stall"
complaints+="|KASAN:|UBSAN:|possible (circular|recursive)|inconsistent lock state"
complaints+="|suspicious RCU"

kernel_log_clean()
{
	local found

	found=$(kernel_log "$complaints")
	[ -z "$found" ] || echo "$found"
	[ -z "$found" ]
}

# hung_after SECONDS: a task that hangs for so long is shown in the kernel's log, and so
# fails the case.
hung_after()
{
	local knob=/proc/sys/kernel/hung_task

	[ -e ${knob}_timeout_secs ] || return 0
	echo "$1" >${knob}_timeout_secs
	echo 5 >${knob}_check_interval_secs
	echo -1 >${knob}_warnings
}

impatient()
{
	hung_after 30
}

#
# What is needed
#

need()
{
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
}

need_target()
{
	dmsetup targets | grep -q "^$1 " || modprobe -q "dm-$1" ||
		skip "needs the device-mapper target $1"
}

load_module()
{
	[ -d /sys/module/dm_writebehind ] && return
	modprobe -q dm-mod || :
	if [ -n "${WB_KO-}" ]; then
		insmod "$WB_KO"
	else
		modprobe -q dm-writebehind || skip "needs the module dm-writebehind"
	fi
}

#
# Origins
#

# null_blk VAR NAME [ATTRIBUTE=VALUE...]: a disk in memory, its path in VAR.
# What is in its volatile cache (cache_size) is lost in a power_cut.
null_blk()
{
	local dir=/sys/kernel/config/nullb/$2 name=$2 var=$1 attribute path

	if [ ! -d "${dir%/*}" ]; then
		modprobe -q null_blk nr_devices=0 || skip "needs null_blk"
		mountpoint -q /sys/kernel/config ||
			mount -t configfs none /sys/kernel/config
	fi
	mkdir "$dir"
	at_exit "rmdir $dir"
	shift 2
	for attribute in memory_backed=1 "$@"; do
		echo "${attribute#*=}" >"$dir/${attribute%%=*}" ||
			skip "needs null_blk with ${attribute%%=*}"
	done
	echo 1 >"$dir/power"
	path=/dev/$name
	[ -b "$path" ] || path=/dev/nullb$(<"$dir/index")
	printf -v "$var" %s "$path"
}

power_cut()
{
	echo 0 >"/sys/kernel/config/nullb/$1/power"
	echo 1 >"/sys/kernel/config/nullb/$1/power"
}

# disk VAR NAME MIB [MBPS]: the virtual machine's disk of that name or, where
# there is none, one in memory.
disk()
{
	local found=/dev/disk/by-id/virtio-$2

	if [ -b "$found" ]; then
		printf -v "$1" %s "$(realpath "$found")"
		return
	fi
	null_blk "$1" "wb-$2" "size=$3" ${4:+"mbps=$4"}
}

fast_disk()
{
	disk "$1" fast 1024
}

slow_disk()
{
	disk "$1" slow 256 2
}

nbd_is_free()
{
	[ ! -e /sys/block/nbd0/pid ]
}

nbd_is_up()
{
	[ "$(sectors /dev/nbd0)" -gt 0 ]
}

# faulty_disk VAR: 64 MiB that go wrong while there is a file $work/fail-write,
# fail-flush or stall; see wb_nbd.c.
faulty_disk()
{
	modprobe -q nbd nbds_max=1 || skip "needs nbd"
	wait_for 60 nbd_is_free
	wb_nbd /dev/nbd0 64 "$work" &
	at_exit "kill $!"
	wait_for 60 nbd_is_up
	printf -v "$1" /dev/nbd0
}

scsi_name()
{
	ls /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block 2>/dev/null
}

scsi_is_up()
{
	[ -b "/dev/$(scsi_name)" ] && [ "$(sectors "/dev/$(scsi_name)")" -gt 0 ]
}

# scsi_disk VAR [PARAMETER...]: 64 MiB in memory that speaks SCSI.
scsi_disk()
{
	modprobe -q sd_mod || skip "needs sd_mod"
	modprobe -q scsi_debug dev_size_mb=64 delay=0 "${@:2}" ||
		skip "needs scsi_debug"
	at_exit "rmmod scsi_debug"
	wait_for 60 scsi_is_up
	printf -v "$1" %s "/dev/$(scsi_name)"
}

sectors()
{
	local size

	if { read -r size <"/sys/class/block/${1#/dev/}/size"; } 2>/dev/null; then
		echo "$size"
	else
		blockdev --getsz "$1"
	fi
}

# disk_stat DISK FIELD: of /sys/block/DISK/stat, counted from 1.
disk_stat()
{
	local fields

	read -ra fields <"/sys/class/block/${1##*/}/stat"
	echo "${fields[$2 - 1]}"
}

writes_of()
{
	disk_stat "$1" 5
}

flushes_of()
{
	disk_stat "$1" 16
}

# linear NAME ORIGIN [FIRST COUNT]: a part of a disk that can be suspended, or
# made to fail.
linear()
{
	dmsetup create "$1" --table "0 ${4-$(sectors "$2")} linear $2 ${3-0}"
	at_exit "dmsetup remove --retry $1"
}

# swap_table NAME TABLE: what is in flight is not waited for.
swap_table()
{
	dmsetup suspend --noflush --nolockfs "$1"
	dmsetup load "$1" --table "$2"
	dmsetup resume "$1"
}

# It answers no more; resumed before what stands on it is removed.
wedge()
{
	at_exit "dmsetup resume $1"
	dmsetup suspend --nolockfs "$1"
}

# break_origin NAME ORIGIN: it fails until mended, at the case's end at the latest.
break_origin()
{
	at_exit "mend_origin $1 $2"
	swap_table "$1" "0 $(sectors "/dev/mapper/$1") error"
}

# mend_origin NAME ORIGIN
mend_origin()
{
	swap_table "$1" "0 $(sectors "/dev/mapper/$1") linear $2 0"
}

# bad_spot NAME ORIGIN FIRST COUNT: these sectors fail until the origin is mended.
bad_spot()
{
	local size

	size=$(sectors "/dev/mapper/$1")
	at_exit "mend_origin $1 $2"
	swap_table "$1" "0 $3 linear $2 0
		$3 $4 error
		$(($3 + $4)) $((size - $3 - $4)) linear $2 $(($3 + $4))"
}

#
# Write-behind devices
#

# table ORIGIN MIB [ARGUMENT...]
table()
{
	local origin=$1 mib=$2

	shift 2
	# shellcheck disable=SC2048,SC2086 # count words
	set -- $*
	echo "0 $(sectors "$origin") writebehind $origin $mib $#${*:+ $*}"
}

# Keeps everything in RAM until told otherwise.
# shellcheck disable=SC2034 # the tests use it
lazy="high_watermark 100 low_watermark 100 max_age 86400000 pause_writeback 86400000"

# make_wb NAME ORIGIN MIB [ARGUMENT...]
make_wb()
{
	load_module
	at_exit "[ ! -e /dev/mapper/$1 ] || { dmsetup resume $1; dmsetup remove --retry $1; }"
	dmsetup create "$1" --table "$(table "${@:2}")"
}

remove_wb()
{
	dmsetup remove --retry "$1"
}

# reload_wb NAME ORIGIN MIB [ARGUMENT...]
reload_wb()
{
	dmsetup load "$1" --table "$(table "${@:2}")"
	dmsetup suspend "$1"
	dmsetup resume "$1"
}

# value KEY JSON: of an object that has that key once. Not by jq, which takes an
# emulated machine longer than all else here; like it, fails for null and false.
value()
{
	[[ $2 =~ \"${1##*.}\":\ \"?([^\",$'\n']*) ]] || return
	echo "${BASH_REMATCH[1]}"
	[[ ${BASH_REMATCH[1]} != @(null|false) ]]
}

# status NAME KEY
status()
{
	value "$2" "$(wbctl status --json "$1")"
}

stats()
{
	value "$2" "$(wbctl stats --json "$1")"
}

dirty()
{
	status "$1" dirty_bytes
}

# NAME KEY OPERATOR VALUE, for wait_for.
status_is()
{
	local is

	is=$(status "$1" "$2")
	[ -n "$is" ] && test "$is" "$3" "$4"
}

stats_is()
{
	local is

	is=$(stats "$1" "$2")
	[ -n "$is" ] && test "$is" "$3" "$4"
}

# Of the stores that have lost their device.
orphaned_bytes()
{
	wbctl list --json | jq '[.. | objects | select(.orphan? == true) | .dirty_bytes] | add // 0'
}

# What a case that failed has left is not the next one's.
discard_all()
{
	local name

	for name in $(dmsetup ls --target writebehind | awk '/^wb-/ { print $1 }'); do
		dmsetup resume "$name"
		dmsetup remove --retry "$name"
	done >/dev/null 2>&1
	wbctl list --json 2>/dev/null |
		jq -r '.. | objects | select(.orphan? == true) | "id:\(.id)"' |
		xargs -r -n 1 wbctl discard --yes >/dev/null
}

tracing=/sys/kernel/tracing

# trace_on EVENTS: writebehind, or one of it; they are in $tracing/trace then, maybe
# among others.  Once enabled they stay so: each time a kernel's code is patched, which
# an emulated one may not survive.
trace_on()
{
	local enable=$tracing/events/$1/enable

	mountpoint -q "$tracing" || mount -t tracefs none "$tracing"
	load_module
	at_exit "echo 0 >$tracing/tracing_on; : >$tracing/trace"
	: >"$tracing/trace"
	[ "$(cat "$enable")" = 1 ] || echo 1 >"$enable"
	echo 1 >"$tracing/tracing_on"
}

clean()
{
	status_is "$1" dirty_bytes -eq 0
}

#
# A terminal and who types
#

terminal()
{
	tmux -S "$work/tmux" -f /dev/null "$@"
}

no_terminal()
{
	! terminal has-session
}

screen_has()
{
	terminal capture-pane -p | grep -qE -- "$1"
}

screen_has_not()
{
	! screen_has "$1"
}

press()
{
	terminal send-keys "$@"
}

KIB=1024
MIB=$((1024 * KIB))
export KIB MIB
