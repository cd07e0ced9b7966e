# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ../lib.sh, and what the parts of bench share that run in a guest.

# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# fio_on DEVICE FIO-ARGUMENT...: 4 KiB random writes if it is not told otherwise; prints
# fio's JSON.
fio_on()
{
	fio --name=job --filename="$1" --direct=1 --ioengine=io_uring \
		--rw=randwrite --bs=4k --norandommap --randrepeat=0 \
		--group_reporting --output-format=json "${@:2}"
}

# ms COMMAND...: how long it took.
ms()
{
	local start=${EPOCHREALTIME/./}

	"$@" >&2 || return
	echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

# keep RESULT JQ-ARGUMENT...: the object that the filter makes, and what it was measured
# on, as $WB_OUT/RESULT.json.
keep()
{
	local file=$WB_OUT/$1.json

	shift
	jq -n "$@" | jq --arg kernel "$(uname -r)" --argjson vcpus "$(nproc)" \
		--arg accel "$WB_ACCEL" \
		'{kernel: $kernel, vcpus: $vcpus, accelerator: $accel} + .' >"$file"
}

# columns RESULT FILTER: rows that the filter makes of it.
columns()
{
	jq -r "def round2: . * 100 | round / 100; def percent: . * 100 | round2; ($2) | @tsv" \
		"$WB_OUT/$1.json" | column -t -s "$(printf '\t')"
}
