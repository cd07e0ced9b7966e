// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an image may hold.
 *
 * Each operation belongs to one of the epochs lo to hi (history.h says why it
 * may not be known better). In a prefix N of the history all epochs up to N are
 * in effect, and N + 1 in part. A sector found with the content of operation v
 * hence wants N >= lo(v) - 1, and N < hi(w) for every w that is certain to have
 * come after v: an interval, or a few of them where a discard may have been at
 * work, or where what was found is zero. The image is a prefix if one N is in
 * an interval of each sector.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history.h"
#include "pattern.h"
#include "trial.h"
#include "verbs.h"

#define NEVER		UINT32_MAX
#define COMPLAINTS	8

struct placed {
	struct op op;
	uint32_t thread;
	uint32_t seq;
	uint32_t lo;
	uint32_t hi;
};

struct flush {
	bool sent;
	bool returned;
	uint32_t before[MAX_THREADS];	/* had completed when it was sent */
	uint32_t until[MAX_THREADS];	/* had been issued when it returned */
};

struct interval {
	uint32_t from;
	uint32_t to;
};

struct trial {
	enum mode mode;
	bool quiet;
	bool ended;			/* the image is of the log's end */
	int complaints;

	struct history history;
	uint32_t allowed[MAX_THREADS];
	uint32_t durable[MAX_THREADS];	/* what must be there */
	uint32_t durable_epoch;
	struct flush *flushes;		/* from 1 */
	uint32_t last;			/* of these */

	struct placed *ops;
	uint32_t first[MAX_THREADS];	/* index of a thread's operation 0 */
	uint32_t nr_ops;
	uint32_t *start;		/* a sector's first in touching */
	uint32_t *touching;		/* operations by sector */

	unsigned char *image;
	uint32_t *fitting;		/* sectors by N */
	uint32_t judged;
};

/* One sector, while it is looked at. */
struct finding {
	uint32_t sector;
	enum pattern pattern;
	const struct placed *op;	/* that wrote it, NULL if zero */
	bool kept;			/* what had to be there */
	const struct placed *missing;	/* if not */
	struct interval *fits;
	uint32_t nr_fits;
};

static void __attribute__((format(printf, 2, 3)))
tell(const struct trial *t, const char *format, ...)
{
	va_list args;

	if (t->quiet)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p) {
		perror("wbcrash");
		exit(2);
	}
	return p;
}

/*
 * The log
 */

static struct flush *flush_of(struct trial *t, uint32_t nr)
{
	if (nr > t->last) {
		t->flushes = realloc(t->flushes, (nr + 1) * sizeof(*t->flushes));
		if (!t->flushes)
			exit(2);
		memset(t->flushes + t->last + 1, 0,
		       (nr - t->last) * sizeof(*t->flushes));
		t->last = nr;
	}
	return t->flushes + nr;
}

static void raise_to(uint32_t *value, uint32_t to)
{
	if (*value < to)
		*value = to;
}

/* All before a flush that returned must be there. */
static void must_hold(struct trial *t, uint32_t flush)
{
	for (uint32_t i = 0; i < t->history.threads; i++)
		raise_to(&t->durable[i], flush_of(t, flush)->before[i]);
}

static bool read_counts(const struct trial *t, char *text, uint32_t *n)
{
	for (uint32_t i = 0; i < t->history.threads; i++) {
		char *end;

		n[i] = strtoul(text, &end, 10);
		if (end == text)
			return false;
		text = end;
	}
	return true;
}

static bool take_flush(struct trial *t, char what, char *text)
{
	uint32_t nr = strtoul(text, &text, 10);
	struct flush *f;

	if (!nr || nr > t->last + 1)
		return false;
	f = flush_of(t, nr);
	if (what == 'S')
		return f->sent = read_counts(t, text, f->before);
	if (!f->sent || !read_counts(t, text, f->until))
		return false;
	f->returned = true;
	if (t->ended && t->mode == DURABLE)
		must_hold(t, nr);
	return true;
}

static bool take_thread(struct trial *t, char what, const char *text)
{
	unsigned int thread, n;

	if (sscanf(text, "%u %u", &thread, &n) != 2 ||
	    thread >= t->history.threads)
		return false;
	if (what == 'A')
		raise_to(&t->allowed[thread], n);
	else if (t->ended && t->mode == DURABLE)
		raise_to(&t->durable[thread], n);
	return true;
}

static bool take_start(struct trial *t, const char *text)
{
	unsigned long long seed;

	if (sscanf(text, "%llu %u %u", &seed, &t->history.threads,
		   &t->history.sectors) != 3)
		return false;
	t->history.seed = seed;
	return t->history.threads && t->history.threads <= MAX_THREADS &&
	       t->history.sectors;
}

static bool take_durable(struct trial *t, const char *text)
{
	uint32_t nr = strtoul(text, NULL, 10);

	if (!nr || nr > t->last)
		return false;
	if (t->ended)
		trial_hold(t, nr);
	return true;
}

static bool take_line(struct trial *t, char *line)
{
	switch (*line) {
	case 'H':
		return take_start(t, line + 1);
	case 'S':
	case 'R':
		return take_flush(t, *line, line + 1);
	case 'A':
	case 'Y':
		return take_thread(t, *line, line + 1);
	case 'D':
		return take_durable(t, line + 1);
	default:
		return true;
	}
}

/* The power cut may have left half a line at the end. */
static bool read_log(struct trial *t, const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[512], prefix[64];
	size_t n;

	if (!file) {
		perror(path);
		return false;
	}
	n = snprintf(prefix, sizeof(prefix), "wb %s ", name);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, prefix, n) || !strchr(line, '\n'))
			continue;
		if (!take_line(t, line + n)) {
			fprintf(stderr, "wbcrash: cannot make sense of: %s", line);
			fclose(file);
			return false;
		}
	}
	fclose(file);
	if (!t->history.threads)
		fprintf(stderr, "wbcrash: %s has no workload %s\n", path, name);
	return t->history.threads;
}

/*
 * The operations
 */

/* Both lists of counts ascend, as do @lo and @hi with the number. */
static void place_thread(struct trial *t, uint32_t thread)
{
	uint32_t sent = 1, returned = 1;

	for (uint32_t n = 0; n < t->allowed[thread]; n++) {
		struct placed *p = t->ops + t->nr_ops++;

		while (sent <= t->last && (!t->flushes[sent].sent ||
					   t->flushes[sent].before[thread] <= n))
			sent++;
		while (returned <= t->last && t->flushes[returned].returned &&
		       t->flushes[returned].until[thread] <= n)
			returned++;
		p->op = history_op(&t->history, thread, n);
		p->thread = thread;
		p->seq = n;
		p->lo = returned;
		p->hi = sent <= t->last ? sent : NEVER;
	}
}

static void index_ops(struct trial *t)
{
	uint32_t n = t->history.sectors;

	t->start = allocate(n + 2, sizeof(*t->start));
	for (uint32_t i = 0; i < t->nr_ops; i++)
		for (uint32_t k = 0; k < t->ops[i].op.count; k++)
			t->start[t->ops[i].op.sector + k + 2]++;
	for (uint32_t s = 2; s < n + 2; s++)
		t->start[s] += t->start[s - 1];
	t->touching = allocate(t->start[n + 1], sizeof(*t->touching));
	for (uint32_t i = 0; i < t->nr_ops; i++)
		for (uint32_t k = 0; k < t->ops[i].op.count; k++)
			t->touching[t->start[t->ops[i].op.sector + k + 1]++] = i;
}

static void place_ops(struct trial *t)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < t->history.threads; i++) {
		t->first[i] = total;
		total += t->allowed[i];
	}
	t->ops = allocate(total, sizeof(*t->ops));
	for (uint32_t i = 0; i < t->history.threads; i++)
		place_thread(t, i);
	index_ops(t);
}

static bool covers(const struct placed *p, uint32_t sector)
{
	return sector - p->op.sector < p->op.count;
}

/* NULL if there was no such write. */
static const struct placed *writer_of(const struct trial *t, uint32_t sector,
				      uint64_t tag)
{
	uint32_t thread = tag_thread(tag);
	const struct placed *p;

	if (thread >= t->history.threads || tag_seq(tag) >= t->allowed[thread])
		return NULL;
	p = t->ops + t->first[thread] + tag_seq(tag);
	if (!covers(p, sector) ||
	    p->op.kind == OP_ZEROES || p->op.kind == OP_DISCARD)
		return NULL;
	return p;
}

/* Certainly; everything comes after the beginning, NULL. */
static bool comes_after(const struct placed *a, const struct placed *b)
{
	if (!b)
		return true;
	if (a->thread == b->thread)
		return a->seq > b->seq;
	return a->lo > b->hi;
}

/*
 * A sector
 */

/*
 * The sector is as if @p had been the last to touch it, in one of the epochs
 * from @lo on: until when?
 */
static void fit_after(const struct trial *t, struct finding *f,
		      const struct placed *p, uint32_t lo)
{
	const struct placed *missing = NULL;
	uint32_t to = NEVER;

	for (uint32_t i = t->start[f->sector]; i < t->start[f->sector + 1]; i++) {
		const struct placed *w = t->ops + t->touching[i];

		if (w->op.kind == OP_DISCARD || !comes_after(w, p))
			continue;
		if (w->hi < to)
			to = w->hi;
		if (w->seq < t->durable[w->thread])
			missing = w;
	}
	if (!missing)
		f->kept = true;
	else
		f->missing = missing;
	if (to > t->last + 2)
		to = t->last + 2;
	f->fits[f->nr_fits].from = lo ? lo - 1 : 0;
	f->fits[f->nr_fits].to = to;
	if (f->fits[f->nr_fits].from < to)
		f->nr_fits++;
}

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* What a discard may have left: any older content, or zero. */
static void fit_sector(const struct trial *t, struct finding *f)
{
	uint32_t lo = f->op ? f->op->lo : 0;

	f->nr_fits = 0;
	f->kept = false;
	fit_after(t, f, f->op, lo);
	for (uint32_t i = t->start[f->sector]; i < t->start[f->sector + 1]; i++) {
		const struct placed *w = t->ops + t->touching[i];

		if (w->op.kind == OP_DISCARD && !(f->op && comes_after(f->op, w)))
			fit_after(t, f, w, max_of(lo, w->lo));
		if (w->op.kind == OP_ZEROES && !f->op)
			fit_after(t, f, w, w->lo);
	}
}

static bool fits(const struct finding *f, uint32_t n)
{
	for (uint32_t i = 0; i < f->nr_fits; i++)
		if (f->fits[i].from <= n && n < f->fits[i].to)
			return true;
	return false;
}

static int by_start(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Adds one to fitting[] within the union; differences for now. */
static void count_fits(struct trial *t, struct finding *f)
{
	uint32_t reached = 0;

	qsort(f->fits, f->nr_fits, sizeof(*f->fits), by_start);
	for (uint32_t i = 0; i < f->nr_fits; i++) {
		uint32_t from = max_of(f->fits[i].from, reached);

		if (from >= f->fits[i].to)
			continue;
		t->fitting[from]++;
		t->fitting[f->fits[i].to]--;
		reached = f->fits[i].to;
	}
	t->judged++;
}

static const char *describe(const struct placed *p, char *text, size_t size)
{
	char hi[16] = "";
	int n;

	if (!p)
		return "zero";
	if (p->hi != NEVER)
		snprintf(hi, sizeof(hi), "%u", p->hi);
	n = snprintf(text, size, "thread %u operation %u (epoch %u",
		     p->thread, p->seq, p->lo);
	if (p->hi == p->lo)
		snprintf(text + n, size - n, ")");
	else
		snprintf(text + n, size - n, "-%s)", hi);
	return text;
}

static bool complain(struct trial *t)
{
	if (++t->complaints == COMPLAINTS + 1)
		tell(t, "...");
	return t->complaints <= COMPLAINTS;
}

static void complain_foreign(struct trial *t, const struct finding *f, uint64_t tag)
{
	if (complain(t))
		tell(t, "sector %u: found %s, tagged thread %d operation %u",
		     f->sector, f->pattern == PATTERN_ALIEN ?
		     "a torn or misplaced sector" : "what was never written there",
		     (int)tag_thread(tag), tag_seq(tag));
}

static void complain_lost(struct trial *t, const struct finding *f)
{
	char found[80], wanted[80];

	if (complain(t))
		tell(t, "sector %u: found %s, expected %s, which was acknowledged, or a later one",
		     f->sector, describe(f->op, found, sizeof(found)),
		     describe(f->missing, wanted, sizeof(wanted)));
}

/* Whether it holds something that it may hold at all. */
static bool look(struct trial *t, struct finding *f, uint32_t sector)
{
	uint64_t tag;

	f->sector = sector;
	f->op = NULL;
	f->pattern = pattern_read(t->image + (size_t)sector * SECTOR_SIZE,
				  t->history.seed, sector, &tag);
	if (f->pattern == PATTERN_ZERO)
		return true;
	if (f->pattern == PATTERN_WHOLE)
		f->op = writer_of(t, sector, tag);
	if (f->op)
		return true;
	complain_foreign(t, f, tag);
	return false;
}

/*
 * The image
 */

static bool judge_sectors(struct trial *t, struct finding *f)
{
	bool good = true;

	for (uint32_t s = 0; s < t->history.sectors; s++) {
		if (!look(t, f, s)) {
			good = false;
			continue;
		}
		if (t->start[s] == t->start[s + 1])
			continue;
		fit_sector(t, f);
		if (!f->kept) {
			complain_lost(t, f);
			good = false;
		}
		count_fits(t, f);
	}
	return good;
}

static void complain_unordered(struct trial *t, struct finding *f, uint32_t best)
{
	char found[80];

	for (uint32_t s = 0; s < t->history.sectors; s++) {
		if (t->start[s] == t->start[s + 1] || !look(t, f, s))
			continue;
		fit_sector(t, f);
		if (fits(f, best) || !complain(t))
			continue;
		tell(t, "sector %u: found %s,", s,
		     describe(f->op, found, sizeof(found)));
		if (!f->nr_fits)
			tell(t, "  which fits no prefix at all");
		else
			tell(t, "  expected in a prefix from epoch %u to %u, but most are at %u",
			     f->fits[0].from, f->fits[0].to - 1, best);
	}
}

/* The best N, and the last that is as good. */
static struct interval best_prefix(struct trial *t)
{
	struct interval best = { t->durable_epoch, t->durable_epoch };

	for (uint32_t n = 1; n <= t->last + 1; n++)
		t->fitting[n] += t->fitting[n - 1];
	for (uint32_t n = t->durable_epoch; n <= t->last + 1; n++) {
		if (t->fitting[n] > t->fitting[best.from])
			best.from = n;
		if (t->fitting[n] == t->fitting[best.from])
			best.to = n;
	}
	return best;
}

static bool judge_order(struct trial *t, struct finding *f)
{
	struct interval best = best_prefix(t);
	uint32_t n = t->judged - t->fitting[best.from];

	if (!n) {
		tell(t, "a prefix: all of epoch %u (to %u), of %u", best.from,
		     best.to, t->last);
		return true;
	}
	tell(t, "no prefix: the best is epoch %u of %u, and %u of %u sectors are not in it",
	     best.from, t->last, n, t->judged);
	complain_unordered(t, f, best.from);
	return false;
}

static bool read_image(struct trial *t, const char *path)
{
	size_t size = (size_t)t->history.sectors * SECTOR_SIZE;
	int fd = open(path, O_RDONLY);
	size_t n = 0;
	ssize_t got = 1;

	while (fd >= 0 && n < size && got > 0) {
		got = pread(fd, t->image + n, size - n, n);
		n += got > 0 ? got : 0;
	}
	if (n < size)
		perror(path);
	if (fd >= 0)
		close(fd);
	return n == size;
}

void trial_free(struct trial *t)
{
	if (!t)
		return;
	free(t->flushes);
	free(t->ops);
	free(t->start);
	free(t->touching);
	free(t->image);
	free(t->fitting);
	free(t);
}

static uint32_t acknowledged(const struct trial *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->history.threads; i++)
		n += t->durable[i];
	return n;
}

unsigned char *trial_image(struct trial *t, size_t *size)
{
	*size = (size_t)t->history.sectors * SECTOR_SIZE;
	return t->image;
}

struct trial *trial_new(const char *log, const char *name, enum mode mode,
			bool ended, bool quiet)
{
	struct trial *t = allocate(1, sizeof(*t));

	t->mode = mode;
	t->ended = ended;
	t->quiet = quiet;
	if (!read_log(t, log, name)) {
		trial_free(t);
		return NULL;
	}
	place_ops(t);
	t->image = allocate(t->history.sectors, SECTOR_SIZE);
	t->fitting = allocate(t->last + 3, sizeof(*t->fitting));
	return t;
}

bool trial_judge(struct trial *t)
{
	struct finding f = { .fits = allocate(t->nr_ops + 2, sizeof(*f.fits)) };
	bool good;

	memset(t->fitting, 0, (t->last + 3) * sizeof(*t->fitting));
	t->judged = 0;
	t->complaints = 0;
	good = judge_sectors(t, &f);
	if (t->mode == ORDERED)
		good = judge_order(t, &f) && good;
	else
		tell(t, "%u operations and flush %u heard of, %u operations had to be there",
		     t->nr_ops, t->last, acknowledged(t));
	free(f.fits);
	return good;
}

void trial_hold(struct trial *t, uint32_t flush)
{
	if (flush > t->last)
		return;
	t->durable_epoch = flush;
	must_hold(t, flush);
}

void trial_quiet(struct trial *t, bool quiet)
{
	t->quiet = quiet;
}

int judge(const char *log, const char *name, const char *image, enum mode mode,
	  bool quiet)
{
	struct trial *t = trial_new(log, name, mode, true, quiet);
	int status = 2;

	if (t && read_image(t, image))
		status = trial_judge(t) ? 0 : 1;
	trial_free(t);
	return status;
}

int judge_main(int argc, char **argv)
{
	const char *name = "a";
	int c, mode = -1;

	while ((c = getopt(argc, argv, "n:")) == 'n')
		name = optarg;
	if (c == -1 && argc - optind == 3)
		mode = mode_from(argv[optind]);
	if (mode < 0) {
		fprintf(stderr, "wbcrash judge: bad usage\n");
		return 2;
	}
	return judge(argv[optind + 1], name, argv[optind + 2], mode, false);
}
