// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mapper.h"
#include "opts.h"
#include "util.h"
#include "wbctl.h"

static const struct verb *const verbs[] = {
	&list_verb, &create_verb, &assemble_verb, &remove_verb, &status_verb, &stats_verb,
	&latency_verb, &top_verb, &clear_stats_verb, &flush_verb, &get_verb, &set_verb,
	&freeze_verb, &thaw_verb, &map_verb, &dump_verb, &replay_verb,
	&discard_verb, &emergency_verb, &events_verb, &version_verb,
};

static int usage(void)
{
	printf("Usage: wbctl VERB [options] [operands]\n\n"
	       "Control dm-writebehind devices.  NAME is a name, a path, MAJOR:MINOR or id:N.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-12s %.*s\n", verbs[i]->name,
		       (int)strcspn(verbs[i]->summary, "\n"), verbs[i]->summary);
	printf("\nwbctl VERB --help shows the options of a verb.\n"
	       "Exit codes: 0 done, 1 failed, 2 usage, 3 no such device,\n"
	       "4 timed out with dirty data left.\n");
	return EXIT_DONE;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	die(EXIT_USAGE, "%s: no such verb: see wbctl --help", name);
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	int first = opts_parse(verb, argc, argv);

	mapper_init();
	return verb->run(argc - first, argv + first);
}

static int run(int argc, char **argv)
{
	if (argc < 2)
		return fail(EXIT_USAGE, "verb missing: see wbctl --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return usage();
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return puts("wbctl " WBCTL_VERSION) < 0;
	return run_verb(find_verb(argv[1]), argc - 1, argv + 1);
}

/* Else a device that is opened becomes one of them, and gets what we say. */
static void open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			_exit(EXIT_FAILED);
}

int main(int argc, char **argv)
{
	int code;

	open_standard();
	code = run(argc, argv);
	if ((fflush(stdout) || ferror(stdout)) && !code)
		code = fail(EXIT_FAILED, "cannot write the output");
	return code;
}
