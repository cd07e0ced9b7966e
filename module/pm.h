/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the machine sleeps and wakes.
 */
#ifndef WB_PM_H
#define WB_PM_H

int wb_pm_init(void);
void wb_pm_exit(void);

#endif /* WB_PM_H */
