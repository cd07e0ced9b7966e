// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "drain.h"
#include "progress.h"
#include "util.h"

#define LINE_MS		2000	/* between two lines, at least */
#define BAR_MIN		8
#define BAR_MAX		60

static uint64_t done_bytes(const struct drain *drain)
{
	uint64_t dirty = drain->dev.status.dirty_bytes;

	return dirty < drain->total ? drain->total - dirty : 0;
}

static unsigned int done_percent(const struct drain *drain)
{
	return drain->total ? done_bytes(drain) * 100.0 / drain->total : 100;
}

static void facts(char *buf, size_t len, const struct drain *drain)
{
	const struct wb_ioc_status *st = &drain->dev.status;
	char done[TEXT_LEN], total[TEXT_LEN], rate[TEXT_LEN], eta[TEXT_LEN] = "-";

	if (st->drain_eta_ms != UINT64_MAX)
		duration_text(eta, st->drain_eta_ms);
	snprintf(buf, len, "%3u%% %s/%s %s/s ETA %s", done_percent(drain),
		 size_text(done, done_bytes(drain), false),
		 size_text(total, drain->total, false),
		 size_text(rate, st->drain_rate, false), eta);
}

static int bar_width(size_t used)
{
	struct winsize size;
	int width = 80;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	width -= used + sizeof(" [] ");
	if (width < BAR_MIN)
		return BAR_MIN;
	return width < BAR_MAX ? width : BAR_MAX;
}

static void show_bar(const struct drain *drain)
{
	char text[128], bar[BAR_MAX + 1];
	int width, full;

	facts(text, sizeof(text), drain);
	width = bar_width(strlen(drain->dev.name) + strlen(text));
	full = done_percent(drain) * width / 100;
	memset(bar, '=', full);
	memset(bar + full, ' ', width - full);
	bar[width] = '\0';
	printf("\r%s [%s] %s\033[K", drain->dev.name, bar, text);
	fflush(stdout);
}

void progress_begin(struct progress *progress, const struct drain *drain)
{
	char size[TEXT_LEN];

	*progress = (struct progress){
		.bar = isatty(STDOUT_FILENO),
		.when = now_ms(),
		.dirty = drain->dev.status.dirty_bytes,
	};
	if (progress->bar)
		return;
	printf("%s: flushing %s\n", drain->dev.name,
	       size_text(size, drain->total, false));
	fflush(stdout);
}

void progress_update(struct progress *progress, const struct drain *drain)
{
	uint64_t now = now_ms(), dirty = drain->dev.status.dirty_bytes;
	char text[128];

	if (progress->bar) {
		show_bar(drain);
		return;
	}
	if (now - progress->when < LINE_MS || dirty == progress->dirty)
		return;
	progress->when = now;
	progress->dirty = dirty;
	facts(text, sizeof(text), drain);
	printf("%s: %s\n", drain->dev.name, text + strspn(text, " "));
	fflush(stdout);
}

void progress_end(const struct progress *progress)
{
	if (!progress->bar)
		return;
	fputs("\r\033[K", stdout);
	fflush(stdout);
}
