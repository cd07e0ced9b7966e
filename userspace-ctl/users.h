/* SPDX-License-Identifier: GPL-2.0-only */
/* Who uses a block device. */
#ifndef WBCTL_USERS_H
#define WBCTL_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Puts "mounted on /mnt", "used for swap" or "held by dm-3" into @buf. */
bool device_in_use(unsigned int maj, unsigned int min, char *buf, size_t len);

/*
 * Is the file or directory @path on a filesystem that stands on @dev?  As far
 * as can be told: not through the network, nor a filesystem of several devices.
 */
bool file_stands_on(const char *path, dev_t dev);

#endif
