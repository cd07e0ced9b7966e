/* SPDX-License-Identifier: GPL-2.0-only */
/* What an earlier run of a replay wrote is worth something only if it is still there. */
#ifndef WBCTL_REPLAY_RESUME_H
#define WBCTL_REPLAY_RESUME_H

#include "dumpfile.h"
#include "replay_state.h"

/*
 * Compares what should be on the device, opened as @fd, with @dump.  If it is not there,
 * says so and has @state start over.  Returns an exit code: not done if it was interrupted.
 */
int replay_resume(struct dump *dump, int fd, const char *path,
		  struct replay_state *state);

#endif
