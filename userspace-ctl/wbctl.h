/* SPDX-License-Identifier: GPL-2.0-only */
/* What every verb has in common: exit codes and the verb table. */
#ifndef WBCTL_H
#define WBCTL_H

#include <stdbool.h>
#include <stdint.h>

#define WBCTL_VERSION	"1.0.0"

enum exit_code {
	EXIT_DONE,
	EXIT_FAILED,
	EXIT_USAGE,
	EXIT_NODEV,
	EXIT_UNDRAINED,		/* timed out with dirty data left */
};

struct opt;
struct column;

/**
 * struct verb - one word behind wbctl
 * @name: the word
 * @operands: as --help shows them
 * @summary: one line
 * @opts: its own options, ended by an empty one; NULL for none
 * @more_help: prints what its --help has at the end; NULL for nothing
 * @columns: what its table can show; not NULL gives it the output options
 * @any_value: operands may begin with a dash, but for the first
 * @min_operands: so many at least
 * @max_operands: so many at most
 * @run: gets the operands, returns an exit code
 */
struct verb {
	const char *name;
	const char *operands;
	const char *summary;
	const struct opt *opts;
	void (*more_help)(void);
	const struct column *columns;
	bool any_value;
	int min_operands;
	int max_operands;
	int (*run)(int argc, char **argv);
};

#define ANY_NUMBER	1000000

extern const struct verb list_verb, create_verb, assemble_verb, remove_verb, status_verb,
	stats_verb, latency_verb, clear_stats_verb, flush_verb, get_verb, set_verb,
	freeze_verb, thaw_verb, map_verb, top_verb, dump_verb, replay_verb,
	discard_verb, emergency_verb, events_verb, version_verb;

#endif
