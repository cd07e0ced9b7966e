/* SPDX-License-Identifier: GPL-2.0-only */
/* What list and status can show of a struct device. */
#ifndef WBCTL_COLUMNS_H
#define WBCTL_COLUMNS_H

#include "table.h"

extern const struct column status_columns[];

#endif
