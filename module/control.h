/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/writebehind: the interface of include/uapi/linux/dm-writebehind.h.
 */
#ifndef WB_CONTROL_H
#define WB_CONTROL_H

int wb_control_init(void);
void wb_control_exit(void);

#endif /* WB_CONTROL_H */
