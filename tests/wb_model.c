// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_model - random I/O to a block device, judged by a model of it in memory.
 *
 * Each writing thread has a region of its own, where direct and buffered I/O are
 * mixed; the last region is shared by all of them, with direct I/O only, since
 * the page cache writes whole pages.  Every sector carries a tag, which is the
 * time at which its write began.
 *
 * What a sector may hold: a write is out of date for a reader once another
 * write began after it ended, and ended before the read began.  Any other is
 * legal, and so is nothing else: no mixture, no zeroes without a reason, no
 * sector from elsewhere.  When a region is quiet, what was read once has to stay.
 * A discarded sector may hold zeroes or anything that it ever held.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pattern.h"

#define MAX_THREADS	16
#define MAX_SECTORS	2048
#define MAX_OPS		(1U << 23)
#define MAX_REPORTS	10
#define ALIGN_SECTORS	256
#define UNKNOWN		UINT64_MAX

/* What is known of a sector; times, where zero means never. */
struct cell {
	uint64_t last_start;	/* of the operations that have ended */
	uint64_t zero_end;	/* the last zeroing that ended */
	uint64_t discard_end;	/* the last discard that ended */
	uint64_t seen;		/* what it must hold while nobody changes it, or UNKNOWN */
	uint16_t zeroing;	/* under way now */
	uint16_t discarding;	/* likewise */
};

struct region {
	pthread_mutex_t lock;
	uint64_t first;
	uint64_t count;
	bool shared;
	struct cell *cells;
};

enum kind { WRITE, ZERO, DISCARD };

/* A reader's view of a sector when its read began. */
struct view {
	uint64_t last_start;
	uint64_t seen;
};

struct worker {
	pthread_t thread;
	unsigned int nr;
	uint64_t random;
	char *memory;
	struct view view[MAX_SECTORS];
};

static struct {
	const char *device;
	const char *save;
	const char *check;
	uint64_t sectors;
	uint64_t ops;
	uint64_t seed;
	unsigned int threads;
	unsigned int round;
	bool discards;
} opt = {
	.sectors = 16 * 2048,
	.ops = 10000,
	.seed = 1,
	.threads = 4,
	.round = 500,
	.discards = true,
};

static int direct_fd, buffered_fd, dsync_fd;
static struct region regions[MAX_THREADS + 1];
static _Atomic uint64_t now = 1, done_ops;
static _Atomic uint64_t *ends;		/* of a write, by its tag */
static atomic_int reports;
static volatile sig_atomic_t terminated;
static pthread_barrier_t round_end;

static void on_signal(int sig)
{
	(void)sig;
	terminated = 1;
}

static bool ending(void)
{
	return terminated || atomic_load(&reports) ||
	       (opt.ops && atomic_load(&done_ops) >= opt.ops);
}

static void die(const char *what)
{
	fprintf(stderr, "wb_model: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t roll(struct worker *w, uint64_t below)
{
	uint64_t x = w->random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) % below;
}

/*
 * The model
 */

static uint64_t op_begin(struct region *r, enum kind kind, uint64_t sector,
			 uint64_t count)
{
	struct cell *cell = r->cells + (sector - r->first);
	uint64_t start;

	pthread_mutex_lock(&r->lock);
	start = atomic_fetch_add(&now, 1);
	for (; count; count--, cell++) {
		cell->seen = UNKNOWN;
		cell->zeroing += kind == ZERO;
		cell->discarding += kind == DISCARD;
	}
	pthread_mutex_unlock(&r->lock);
	if (start >= MAX_OPS * 2) {
		errno = EOVERFLOW;
		die("too many operations");
	}
	return start;
}

static void op_end(struct region *r, enum kind kind, uint64_t sector,
		   uint64_t count, uint64_t start)
{
	struct cell *cell = r->cells + (sector - r->first);
	uint64_t end;

	pthread_mutex_lock(&r->lock);
	end = atomic_fetch_add(&now, 1);
	if (kind == WRITE)
		atomic_store(&ends[start], end);
	for (; count; count--, cell++) {
		if (start > cell->last_start)
			cell->last_start = start;
		if (kind == ZERO) {
			cell->zero_end = end;
			cell->zeroing--;
		} else if (kind == DISCARD) {
			cell->discard_end = end;
			cell->discarding--;
		}
	}
	pthread_mutex_unlock(&r->lock);
}

static void read_begin(struct worker *w, struct region *r, uint64_t sector,
		       uint64_t count)
{
	struct cell *cell = r->cells + (sector - r->first);

	pthread_mutex_lock(&r->lock);
	for (uint64_t i = 0; i < count; i++)
		w->view[i] = (struct view){ cell[i].last_start, cell[i].seen };
	pthread_mutex_unlock(&r->lock);
}

static bool in_time(uint64_t end, uint64_t last_start)
{
	return !end || end > last_start;
}

static bool legal(const struct cell *cell, const struct view *view,
		  enum pattern pattern, uint64_t tag)
{
	/* Even what the disk held before all this, which was only hidden by zeroes. */
	if (cell->discarding || cell->discard_end > view->last_start)
		return true;
	if (pattern == PATTERN_ALIEN ||
	    (pattern == PATTERN_WHOLE && tag >= atomic_load(&now)))
		return false;
	/* Nobody changed it from before the read to after it. */
	if (cell->seen != UNKNOWN && cell->seen == view->seen)
		return tag == cell->seen;
	if (pattern == PATTERN_ZERO)
		return cell->zeroing || in_time(cell->zero_end ?: 1, view->last_start);
	return in_time(atomic_load(&ends[tag]), view->last_start);
}

static void report(uint64_t sector, const struct cell *cell,
		   const struct view *view, enum pattern pattern, uint64_t tag,
		   const char *how)
{
	static const char * const names[] = { "zeroes", "data", "a mixture" };

	if (atomic_fetch_add(&reports, 1) >= MAX_REPORTS)
		return;
	printf("sector %" PRIu64 " (%s): holds %s, tag %" PRIu64 " (ended %" PRIu64 "); the last write that had ended began at %" PRIu64,
	       sector, how, names[pattern], tag,
	       pattern == PATTERN_WHOLE && tag < atomic_load(&now) ?
	       atomic_load(&ends[tag]) : 0, view->last_start);
	if (cell->seen != UNKNOWN)
		printf(", was %" PRIu64 " before", cell->seen);
	printf("\n");
	fflush(stdout);
}

/* @quiet: nobody writes here, so what is seen now has to stay. */
static void judge(struct worker *w, struct region *r, uint64_t sector,
		  uint64_t count, const char *buf, bool quiet, const char *how)
{
	struct cell *cell = r->cells + (sector - r->first);
	enum pattern pattern;
	uint64_t tag;

	pthread_mutex_lock(&r->lock);
	for (uint64_t i = 0; i < count; i++, cell++) {
		pattern = pattern_read(buf + i * SECTOR_SIZE, opt.seed,
				       sector + i, &tag);
		if (!legal(cell, w->view + i, pattern, tag))
			report(sector + i, cell, w->view + i, pattern, tag, how);
		else if (quiet && cell->discard_end <= cell->last_start)
			cell->seen = tag;
	}
	pthread_mutex_unlock(&r->lock);
}

/*
 * Operations
 */

/* As two pieces of memory that are aligned to sectors and no more. */
static ssize_t transfer(struct worker *w, bool write, int fd, uint64_t sector,
			uint64_t count)
{
	uint64_t cut = roll(w, count) * SECTOR_SIZE;
	struct iovec iov[2] = {
		{ w->memory, cut },
		{ w->memory + cut, count * SECTOR_SIZE - cut },
	};
	const struct iovec *from = cut ? iov : iov + 1;
	int n = cut ? 2 : 1;

	return write ? pwritev(fd, from, n, sector * SECTOR_SIZE) :
		       preadv(fd, from, n, sector * SECTOR_SIZE);
}

static void do_read(struct worker *w, struct region *r, int fd, uint64_t sector,
		    uint64_t count)
{
	read_begin(w, r, sector, count);
	if (transfer(w, false, fd, sector, count) != (ssize_t)(count * SECTOR_SIZE))
		die("read");
	judge(w, r, sector, count, w->memory, !r->shared,
	      fd == buffered_fd ? "buffered read" : "direct read");
}

static void do_write(struct worker *w, struct region *r, int fd,
		     uint64_t sector, uint64_t count)
{
	uint64_t tag = op_begin(r, WRITE, sector, count);

	for (uint64_t i = 0; i < count; i++)
		pattern_fill(w->memory + i * SECTOR_SIZE, opt.seed, sector + i, tag);
	if (transfer(w, true, fd, sector, count) != (ssize_t)(count * SECTOR_SIZE))
		die("write");
	op_end(r, WRITE, sector, count, tag);
}

static int change(enum kind kind, unsigned int how, uint64_t sector, uint64_t count)
{
	uint64_t range[2] = { sector * SECTOR_SIZE, count * SECTOR_SIZE };

	if (kind == DISCARD)
		return ioctl(direct_fd, BLKDISCARD, range);
	switch (how) {
	case 0:
		return ioctl(direct_fd, BLKZEROOUT, range);
	case 1:
		return fallocate(direct_fd, FALLOC_FL_ZERO_RANGE, range[0], range[1]);
	default:
		return fallocate(direct_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 range[0], range[1]);
	}
}

/* Punching a hole may be more than the device offers. */
static void do_change(struct region *r, enum kind kind, unsigned int how,
		      uint64_t sector, uint64_t count)
{
	uint64_t start;

	if (kind == ZERO && how > 1)
		kind = DISCARD;
	start = op_begin(r, kind, sector, count);
	if (change(how > 1 ? ZERO : kind, how, sector, count) &&
	    (kind != DISCARD || (errno != EOPNOTSUPP && errno != ENOTSUP)))
		die(kind == ZERO ? "write zeroes" : "discard");
	op_end(r, kind, sector, count, start);
}

static uint64_t random_count(struct worker *w)
{
	switch (roll(w, 24)) {
	case 0:
		return 1 + roll(w, MAX_SECTORS);
	case 1 ... 3:
		return 8 * (1 + roll(w, 32));
	case 4 ... 12:
		return 8;
	default:
		return 1 + roll(w, 24);
	}
}

/* One in two goes to a corner of the region, so that operations meet. */
static void one_op(struct worker *w)
{
	bool shared = !roll(w, 3);
	struct region *r = &regions[shared ? opt.threads : w->nr];
	uint64_t span = roll(w, 2) ? r->count : r->count / 16 + 1;
	uint64_t count = random_count(w);
	uint64_t sector;
	int fd = shared || roll(w, 4) ? direct_fd : buffered_fd;

	if (count > span)
		count = span;
	sector = roll(w, span - count + 1);
	if (count % 8 == 0 && roll(w, 4))
		sector &= ~7ULL;
	sector += r->first;

	switch (roll(w, 100)) {
	case 0 ... 49:
		do_write(w, r, fd, sector, count);
		break;
	case 50 ... 53:
		do_write(w, r, dsync_fd, sector, count);
		break;
	case 54 ... 88:
		do_read(w, r, fd, sector, count);
		break;
	case 89 ... 93:
		do_change(r, ZERO, opt.discards ? roll(w, 3) : 0, sector, count);
		break;
	case 94 ... 97:
		if (opt.discards)
			do_change(r, DISCARD, 0, sector, count);
		break;
	case 98:
		if (fdatasync(direct_fd))
			die("fdatasync");
		break;
	default:
		if (fsync(direct_fd))
			die("fsync");
		break;
	}
}

/* All of it, with nobody else at work. */
static void verify(struct worker *w, struct region *r, int fd)
{
	uint64_t sector = r->first, end = r->first + r->count;
	bool shared = r->shared;

	r->shared = false;
	for (; sector < end && !atomic_load(&reports); sector += ALIGN_SECTORS)
		do_read(w, r, fd, sector, ALIGN_SECTORS);
	r->shared = shared;
}

/* In rounds: between them the shared region is quiet, and looked at. */
static void *work(void *arg)
{
	static atomic_bool last;
	struct worker *w = arg;

	for (;;) {
		for (unsigned int i = 0; i < opt.round && !ending(); i++) {
			one_op(w);
			atomic_fetch_add(&done_ops, 1);
		}
		if (pthread_barrier_wait(&round_end) == PTHREAD_BARRIER_SERIAL_THREAD) {
			verify(w, &regions[opt.threads], direct_fd);
			last = ending();
		}
		pthread_barrier_wait(&round_end);
		if (last)
			return NULL;
	}
}

/*
 * Keeping the outcome, to look at the origin later
 */

struct saved {
	uint64_t seed;
	uint64_t sectors;
	uint64_t now;
};

static void save(void)
{
	struct saved head = { opt.seed, opt.sectors, atomic_load(&now) };
	FILE *f = fopen(opt.save, "w");

	if (!f || fwrite(&head, sizeof(head), 1, f) != 1)
		die(opt.save);
	for (unsigned int i = 0; i <= opt.threads; i++)
		for (uint64_t n = 0; n < regions[i].count; n++)
			if (fwrite(&regions[i].cells[n].seen, 8, 1, f) != 1)
				die(opt.save);
	if (fclose(f))
		die(opt.save);
}

static int check(void)
{
	char *buf = aligned_alloc(4096, ALIGN_SECTORS * SECTOR_SIZE);
	FILE *f = fopen(opt.check, "r");
	uint64_t expected, tag, bad = 0;
	enum pattern pattern;
	struct saved head;

	if (!f || !buf || fread(&head, sizeof(head), 1, f) != 1)
		die(opt.check);
	for (uint64_t s = 0; s < head.sectors; s++) {
		char *sector = buf + s % ALIGN_SECTORS * SECTOR_SIZE;

		if (s % ALIGN_SECTORS == 0 &&
		    pread(direct_fd, buf, ALIGN_SECTORS * SECTOR_SIZE, s * SECTOR_SIZE) !=
		    ALIGN_SECTORS * SECTOR_SIZE)
			die("read");
		if (fread(&expected, 8, 1, f) != 1)
			die(opt.check);
		pattern = pattern_read(sector, head.seed, s, &tag);
		if (expected == UNKNOWN ||
		    (pattern != PATTERN_ALIEN && tag == expected))
			continue;
		if (bad++ < MAX_REPORTS)
			printf("sector %" PRIu64 ": holds %s %" PRIu64 ", expected %" PRId64 "\n",
			       s, pattern == PATTERN_ALIEN ? "a mixture" : "tag", tag,
			       (int64_t)expected);
	}
	fclose(f);
	free(buf);
	if (bad)
		printf("%s: %" PRIu64 " of %" PRIu64 " sectors are wrong\n",
		       opt.device, bad, head.sectors);
	return bad != 0;
}

/*
 * Start
 */

static void open_device(int flags)
{
	direct_fd = open(opt.device, flags | O_DIRECT);
	buffered_fd = open(opt.device, flags);
	dsync_fd = open(opt.device, flags | O_DIRECT | O_DSYNC);
	if (direct_fd < 0 || buffered_fd < 0 || dsync_fd < 0)
		die(opt.device);
	/* Read-ahead would look into other threads' regions. */
	posix_fadvise(buffered_fd, 0, 0, POSIX_FADV_RANDOM);
}

static void make_regions(void)
{
	uint64_t share = opt.sectors / (opt.threads + 1) & ~(ALIGN_SECTORS - 1ULL);
	uint64_t range[2] = { 0, opt.sectors * SECTOR_SIZE };
	uint64_t first = 0;

	if (ioctl(direct_fd, BLKZEROOUT, range))
		die("cannot zero the device");
	for (unsigned int i = 0; i <= opt.threads; i++) {
		struct region *r = regions + i;

		r->first = first;
		r->count = i < opt.threads ? share : opt.sectors - first;
		r->shared = i == opt.threads;
		r->cells = calloc(r->count, sizeof(*r->cells));
		if (!r->cells)
			die("memory");
		pthread_mutex_init(&r->lock, NULL);
		first += r->count;
	}
	ends = mmap(NULL, MAX_OPS * 2 * sizeof(*ends), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ends == MAP_FAILED)
		die("memory");
}

static void start(struct worker *w, unsigned int nr)
{
	*w = (struct worker){ .nr = nr, .random = opt.seed * 1000003 + nr };
	w->memory = aligned_alloc(4096, MAX_SECTORS * SECTOR_SIZE + 4096);
	if (!w->memory)
		die("memory");
	w->memory += roll(w, 8) * SECTOR_SIZE;
	if (pthread_create(&w->thread, NULL, work, w))
		die("thread");
}

static int model(void)
{
	static struct worker workers[MAX_THREADS];

	open_device(O_RDWR);
	make_regions();
	pthread_barrier_init(&round_end, NULL, opt.threads);
	for (unsigned int i = 0; i < opt.threads; i++)
		start(workers + i, i);
	for (unsigned int i = 0; i < opt.threads; i++)
		pthread_join(workers[i].thread, NULL);

	for (unsigned int i = 0; i <= opt.threads; i++) {
		verify(workers, regions + i, direct_fd);
		verify(workers, regions + i, buffered_fd);
	}
	if (opt.save)
		save();
	printf("seed %" PRIu64 ": %" PRIu64 " operations, %u threads, %s\n",
	       opt.seed, (uint64_t)done_ops, opt.threads,
	       reports ? "WRONG" : "all as they should be");
	return reports != 0;
}

static void usage(void)
{
	fprintf(stderr,
		"Usage: wb_model [option...] DEVICE\n\n"
		"  -n OPS      (10000; 0: until SIGTERM)\n"
		"  -m MIB      how much of the device (16)\n"
		"  -t THREADS  (4)\n"
		"  -s SEED     the same operations for each thread again (1)\n"
		"  -D          no discards and holes\n"
		"  -w FILE     keep what each sector should hold\n"
		"  -c FILE     only check that DEVICE holds what was kept\n");
	exit(2);
}

int main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:m:t:s:w:c:D")) != -1) {
		switch (c) {
		case 'n':
			opt.ops = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			opt.sectors = strtoull(optarg, NULL, 0) * 2048;
			break;
		case 't':
			opt.threads = strtoul(optarg, NULL, 0);
			break;
		case 's':
			opt.seed = strtoull(optarg, NULL, 0);
			break;
		case 'w':
			opt.save = optarg;
			break;
		case 'c':
			opt.check = optarg;
			break;
		case 'D':
			opt.discards = false;
			break;
		default:
			usage();
		}
	}
	if (optind != argc - 1 || !opt.threads || opt.threads > MAX_THREADS ||
	    !opt.sectors || opt.ops >= MAX_OPS)
		usage();
	opt.device = argv[optind];
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (opt.check) {
		open_device(O_RDONLY);
		return check();
	}
	return model();
}
