# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# lib.sh, and what the tests of dumps share.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

dev=/dev/mapper/wb-res

# with_store ARGUMENT...: of 32 MiB over a disk that can be made to fail, with a
# cache of $cache MiB.
with_store()
{
	null_blk origin wb-origin size=32
	# shellcheck disable=SC2154 # null_blk assigns it
	linear wb-below "$origin"
	make_wb wb-res /dev/mapper/wb-below "${cache:-16}" "$lazy" "$@"
	dump=$work/dump
}

# blank VAR [ATTRIBUTE=VALUE...]
blank()
{
	local var=$1

	shift
	null_blk "$var" "wb-$var" size=32 "$@"
}

# Three epochs, one over the other, sub-page writes among them.
three_epochs()
{
	wb_io write -r 1 "$dev" 0 $((2 * MIB))
	wb_io sync "$dev"
	wb_io write -r 2 "$dev" $((1 * MIB)) $((2 * MIB))
	wb_io sync "$dev"
	wb_io write -g -b 512 3 "$dev" 0 $((256 * KIB))
	wb_io write -g -b 512 4 "$dev" $((8 * MIB)) $((256 * KIB))
}

# refused CODE TEXT COMMAND...: in one line with TEXT in it.
refused()
{
	local code=0 expected=$1 text=$2

	shift 2
	"$@" >"$work/out" 2>"$work/err" || code=$?
	cat "$work/err"
	expect "exit status of $*" "$code" -eq "$expected"
	expect "lines of error of $*" "$(wc -l <"$work/err")" -eq 1
	grep -qF -- "$text" "$work/err" || fail "it does not say '$text'"
}

replay()
{
	wbctl replay "$dump" "$@"
}
