// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_io - small jobs on a block device that a shell is too slow or too blunt for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dm-ioctl.h>
#include <linux/dm-writebehind.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "marks.h"
#include "pattern.h"

#define BLOCK		4096
#define CHUNK		(1U << 20)

static char buf[CHUNK] __attribute__((aligned(4096)));

static int die(const char *what)
{
	fprintf(stderr, "wb_io: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int usage(void)
{
	fprintf(stderr,
		"Usage: wb_io write [-r] [-g] [-e N] [-b SIZE] [-S] [-n] [-y] [-B] [-m N]\n"
		"                   SEED DEVICE OFFSET LENGTH\n"
		"       wb_io check SEED DEVICE OFFSET LENGTH\n"
		"       wb_io count SEED DEVICE OFFSET LENGTH\n"
		"       wb_io sync DEVICE\n"
		"       wb_io status-time DEVICE NAME CALLS\n\n"
		"  -r  shuffled\n"
		"  -g  with gaps: every second one only\n"
		"  -e  with gaps: every N-th one only\n"
		"  -b  bytes in one write (1048576; with -r 4096)\n"
		"  -S  each of them O_DSYNC\n"
		"  -n  RWF_NOWAIT, and without it what that refuses; says how many\n"
		"  -y  fsync at the end\n"
		"  -B  buffered\n"
		"  -m  tell bench/wb_insns where the writes begin, and with N where they end\n"
		"count: how many bytes there hold what write wrote\n"
		"status-time: the longest call in microseconds\n");
	return 2;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (!*text || *end)
		exit(usage());
	return n;
}

static void shuffle(uint32_t *order, uint32_t n, uint64_t seed)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j, swap;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		j = (seed >> 33) % i;
		swap = order[i - 1];
		order[i - 1] = order[j];
		order[j] = swap;
	}
}

/*
 * For who watches which instructions are executed: one at an address where no
 * other program has any.
 */
static void mark(unsigned int n)
{
	static unsigned char *marks;

	if (!marks) {
		marks = mmap((void *)MARKS, NR_MARKS, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (marks == MAP_FAILED)
			die("mmap");
		memset(marks, 0xc3, NR_MARKS);	/* ret */
	}
	((void (*)(void))(marks + n))();
}

/* Counts what had to wait in @refused, if that is not NULL. */
static void write_one(int fd, uint64_t at, size_t size, uint64_t *refused)
{
	struct iovec iov = { buf, size };

	if (refused) {
		if (pwritev2(fd, &iov, 1, at, RWF_NOWAIT) == (ssize_t)size)
			return;
		if (errno != EAGAIN)
			die("RWF_NOWAIT");
		++*refused;
	}
	if (pwrite(fd, buf, size, at) != (ssize_t)size)
		die("write");
}

static int do_write(int argc, char **argv)
{
	bool random = false, sync = false, nowait = false;
	unsigned int step = 1, marked = 0;
	int flags = O_WRONLY | O_DIRECT;
	uint64_t seed, offset, length, size = 0, refused = 0;
	uint32_t *order, n;
	int c, fd;

	while ((c = getopt(argc, argv, "rge:b:SnyBm:")) != -1) {
		switch (c) {
		case 'r':
			random = true;
			break;
		case 'g':
			step = 2;
			break;
		case 'e':
			step = number(optarg);
			break;
		case 'b':
			size = number(optarg);
			break;
		case 'S':
			flags |= O_DSYNC;
			break;
		case 'n':
			nowait = true;
			break;
		case 'y':
			sync = true;
			break;
		case 'B':
			flags &= ~O_DIRECT;
			break;
		case 'm':
			marked = number(optarg);
			break;
		default:
			return usage();
		}
	}
	if (argc - optind != 4)
		return usage();
	seed = number(argv[optind]);
	offset = number(argv[optind + 2]);
	length = number(argv[optind + 3]);
	size = size ?: random ? BLOCK : CHUNK;
	if (size > length)
		size = length;
	if (!size || size > CHUNK || size % SECTOR_SIZE || !step ||
	    length % (size * step) || marked >= NR_MARKS)
		return usage();
	fd = open(argv[optind + 1], flags);
	if (fd < 0)
		return die(argv[optind + 1]);

	n = length / size / step;
	order = calloc(n, sizeof(*order));
	if (!order)
		return die("memory");
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	if (random)
		shuffle(order, n, seed);
	if (marked)
		mark(0);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = offset + order[i] * step * size;

		for (uint64_t k = 0; k < size; k += SECTOR_SIZE)
			pattern_fill(buf + k, seed, (at + k) / SECTOR_SIZE, seed + 1);
		write_one(fd, at, size, nowait ? &refused : NULL);
	}
	if (marked)
		mark(marked);
	free(order);
	if (nowait)
		printf("%" PRIu64 "\n", refused);
	if (sync && fsync(fd))
		return die("fsync");
	return close(fd) ? die("close") : 0;
}

static uint64_t matching(uint64_t seed, const char *device, uint64_t offset,
			 uint64_t length)
{
	int fd = open(device, O_RDONLY | O_DIRECT);
	uint64_t good = 0, tag;

	if (fd < 0)
		die(device);
	for (uint64_t at = offset; at < offset + length; at += CHUNK) {
		uint64_t n = offset + length - at;

		if (n > CHUNK)
			n = CHUNK;
		if (pread(fd, buf, n, at) != (ssize_t)n)
			die("read");
		for (uint64_t k = 0; k < n; k += SECTOR_SIZE)
			if (pattern_read(buf + k, seed, (at + k) / SECTOR_SIZE, &tag) ==
			    PATTERN_WHOLE && tag == seed + 1)
				good += SECTOR_SIZE;
	}
	close(fd);
	return good;
}

static int do_compare(int argc, char **argv, bool check)
{
	uint64_t good, length;

	if (argc != 5)
		return usage();
	length = number(argv[4]);
	good = matching(number(argv[1]), argv[2], number(argv[3]), length);
	if (!check) {
		printf("%" PRIu64 "\n", good);
		return 0;
	}
	if (good == length)
		return 0;
	printf("%s: only %" PRIu64 " of %" PRIu64 " bytes are what was written\n",
	       argv[2], good, length);
	return 1;
}

static int do_sync(int argc, char **argv)
{
	int fd;

	if (argc != 2)
		return usage();
	fd = open(argv[1], O_RDONLY);
	if (fd < 0)
		return die(argv[1]);
	return fsync(fd) ? die("fsync") : 0;
}

static uint64_t microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

/* The call behind `dmsetup status`, without the start of a process. */
static void dm_status(int fd, const char *name)
{
	struct dm_ioctl *dmi = (struct dm_ioctl *)buf;

	memset(dmi, 0, sizeof(*dmi));
	dmi->version[0] = DM_VERSION_MAJOR;
	dmi->data_size = 16384;
	dmi->data_start = sizeof(*dmi);
	snprintf(dmi->name, sizeof(dmi->name), "%s", name);
	if (ioctl(fd, DM_TABLE_STATUS, dmi))
		die("DM_TABLE_STATUS");
}

static int do_status_time(int argc, char **argv)
{
	uint64_t worst = 0, start, took;
	struct wb_ioc_status status;
	int dm, wb, calls;
	struct stat st;

	if (argc != 4)
		return usage();
	wb = open("/dev/" WB_CONTROL_NODE, O_RDONLY);
	dm = open("/dev/mapper/control", O_RDWR);
	if (wb < 0 || dm < 0 || stat(argv[1], &st))
		return die("open");
	for (calls = number(argv[3]); calls; calls--) {
		status = (struct wb_ioc_status){
			.size = sizeof(status),
			.major = major(st.st_rdev), .minor = minor(st.st_rdev),
		};
		start = microseconds();
		if (ioctl(wb, WB_IOC_STATUS, &status))
			return die("WB_IOC_STATUS");
		dm_status(dm, argv[2]);
		took = microseconds() - start;
		if (took > worst)
			worst = took;
		usleep(20000);
	}
	printf("%" PRIu64 "\n", worst);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	argc--;
	argv++;
	if (!strcmp(verb, "write"))
		return do_write(argc, argv);
	if (!strcmp(verb, "check") || !strcmp(verb, "count"))
		return do_compare(argc, argv, verb[1] == 'h');
	if (!strcmp(verb, "sync"))
		return do_sync(argc, argv);
	if (!strcmp(verb, "status-time"))
		return do_status_time(argc, argv);
	return usage();
}
