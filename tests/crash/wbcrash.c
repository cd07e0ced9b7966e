// SPDX-License-Identifier: GPL-2.0-only
/*
 * wbcrash - writes a history that can be told from the outside, and judges what
 * a crash has left of it.
 */
#include <stdio.h>
#include <string.h>

#include "verbs.h"

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} verbs[] = {
	{ "run", run_main },
	{ "judge", judge_main },
	{ "replay", replay_main },
	{ "selftest", selftest_main },
	{ "step", step_main },
	{ "flushes", flushes_main },
};

int mode_from(const char *word)
{
	static const char *const modes[] = { "durable", "ordered", "volatile" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(word, modes[i]))
			return i;
	return -1;
}

int main(int argc, char **argv)
{
	for (unsigned int i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].main(argc - 1, argv + 1);
	fprintf(stderr,
		"Usage: wbcrash run [-n NAME] [-s SEED] [-t THREADS] [-m MIB] [-e OPS]\n"
		"                   [-b] [-d EVERY] [-M LOG-DEVICE] [-k FLUSHES | -K MS]\n"
		"                   DEVICE\n"
		"       wbcrash judge [-n NAME] durable|ordered|volatile LOG IMAGE\n"
		"       wbcrash replay [-n NAME] [-s SEED] durable|ordered LOG DISK\n"
		"       wbcrash selftest\n"
		"       wbcrash flushes LOG-DISK LEAST\n"
		"       wbcrash step LOG-DISK DISK ENTRY OFFSET LEAST FLUSHES\n"
		"\n"
		"run writes until it is killed, having said \"wb NAME power off\" after so many\n"
		"flushes or milliseconds. -e is a thread's operations in an epoch, on the\n"
		"average; -b has all wait while one flushes; -d makes all durable by ioctl\n"
		"after every so many epochs; -M marks in dm-log-writes what must be there.\n"
		"replay judges what a dm-log-writes DISK says that a power cut could have left.\n"
		"flushes counts those at entry LEAST or later; step brings DISK from where it\n"
		"last came to past so many of them, and says where that is.\n");
	return 2;
}
