/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs of wbcrash. Each returns its exit status: 0 fine, 1 a violation,
 * 2 wrong usage or no verdict possible.
 */
#ifndef WBCRASH_VERBS_H
#define WBCRASH_VERBS_H

#include <stdbool.h>

enum mode { DURABLE, ORDERED, VOLATILE };

int run_main(int argc, char **argv);
int judge_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int selftest_main(int argc, char **argv);
int step_main(int argc, char **argv);
int flushes_main(int argc, char **argv);

/**
 * judge - what an image may hold after a crash
 * @log: file with what the workload had said
 * @name: of the workload, as several may share a log
 * @image: file or disk
 * @mode: whose promise it must keep
 * @quiet: say nothing
 */
int judge(const char *log, const char *name, const char *image, enum mode mode,
	  bool quiet);

/* -1 for a word that is no mode. */
int mode_from(const char *word);

#endif
