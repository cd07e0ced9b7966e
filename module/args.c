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

const char * const wb_on_error_names[] = {
	[WB_ON_ERROR_BUFFER] = "buffer",
	[WB_ON_ERROR_WRITETHROUGH] = "writethrough",
	[WB_ON_ERROR_REFUSE] = "refuse",
};

static const char * const wb_switch_names[] = { "0", "1" };

static const struct wb_options wb_defaults = {
	.mode = WB_MODE_DURABLE,
	.high_watermark = 50,
	.low_watermark = 45,
	.writeback_jobs = 32,
	.max_age = 5000,
	.pause_writeback = 1000,
	.shutdown_timeout = 60,
	.on_error = WB_ON_ERROR_BUFFER,
};

/*
 * The tunables: numbers, words, and switches, which are words on the table line
 * ("read_cache", "no_read_cache") and 0 or 1 elsewhere.  The lower watermark
 * cannot be above the higher one, which is checked when all are known.
 */
static const struct wb_tunable {
	const char *name;
	size_t offset;
	const char * const *words;	/* NULL for a number */
	u32 min;
	u32 max;			/* or the last of the words */
	const char *why;
} wb_tunables[] = {
	{ "mode", offsetof(struct wb_options, mode), wb_mode_names,
	  0, WB_MODE_VOLATILE, "mode: allowed are durable, ordered, volatile" },
	{ "high_watermark", offsetof(struct wb_options, high_watermark), NULL, 1, 100,
	  "high_watermark: allowed are 1 to 100 percent" },
	{ "low_watermark", offsetof(struct wb_options, low_watermark), NULL, 0, 100,
	  "low_watermark: allowed are 0 to 100 percent, not above high_watermark" },
	{ "max_age", offsetof(struct wb_options, max_age), NULL, 10, 86400000,
	  "max_age: allowed are 10 to 86400000 milliseconds" },
	{ "writeback_jobs", offsetof(struct wb_options, writeback_jobs), NULL, 1, 1024,
	  "writeback_jobs: allowed are 1 to 1024" },
	{ "pause_writeback", offsetof(struct wb_options, pause_writeback), NULL, 0, 86400000,
	  "pause_writeback: allowed are 0 to 86400000 milliseconds" },
	{ "drain_limit", offsetof(struct wb_options, drain_limit), NULL, 0, 86400,
	  "drain_limit: allowed are 0 (off) to 86400 seconds" },
	{ "shutdown_timeout", offsetof(struct wb_options, shutdown_timeout), NULL, 1, 86400,
	  "shutdown_timeout: allowed are 1 to 86400 seconds" },
	{ "on_error", offsetof(struct wb_options, on_error), wb_on_error_names,
	  0, WB_ON_ERROR_REFUSE, "on_error: allowed are buffer, writethrough, refuse" },
	{ "read_cache", offsetof(struct wb_options, read_cache), wb_switch_names, 0, 1,
	  "read_cache: allowed are 0 and 1" },
	{ "write_through", offsetof(struct wb_options, write_through), wb_switch_names, 0, 1,
	  "write_through: allowed are 0 and 1" },
};

/* More than fits a line, but each is one message. */
#define WB_UNKNOWN \
	"unknown argument: allowed are mode, high_watermark, low_watermark, max_age, writeback_jobs, pause_writeback, drain_limit, shutdown_timeout, on_error, [no_]read_cache, [no_]write_through"
#define WB_USAGE \
	"too few arguments: allowed is <origin> <cache MiB> [<#args> <name> [<value>] ...]"
#define WB_MOST_WORDS		20	/* two each, one for a switch */

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

static bool wb_tunable_is_switch(const struct wb_tunable *t)
{
	return t->words == wb_switch_names;
}

static u32 *wb_tunable_field(const struct wb_tunable *t, struct wb_options *opt)
{
	return (u32 *)((char *)opt + t->offset);
}

static int wb_tunable_parse(const struct wb_tunable *t, const char *value, u32 *n)
{
	int i;

	if (!t->words)
		return kstrtou32(value, 10, n) || *n < t->min || *n > t->max;
	i = match_string(t->words, t->max + 1, value);
	*n = i;
	return i < 0;
}

static int wb_tunable_set(struct wb_options *opt, const char *name,
			  const char *value, const char **why)
{
	const struct wb_tunable *t = wb_tunable_find(name);
	u32 n;

	if (!t) {
		*why = WB_UNKNOWN;
		return -EINVAL;
	}
	if (wb_tunable_parse(t, value, &n)) {
		*why = t->why;
		return -ERANGE;
	}
	*wb_tunable_field(t, opt) = n;
	return 0;
}

static int wb_tunable_print(const struct wb_tunable *t,
			    const struct wb_options *opt, char *to, size_t size)
{
	u32 n = *wb_tunable_field(t, (struct wb_options *)opt);

	if (t->words)
		return scnprintf(to, size, "%s", t->words[n]);
	return scnprintf(to, size, "%u", n);
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
	int r = wb_tunable_set(&new, name, value, why);

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

	if (!t)
		return -EINVAL;
	wb_tunable_print(t, opt, value, size);
	return 0;
}

/* The value of the argument that was shifted last: of a switch its own name. */
static const char *wb_arg_value(struct dm_arg_set *as, unsigned int *left,
				const char **name)
{
	const struct wb_tunable *t;
	bool no = !strncmp(*name, "no_", 3);

	t = wb_tunable_find(no ? *name + 3 : *name);
	if (t && wb_tunable_is_switch(t)) {
		*name = t->name;
		return no ? "0" : "1";
	}
	if (!*left)
		return "";
	(*left)--;
	return dm_shift_arg(as);
}

static int wb_arg_parse(struct dm_arg_set *as, unsigned int *left,
			struct wb_options *opt, unsigned long *seen,
			const char **why)
{
	const char *name = dm_shift_arg(as);
	const char *value;

	(*left)--;
	value = wb_arg_value(as, left, &name);
	if (wb_tunable_set(opt, name, value, why))
		return -EINVAL;
	if (__test_and_set_bit(wb_tunable_find(name) - wb_tunables, seen)) {
		*why = "argument given twice: allowed is each of them once";
		return -EINVAL;
	}
	return 0;
}

static int wb_optional_parse(struct dm_arg_set *as, struct wb_options *opt,
			     const char **why)
{
	static const struct dm_arg counts[] = {
		{ 0, WB_MOST_WORDS,
		  "#args: allowed are 0 to 20, as many as words follow" },
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
	if (!test_bit(wb_tunable_find("low_watermark") - wb_tunables, &seen))
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

static unsigned int wb_tunable_emit(const struct wb_tunable *t,
				    const struct wb_options *opt, char *result,
				    unsigned int maxlen)
{
	unsigned int sz = 0;
	u32 on = *wb_tunable_field(t, (struct wb_options *)opt);

	if (wb_tunable_is_switch(t)) {
		DMEMIT(" %s%s", on ? "" : "no_", t->name);
		return sz;
	}
	DMEMIT(" %s ", t->name);
	return sz + wb_tunable_print(t, opt, result + sz, maxlen - sz);
}

unsigned int wb_options_emit(const struct wb_options *opt, char *result,
			     unsigned int maxlen)
{
	unsigned int sz = 0, words = 0, i;

	for (i = 0; i < ARRAY_SIZE(wb_tunables); i++)
		words += wb_tunable_is_switch(&wb_tunables[i]) ? 1 : 2;
	DMEMIT("%u", words);
	for (i = 0; i < ARRAY_SIZE(wb_tunables); i++)
		sz += wb_tunable_emit(&wb_tunables[i], opt, result + sz,
				      maxlen - sz);
	return sz;
}
