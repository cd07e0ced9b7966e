// SPDX-License-Identifier: GPL-2.0-only
#include <curses.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signals.h"
#include "top.h"
#include "util.h"
#include "wbctl.h"

#define TITLE_LINES	2	/* above the table */
#define LATENCY_LINES	(WB_NR_LATENCIES + 2)	/* below it, where there is room */
#define LEAST_LINES	20
#define HELP		"up, down: select  f: flush  z: freeze, thaw  s: sort  q: quit"

/**
 * struct screen - what the terminal shows
 * @sample: the devices
 * @order: they are sorted by
 * @selected: id of the one that keys act on
 * @said: what came of the last key
 */
struct screen {
	struct top_sample sample;
	const struct top_order *order;
	uint64_t selected;
	char said[256];
};

static size_t selected_row(const struct screen *screen)
{
	for (size_t i = 0; i < screen->sample.nr; i++)
		if (screen->sample.rows[i].dev.status.id == screen->selected)
			return i;
	return 0;
}

static const struct device *selected_device(const struct screen *screen)
{
	return screen->sample.nr ?
		&screen->sample.rows[selected_row(screen)].dev : NULL;
}

static void select_row(struct screen *screen, size_t row)
{
	if (row < screen->sample.nr)
		screen->selected = screen->sample.rows[row].dev.status.id;
}

static void draw_title(const struct screen *screen)
{
	uint64_t dirty = 0, loss = 0;
	char text[160], size[TEXT_LEN], lost[TEXT_LEN];

	for (size_t i = 0; i < screen->sample.nr; i++) {
		const struct wb_ioc_status *st = &screen->sample.rows[i].dev.status;

		dirty += st->dirty_bytes;
		loss += st->mode == WB_MODE_DURABLE ? 0 : st->dirty_bytes;
	}
	snprintf(text, sizeof(text),
		 "writebehind: %zu devices, %s dirty, a crash may take %s; by %s",
		 screen->sample.nr, size_text(size, dirty, false),
		 size_text(lost, loss, false), screen->order->word);
	mvaddnstr(0, 0, text, COLS);
}

static int latency_lines(void)
{
	return LINES < LEAST_LINES ? 0 : LATENCY_LINES;
}

static const char *time_text(char *text, uint64_t ns)
{
	return ns == UINT64_MAX ? "-" : nanoseconds_text(text, ns);
}

/* Of the selected device, since the last look. */
static void draw_latencies(const struct screen *screen)
{
	const struct top_row *row = screen->sample.rows + selected_row(screen);
	int y = LINES - 1 - LATENCY_LINES;
	char line[128], low[TEXT_LEN], high[TEXT_LEN], bar[HISTOGRAM_BAR_LEN];

	snprintf(line, sizeof(line), "%-12s%10s%10s%10s  %-*s", "LATENCY", "COUNT", "P50",
		 "P99", WB_LATENCY_BUCKETS, "512ns .. 9m");
	attron(A_BOLD);
	mvaddnstr(y, 0, line, COLS);
	attroff(A_BOLD);
	for (size_t i = 0; i < WB_NR_LATENCIES; i++) {
		const struct histogram *histogram = row->latency + i;

		snprintf(line, sizeof(line), "%-12s%10" PRIu64 "%10s%10s  %s",
			 histogram_words[i], histogram->total,
			 time_text(low, histogram_quantile(histogram, 500)),
			 time_text(high, histogram_quantile(histogram, 990)),
			 histogram_bar(bar, histogram));
		mvaddnstr(y + 1 + i, 0, line, COLS);
	}
}

/* The heading, then the rows that fit, the selected one among them. */
static void draw_table(const struct screen *screen)
{
	struct rows rows = top_rows(&screen->sample);
	int room = LINES - TITLE_LINES - 2 - latency_lines(), row = 0;
	int chosen = selected_row(screen);
	int first = chosen >= room ? chosen - room + 1 : 0;
	char *text = report_text(&rows, COLS), *rest = text, *line;

	for (; (line = strsep(&rest, "\n")); row++) {
		attr_t look = row ? row - 1 == chosen ? A_REVERSE : 0 : A_BOLD;
		int y = row ? row - first : 0;

		if (row && (y < 1 || y > room))
			continue;
		attron(look);
		mvprintw(TITLE_LINES + y, 0, "%-*.*s", COLS, COLS, line);
		attroff(look);
	}
	free(text);
}

static void draw(const struct screen *screen)
{
	erase();
	draw_title(screen);
	if (screen->sample.nr)
		draw_table(screen);
	else
		mvaddnstr(TITLE_LINES, 0, "no devices", COLS);
	if (screen->sample.nr && latency_lines())
		draw_latencies(screen);
	mvaddnstr(LINES - 1, 0, screen->said[0] ? screen->said : HELP, COLS);
	refresh();
}

static void say(struct screen *screen, const struct device *dev,
		const char *what, int err)
{
	snprintf(screen->said, sizeof(screen->said), "%s: %s%s%s", dev->name,
		 err ? "cannot " : "", what, err ? ": " : "");
	if (err)
		strncat(screen->said, strerror(err),
			sizeof(screen->said) - strlen(screen->said) - 1);
}

static void flush_selected(struct screen *screen)
{
	const struct device *dev = selected_device(screen);
	struct wb_ioc_flush arg = { .size = sizeof(arg), .flags = WB_FLUSH_ASYNC };

	if (!dev)
		return;
	arg.id = dev->status.id;
	say(screen, dev, "flush", control_call(WB_IOC_FLUSH, &arg));
}

static void freeze_selected(struct screen *screen)
{
	const struct device *dev = selected_device(screen);
	bool frozen;

	if (!dev)
		return;
	frozen = dev->status.state_flags & WB_F_FROZEN;
	say(screen, dev, frozen ? "thaw" : "freeze",
	    device_call(dev, frozen ? WB_IOC_THAW : WB_IOC_FREEZE));
}

static void sort_next(struct screen *screen)
{
	struct top_sample *sample = &screen->sample;

	screen->order = screen->order[1].word ? screen->order + 1 : top_orders;
	qsort(sample->rows, sample->nr, sizeof(*sample->rows),
	      screen->order->compare);
}

/* false: it is time to end. */
static bool press(struct screen *screen, int key)
{
	screen->said[0] = '\0';
	switch (key) {
	case 'q':
		return false;
	case KEY_UP:
	case 'k':
		select_row(screen, selected_row(screen) - 1);
		break;
	case KEY_DOWN:
	case 'j':
		select_row(screen, selected_row(screen) + 1);
		break;
	case 'f':
		flush_selected(screen);
		break;
	case 'z':
		freeze_selected(screen);
		break;
	case 's':
		sort_next(screen);
		break;
	}
	return true;
}

/* Keys, until it is time to look again.  false: to end. */
static bool read_keys(struct screen *screen, uint64_t until)
{
	uint64_t now;

	while (!interrupted && (now = now_ms()) < until) {
		int key;

		draw(screen);
		timeout(until - now < INT_MAX ? until - now : INT_MAX);
		key = getch();
		if (key != ERR && !press(screen, key))
			return false;
	}
	return !interrupted;
}

static void begin(void)
{
	initscr();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
}

static void end(void)
{
	if (!isendwin())
		endwin();
}

int top_screen(uint64_t interval_ms, const struct top_order *order)
{
	struct screen screen = { .order = order };
	int code = top_read(&screen.sample, order);

	if (code)
		return code;
	setlocale(LC_CTYPE, "");
	catch_signals();
	begin();
	before_message = end;
	select_row(&screen, 0);
	while (read_keys(&screen, now_ms() + interval_ms)) {
		code = top_read(&screen.sample, screen.order);
		if (code)
			break;
	}
	end();
	free(screen.sample.rows);
	return code;
}
