/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a store is, in numbers: for the control node and the status line.
 */
#ifndef WB_STATE_H
#define WB_STATE_H

struct wb_ioc_status;
struct wb_store;

/**
 * wb_state_read - the state of a store
 * @store: the store
 * @st: all but size and flags is filled
 *
 * Sleeps, but never for as long as a drain takes.
 */
void wb_state_read(struct wb_store *store, struct wb_ioc_status *st);

#endif /* WB_STATE_H */
