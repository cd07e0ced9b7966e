/* SPDX-License-Identifier: GPL-2.0-only */
/* How far a drain is: a bar on a terminal, now and then a line elsewhere. */
#ifndef WBCTL_PROGRESS_H
#define WBCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct drain;

/**
 * struct progress - what was shown
 * @bar: stdout is a terminal
 * @when: the last line was printed, by now_ms()
 * @dirty: bytes on that line
 */
struct progress {
	bool bar;
	uint64_t when;
	uint64_t dirty;
};

void progress_begin(struct progress *progress, const struct drain *drain);
void progress_update(struct progress *progress, const struct drain *drain);
void progress_end(const struct progress *progress);

#endif
