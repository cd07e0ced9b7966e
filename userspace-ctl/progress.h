/* SPDX-License-Identifier: GPL-2.0-only */
/* How far a long job is: a bar on a terminal, now and then a line elsewhere. */
#ifndef WBCTL_PROGRESS_H
#define WBCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ETA_UNKNOWN	UINT64_MAX

/**
 * struct progress - what was shown
 * @out: where to; NULL for nowhere
 * @name: of what is worked on
 * @total: bytes to do
 * @bar: @out is a terminal
 * @started: by now_ms()
 * @when: the last line was printed
 * @done: bytes on that line
 */
struct progress {
	FILE *out;
	const char *name;
	uint64_t total;
	bool bar;
	uint64_t started;
	uint64_t when;
	uint64_t done;
};

/* @doing as in "flushing". */
void progress_begin(struct progress *progress, FILE *out, const char *name,
		    const char *doing, uint64_t total);

/* @done bytes of the total are, at @rate bytes a second, the rest in @eta_ms. */
void progress_update(struct progress *progress, uint64_t done, uint64_t rate,
		     uint64_t eta_ms);

/* The same at the mean rate since the beginning. */
void progress_steady(struct progress *progress, uint64_t done);

void progress_end(const struct progress *progress);

#endif
