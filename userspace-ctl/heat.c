// SPDX-License-Identifier: GPL-2.0-only
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "heat.h"
#include "util.h"

static const char *const blocks[] = {
	"\u00b7", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586",
	"\u2587", "\u2588"
};
static const char *const letters[] = {
	".", "-", "=", "+", "o", "x", "X", "%", "#"
};

#define STEPS	(ARRAY_SIZE(blocks) - 1)

void heat_begin(struct heat *heat, uint64_t total)
{
	struct winsize size = { .ws_col = 0 };

	*heat = (struct heat){ .total = total, .width = 80 };
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		heat->width = size.ws_col;
	heat->width -= heat->width > 2 ? 2 : 0;
	if (heat->width > HEAT_MAX)
		heat->width = HEAT_MAX;
	if (heat->width > total / 4096)
		heat->width = total / 4096 ?: 1;
}

static uint64_t cell_begin(const struct heat *heat, unsigned int cell)
{
	return (double)heat->total / heat->width * cell;
}

static unsigned int cell_of(const struct heat *heat, uint64_t offset)
{
	unsigned int cell = (double)offset * heat->width / heat->total;

	return cell < heat->width ? cell : heat->width - 1;
}

void heat_add(struct heat *heat, uint64_t offset, uint64_t bytes, bool failed)
{
	uint64_t end = offset + bytes;
	unsigned int last = cell_of(heat, end - 1);

	for (unsigned int i = cell_of(heat, offset); i <= last; i++) {
		uint64_t until = i == last ? end : cell_begin(heat, i + 1);

		if (until > offset)
			heat->bytes[i] += until - offset;
		heat->failed[i] |= failed;
		offset = until;
	}
}

static void print_marks(const struct heat *heat)
{
	if (!memchr(heat->failed, true, heat->width))
		return;
	putchar(' ');
	for (unsigned int i = 0; i < heat->width; i++)
		putchar(heat->failed[i] ? '!' : ' ');
	putchar('\n');
}

/* The fullest cell is full: of a large device all would look empty. */
void heat_print(const struct heat *heat)
{
	char part[TEXT_LEN], peak_text[TEXT_LEN];
	const char *const *signs = letters;
	uint64_t peak = 1;

	setlocale(LC_CTYPE, "");
	if (!strcmp(nl_langinfo(CODESET), "UTF-8"))
		signs = blocks;
	for (unsigned int i = 0; i < heat->width; i++)
		if (heat->bytes[i] > peak)
			peak = heat->bytes[i];
	putchar('[');
	for (unsigned int i = 0; i < heat->width; i++)
		fputs(signs[(heat->bytes[i] * STEPS + peak - 1) / peak], stdout);
	puts("]");
	print_marks(heat);
	printf("each of %s, the fullest with %s dirty\n\n",
	       size_text(part, heat->total / heat->width, false),
	       size_text(peak_text, peak > 1 ? peak : 0, false));
}
