/* SPDX-License-Identifier: GPL-2.0-only */
/* Options described once: parsed and shown by --help from the same table. */
#ifndef WBCTL_OPTS_H
#define WBCTL_OPTS_H

enum opt_kind {
	OPT_FLAG,		/* bool, set */
	OPT_TEXT,		/* const char *, not copied */
	OPT_SECONDS,		/* uint64_t, in milliseconds */
	OPT_MAYBE_SECONDS,	/* likewise, 1 s if none is given */
	OPT_NUMBER,		/* uint64_t */
};

/**
 * struct opt - one option
 * @name: long name
 * @letter: short name or 0
 * @metavar: what --help calls its value
 * @help: one line
 * @kind: what @target points to
 * @target: where the value goes
 */
struct opt {
	const char *name;
	char letter;
	const char *metavar;
	const char *help;
	enum opt_kind kind;
	void *target;
};

struct verb;

/*
 * Parses the options of @verb, moves the operands to the end of @argv and
 * returns where they begin.  Exits on --help and on a mistake.
 */
int opts_parse(const struct verb *verb, int argc, char **argv);

#endif
