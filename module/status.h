/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dmsetup sees and says: status, table, messages.
 */
#ifndef WB_STATUS_H
#define WB_STATUS_H

#include <linux/types.h>

struct wb_store;

/* The status line; returns its length. */
unsigned int wb_status_emit(struct wb_store *store, char *result,
			    unsigned int maxlen);

/**
 * wb_message - flush, set <name> <value>, freeze, thaw, clear_stats
 * @store: the store
 * @argc: number of words
 * @argv: the words
 *
 * Starts work and never waits for it.  Return: 0 or -EINVAL or -ERANGE, with
 * the reason in the kernel log.
 */
int wb_message(struct wb_store *store, unsigned int argc, char **argv);

#endif /* WB_STATUS_H */
