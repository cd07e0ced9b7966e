/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows kernel versions: 6.1 and 6.12 are built and tested.
 */
#ifndef WB_COMPAT_H
#define WB_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "dm-writebehind needs Linux 6.1 or later"
#endif

#endif /* WB_COMPAT_H */
