/* SPDX-License-Identifier: GPL-2.0-only */
/* One flush of one device: started, then waited for, with progress shown. */
#ifndef WBCTL_DRAIN_H
#define WBCTL_DRAIN_H

#include <stdint.h>

#include "device.h"

#define NO_DEADLINE	UINT64_MAX

/**
 * struct drain - a flush under way
 * @dev: the device, its state read anew as the drain goes on
 * @epoch: to become durable
 * @attempts: that had failed before it was asked for
 * @total: dirty bytes at the start
 * @done: of these, are not dirty any more; never becomes less
 * @started: by now_ms()
 */
struct drain {
	struct device dev;
	uint64_t epoch;
	uint64_t attempts;
	uint64_t total;
	uint64_t done;
	uint64_t started;
};

/* When a wait of @timeout milliseconds from now ends; NO_DEADLINE for ever. */
uint64_t deadline_after(uint64_t timeout);

/* Starts to flush @dev.  Returns an exit code, the error printed. */
int drain_start(struct drain *drain, const struct device *dev);

/*
 * Waits for @ms milliseconds at most, and reads the state anew.  Returns 0 when
 * what drain_start() found is durable, ETIMEDOUT if it is not yet, or an errno.
 */
int drain_poll(struct drain *drain, uint64_t ms);

/*
 * Waits until what drain_start() found is durable, the deadline is there, or
 * SIGINT or SIGTERM comes.  Returns an exit code, the outcome printed.
 */
int drain_wait(struct drain *drain, uint64_t deadline);

#endif
