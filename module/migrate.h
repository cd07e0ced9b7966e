/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A changed budget while there is dirty data.
 */
#ifndef WB_MIGRATE_H
#define WB_MIGRATE_H

struct wb_index;
struct wb_store;

/**
 * wb_migrate - copy all that is dirty to another map
 * @store: the store; writeback is stopped, no I/O is under way
 * @to: an empty map
 *
 * The old map looks as before to whoever counts or lists its blocks, but is good
 * for nothing else.  Clean blocks stay behind.  Sleeps.
 *
 * Return: 0, or -ENOSPC with nothing changed.
 */
int wb_migrate(struct wb_store *store, struct wb_index *to);

#endif /* WB_MIGRATE_H */
