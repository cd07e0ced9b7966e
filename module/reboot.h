/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine goes down: all stores are drained, each for its shutdown_timeout at most,
 * and what could not be written is said on the console.
 */
#ifndef WB_REBOOT_H
#define WB_REBOOT_H

int wb_reboot_init(void);
void wb_reboot_exit(void);

#endif /* WB_REBOOT_H */
