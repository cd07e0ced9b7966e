/* SPDX-License-Identifier: GPL-2.0-only */
/* The mapped device itself: made, removed. */
#ifndef WBCTL_MAPPER_H
#define WBCTL_MAPPER_H

#include <stdbool.h>
#include <stdint.h>

/* Keeps the library's messages off stderr; they go into what the calls say. */
void mapper_init(void);

/* Is there a mapped device @name? */
bool mapper_exists(const char *name);

/*
 * Makes the device @name of one writebehind line; leaves nothing behind when
 * that fails.  Returns 0 or an errno; mapper_complaint() says more.
 */
int mapper_create(const char *name, uint64_t sectors, const char *params);

/* Removes the device @name.  Returns as mapper_create(). */
int mapper_remove(const char *name);

/* Why the last call failed. */
const char *mapper_complaint(void);

#endif
