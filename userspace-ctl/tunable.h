/* SPDX-License-Identifier: GPL-2.0-only */
/* The tunables of a device and the values that they take. */
#ifndef WBCTL_TUNABLE_H
#define WBCTL_TUNABLE_H

#include <stdbool.h>
#include <stdint.h>

enum tunable_id {
	TUNABLE_MODE,
	TUNABLE_HIGH_WATERMARK,
	TUNABLE_LOW_WATERMARK,
	TUNABLE_MAX_AGE,
	TUNABLE_WRITEBACK_JOBS,
	TUNABLE_PAUSE_WRITEBACK,
	TUNABLE_DRAIN_LIMIT,
	TUNABLE_SHUTDOWN_TIMEOUT,
	TUNABLE_ON_ERROR,
	TUNABLE_READ_CACHE,
	TUNABLE_WRITE_THROUGH,
	NR_TUNABLES
};

/**
 * struct tunable - one of them
 * @name: on the table line and in the ABI
 * @words: takes one of these, ended by NULL; else a number
 * @min: smallest number
 * @max: largest number
 * @unit: of the number, and what else to say of the range
 */
struct tunable {
	const char *name;
	const char *const *words;
	uint64_t min;
	uint64_t max;
	const char *unit;
};

extern const struct tunable tunables[NR_TUNABLES];

/* Prints their names and what they take, for --help. */
void tunables_help(void);

/* By its name, with "-" or "_"; exits with EXIT_USAGE if there is none. */
const struct tunable *tunable_find(const char *name);

/* Is @value within the range? */
bool tunable_takes(const struct tunable *tunable, const char *value);

/* Says on stderr that @value was refused for device @name, and the range. */
int tunable_refuse(const struct tunable *tunable, const char *name,
		   const char *value);

#endif
