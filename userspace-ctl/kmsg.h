/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel said about the target while something was tried. */
#ifndef WBCTL_KMSG_H
#define WBCTL_KMSG_H

#include <stdbool.h>
#include <stddef.h>

/* From here on.  Returns a descriptor, -1 if the log cannot be read. */
int kmsg_open(void);

/*
 * Puts the last message of the target since kmsg_open() into @buf, without
 * what names the device; false if there was none.  Closes @fd.
 */
bool kmsg_close(int fd, char *buf, size_t len);

#endif
