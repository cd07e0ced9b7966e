/* SPDX-License-Identifier: GPL-2.0-only */
/* writebehind.conf(5): the devices that are to be there after a boot. */
#ifndef WBCTL_CONF_H
#define WBCTL_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "creation.h"

#define CONF_PATH	"/etc/writebehind.conf"
#define CONF_STOP_MS	60000	/* for the drain when it is stopped */

/**
 * struct conf_entry - one line
 * @creation: the device; what it points to belongs to the configuration
 * @stop_ms: removal gives the drain so long
 * @nofail: a boot does not wait for it, nor fail without it
 * @noauto: not at boot
 * @netdev: its origin needs the network
 * @initramfs: made before the root filesystem is mounted, and never removed
 */
struct conf_entry {
	struct creation creation;
	uint64_t stop_ms;
	bool nofail;
	bool noauto;
	bool netdev;
	bool initramfs;
};

struct conf {
	struct conf_entry *entries;
	size_t nr;
};

/*
 * Reads the file at @path.  Says of each line that is wrong what is, and leaves it
 * out; returns an exit code, and the good lines in any case.
 */
int conf_read(const char *path, struct conf *conf);

/* The line of @name, or NULL. */
const struct conf_entry *conf_find(const struct conf *conf, const char *name);

#endif
