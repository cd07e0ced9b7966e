/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table line and the tunables: parsed, checked and printed.
 */
#ifndef WB_ARGS_H
#define WB_ARGS_H

#include <linux/types.h>
#include <uapi/linux/dm-writebehind.h>

struct dm_target;

/**
 * struct wb_options - what can be set on the table line or while in use
 * @mode: enum wb_mode
 * @high_watermark: percent of the budget above which writeback starts
 * @low_watermark: percent at which it stops
 * @writeback_jobs: write I/Os in flight at most
 * @max_age: milliseconds after which dirty data is written back
 * @pause_writeback: milliseconds of quiet after which it is written anyway
 * @drain_limit: seconds that a drain may take at the measured rate; 0 is off
 * @shutdown_timeout: seconds that a reboot waits for the drain
 * @on_error: enum wb_on_error
 * @read_cache: keep clean blocks
 * @write_through: a write ends when it is durable, in any mode
 */
struct wb_options {
	u32 mode;
	u32 high_watermark;
	u32 low_watermark;
	u32 writeback_jobs;
	u32 max_age;
	u32 pause_writeback;
	u32 drain_limit;
	u32 shutdown_timeout;
	u32 on_error;
	u32 read_cache;
	u32 write_through;
};

/**
 * struct wb_args - a table line
 * @origin: path or number of the origin; points into the line
 * @cache_mib: the budget
 * @opt: the tunables
 */
struct wb_args {
	const char *origin;
	u32 cache_mib;
	struct wb_options opt;
};

#define WB_MIN_CACHE_MIB	1
#define WB_MAX_CACHE_MIB	8388608	/* 8 TiB: block indices are 32 bits */

extern const char * const wb_mode_names[];
extern const char * const wb_on_error_names[];

/**
 * wb_args_parse - parse a table line
 * @ti: the target; its error is set on failure
 * @argc: number of words
 * @argv: the words
 * @args: to be filled in, defaults included
 *
 * Return: 0 or -EINVAL.
 */
int wb_args_parse(struct dm_target *ti, unsigned int argc, char **argv,
		  struct wb_args *args);

/**
 * wb_option_set - change one tunable
 * @opt: changed only on success
 * @name: as on the table line; read_cache and write_through take 0 or 1 here
 * @value: as on the table line
 * @why: set to one line that names the argument and its range on failure
 *
 * Return: 0, -EINVAL for an unknown name, -ERANGE for a refused value.
 */
int wb_option_set(struct wb_options *opt, const char *name, const char *value,
		  const char **why);

/* Prints the value of tunable @name; -EINVAL if there is none. */
int wb_option_get(const struct wb_options *opt, const char *name, char *value,
		  size_t size);

/* Prints count and list of the arguments that make @opt; returns their length. */
unsigned int wb_options_emit(const struct wb_options *opt, char *result,
			     unsigned int maxlen);

#endif /* WB_ARGS_H */
