/* SPDX-License-Identifier: GPL-2.0-only */
/* What systemd needs to assemble and stop the devices of writebehind.conf(5). */
#ifndef WBCTL_UNITS_H
#define WBCTL_UNITS_H

#include "conf.h"

/*
 * Writes a service for each line of @conf, read from @path, to @dir, as a generator
 * does, and what pulls it in.  Returns an exit code, the error printed.
 */
int units_write(const struct conf *conf, const char *path, const char *dir);

#endif
