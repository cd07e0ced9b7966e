/* SPDX-License-Identifier: GPL-2.0-only */
/* SIGINT, SIGTERM, SIGHUP, for what has to be ended in good order. */
#ifndef WBCTL_SIGNALS_H
#define WBCTL_SIGNALS_H

#include <signal.h>

/* One of them came since catch_signals(). */
extern volatile sig_atomic_t interrupted;

/*
 * From now on they set @interrupted and end what waits with EINTR; one that was ignored
 * by who started us still is, if it is SIGHUP.
 */
void catch_signals(void);

#endif
