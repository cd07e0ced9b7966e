/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the machine sleeps and wakes.
 */
#ifndef WB_SLEEP_H
#define WB_SLEEP_H

int wb_sleep_init(void);
void wb_sleep_exit(void);

#endif /* WB_SLEEP_H */
