#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# wbctl: exit codes, keys that scripts rely on, errors in one line.
. "$(dirname "$0")/lib.sh"

with_device()
{
	fast_disk origin
	make_wb wb-ctl "$origin" 16 "$lazy" "$@"
}

# exits CODE ARGUMENT...: and if it is not 0, says why in one line.
exits()
{
	local code=0 expected=$1

	shift
	wbctl "$@" >"$work/out" 2>"$work/err" || code=$?
	[ "$code" = "$expected" ] || cat "$work/err"
	expect "exit status of wbctl $*" "$code" -eq "$expected"
	if [ "$expected" != 0 ]; then
		expect "lines of error of wbctl $*" "$(wc -l <"$work/err")" -eq 1
		grep -q '^wbctl: ' "$work/err"
	else
		expect "lines of error of wbctl $*" "$(wc -l <"$work/err")" -eq 0
	fi
}

# metric NAME [LABEL]: its value.
metric()
{
	sed -n "s|^writebehind_$1{name=\"wb-ctl\",origin=\"$origin\"${2+,$2}} ||p" \
		"$work/metrics"
}

# Each has its help and type first and once, and is in the man page.
metrics()
{
	local name man=$tests_dir/../userspace-ctl/wbctl.8

	with_device
	wb_io write 1 /dev/mapper/wb-ctl 0 $((2 * MIB))
	wbctl freeze wb-ctl
	wbctl stats --prometheus wb-ctl >"$work/metrics"
	awk '/^# HELP / { help[$3]++; next }
		/^# TYPE / { if (help[$3] != 1 || type[$3]) exit 1; type[$3] = $4; next }
		{
			name = $0
			sub(/{.*/, "", name)
			if (!type[name] && sub(/_(bucket|sum|count)$/, "", name) &&
			    type[name] != "histogram")
				exit 1
			if (!type[name] || !/^[a-z_]+{([a-z]+="[^"]*",?)+} [0-9.e-]+$/)
				exit 1
		}' "$work/metrics"
	awk '/^# TYPE / { print $3 }' "$work/metrics" >"$work/names"
	while read -r name; do
		grep -qw "${name#writebehind_}" "$man" || fail "$name: not in wbctl.8"
	done <"$work/names"
	# and what the example of a dashboard asks for is there
	jq -r '.. | .expr? // empty' "$tests_dir/../packaging/grafana-dashboard.json" |
		grep -o 'writebehind_[a-z_]*' | sort -u >"$work/asked"
	expect "metrics asked for" "$(wc -l <"$work/asked")" -ge 10
	while read -r name; do
		grep -q "^# TYPE $name " "$work/metrics" || fail "$name: no such metric"
	done <"$work/asked"
	expect "write_bytes_total" "$(metric write_bytes_total)" -eq "$(stats wb-ctl write_bytes)"
	expect "dirty_bytes" "$(metric dirty_bytes)" -eq "$(dirty wb-ctl)"
	expect "cache_bytes" "$(metric cache_bytes)" -eq $((16 * MIB))
	expect "health" "$(metric health 'state="ok"')" -eq 1
	expect "health" "$(metric health 'state="failing"')" -eq 0
	expect "mode" "$(metric mode 'mode="durable"')" -eq 1
	wbctl flush wb-ctl
	wbctl stats --prometheus >"$work/metrics"
	expect "written back" "$(metric writeback_bytes_total 'reason="flush"')" -eq $((2 * MIB))
	expect "writes timed" "$(metric io_seconds_count 'io="write"')" -eq \
		"$(metric writes_total)"
	expect "the last bucket" "$(metric io_seconds_bucket 'io="write",le="+Inf"')" -eq \
		"$(metric writes_total)"
}

# timed IO: how many.
timed()
{
	wbctl latency -n -o IO,COUNT wb-ctl | awk -v io="$1" '$1 == io { print $2 }'
}

latencies()
{
	with_device
	expect "quantile of none" "$(wbctl latency --json | jq '.latencies[0].p99_ns')" = null
	wb_io write -b 4096 1 /dev/mapper/wb-ctl 0 "$MIB"
	wb_io check 1 /dev/mapper/wb-ctl 0 "$MIB"
	wb_io sync /dev/mapper/wb-ctl
	expect "writes" "$(timed write)" -eq 256
	expect "writes" "$(timed write)" -eq "$(stats wb-ctl writes)"
	expect "reads" "$(timed read)" -eq "$(stats wb-ctl reads)"
	expect "flushes" "$(timed flush)" -eq "$(stats wb-ctl flushes)"
	expect "writes of the origin" "$(timed writeback)" -gt 0
	wbctl latency --json wb-ctl >"$work/latencies"
	jq -e '[.latencies[].io] == ["write", "read", "flush",
		"writeback"] and all(.latencies[]; .count == ([.buckets[].count] | add) and
			.p50_ns <= .p90_ns and .p90_ns <= .p99_ns and
			.p999_ns <= .buckets[-1].below_ns and .mean_ns > 0)' "$work/latencies"
	wbctl clear-stats wb-ctl
	expect "writes" "$(timed write)" -eq 0
	wb_io write -b 4096 1 /dev/mapper/wb-ctl 0 4096
	expect "writes" "$(timed write)" -eq 1
	wbctl latency | grep -q "^wb-ctl writeback "
	# with FUA it is a flush
	wb_io write -S -b 4096 1 /dev/mapper/wb-ctl 0 4096
	expect "writes" "$(timed write)" -eq 1
	expect "flushes" "$(timed flush)" -eq "$(stats wb-ctl flushes)"
}

# What the origin fails is not timed, neither reads nor flushes nor its writes.
failures_are_not_timed()
{
	local disk before

	fast_disk disk
	linear wb-below "$disk"
	make_wb wb-ctl /dev/mapper/wb-below 16 "$lazy"
	wb_io write 1 /dev/mapper/wb-ctl 0 "$MIB"
	break_origin wb-below "$disk"
	before=$(timed read)
	must_fail dd if=/dev/mapper/wb-ctl of=/dev/null bs=4k skip=1024 count=1 iflag=direct
	expect "reads" "$(timed read)" -eq "$before"
	must_fail wb_io sync /dev/mapper/wb-ctl
	expect "flushes" "$(timed flush)" -eq 0
	expect "writes of the origin" "$(timed writeback)" -eq 0
	mend_origin wb-below "$disk"
	wbctl flush --timeout 100 wb-ctl
	expect "writes of the origin" "$(timed writeback)" -gt 0
}

# Each is seen; that it listens is known from the first one only.
events()
{
	local wbctl

	with_device
	wbctl events --follow --json wb-ctl >"$work/events" &
	wbctl=$!
	at_exit "kill $wbctl"
	wait_for 60 a_mode_is_heard
	wb_io write 1 /dev/mapper/wb-ctl 0 "$MIB"
	wbctl flush wb-ctl
	wait_for 60 is_heard drain begun
	wait_for 60 is_heard drain "done"
	kill "$wbctl"
	wait "$wbctl"
	jq -es 'all(.name == "wb-ctl" and .origin and .time)' "$work/events" >/dev/null
	expect "what was heard" "$(jq -r .event "$work/events" | sort -u | xargs)" = \
		"drain mode"
}

is_heard()	# EVENT VALUE
{
	jq -es "any(.event == \"$1\" and .value == \"$2\")" "$work/events" >/dev/null
}

a_mode_is_heard()
{
	wbctl set wb-ctl mode volatile
	is_heard mode volatile && return
	wbctl set wb-ctl mode durable
	is_heard mode volatile
}

# A table of some columns, with and without headings, exact or rounded.
columns()
{
	local verb columns last operand verbs=0

	with_device
	wb_io write 1 /dev/mapper/wb-ctl 0 $((3 * MIB))
	for verb in $(wbctl --help | sed -n 's/^  \([a-z-]*\) .*/\1/p'); do
		columns=$(wbctl "$verb" --help | sed -n '/^Columns:/,$ { s/^Columns://; p }' | xargs)
		[ -n "$columns" ] || continue
		# that waits for one
		[ "$verb" != events ] || continue
		operand=
		! wbctl "$verb" --help | grep -q '^Usage:.*NAME' || operand=wb-ctl
		[ "$verb" != top ] || operand="--batch -n 1"
		last=${columns##* }
		# shellcheck disable=SC2086 # words
		{
			exits 0 "$verb" $operand --output "$last,${columns%% *}"
			head -n 1 "$work/out" | grep -qxE " *$last +${columns%% *} *" ||
				fail "$verb: $(head -n 1 "$work/out")"
			exits 0 "$verb" $operand --noheadings --output "$last"
			must_fail grep -qw "$last" "$work/out"
			exits 2 "$verb" $operand --output "$last,NONSENSE"
		}
		verbs=$((verbs + 1))
	done
	expect "verbs" "$verbs" -ge 7
	expect "dirty" "$(wbctl status -n -o DIRTY wb-ctl | xargs)" = 3.0M
	expect "dirty" "$(wbctl status -n -b -o DIRTY wb-ctl | xargs)" = $((3 * MIB))
	expect "columns" "$(wbctl list -o NAME,MODE | head -n 1 | xargs)" = "NAME MODE"
}

exit_codes()
{
	local verb

	with_device
	exits 0 --help
	exits 0 status wb-ctl
	exits 0 list
	exits 0 get wb-ctl max_age
	exits 0 set wb-ctl max_age 1000
	exits 0 freeze wb-ctl
	exits 0 thaw wb-ctl
	exits 0 flush wb-ctl
	exits 1 create wb-two "$work/nothing" 16
	exits 1 create wb-two "$origin" 16
	exits 2
	exits 2 nonsense
	exits 2 status --nonsense
	exits 2 create wb-two
	exits 2 create wb-two "$origin" x
	for verb in status stats latency flush remove freeze thaw clear-stats emergency \
		events map get; do
		exits 3 "$verb" wb-nothing
		expect "lines of $verb" "$(wc -l <"$work/err")" -eq 1
	done
	for verb in status events; do
		exits 3 "$verb" wb-ctl wb-nothing
	done
	exits 2 stats --watch 0
	exits 2 top --iterations 0
	exits 1 set wb-ctl max_age "$(printf %064d 5000)"
	exits 1 create wb-two "$origin" 16 --max-age "$(printf %01000d 5000)" \
		--writeback-jobs 4 --drain-limit 3 --shutdown-timeout 7
	exits 1 create 254:7 "$origin" 16
	exits 1 create id:7 "$origin" 16
	exits 3 set wb-nothing max_age 1000
	exits 3 dump wb-nothing "$work/dump"
	exits 3 discard --yes wb-nothing
	exits 0 map wb-ctl
	exits 2 map
	exits 2 dump wb-ctl
	exits 2 replay "$work/dump"
	exits 1 replay "$work/nothing" "$origin"
	exits 2 replay --epoch x "$work/nothing" "$origin"
	exits 2 discard
	exits 2 emergency
	exits 2 list -o NONSENSE
	exits 2 status wb-ctl -o
	exits 1 create "wb two" "$origin" 16
	grep -q "name wb two: allowed are" "$work/err"
	exits 1 set wb-ctl max_age -5
	grep -q "allowed is 10 to 86400000" "$work/err"
}

# beside_one_that_is_not_there VERB...: what is there has it done all the same.
beside_one_that_is_not_there()
{
	with_device
	wbctl set wb-ctl max_age 60000
	wbctl set wb-ctl pause_writeback 60000
	wb_io write 1 /dev/mapper/wb-ctl 0 "$MIB"
	exits 3 "$@" wb-nothing wb-ctl
	grep -q "wb-nothing: no such device" "$work/err"
	expect "dirty" "$(dirty wb-ctl)" -eq 0
}

is_frozen()
{
	[ "$(wbctl status --json wb-ctl | jq .frozen)" = true ]
}

frozen_beside_one_that_is_not_there()
{
	with_device
	exits 3 freeze wb-nothing wb-ctl
	is_frozen
	exits 3 thaw wb-nothing wb-ctl
	must_fail is_frozen
}

# Two events, for who may not have listened to those before.
events_ended()
{
	wbctl set wb-ctl mode volatile
	wbctl set wb-ctl mode durable
	gone "$pid"
}

# What goes on until it is told to end, ends where nobody hears it any more.
nobody_listens()
{
	local pid code=0

	with_device
	timeout 60 wbctl stats --watch=0.1 wb-ctl >/dev/full 2>"$work/err" || code=$?
	expect "exit status of stats --watch" "$code" -eq 1
	grep -q "cannot write the output" "$work/err"
	wbctl events --follow >/dev/full 2>"$work/err" &
	pid=$!
	at_exit "kill $pid"
	wait_for 60 events_ended
	code=0
	wait "$pid" || code=$?
	expect "exit status of events --follow" "$code" -eq 1
	grep -q "cannot write the output" "$work/err"
}

# One that cannot be flushed does not keep the others from it.
flush_beside_an_orphan()
{
	local origin other

	load_module
	fast_disk origin
	null_blk other wb-other size=32
	linear wb-below "$other"
	make_wb wb-lost /dev/mapper/wb-below 8 "$lazy"
	make_wb wb-ctl "$origin" 16 "$lazy"
	wb_io write 1 /dev/mapper/wb-lost 0 $((MIB))
	wb_io write 1 /dev/mapper/wb-ctl 0 $((MIB))
	break_origin wb-below "$other"
	timeout 100 dmsetup remove wb-lost
	at_exit "discard_all"
	exits 1 flush
	grep -q "wb-lost: cannot flush: it is an orphan" "$work/err"
	expect "lines of error" "$(wc -l <"$work/err")" -eq 1
	wb_io check 1 "$origin" 0 $((MIB))
	exits 0 stats
	exits 0 latency
}

# Those that are told are those in force; what else is told of them is compared by
# tests/docs/check.
defaults()
{
	fast_disk origin
	make_wb wb-ctl "$origin" 16
	wbctl get wb-ctl | awk '{ print $1, $2 }' >"$work/in-force"
	awk -F ' *[|] *' '/^[|] `[a-z_]*` [|]/ { gsub(/`/, "", $2); sub(/ .*/, "", $3); print $2, $3 }' \
		"$tests_dir/../README.md" | grep -v ' returns$' >"$work/told"
	diff <(sort "$work/told") <(sort "$work/in-force")
}

# What a crash may take: nothing in durable mode, what is dirty in the others.
loss_window()
{
	local mode expected

	fast_disk origin
	for mode in durable ordered volatile; do
		make_wb wb-ctl "$origin" 16 "$lazy" mode "$mode"
		wb_io write 1 /dev/mapper/wb-ctl 0 $((2 * MIB))
		expected=$((2 * MIB))
		[ "$mode" != durable ] || expected=0
		expect "bytes at risk, $mode" "$(status wb-ctl loss_window_bytes)" -eq "$expected"
		[ "$mode" = durable ] || wait_for 10 status_is wb-ctl loss_window_ms -gt 0
		wbctl flush wb-ctl
		expect "bytes at risk, flushed" "$(status wb-ctl loss_window_bytes)" -eq 0
		remove_wb wb-ctl
	done
}

limits()
{
	with_device
	wbctl status wb-ctl | grep -qx 'drain_limit *off'
	expect "drain_limit" "$(status wb-ctl drain_limit)" -eq 0
	expect "dirty_limit" "$(status wb-ctl dirty_limit)" -eq $((16 * MIB))
	wbctl set wb-ctl drain_limit 1
	wbctl status wb-ctl | grep -qx 'drain_limit *1.0s'
	wait_for 10 status_is wb-ctl dirty_limit -lt $((16 * MIB))
	wbctl set wb-ctl on_error refuse
	expect "on_error" "$(status wb-ctl on_error)" = refuse
	exits 1 set wb-ctl on_error nonsense
	wbctl set wb-ctl shutdown_timeout 7
	expect "shutdown_timeout" "$(status wb-ctl shutdown_timeout)" -eq 7
	wbctl set wb-ctl write_through 1
	expect "write_through" "$(wbctl status --json wb-ctl | jq .write_through)" = true
	expect "origin_bytes" "$(status wb-ctl origin_bytes)" -eq $((512 * $(sectors "$origin")))
}

flush_timeout()
{
	local disk

	fast_disk disk
	linear wb-below "$disk" 0 $((64 * 2048))
	make_wb wb-ctl /dev/mapper/wb-below 16 "$lazy"
	wb_io write 1 /dev/mapper/wb-ctl 0 $((4 * MIB))
	wedge wb-below
	exits 4 flush --timeout 1 wb-ctl
	dmsetup resume wb-below
	exits 0 flush wb-ctl
	expect "dirty" "$(dirty wb-ctl)" -eq 0
}

# has KEY...: of the JSON object on stdin.
has()
{
	jq -nr 'input | $ARGS.positional - keys | .[]' --args "$@" >"$work/missing"
	[ ! -s "$work/missing" ] || fail "no key: $(xargs <"$work/missing")"
}

keys()
{
	local verb man=$tests_dir/../userspace-ctl/wbctl.8

	with_device
	wbctl status --json wb-ctl | has name origin mode health cache_bytes dirty_bytes \
		writeback_bytes oldest_dirty_ms acked_epoch durable_epoch drain_eta_ms \
		loss_window_bytes loss_window_ms dirty_limit failed_bytes bad_sector \
		on_error shutdown_timeout write_through held origin_bytes
	wbctl stats --json wb-ctl | has read_hit_bytes read_miss_bytes write_bytes \
		absorbed_bytes writeback_bytes writeback_ios flushes throttled_ios \
		errors writeback_reason
	wbctl stats --json wb-ctl | jq .writeback_reason | has age watermark idle \
		flush pressure teardown
	sed -n '/^\.Sh JSON/,/^\.Sh DUMPS/ s/^\.\(It \)\?Cm //p' "$man" | tr -s ' ,.' '\n' >"$work/told"
	wb_io write 1 /dev/mapper/wb-ctl 0 "$MIB"
	for verb in list status stats latency "map wb-ctl" version "top -n 1"; do
		# shellcheck disable=SC2086 # words
		wbctl $verb --json |
			jq -r '[paths | map(select(type == "string"))[]] | unique[]' >"$work/keys"
		expect "keys of $verb" "$(wc -l <"$work/keys")" -ge 3
		must_fail grep -vxFf "$work/told" "$work/keys"
	done
	expect "name" "$(status wb-ctl name)" = wb-ctl
	expect "origin" "$(status wb-ctl origin)" = "$origin"
	expect "mode" "$(status wb-ctl mode)" = durable
	expect "cache_bytes" "$(status wb-ctl cache_bytes)" -eq $((16 * MIB))
}

counters()
{
	with_device mode volatile
	wb_io write 1 /dev/mapper/wb-ctl 0 $((4 * MIB))
	wb_io check 1 /dev/mapper/wb-ctl 0 $((4 * MIB))
	wb_io count 1 /dev/mapper/wb-ctl $((8 * MIB)) $((2 * MIB)) >/dev/null
	expect "written" "$(stats wb-ctl write_bytes)" -eq $((4 * MIB))
	expect "hit" "$(stats wb-ctl read_hit_bytes)" -eq $((4 * MIB))
	expect "missed" "$(stats wb-ctl read_miss_bytes)" -eq $((2 * MIB))
	expect "dirty" "$(dirty wb-ctl)" -eq $((4 * MIB))
	wb_io sync /dev/mapper/wb-ctl
	expect "flushes" "$(stats wb-ctl flushes)" -ge 1
}

every_way_to_name()
{
	local number

	with_device
	number=$(dmsetup info -c --noheadings -o major,minor wb-ctl)
	exits 0 status wb-ctl
	exits 0 status /dev/mapper/wb-ctl
	exits 0 status "$number"
}

create_and_remove()
{
	load_module
	fast_disk origin
	at_exit "dmsetup remove wb-made"
	exits 0 create --mode volatile --max-age 86400000 --pause-writeback 86400000 \
		wb-made "$origin" 16M
	expect "mode" "$(status wb-made mode)" = volatile
	wb_io write 5 /dev/mapper/wb-made 0 $((4 * MIB))
	exits 0 remove wb-made
	wb_io check 5 "$origin" 0 $((4 * MIB))
	must_fail dmsetup info wb-made
	interrupted_creation
}

# It is made, or it is not; a device without a table is neither.
interrupted_creation()
{
	local pid tenths made=0

	for tenths in 0 1 2 3 4 5 6 7 8 9; do
		wbctl create wb-made "$origin" 256M &
		pid=$!
		sleep "0.0$tenths"
		kill -TERM "$pid" || :
		wait "$pid" || :
		dmsetup info wb-made >"$work/out" 2>&1 || continue
		made=$((made + 1))
		expect "tables" "$(dmsetup table wb-made | grep -c ' writebehind ')" -eq 1
		exits 0 remove wb-made
	done
	note "made $made times"
}

# assembles CODE ARGUMENT...
assembles()
{
	local code=0 expected=$1

	shift
	wbctl assemble --config "$work/conf" "$@" 2>"$work/err" || code=$?
	[ "$code" = "$expected" ] || cat "$work/err"
	expect "exit code of assemble $*" "$code" -eq "$expected"
}

assembled()
{
	local fast slow id

	load_module
	fast_disk fast
	slow_disk slow
	at_exit "dmsetup remove wb-one"
	at_exit "dmsetup remove wb-two"
	cat >"$work/conf" <<-END
		wb-gone	/dev/nothing	4M	nofail
		wb-one	$fast	4M	mode=ordered,max_age=2000
		wb-two	$slow	8	noauto,read_cache
		wb-bad	$slow	0
	END
	# a line that is wrong is complained of, the others count
	assembles 1 --all
	grep -q "conf:4: size 0" "$work/err"
	sed -i 4d "$work/conf"
	assembles 0 --all
	grep -q "/dev/nothing" "$work/err"
	expect "mode" "$(status wb-one mode)" = ordered
	expect "max_age" "$(wbctl get wb-one max_age)" -eq 2000
	must_fail dmsetup info wb-two
	wb_io write 1 /dev/mapper/wb-one 0 "$MIB"
	id=$(status wb-one id)
	assembles 0 --all
	assembles 0 wb-one wb-two
	expect "the same as before" "$(status wb-one id)" -eq "$id"
	expect "size" "$(status wb-two cache_bytes)" -eq $((8 * MIB))
	expect "read_cache" "$(wbctl get wb-two read_cache)" -eq 1
	assembles 1 wb-nobody
	assembles 1 wb-gone
	# the name is taken by something else
	wbctl remove wb-two
	linear wb-two "$slow"
	assembles 1 wb-two
	grep -q "a mapped device has that name" "$work/err"
	# as the service is stopped
	wbctl remove --timeout 60 wb-one
	wb_io check 1 "$fast" 0 "$MIB"
	assembles 2
	assembles 2 --all wb-one
}

remove_in_use()
{
	with_device
	exec 7</dev/mapper/wb-ctl
	exits 1 remove wb-ctl
	exec 7<&-
	exits 0 remove wb-ctl
}

without_module()
{
	load_module
	rmmod dm_writebehind
	exits 1 list
	exits 1 status wb-ctl
	load_module
}

it "exit codes" exit_codes
it "what goes on ends when nobody listens" nobody_listens
it "flush: what is not there does not hold up others" \
	beside_one_that_is_not_there flush
it "emergency: nor there" beside_one_that_is_not_there emergency
it "freeze and thaw: nor there" frozen_beside_one_that_is_not_there
it "flush: an orphan does not hold up others" flush_beside_an_orphan
it "columns, headings, bytes" columns
it "flush --timeout: 4, and the drain goes on" flush_timeout
it "the keys of --json" keys
it "the counters count" counters
it "defaults are those that are told" defaults
it "the loss window" loss_window
it "events --follow" events
it "stats --prometheus" metrics
it "latency" latencies
it "latency: not of what failed" failures_are_not_timed
it "limits and what becomes of errors" limits
it "a device by name, path and number" every_way_to_name
it "create and remove" create_and_remove
it "assemble" assembled
it "remove refuses a device that is open" remove_in_use
it "without the module: a clear message" without_module
run
