/* SPDX-License-Identifier: GPL-2.0-only */
/* What has to be right before a replay writes. */
#ifndef WBCTL_REPLAY_CHECK_H
#define WBCTL_REPLAY_CHECK_H

#include "dumpfile.h"
#include "replay_state.h"

#define ALL_EPOCHS	UINT64_MAX

/**
 * struct replay_plan - what a whole read of a dump found
 * @epoch: the last one that is wanted
 * @records: that belong to it or before
 * @bytes: in those
 * @end: sector behind the last of those
 */
struct replay_plan {
	uint64_t epoch;
	uint64_t records;
	uint64_t bytes;
	uint64_t end;
};

/*
 * Reads all of @dump, checks all its CRCs, says what is damaged, and makes the
 * plan for @plan->epoch.  Damage behind that epoch is no harm.  Returns an exit
 * code, the error printed.
 */
int replay_check_dump(struct dump *dump, struct replay_plan *plan);

/*
 * Is @device the one that the dump belongs to, or a blank one?  Warns and
 * refuses; with @force refuses only what is too small.  Returns an exit code.
 */
int replay_check_device(const struct dump *dump, const struct replay_plan *plan,
			const struct replay_device *device,
			const struct replay_state *state, bool force);

#endif
