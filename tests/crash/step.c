// SPDX-License-Identifier: GPL-2.0-only
/*
 * Brings a disk from one flush to the next of what dm-log-writes has recorded.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logwrites.h"
#include "verbs.h"

#define CHUNK	(1U << 20)

struct step {
	int log;
	int disk;
	uint64_t nr_entries;
	uint64_t sector_size;
	uint64_t entry;		/* the next one */
	uint64_t offset;	/* of it, in the log */
};

static void die(const char *what)
{
	fprintf(stderr, "wbcrash step: %s: %s\n", what,
		errno ? strerror(errno) : "is cut off");
	exit(2);
}

static void read_at(int fd, void *to, size_t bytes, uint64_t at)
{
	errno = 0;
	if (pread(fd, to, bytes, at) != (ssize_t)bytes)
		die("log");
}

static void put(struct step *s, const void *from, size_t bytes, uint64_t at)
{
	errno = 0;
	if (pwrite(s->disk, from, bytes, at) != (ssize_t)bytes)
		die("disk");
}

/* FROM is an offset in the log, or 0 for zeroes: what a discard is taken for. */
static void copy(struct step *s, uint64_t from, uint64_t to, uint64_t bytes)
{
	static char buf[CHUNK];

	while (bytes && s->disk >= 0) {
		size_t n = bytes < CHUNK ? bytes : CHUNK;

		if (from) {
			read_at(s->log, buf, n, from);
			from += n;
		} else {
			memset(buf, 0, n);
		}
		put(s, buf, n, to);
		to += n;
		bytes -= n;
	}
}

/* Applies an entry; returns its flags. */
static uint64_t take_entry(struct step *s)
{
	struct log_entry e;
	uint64_t flags, bytes;

	read_at(s->log, &e, sizeof(e), s->offset);
	s->offset += s->sector_size;
	s->entry++;
	flags = le64toh(e.flags);
	bytes = le64toh(e.nr) * s->sector_size;
	if (flags & LOG_DISCARD) {
		copy(s, 0, le64toh(e.sector) * s->sector_size, bytes);
		return flags;
	}
	if (!(flags & LOG_MARK))
		copy(s, s->offset, le64toh(e.sector) * s->sector_size, bytes);
	s->offset += bytes;
	return flags;
}

/* Without a disk to only look at the log. */
static void open_log(struct step *s, const char *log, const char *disk)
{
	struct log_super super;

	s->log = open(log, O_RDONLY);
	s->disk = disk ? open(disk, O_WRONLY) : -1;
	if (s->log < 0 || (disk && s->disk < 0))
		die(s->log < 0 ? log : disk);
	read_at(s->log, &super, sizeof(super), 0);
	s->sector_size = le32toh(super.sector_size);
	s->nr_entries = le64toh(super.nr_entries);
	if (le64toh(super.magic) != LOG_MAGIC || s->sector_size < 512) {
		errno = EINVAL;
		die(log);
	}
}

/* Past NR flushes at LEAST or later; returns how many there were. */
static unsigned long take_flushes(struct step *s, uint64_t least, unsigned long nr)
{
	unsigned long flushes = 0;

	while (s->entry < s->nr_entries && flushes < nr)
		if ((take_entry(s) & LOG_FLUSH) && s->entry >= least)
			flushes++;
	return flushes;
}

int step_main(int argc, char **argv)
{
	struct step s = { .log = -1 };
	unsigned long nr;

	if (argc != 7) {
		fprintf(stderr, "wbcrash step: bad usage\n");
		return 2;
	}
	open_log(&s, argv[1], argv[2]);
	s.entry = strtoull(argv[3], NULL, 10);
	s.offset = strtoull(argv[4], NULL, 10);
	nr = strtoul(argv[6], NULL, 10);
	if (!s.offset)
		s.offset = s.sector_size;
	nr -= take_flushes(&s, strtoull(argv[5], NULL, 10), nr);
	if (fsync(s.disk))
		die("disk");
	printf("%llu %llu\n", (unsigned long long)s.entry,
	       (unsigned long long)s.offset);
	return nr > 0;
}

int flushes_main(int argc, char **argv)
{
	struct step s = { .log = -1 };

	if (argc != 3) {
		fprintf(stderr, "wbcrash flushes: bad usage\n");
		return 2;
	}
	open_log(&s, argv[1], NULL);
	s.offset = s.sector_size;
	printf("%lu\n", take_flushes(&s, strtoull(argv[2], NULL, 10), ULONG_MAX));
	return 0;
}
