# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by check and check-debug. What runs: jobs, of which each has a name, prints
# KTAP, and whose kernel's complaint, death or timeout is one more failure.

tests_dir=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
names=()
pids=()

# At most so many at a time: a guest has two CPUs, but waits for disks as well.
at_once=$(($(nproc) / 2 + 1))

clean_up()
{
	local pid

	for pid in ${pids[@]+"${pids[@]}"}; do
		kill -- "-$pid" 2>/dev/null || :
	done
	rm -rf "$work"
}

# jobs_begin NAME [LOGS]: in $work, which goes when the script does, with logs in $logs.
jobs_begin()
{
	work=$(mktemp -d "${TMPDIR:-/tmp}/wb-$1.XXXXXX")
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	mkdir "$work/out"
	logs=$work
	if [ -n "${2-}" ]; then
		mkdir -p "$2"
		logs=$(realpath "$2")
	fi
}

step()
{
	echo "== $* ($((SECONDS / 60)) min $((SECONDS % 60)) s)"
}

# build_for KERNEL...: a copy, so that a build that somebody starts meanwhile is not
# what we test.
build_for()
{
	local kernel

	for kernel; do
		install -D -t "$work/${kernel##*/}" "$("$tests_dir/vm/build" "$kernel")"
	done
	make -s -C "$tests_dir/../userspace-ctl"
	make -s -C "$tests_dir"
}

# job NAME COMMAND...: its results as they come; all of it in the log.
job()
{
	local name=$1 log=$logs/$1.log

	shift
	{
		"$@" || echo $? >"$work/$name.status"
	} 2>&1 | tee "$log" | grep --line-buffered -E '^ *((not )?ok [0-9]|# trial )' |
		sed -u "s|^|$name: |" || :
}

# Each is a process group, to be ended as one.
start()
{
	while [ "$(jobs -pr | wc -l)" -ge "$at_once" ]; do
		wait -n || :
	done
	names+=("$1")
	set -m
	job "$@" &
	set +m
	pids+=($!)
}

finish()
{
	wait
	pids=()
}

# sum_up: the last line counts. Fails if anything did.
sum_up()
{
	local name status p f s passed=0 failed=0 skipped=0 bad=()

	for name in "${names[@]}"; do
		status=$(cat "$work/$name.status" 2>/dev/null || echo 0)
		read -r p f s < <(awk -f "$tests_dir/ktap.awk" "$logs/$name.log")
		if [ "$status" != 0 ] && [ "$f" = 0 ]; then
			f=1
		elif [ "$status" = 126 ]; then
			f=$((f + 1))
		elif [ $((p + f + s)) = 0 ]; then
			echo "no result" >>"$logs/$name.log"
			f=1
		fi
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		if [ "$f" -gt 0 ]; then
			bad+=("$name")
			step "$name failed (exit status $status)"
			grep -vE '^ *(ok [0-9]|KTAP|1\.\.|# Subtest)' "$logs/$name.log" || :
		fi
	done
	# Once more, and shortly, for who sees no more than the end.
	for name in ${bad[@]+"${bad[@]}"}; do
		grep -E '^ *not ok|^ *# failed:|^run: |RIP: 0010|\[#1\]|Kernel panic|BUG:' \
			"$logs/$name.log" | head -n 12 | sed "s|^ *|$name: |" || :
	done
	step "done"
	echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
	[ $failed = 0 ] && [ $passed -gt 0 ]
}
