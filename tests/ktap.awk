# SPDX-License-Identifier: GPL-2.0-only
#
# Counts results in KTAP, nested or not: prints how many passed, failed and were
# skipped.  A result behind more deeply indented ones sums them up: it counts
# only if it failed and none of them did.  So do results that a plan promised and
# that did not come; a plan may stand before its results or behind them.

function close_plan(depth)
{
	if (depth in planned && planned[depth] > came[depth])
		lost += planned[depth] - came[depth]
	delete planned[depth]
	delete came[depth]
}

{
	match($0, /^ */)
	depth = RLENGTH
}

/^ *KTAP version/ {
	close_plan(depth)
}

/^ *1\.\.[0-9]+/ {
	if (depth in planned)
		close_plan(depth)
	planned[depth] = substr($1, 4)
}

/^ *(not )?ok [0-9]/ {
	came[depth]++
	bad = $1 == "not"
	if (last > depth) {
		for (d = depth + 1; d <= last; d++)
			close_plan(d)
		if (bad && !below && !lost)
			failed++
		failed += lost
		if (depth)
			below += bad
		else
			below = 0
		lost = 0
	} else if ($0 ~ /# SKIP/) {
		skipped++
	} else if (bad) {
		failed++
		below++
	} else {
		passed++
	}
	last = depth
}

END {
	for (depth in planned)
		close_plan(depth)
	print passed + 0, failed + lost, skipped + 0
}
