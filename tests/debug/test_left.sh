#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# After other tests in the same guest: no memory is lost, no complaint was missed.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

no_complaint()
{
	dmesg >"$work/dmesg"
	must_fail complaints_of <"$work/dmesg"
}

# All devices are gone: so must be all their memory, and the module can go.
nothing_leaked()
{
	local log=$work/leaks

	grep -q page_owner=on /proc/cmdline || skip "needs page_owner=on kmemleak=on"
	[ -e /sys/kernel/debug/kmemleak ] || skip "needs a kernel with kmemleak"
	[ -d /sys/module/dm_writebehind ] || load_module
	wait_for 60 no_pages_of_ours
	scan_for_leaks
	objects_of_ours >"$log"
	rmmod dm_writebehind
	scan_for_leaks
	objects_of_ours >>"$log"
	[ ! -s "$log" ] || { head -n 20 "$log"; fail "leaked"; }
}

it "nothing is leaked, the module can go" nothing_leaked
it "the kernel did not complain" no_complaint
run
