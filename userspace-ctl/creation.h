/* SPDX-License-Identifier: GPL-2.0-only */
/* A device that is to be, and making it. */
#ifndef WBCTL_CREATION_H
#define WBCTL_CREATION_H

#include <stdbool.h>
#include <stdint.h>

#include "tunable.h"

/**
 * struct creation - what to make
 * @name: of the mapped device
 * @origin: path of the block device below
 * @mib: size of the cache
 * @values: of tunables, as text; NULL for the default
 * @read_cache: keep clean blocks
 * @no_read_cache: do not
 * @force: though the origin has other users
 */
struct creation {
	const char *name;
	const char *origin;
	uint64_t mib;
	const char *values[NR_TUNABLES];
	bool read_cache;
	bool no_read_cache;
	bool force;
};

/* Could a device have it?  Returns an exit code, the error printed with @where. */
int creation_check_name(const char *where, const char *name);

/* Makes the device.  Returns an exit code, the error printed. */
int creation_run(const struct creation *creation);

#endif
