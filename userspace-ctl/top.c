// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opts.h"
#include "signals.h"
#include "top.h"
#include "util.h"
#include "wbctl.h"

#define LEAST_MS	50
#define FOR_EVER	UINT64_MAX

static uint64_t interval_ms = 1000;
static uint64_t iterations = FOR_EVER;
static const char *sort_word = "name";
static bool batch;

static const struct opt top_opts[] = {
	{ "interval", 'd', "SECONDS", "between two looks", OPT_SECONDS, &interval_ms },
	{ "batch", 'b', NULL, "print tables, one below the other", OPT_FLAG, &batch },
	{ "iterations", 'n', "N", "end after so many tables", OPT_NUMBER, &iterations },
	{ "sort", 's', "WORD", "order: name, dirty, write, read, writeback, oldest, backlog",
	  OPT_TEXT, &sort_word },
	{ }
};

static const struct top_order *find_order(const char *word)
{
	const struct top_order *order = top_orders;

	while (order->word && strcmp(order->word, word))
		order++;
	if (!order->word)
		die(EXIT_USAGE, "--sort: %s: no such order: see wbctl top --help", word);
	return order;
}

static void print_sample(const struct top_sample *sample, bool first)
{
	struct rows rows = top_rows(sample);

	if (!first && !output.json)
		putchar('\n');
	report_rows(&rows);
	fflush(stdout);
}

/* The first table has rates, too: of the interval before it. */
static int print_tables(const struct top_order *order)
{
	struct top_sample sample = { .nr = 0 };
	int code = top_read(&sample, order);
	uint64_t printed = 0;

	output.one_line = true;
	catch_signals();
	while (!code && !interrupted && printed < iterations) {
		sleep_ms(interval_ms);
		code = interrupted ? EXIT_DONE : top_read(&sample, order);
		if (!code && !interrupted)
			print_sample(&sample, !printed++);
		if (ferror(stdout))
			break;
	}
	free(sample.rows);
	return code;
}

static int top_run(int argc, char **argv)
{
	const struct top_order *order = find_order(sort_word);

	(void)argc;
	(void)argv;
	if (interval_ms < LEAST_MS)
		return fail(EXIT_USAGE, "--interval: %d ms at least", LEAST_MS);
	if (!iterations)
		return fail(EXIT_USAGE, "--iterations: 1 at least");
	if (batch || output.json || iterations != FOR_EVER)
		return print_tables(order);
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return fail(EXIT_USAGE, "top needs a terminal: --batch prints tables");
	return top_screen(interval_ms, order);
}

const struct verb top_verb = {
	.name = "top",
	.operands = "",
	.summary = "Watch all devices: how full, how fast, what a crash would take.\n"
		   "Keys: up and down select, f flushes, z freezes or thaws, s sorts, q quits.",
	.opts = top_opts,
	.columns = top_columns,
	.run = top_run,
};
