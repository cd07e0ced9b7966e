// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table line and the tunables.
 */
#include "args.h"

#include <linux/device-mapper.h>
#include <linux/kernel.h>
#include <linux/string.h>

const char * const wb_mode_names[] = {
	[WB_MODE_DURABLE] = "durable",
	[WB_MODE_ORDERED] = "ordered",
	[WB_MODE_VOLATILE] = "volatile",
};

static const struct wb_options wb_defaults = {
	.mode = WB_MODE_DURABLE,
	.high_watermark = 50,
	.low_watermark = 45,
	.writeback_jobs = 32,
	.max_age = 5000,
	.pause_writeback = 1000,
};

/*
 * The numeric tunables.  The lower watermark cannot be above the higher one,
 * which is checked when all are known.
 */
static const struct wb_tunable {
	const char *name;
	size_t offset;
	u32 min;
	u32 max;
	const char *why;
} wb_tunables[] = {
	{ "high_watermark", offsetof(struct wb_options, high_watermark), 1, 100,
	  "high_watermark: allowed are 1 to 100 percent" },
	{ "low_watermark", offsetof(struct wb_options, low_watermark), 0, 100,
	  "low_watermark: allowed are 0 to 100 percent, not above high_watermark" },
	{ "max_age", offsetof(struct wb_options, max_age), 10, 86400000,
	  "max_age: allowed are 10 to 86400000 milliseconds" },
	{ "writeback_jobs", offsetof(struct wb_options, writeback_jobs), 1, 1024,
	  "writeback_jobs: allowed are 1 to 1024" },
	{ "pause_writeback", offsetof(struct wb_options, pause_writeback), 0, 86400000,
	  "pause_writeback: allowed are 0 to 86400000 milliseconds" },
	{ "drain_limit", offsetof(struct wb_options, drain_limit), 0, 86400,
	  "drain_limit: allowed are 0 (off) to 86400 seconds" },
};

/* More than fits a line, but each is one message. */
#define WB_UNKNOWN \
	"unknown argument: allowed are mode, high_watermark, low_watermark, max_age, writeback_jobs, pause_writeback, drain_limit, read_cache, no_read_cache"
#define WB_USAGE \
	"too few arguments: allowed is <origin> <cache MiB> [<#args> <name> [<value>] ...]"

static const char wb_low_above_high[] =
	"low_watermark: allowed are 0 to high_watermark";

static const struct wb_tunable *wb_tunable_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wb_tunables); i++)
		if (!strcmp(name, wb_tunables[i].name))
			return &wb_tunables[i];
	return NULL;
}

static u32 *wb_tunable_field(const struct wb_tunable *t, struct wb_options *opt)
{
	return (u32 *)((char *)opt + t->offset);
}

static int wb_number_set(struct wb_options *opt, const char *name,
			 const char *value, const char **why)
{
	const struct wb_tunable *t = wb_tunable_find(name);
	u32 n;

	if (!t) {
		*why = WB_UNKNOWN;
		return -EINVAL;
	}
	if (kstrtou32(value, 10, &n) || n < t->min || n > t->max) {
		*why = t->why;
		return -ERANGE;
	}
	*wb_tunable_field(t, opt) = n;
	return 0;
}

static int wb_word_set(struct wb_options *opt, const char *name,
		       const char *value, const char **why)
{
	int i;

	if (!strcmp(name, "mode")) {
		i = match_string(wb_mode_names, ARRAY_SIZE(wb_mode_names), value);
		if (i < 0) {
			*why = "mode: allowed are durable, ordered, volatile";
			return -ERANGE;
		}
		opt->mode = i;
		return 0;
	}
	if (!strcmp(name, "read_cache")) {
		if (kstrtou32(value, 10, &opt->read_cache) || opt->read_cache > 1) {
			*why = "read_cache: allowed are 0 and 1";
			return -ERANGE;
		}
		return 0;
	}
	return wb_number_set(opt, name, value, why);
}

static bool wb_options_agree(const struct wb_options *opt, const char **why)
{
	if (opt->low_watermark <= opt->high_watermark)
		return true;
	*why = wb_low_above_high;
	return false;
}

int wb_option_set(struct wb_options *opt, const char *name, const char *value,
		  const char **why)
{
	struct wb_options new = *opt;
	int r = wb_word_set(&new, name, value, why);

	if (r)
		return r;
	if (!wb_options_agree(&new, why))
		return -ERANGE;
	*opt = new;
	return 0;
}

int wb_option_get(const struct wb_options *opt, const char *name, char *value,
		  size_t size)
{
	const struct wb_tunable *t = wb_tunable_find(name);
	struct wb_options copy = *opt;

	if (t)
		snprintf(value, size, "%u", *wb_tunable_field(t, &copy));
	else if (!strcmp(name, "mode"))
		snprintf(value, size, "%s", wb_mode_names[opt->mode]);
	else if (!strcmp(name, "read_cache"))
		snprintf(value, size, "%u", opt->read_cache);
	else
		return -EINVAL;
	return 0;
}

/* A bit for each argument, to find the doubled one. */
static int wb_option_bit(const char *name)
{
	const struct wb_tunable *t = wb_tunable_find(name);

	if (t)
		return t - wb_tunables;
	if (!strcmp(name, "mode"))
		return ARRAY_SIZE(wb_tunables);
	return ARRAY_SIZE(wb_tunables) + 1;
}

static int wb_arg_parse(struct dm_arg_set *as, unsigned int *left,
			struct wb_options *opt, unsigned long *seen,
			const char **why)
{
	const char *name = dm_shift_arg(as);
	const char *value;

	(*left)--;
	if (!strcmp(name, "read_cache")) {
		value = "1";
	} else if (!strcmp(name, "no_read_cache")) {
		name = "read_cache";
		value = "0";
	} else {
		value = *left ? dm_shift_arg(as) : "";
		if (*left)
			(*left)--;
	}
	if (wb_word_set(opt, name, value, why))
		return -EINVAL;
	if (__test_and_set_bit(wb_option_bit(name), seen)) {
		*why = "argument given twice: allowed is each of them once";
		return -EINVAL;
	}
	return 0;
}

static int wb_optional_parse(struct dm_arg_set *as, struct wb_options *opt,
			     const char **why)
{
	static const struct dm_arg counts[] = {
		{ 0, 2 * (ARRAY_SIZE(wb_tunables) + 2),
		  "#args: allowed are 0 to 16, as many as words follow" },
	};
	char *error = (char *)counts[0].error;
	unsigned long seen = 0;
	unsigned int left;

	if (!as->argc)
		return 0;
	if (dm_read_arg_group(counts, as, &left, &error)) {
		*why = counts[0].error;
		return -EINVAL;
	}
	if (left != as->argc) {
		*why = counts[0].error;
		return -EINVAL;
	}
	while (left)
		if (wb_arg_parse(as, &left, opt, &seen, why))
			return -EINVAL;

	/* A high mark that was lowered alone takes the default low one along. */
	if (!test_bit(wb_option_bit("low_watermark"), &seen))
		opt->low_watermark = min(opt->low_watermark, opt->high_watermark);
	return wb_options_agree(opt, why) ? 0 : -EINVAL;
}

int wb_args_parse(struct dm_target *ti, unsigned int argc, char **argv,
		  struct wb_args *args)
{
	struct dm_arg_set as = { .argc = argc, .argv = argv };
	const char *why = NULL;

	if (argc < 2) {
		ti->error = WB_USAGE;
		return -EINVAL;
	}
	args->origin = dm_shift_arg(&as);
	args->opt = wb_defaults;
	if (kstrtou32(dm_shift_arg(&as), 10, &args->cache_mib) ||
	    args->cache_mib < WB_MIN_CACHE_MIB ||
	    args->cache_mib > WB_MAX_CACHE_MIB) {
		ti->error = "cache MiB: allowed are 1 to 8388608";
		return -EINVAL;
	}
	if (wb_optional_parse(&as, &args->opt, &why)) {
		ti->error = (char *)why;
		return -EINVAL;
	}
	return 0;
}

unsigned int wb_options_emit(const struct wb_options *opt, char *result,
			     unsigned int maxlen)
{
	struct wb_options copy = *opt;
	unsigned int sz = 0, count = 3;
	unsigned int i;

	count += 2 * ARRAY_SIZE(wb_tunables);
	DMEMIT("%u mode %s", count, wb_mode_names[opt->mode]);
	for (i = 0; i < ARRAY_SIZE(wb_tunables); i++)
		DMEMIT(" %s %u", wb_tunables[i].name,
		       *wb_tunable_field(&wb_tunables[i], &copy));
	DMEMIT(" %s", opt->read_cache ? "read_cache" : "no_read_cache");
	return sz;
}
