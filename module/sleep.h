/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine sleeps: what is dirty is written before, and what is written on the way goes
 * through to the origin.
 */
#ifndef WB_SLEEP_H
#define WB_SLEEP_H

/**
 * enum wb_sleep - what becomes of the memory
 * @WB_SLEEP_IN_RAM: it is kept, as long as there is power
 * @WB_SLEEP_IN_IMAGE: it goes to a disk, which may be ours
 * @WB_SLEEP_FOR_EVER: it makes way for such an image
 */
enum wb_sleep {
	WB_SLEEP_IN_RAM,
	WB_SLEEP_IN_IMAGE,
	WB_SLEEP_FOR_EVER,
};

/**
 * wb_sleep - the machine is about to sleep
 * @how: see there
 *
 * Waits for each store for its shutdown_timeout at most, and for none that fails or whose
 * writeback is held: what these have is said in the kernel's log.  Sleeps; can be killed.
 *
 * Return: 0; then wb_wake() is to be called once.  -EINTR, or -EBUSY if the machine must not
 * sleep like that: with data that would be lost, or, in an image, that a disk has not taken
 * yet which is well.
 */
int wb_sleep(enum wb_sleep how);
void wb_wake(void);

#endif /* WB_SLEEP_H */
