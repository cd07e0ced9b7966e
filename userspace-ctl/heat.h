/* SPDX-License-Identifier: GPL-2.0-only */
/* A strip across the terminal: how much of each part of a device is dirty. */
#ifndef WBCTL_HEAT_H
#define WBCTL_HEAT_H

#include <stdbool.h>
#include <stdint.h>

#define HEAT_MAX	250

/**
 * struct heat - the strip
 * @total: bytes of the device
 * @width: cells
 * @bytes: dirty bytes of each
 * @failed: is any of them failed
 */
struct heat {
	uint64_t total;
	unsigned int width;
	uint64_t bytes[HEAT_MAX];
	bool failed[HEAT_MAX];
};

/* As wide as the terminal on stdout. */
void heat_begin(struct heat *heat, uint64_t total);

void heat_add(struct heat *heat, uint64_t offset, uint64_t bytes, bool failed);

/* The strip, below it marks where something failed, and what it means. */
void heat_print(const struct heat *heat);

#endif
