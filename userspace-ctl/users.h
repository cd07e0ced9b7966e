/* SPDX-License-Identifier: GPL-2.0-only */
/* Who uses a block device. */
#ifndef WBCTL_USERS_H
#define WBCTL_USERS_H

#include <stdbool.h>
#include <stddef.h>

/* Puts "mounted on /mnt", "used for swap" or "held by dm-3" into @buf. */
bool device_in_use(unsigned int maj, unsigned int min, char *buf, size_t len);

#endif
