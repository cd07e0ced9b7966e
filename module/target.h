/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WB_TARGET_H
#define WB_TARGET_H

#define WB_VERSION_MAJOR	1
#define WB_VERSION_MINOR	0
#define WB_VERSION_PATCH	0

#endif /* WB_TARGET_H */
