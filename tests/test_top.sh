#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# wbctl on a terminal: top, the bar of a flush, completion; top in scripts.
. "$(dirname "$0")/lib.sh"

dev=/dev/mapper/wb-top

with_device()
{
	fast_disk origin
	make_wb wb-top "$origin" 16 "$lazy" mode ordered
}

batch()
{
	local origin

	with_device
	wb_io write 1 "$dev" 0 $((8 * MIB))
	wb_io sync "$dev"
	wbctl top --batch -n 2 -d 0.1 >"$work/out"
	expect "tables" "$(grep -c '^NAME ' "$work/out")" -eq 2
	expect "lines of the device" "$(grep -c '^wb-top ordered ok ' "$work/out")" -eq 2
	grep -qF '#####.....' "$work/out"
	wbctl top -n 3 -d 0.1 --json >"$work/out"
	expect "lines of JSON" "$(wc -l <"$work/out")" -eq 3
	jq -es 'all(.[].devices[0]; .name == "wb-top" and .dirty_bytes == 8388608 and
		.loss_window_bytes == 8388608 and .backlog >= 1)' "$work/out" >/dev/null
	must_fail wbctl top --interval 0 --batch
	must_fail wbctl top --sort nonsense --batch
	must_fail wbctl top
}

# One that writes all the time is seen to.
rates()
{
	local origin rates

	with_device
	(while wb_io write -r 1 "$dev" 0 $((4 * MIB)); do :; done) &
	at_exit "kill $!"
	wait_for 60 stats_is wb-top write_bytes -gt 0
	rates=$(wbctl top -n 1 -d 2 --json)
	jq -e '.devices[0] | .write_rate > 0 and .read_rate == 0' <<<"$rates"
}

last_line_lacks()
{
	! tail -n 1 "$work/out" | grep -q "$1"
}

# Devices that come and go, and counters that are cleared, do no harm.
devices_come_and_go()
{
	local origin other pid

	with_device
	slow_disk other
	wb_io write 1 "$dev" 0 $((4 * MIB))
	wbctl top -d 0.1 --json --sort dirty >"$work/out" &
	pid=$!
	at_exit "kill $pid"
	wait_for 60 grep -q wb-top "$work/out"
	make_wb wb-other "$other" 8 "$lazy"
	wb_io write 1 /dev/mapper/wb-other 0 $((5 * MIB))
	wait_for 60 grep -q '"name":"wb-other".*"name":"wb-top"' "$work/out"
	wbctl clear-stats wb-top
	remove_wb wb-other
	wait_for 60 last_line_lacks wb-other
	must_fail gone "$pid"
	kill "$pid"
	wait "$pid"
	jq -es 'all(.[].devices[]; .write_rate >= 0 and .write_rate < 1e12)' "$work/out" >/dev/null
}

# All of the screen, but for empty lines, the width of columns, and times.
screen_is()
{
	[ -e "$work/screen" ] || cat >"$work/screen"
	terminal capture-pane -p | tr -s ' ' | sed -E 's/[0-9.]+s /Ns /g' | cat -s |
		diff - "$work/screen"
}

devices_shown()
{
	terminal capture-pane -p | grep -oE '^wb-[a-z]+' | head -n 2 | xargs
}

keys()
{
	local origin other

	need tmux
	with_device
	slow_disk other
	make_wb wb-two "$other" 8 "$lazy"
	wb_io write 1 "$dev" 0 $((4 * MIB))
	at_exit "terminal kill-server"
	terminal new-session -d -x 150 -y 12 "wbctl top -d 0.2"
	wait_for 60 screen_has '^wb-top .* 4.0M'
	screen_has 'devices, 4.0M dirty, a crash may take 4.0M'
	press z
	wait_for 60 screen_has 'wb-top: freeze'
	wait_for 60 status_is wb-top state = frozen
	press z
	wait_for 60 status_is wb-top state != frozen
	press Down z
	wait_for 60 screen_has 'wb-two: freeze'
	wait_for 60 status_is wb-two state = frozen
	press Up f
	wait_for 60 clean wb-top
	wb_io write 1 /dev/mapper/wb-two 0 $((2 * MIB))
	wb_io write 1 "$dev" 0 $((1 * MIB))
	wait_for 60 screen_has '^wb-two .* 2.0M'
	expect "order" "$(devices_shown)" = "wb-top wb-two"
	press s
	wait_for 60 screen_has 'by dirty'
	wait_for 60 screen_is <<-END
		writebehind: 2 devices, 3.0M dirty, a crash may take 1.0M; by dirty

		NAME MODE HEALTH STATE BAR DIRTY WRITE READ WRITEBACK OLDEST LOSS ACKED DURABLE BACKLOG THROTTLED
		wb-two durable ok frozen ###....... 2.0M 0B/s 0B/s 0B/s Ns 0B 0 0 0 0
		wb-top ordered ok active #......... 1.0M 0B/s 0B/s 0B/s Ns 1.0M 1 1 0 0

		up, down: select f: flush z: freeze, thaw s: sort q: quit
	END
	terminal resize-window -x 60 -y 6
	wait_for 60 screen_has_not 'THROTTLED'
	wait_for 60 screen_has '^wb-top'
	screen_has_not '^LATENCY'
	terminal resize-window -x 150 -y 20
	wait_for 60 screen_has 'THROTTLED'
	wait_for 60 screen_has '^LATENCY'
	wait_for 60 screen_has '^writeback  '
	press q
	wait_for 60 no_terminal
}

# Before the terminal is taken.
wrong_column()
{
	need tmux
	fast_disk origin
	make_wb wb-top "$origin" 16
	at_exit "terminal kill-server"
	terminal new-session -d -x 100 -y 12 "bash --norc --noprofile"
	press "PS1='> '; clear" Enter
	wait_for 60 screen_has '^>$'
	press "wbctl top -o NONSENSE; echo code \$?" Enter
	wait_for 60 screen_has '^code 2$'
	screen_has '^wbctl: NONSENSE: no such column'
}

# A person types a flush, with the Tab key, and watches it.
flush_by_hand()
{
	local origin

	need tmux fio
	slow_disk origin
	make_wb wb-top "$origin" 16 "$lazy"
	fio --name=spots --filename="$dev" --direct=1 --rw=randwrite --bs=4k \
		--size=128m --io_size=10m >"$work/fio"
	at_exit "terminal kill-server"
	terminal new-session -d -x 100 -y 12 "bash --norc --noprofile"
	press "PS1='> '; . $tests_dir/../userspace-ctl/wbctl.bash-completion" Enter
	wait_for 60 screen_has '^>$'
	press "wbctl flu" Tab
	wait_for 60 screen_has '^> wbctl flush$'
	press -- "--time" Tab
	wait_for 60 screen_has '^> wbctl flush --timeout$'
	press "60 wb-t" Tab
	wait_for 60 screen_has '^> wbctl flush --timeout 60 wb-top$'
	press Enter
	wait_for 60 screen_has '^wb-top \[=+ +\] +[0-9]+% [0-9.]+M/10.0M .*/s ETA [0-9]'
	wait_for 60 screen_has '^wb-top: flushed 10.0M in [0-9]'
	screen_has_not '\['
	clean wb-top
}

it "batch mode" batch
it "rates" rates
it "devices come and go" devices_come_and_go
it "a column that is none" wrong_column
it "keys and resizing" keys
it "a flush that is typed with Tab, its bar, and its end" flush_by_hand
run
