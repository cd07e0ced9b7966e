// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.h"
#include "util.h"

#define BAR_MS		100	/* between two looks of the bar */
#define LINE_MS		2000	/* between two lines, at least */
#define QUIET_MS	8000	/* at most */
#define BAR_MIN		8
#define BAR_MAX		60

static unsigned int percent(const struct progress *progress, uint64_t done)
{
	return progress->total ? done * 100.0 / progress->total : 100;
}

static int bar_width(const struct progress *progress, size_t used)
{
	struct winsize size;
	int width = 80;

	if (!ioctl(fileno(progress->out), TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	width -= used + sizeof(" [] ");
	if (width < BAR_MIN)
		return BAR_MIN;
	return width < BAR_MAX ? width : BAR_MAX;
}

static void show_bar(const struct progress *progress, uint64_t done,
		     const char *facts)
{
	char bar[BAR_MAX + 1];
	int width = bar_width(progress, strlen(progress->name) + strlen(facts));
	int full = percent(progress, done) * width / 100;

	memset(bar, '=', full);
	memset(bar + full, ' ', width - full);
	bar[width] = '\0';
	fprintf(progress->out, "\r%s [%s] %s\033[K", progress->name, bar, facts);
}

void progress_begin(struct progress *progress, FILE *out, const char *name,
		    const char *doing, uint64_t total)
{
	char size[TEXT_LEN];

	*progress = (struct progress){
		.out = out,
		.name = name,
		.total = total,
		.bar = out && isatty(fileno(out)),
		.started = now_ms(),
		.when = now_ms(),
	};
	if (!out || progress->bar)
		return;
	fprintf(out, "%s: %s %s\n", name, doing, size_text(size, total, false));
	fflush(out);
}

static bool due(const struct progress *progress, uint64_t done)
{
	uint64_t since = now_ms() - progress->when;

	if (!progress->out)
		return false;
	if (progress->bar)
		return since >= BAR_MS;
	return since >= (done != progress->done ? LINE_MS : QUIET_MS);
}

void progress_update(struct progress *progress, uint64_t done, uint64_t rate,
		     uint64_t eta_ms)
{
	char at[TEXT_LEN], total[TEXT_LEN], speed[TEXT_LEN], eta[TEXT_LEN] = "-";
	char facts[128];

	if (done > progress->total)
		done = progress->total;
	if (!due(progress, done))
		return;
	progress->when = now_ms();
	progress->done = done;
	if (eta_ms != ETA_UNKNOWN)
		duration_text(eta, eta_ms);
	snprintf(facts, sizeof(facts), "%3u%% %s/%s %s/s ETA %s",
		 percent(progress, done), size_text(at, done, false),
		 size_text(total, progress->total, false),
		 size_text(speed, rate, false), eta);
	if (progress->bar)
		show_bar(progress, done, facts);
	else
		fprintf(progress->out, "%s: %s\n", progress->name,
			facts + strspn(facts, " "));
	fflush(progress->out);
}

void progress_steady(struct progress *progress, uint64_t done)
{
	uint64_t took = now_ms() - progress->started;
	uint64_t left = progress->total > done ? progress->total - done : 0;

	progress_update(progress, done, took ? done * 1000.0 / took : 0,
			done ? left * (double)took / done : ETA_UNKNOWN);
}

void progress_end(const struct progress *progress)
{
	if (!progress->bar)
		return;
	fputs("\r\033[K", progress->out);
	fflush(progress->out);
}
