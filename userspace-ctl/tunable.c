// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <linux/dm-writebehind.h>
#include <stdio.h>
#include <string.h>

#include "tunable.h"
#include "util.h"
#include "wbctl.h"

#define DAY_S	86400
#define DAY_MS	(DAY_S * 1000)

static const char *const modes[] = { "durable", "ordered", "volatile", NULL };
static const char *const on_errors[] = { "buffer", "writethrough", "refuse", NULL };

const struct tunable tunables[NR_TUNABLES] = {
	[TUNABLE_MODE] = { "mode", modes },
	[TUNABLE_HIGH_WATERMARK] = { "high_watermark", NULL, 1, 100,
		"percent, not below low_watermark" },
	[TUNABLE_LOW_WATERMARK] = { "low_watermark", NULL, 0, 100,
		"percent, not above high_watermark" },
	[TUNABLE_MAX_AGE] = { "max_age", NULL, 10, DAY_MS, "ms" },
	[TUNABLE_WRITEBACK_JOBS] = { "writeback_jobs", NULL, 1, 1024, "I/Os" },
	[TUNABLE_PAUSE_WRITEBACK] = { "pause_writeback", NULL, 0, DAY_MS, "ms" },
	[TUNABLE_DRAIN_LIMIT] = { "drain_limit", NULL, 0, DAY_S,
		"seconds, 0 for no limit" },
	[TUNABLE_SHUTDOWN_TIMEOUT] = { "shutdown_timeout", NULL, 1, DAY_S, "seconds" },
	[TUNABLE_ON_ERROR] = { "on_error", on_errors },
	[TUNABLE_READ_CACHE] = { "read_cache", NULL, 0, 1, "(off or on)" },
	[TUNABLE_WRITE_THROUGH] = { "write_through", NULL, 0, 1, "(off or on)" },
};

void tunables_help(void)
{
	printf("\nTunables:\n");
	for (size_t i = 0; i < NR_TUNABLES; i++) {
		const struct tunable *t = tunables + i;

		printf("  %-17s", t->name);
		if (!t->words)
			printf("%" PRIu64 " to %" PRIu64 " %s", t->min, t->max, t->unit);
		for (const char *const *word = t->words; word && *word; word++)
			printf("%s%s", word == t->words ? "" : ", ", *word);
		putchar('\n');
	}
}

static bool same_name(const char *a, const char *b)
{
	while (*a && (*a == *b || (*a == '_' && *b == '-')))
		a++, b++;
	return *a == *b;
}

const struct tunable *tunable_find(const char *name)
{
	for (size_t i = 0; i < NR_TUNABLES; i++)
		if (same_name(tunables[i].name, name))
			return tunables + i;
	die(EXIT_USAGE, "%s: no such option: wbctl get NAME shows them", name);
}

bool tunable_takes(const struct tunable *tunable, const char *value)
{
	uint64_t number;

	/* what has more zeros in front than the kernel takes */
	if (strlen(value) >= WB_VALUE_LEN)
		return false;
	for (const char *const *word = tunable->words; word && *word; word++)
		if (!strcmp(*word, value))
			return true;
	return !tunable->words && parse_u64(value, &number) &&
	       number >= tunable->min && number <= tunable->max;
}

int tunable_refuse(const struct tunable *tunable, const char *name,
		   const char *value)
{
	char range[128];

	if (tunable->words)
		snprintf(range, sizeof(range), "%s, %s or %s", tunable->words[0],
			 tunable->words[1], tunable->words[2]);
	else
		snprintf(range, sizeof(range), "%" PRIu64 " to %" PRIu64 " %s",
			 tunable->min, tunable->max, tunable->unit);
	return fail(EXIT_FAILED, "%s: %s %s: refused: allowed is %s", name,
		    tunable->name, value, range);
}
