# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ../lib.sh, and what tests of the debug kernel need beside it.

# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

need_debug_kernel()
{
	[ -d /sys/kernel/debug/failslab ] || skip "needs fault injection: the debug kernel"
}

# Allocations that were made to fail are reported by some who asked for them, with
# their stacks, and that is no complaint.
without_refusals()
{
	awk '/__kmem_cache_create.* failed with error|page allocation failure|percpu: allocation failed|vmalloc error/ { skip = 120 }
		skip { if (/<\/TASK>/) skip = 0; else skip--; next }
		{ print }'
}

complaints_of()
{
	without_refusals | grep -E "$complaints"
}

kernel_log_clean()
{
	! kernel_log | complaints_of
}

#
# Faults
#

# knob NAME VALUE: of all kinds of allocations.
knob()
{
	echo "$2" >"/sys/kernel/debug/failslab/$1"
	echo "$2" >"/sys/kernel/debug/fail_page_alloc/$1"
}

# Only what the module asks for, whoever runs it.
only_ours()
{
	local start end

	start=$(awk '/\[dm_writebehind\]/ && $2 ~ /[tT]/ { print $1 }' /proc/kallsyms |
		sort | head -n 1)
	end=$(awk '/\[dm_writebehind\]/ && $2 ~ /[tT]/ { print $1 }' /proc/kallsyms |
		sort | tail -n 1)
	knob require-start "0x$start"
	# the last function ends somewhere in its last page
	knob require-end "0x${end%???}fff"
	knob ignore-gfp-wait N
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	knob verbose 0
	knob interval 1
	knob times -1
}

# fail_percent N: of our allocations, until the case ends.
fail_percent()
{
	only_ours
	at_exit "knob probability 0"
	knob probability "$1"
}

#
# Which allocations failed
#

trace_failures()
{
	local tracing=/sys/kernel/tracing

	[ ! -e $tracing/events/kprobes/wb_failed ] || return 0
	echo 8192 >$tracing/buffer_size_kb
	# shellcheck disable=SC2016 # the kernel's word
	echo 'r:wb_failed should_fail_ex failed=$retval:u8' >$tracing/kprobe_events
	echo 'stacktrace if failed==1' >$tracing/events/kprobes/wb_failed/trigger
}

# Adds "callee function" to a file for each that failed since the last time; the
# function of a module that is not loaded any more is a number.
note_failures()
{
	awk '/<stack trace>/ { callee = "" }
		$1 != "=>" { next }
		callee && $2 ~ /^(wb_|0x|[0-9a-f]+$)/ { print callee, $2; callee = ""; next }
		callee || $2 == "arch_rethook_trampoline" { callee = $2 }' \
		/sys/kernel/tracing/trace >>"$1"
	echo >/sys/kernel/tracing/trace
}

# not_failed FILE: prints who calls what allocates and did not see it fail.
not_failed()
{
	local callee function per_cpu

	per_cpu=$(grep -m 1 '^pcpu_alloc' "$1" || :)
	objdump -dr "$WB_KO" >"$work/code"
	awk -f "$tests_dir/debug/allocators.awk" "$work/code" | sort -u >"$work/allocators"
	expect "calls that allocate" "$(wc -l <"$work/allocators")" -ge 20
	while read -r callee function; do
		case $callee-$function in
		# for more than 200 GiB of cache
		__vmalloc_noprof-wb_alloc_table | __vmalloc_noprof-wb_pages_init) continue ;;
		# only while the origin fails, too
		kobject_uevent_env-wb_uevent) continue ;;
		# it fails where a page of it is missing, so somewhere is enough
		pcpu_alloc*) [ -z "$per_cpu" ] || continue ;;
		esac
		grep -qxE "$callee ($function|[0-9a-fx]+)" "$1" || echo "$callee in $function"
	done <"$work/allocators"
}

#
# Leaks
#

# Twice, with the time between that kmemleak wants before it believes.
scan_for_leaks()
{
	echo scan >/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
}

# ours_of HEADING PATTERN: entries of a list, each begun by a heading, that have our
# functions on their stack. Slabs and page tables are the kernel's to keep, and
# the name that it loses when a slab's directory cannot be made is its own loss.
ours_of()
{
	awk -v heading="$1" -v pattern="$2" '
		function out() { if (entry ~ pattern && entry !~ except) printf "%s\n", entry }
		BEGIN { except = "allocate_slab|pcpu_|_alloc_kernel|kasan_|sysfs_slab_add" }
		$0 ~ heading { out(); entry = "" }
		{ entry = entry $0 "\n" }
		END { out() }'
}

pages_of_ours()
{
	# cat reads as much at a time as the longest entry may take
	# shellcheck disable=SC2002
	cat /sys/kernel/debug/page_owner | ours_of '^Page allocated' '\\[dm_writebehind\\]'
}

# One line for each way to lose some: how many were lost, and who asked for them.
objects_of_ours()
{
	ours_of '^unreferenced object' '\\[dm_writebehind\\]|\n *(\\[<[0-9a-f]+>\\] )?0xffffffff' \
		</sys/kernel/debug/kmemleak |
		awk '/^unreferenced/ { if (stack) print stack; stack = ""; next }
			/^ *(\[<[0-9a-f]+>\] )?[a-z_0-9.]+\+?[0-9a-fx/]*( \[[a-z_]+\])?$/ { stack = stack " " $1 }
			END { if (stack) print stack }' | sort | uniq -c | sort -rn
}

no_pages_of_ours()
{
	(set -o pipefail; pages_of_ours) >"$work/pages" || fail "page_owner cannot be read"
	[ ! -s "$work/pages" ] || { head -n 40 "$work/pages"; return 1; }
}
