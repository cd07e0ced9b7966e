/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters and state as Prometheus reads them. */
#ifndef WBCTL_PROMETHEUS_H
#define WBCTL_PROMETHEUS_H

#include "device.h"

/*
 * Prints the text format: for each metric its help, its type, and a line for
 * each of the @nr devices, whose counters are in @stats.
 */
void prometheus(const struct device *devs, const struct wb_ioc_stats *stats,
		size_t nr);

#endif
