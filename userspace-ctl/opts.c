// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opts.h"
#include "table.h"
#include "util.h"
#include "wbctl.h"

#define MAX_OPTS	24
#define LONG_BASE	256	/* getopt's value of a long option: this and its index */
#define HELP_WIDTH	78

static bool help_wanted;

static const struct opt help_opts[] = {
	{ "help", 'h', NULL, "show this", OPT_FLAG, &help_wanted },
	{ }
};

static const struct opt output_opts[] = {
	{ "json", 'J', NULL, "print JSON", OPT_FLAG, &output.json },
	{ "bytes", 'b', NULL, "print sizes in bytes, not rounded", OPT_FLAG,
	  &output.bytes },
	{ "noheadings", 'n', NULL, "print no headings", OPT_FLAG,
	  &output.noheadings },
	{ "output", 'o', "COLUMNS", "print these, separated by commas", OPT_TEXT,
	  &output.columns },
	{ }
};

struct parser {
	const struct verb *verb;
	const struct opt *opts[MAX_OPTS];
	struct option longs[MAX_OPTS + 1];
	char shorts[3 * MAX_OPTS + 2];
	int nr;
};

/* What getopt_long() calls it, which is also how many colons getopt() wants. */
static int arg_kind(const struct opt *opt)
{
	switch (opt->kind) {
	case OPT_FLAG:
		return no_argument;
	case OPT_MAYBE_SECONDS:
		return optional_argument;
	default:
		return required_argument;
	}
}

static const struct opt *parser_find(const struct parser *p, int value)
{
	if (value >= LONG_BASE)
		return p->opts[value - LONG_BASE];
	for (int i = 0; i < p->nr; i++)
		if (p->opts[i]->letter == value)
			return p->opts[i];
	return NULL;
}

/* A letter is that of the first option that has it. */
static void parser_add(struct parser *p, const struct opt *opt)
{
	for (; opt && opt->name; opt++, p->nr++) {
		size_t len = strlen(p->shorts);
		bool taken = parser_find(p, opt->letter);

		p->opts[p->nr] = opt;
		p->longs[p->nr] = (struct option){
			opt->name, arg_kind(opt), NULL, LONG_BASE + p->nr
		};
		if (opt->letter && !taken)
			snprintf(p->shorts + len, sizeof(p->shorts) - len, "%c%.*s",
				 opt->letter, arg_kind(opt), "::");
	}
}

static void help_columns(const struct column *column)
{
	int at = printf("\nColumns:");

	for (; column->key; column++) {
		if (at + 1 + (int)strlen(column->header) > HELP_WIDTH)
			at = printf("\n        ");
		at += printf(" %s", column->header);
	}
	putchar('\n');
}

static void help(const struct parser *p)
{
	const struct verb *verb = p->verb;

	printf("Usage: wbctl %s [options]%s%s\n\n%s\n\nOptions:\n", verb->name,
	       *verb->operands ? " " : "", verb->operands, verb->summary);
	for (int i = 0; i < p->nr; i++) {
		const struct opt *opt = p->opts[i];
		bool letter = opt->letter && parser_find(p, opt->letter) == opt;
		char left[48];

		snprintf(left, sizeof(left), "%c%c%c --%s %s",
			 letter ? '-' : ' ', letter ? opt->letter : ' ',
			 letter ? ',' : ' ', opt->name,
			 opt->metavar ? opt->metavar : "");
		printf("  %-28s %s\n", left, opt->help);
	}
	if (verb->columns)
		help_columns(verb->columns);
	if (verb->more_help)
		verb->more_help();
	exit(EXIT_DONE);
}

/* Stores what @opt was given; false if that is not what it takes. */
static bool store(const struct opt *opt, int argc, char **argv)
{
	switch (opt->kind) {
	case OPT_FLAG:
		*(bool *)opt->target = true;
		return true;
	case OPT_TEXT:
		*(const char **)opt->target = optarg;
		return true;
	case OPT_MAYBE_SECONDS:
		*(uint64_t *)opt->target = 1000;
		if (optarg)
			return parse_seconds(optarg, opt->target);
		/* getopt() binds an optional value with "=" only. */
		if (optind < argc && parse_seconds(argv[optind], opt->target))
			optind++;
		return true;
	case OPT_NUMBER:
		return parse_u64(optarg, opt->target);
	default:
		return parse_seconds(optarg, opt->target);
	}
}

static void check_operands(const struct verb *verb, int nr)
{
	if (nr < verb->min_operands)
		die(EXIT_USAGE, "%s: operand missing: usage is wbctl %s %s",
		    verb->name, verb->name, verb->operands);
	if (nr > verb->max_operands)
		die(EXIT_USAGE, "%s: too many operands: see wbctl %s --help",
		    verb->name, verb->name);
}

int opts_parse(const struct verb *verb, int argc, char **argv)
{
	struct parser p = { .verb = verb, .shorts = ":" };
	int value;

	if (verb->any_value)
		strcpy(p.shorts, "+:");
	parser_add(&p, verb->opts);
	if (verb->columns)
		parser_add(&p, output_opts);
	parser_add(&p, help_opts);

	while ((value = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
		const char *given = argv[optind - 1];
		const struct opt *opt = parser_find(&p, value);

		if (value == ':')
			die(EXIT_USAGE, "%s: %s: value missing", verb->name, given);
		if (!opt)
			die(EXIT_USAGE, "%s: unknown option: see wbctl %s --help",
			    given, verb->name);
		if (!store(opt, argc, argv))
			die(EXIT_USAGE, "--%s: not a number%s: %s", opt->name,
			    opt->kind == OPT_NUMBER ? "" : " of seconds", optarg);
	}
	if (help_wanted)
		help(&p);
	check_operands(verb, argc - optind);
	if (verb->columns)
		output_check(verb->columns);
	return optind;
}
