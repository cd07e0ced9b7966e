/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine sleeps: what is dirty is written before, and what is written on the way goes
 * through to the origin.
 */
#ifndef WB_SLEEP_H
#define WB_SLEEP_H

#include "flush.h"

/**
 * wb_sleep - the machine is about to sleep
 * @how: but for WB_AWAKE
 *
 * Waits for each store for its shutdown_timeout at most, and for none that fails or whose
 * writeback is held: what these have is said in the kernel's log.  Sleeps; can be killed.
 *
 * Return: 0; then wb_wake() is to be called once.  -EINTR, or -EBUSY if the machine must not
 * sleep like that: what is dirty would be lost, or may come to the disk twice and so out of
 * order.
 */
int wb_sleep(enum wb_sleep how);
void wb_wake(void);

#endif /* WB_SLEEP_H */
