/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The judge, for who has more than one image of a history.
 */
#ifndef WBCRASH_TRIAL_H
#define WBCRASH_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verbs.h"

struct trial;

/**
 * trial_new - prepare to judge
 * @log: file with what the workload had said
 * @name: of the workload
 * @mode: whose promise must be kept
 * @ended: images are of the end of the log: what it says was acknowledged must
 *	be there; else only what trial_hold() says
 * @quiet: say nothing
 *
 * Return: NULL, having said why, if the log tells nothing of @name.
 */
struct trial *trial_new(const char *log, const char *name, enum mode mode,
			bool ended, bool quiet);
void trial_free(struct trial *t);
void trial_quiet(struct trial *t, bool quiet);

/* What is judged, zeroes at first, to be changed by the caller. */
unsigned char *trial_image(struct trial *t, size_t *size);

/* From now on all that had completed before a flush must be there. */
void trial_hold(struct trial *t, uint32_t flush);

/* Whether it keeps the promise. */
bool trial_judge(struct trial *t);

#endif
