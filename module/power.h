/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine goes down, or to sleep: all stores are drained, each for its
 * shutdown_timeout at most, and what could not be written is said on the console.
 */
#ifndef WB_POWER_H
#define WB_POWER_H

int wb_power_init(void);
void wb_power_exit(void);

/**
 * wb_power_sleep - the machine is about to sleep
 *
 * Until wb_power_wake() writes end when they are durable, but on stores that could not be
 * drained.  Sleeps.
 *
 * Return: 0, or -EINTR for who was killed: then it is as if it woke.
 */
int wb_power_sleep(void);
void wb_power_wake(void);

#endif /* WB_POWER_H */
