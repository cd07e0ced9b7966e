// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replays what dm-log-writes has recorded below the device, and judges each
 * state of the disk that a power cut could have left:
 *
 * All that a flush covered is there. Of what completed after it, up to the next
 * flush, the disk may have kept anything: judged are each beginning of it in
 * the order of completion, all subsets where there are few enough, else some
 * at random and each write missing alone. Writes are kept or lost whole, and in
 * the order of completion; a disk that tears or reorders them where they
 * overlap is not tried.
 *
 * A mark of the workload says what must be in all later states.
 */
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history.h"
#include "logwrites.h"
#include "pattern.h"
#include "trial.h"

#define ALL_SUBSETS	5	/* writes of which all subsets are tried */
#define SOME_SUBSETS	16

struct change {
	size_t offset;
	size_t bytes;
	const unsigned char *data;	/* NULL for a discard */
	bool fua;
};

struct replay {
	struct trial *trial;
	unsigned char *image;		/* the judge's */
	unsigned char *base;		/* what is certain */
	size_t size;
	struct change *tail;		/* what is not */
	unsigned int nr_tail;
	unsigned int room;
	unsigned long points;
	unsigned long flushes;
	unsigned long marks;
	unsigned long entry;
	uint64_t seed;
	unsigned long bad;
};

static void apply(const struct replay *r, unsigned char *to,
		  const struct change *c)
{
	size_t bytes = c->bytes;

	if (c->offset >= r->size)
		return;
	if (bytes > r->size - c->offset)
		bytes = r->size - c->offset;
	if (c->data)
		memcpy(to + c->offset, c->data, bytes);
	else
		memset(to + c->offset, 0, bytes);
}

static void judge_point(struct replay *r, const char *what, unsigned long which)
{
	r->points++;
	if (trial_judge(r->trial) || r->bad++)
		return;
	printf("after entry %lu, %lu flushes, %u writes behind: %s %lu\n", r->entry,
	       r->flushes, r->nr_tail, what, which);
	trial_quiet(r->trial, false);
	trial_judge(r->trial);
	trial_quiet(r->trial, true);
}

static void judge_beginnings(struct replay *r)
{
	memcpy(r->image, r->base, r->size);
	for (unsigned int i = 0; i < r->nr_tail; i++) {
		apply(r, r->image, &r->tail[i]);
		judge_point(r, "a beginning of", i + 1);
	}
}

static bool keeps(const struct replay *r, unsigned long subset, unsigned int i)
{
	if (r->nr_tail <= ALL_SUBSETS)
		return subset >> i & 1;
	if (subset < r->nr_tail)
		return subset != i;
	return history_random(r->seed + r->entry, subset, i) & 1;
}

static void judge_subsets(struct replay *r)
{
	unsigned long subsets = r->nr_tail + SOME_SUBSETS;

	if (r->nr_tail <= ALL_SUBSETS)
		subsets = 1UL << r->nr_tail;
	for (unsigned long k = 0; k < subsets; k++) {
		memcpy(r->image, r->base, r->size);
		for (unsigned int i = 0; i < r->nr_tail; i++)
			if (r->tail[i].fua || keeps(r, k, i))
				apply(r, r->image, &r->tail[i]);
		judge_point(r, "subset", k);
	}
}

static void judge_tail(struct replay *r)
{
	judge_beginnings(r);
	judge_subsets(r);
}

/* What came since the last flush has got certain. */
static void settle(struct replay *r)
{
	if (!r->nr_tail)
		return;
	judge_tail(r);
	for (unsigned int i = 0; i < r->nr_tail; i++)
		apply(r, r->base, &r->tail[i]);
	r->nr_tail = 0;
}

static void add_change(struct replay *r, struct change c)
{
	if (r->nr_tail == r->room) {
		r->room = 2 * r->room + 16;
		r->tail = realloc(r->tail, r->room * sizeof(*r->tail));
		if (!r->tail)
			exit(2);
	}
	r->tail[r->nr_tail++] = c;
}

/* The text stands behind the entry. What is not yet certain may be missing now. */
static void take_mark(struct replay *r, const struct log_entry *e)
{
	char text[16] = "";
	size_t n = le64toh(e->data_len);

	memcpy(text, e + 1, n < sizeof(text) ? n : sizeof(text) - 1);
	judge_tail(r);
	trial_hold(r->trial, strtoul(text, NULL, 10));
	judge_tail(r);
	r->marks++;
}

/* Returns the bytes that the entry's data takes, without its header. */
static size_t take_entry(struct replay *r, const unsigned char *at,
			 size_t sector_size)
{
	const struct log_entry *e = (const void *)at;
	uint64_t flags = le64toh(e->flags);
	size_t bytes = le64toh(e->nr) * sector_size;
	bool discard = flags & LOG_DISCARD;

	if (flags & LOG_FLUSH) {
		settle(r);
		r->flushes++;
	}
	if (flags & LOG_MARK) {
		take_mark(r, e);
		return bytes;
	}
	if (bytes)
		add_change(r, (struct change) {
			.offset = le64toh(e->sector) * sector_size,
			.bytes = bytes,
			.data = discard ? NULL : at + sector_size,
			.fua = flags & LOG_FUA,
		});
	return discard ? 0 : bytes;
}

static int replay_log(struct replay *r, const unsigned char *disk, size_t size)
{
	const struct log_super *super = (const void *)disk;
	size_t sector_size = le32toh(super->sector_size);
	uint64_t nr = le64toh(super->nr_entries);
	size_t at = sector_size;

	if (le64toh(super->magic) != LOG_MAGIC || sector_size < 512) {
		fprintf(stderr, "wbcrash: not a log of dm-log-writes\n");
		return 2;
	}
	for (r->entry = 0; r->entry < nr && at + sector_size <= size; r->entry++)
		at += sector_size + take_entry(r, disk + at, sector_size);
	settle(r);
	printf("%lu entries, %lu flushes, %lu marks, %lu states of the disk judged, %lu bad\n",
	       r->entry, r->flushes, r->marks, r->points, r->bad);
	return r->bad || !r->points;
}

static int replay_file(struct replay *r, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *disk;

	if (fd < 0 || fstat(fd, &st)) {
		perror(path);
		return 2;
	}
	disk = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (disk == MAP_FAILED || st.st_size < SECTOR_SIZE) {
		perror(path);
		return 2;
	}
	r->image = trial_image(r->trial, &r->size);
	r->base = calloc(1, r->size);
	return r->base ? replay_log(r, disk, st.st_size) : 2;
}

int replay_main(int argc, char **argv)
{
	struct replay r = { .seed = 1 };
	const char *name = "a";
	int c, mode = -1;

	while ((c = getopt(argc, argv, "n:s:")) != -1) {
		if (c == 'n')
			name = optarg;
		else if (c == 's')
			r.seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (argc - optind == 3)
		mode = mode_from(argv[optind]);
	if (mode < 0) {
		fprintf(stderr, "wbcrash replay: bad usage\n");
		return 2;
	}
	r.trial = trial_new(argv[optind + 1], name, mode, false, true);
	return r.trial ? replay_file(&r, argv[optind + 2]) : 2;
}
