// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_nbd - a disk in memory with a volatile cache that goes wrong while there is
 * a file of that name in DIRECTORY:
 *
 *   fail-write   writes fail
 *   fail-flush   flushes fail, and what they should have made durable is lost
 *   stall        nothing is answered
 *   stall-next   becomes stall with the next failure
 *
 * With -a it is as slow as a disk with one arm, which does one request after the
 * other in the order in which they come, and tells in the file arm what it did.
 *
 * A network block device whose server is this process; it ends with it.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LONGEST		(32U << 20)
#define BLOCK		4096

/*
 * The arm, in microseconds: to settle and for half a turn of the platter at 7200 per
 * minute; to cross all of the disk; and bytes in each, 150 MB/s.
 */
#define SETTLE		(1000 + 4167)
#define CROSS		12000
#define BYTES_A_US	150

static char *disk;		/* what a read finds */
static char *durable;		/* what a failed flush leaves of it */
static bool *cached;		/* blocks in which these differ */

static struct arm {
	int file;		/* what it did; 0: there is no arm */
	size_t at;
	bool down;		/* towards the beginning, when it last moved */
	unsigned long requests, bytes, seeks, turns, busy_us;
	struct timespec free;	/* when it has done all that was asked */
} arm;

static int die(const char *what)
{
	perror(what);
	exit(1);
}

static void all(int fd, void *buf, size_t len, bool write_it)
{
	while (len) {
		ssize_t n = write_it ? write(fd, buf, len) : read(fd, buf, len);

		if (n <= 0)
			exit(0);
		buf = (char *)buf + n;
		len -= n;
	}
}

static bool there_is(const char *file)
{
	return !access(file, F_OK);
}

static void *memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("memory");
	/* what is written far apart would take 2 MiB each */
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static void settle_cache(size_t size, bool well)
{
	for (size_t i = 0; i < size / BLOCK; i++) {
		if (!cached[i])
			continue;
		memcpy((well ? durable : disk) + i * BLOCK,
		       (well ? disk : durable) + i * BLOCK, BLOCK);
		cached[i] = false;
	}
}

static void arm_tell(void)
{
	char line[256];
	int n = snprintf(line, sizeof(line),
			 "{\"requests\": %lu, \"bytes\": %lu, \"seeks\": %lu, \"turns\": %lu, \"busy_us\": %lu}\n",
			 arm.requests, arm.bytes, arm.seeks, arm.turns, arm.busy_us);

	if (pwrite(arm.file, line, n, 0) != n)
		die("arm");
}

/* Until the arm has done it: so long after what it did before, or after now. */
static void arm_wait(unsigned long us)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > arm.free.tv_sec ||
	    (now.tv_sec == arm.free.tv_sec && now.tv_nsec > arm.free.tv_nsec))
		arm.free = now;
	arm.free.tv_nsec += us * 1000;
	arm.free.tv_sec += arm.free.tv_nsec / 1000000000;
	arm.free.tv_nsec %= 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &arm.free, NULL);
}

static void arm_move(size_t from, size_t len, size_t size)
{
	bool down = from < arm.at;
	size_t way = down ? arm.at - from : from - arm.at;
	unsigned long us = len / BYTES_A_US;

	if (way) {
		us += SETTLE + (double)CROSS * way / size;
		arm.seeks++;
		arm.turns += down != arm.down;
		arm.down = down;
	}
	arm.at = from + len;
	arm.requests++;
	arm.bytes += len;
	arm.busy_us += us;
	arm_tell();
	arm_wait(us);
}

/* Returns whether it is done. */
static bool execute(unsigned int command, size_t from, size_t len, size_t size)
{
	bool well = true;

	if (command == NBD_CMD_WRITE) {
		well = !there_is("fail-write");
		for (size_t i = from / BLOCK; well && i * BLOCK < from + len; i++)
			cached[i] = true;
	} else if (command == NBD_CMD_FLUSH) {
		well = !there_is("fail-flush");
		settle_cache(size, well);
	}
	if (!well)
		rename("stall-next", "stall");
	return well;
}

static void serve(int fd, size_t size)
{
	static char data[LONGEST];
	struct nbd_request request;
	struct nbd_reply reply = { .magic = htobe32(NBD_REPLY_MAGIC) };

	for (;;) {
		unsigned int command, len;
		bool well = false;
		size_t from;

		all(fd, &request, sizeof(request), false);
		command = be32toh(request.type) & 0xffff;
		len = be32toh(request.len);
		from = be64toh(request.from);
		if (command == NBD_CMD_DISC || len > LONGEST)
			exit(0);
		if (command == NBD_CMD_WRITE)
			all(fd, data, len, false);
		while (there_is("stall"))
			usleep(10000);
		if (arm.file && (command == NBD_CMD_WRITE || command == NBD_CMD_READ))
			arm_move(from, len, size);
		if (from + len <= size)
			well = execute(command, from, len, size);
		if (command == NBD_CMD_WRITE && well)
			memcpy(disk + from, data, len);
		reply.error = htobe32(well ? 0 : 5);
		memcpy(reply.handle, request.handle, sizeof(reply.handle));
		all(fd, &reply, sizeof(reply), true);
		if (command == NBD_CMD_READ && well)
			all(fd, disk + from, len, true);
	}
}

/* The child is the kernel's side: the call lasts as long as the device. */
static void attach(const char *device, int fd, size_t size)
{
	int nbd = open(device, O_RDWR);

	if (nbd < 0)
		die(device);
	if (ioctl(nbd, NBD_SET_BLKSIZE, 512UL) ||
	    ioctl(nbd, NBD_SET_SIZE_BLOCKS, size / 512) ||
	    ioctl(nbd, NBD_SET_FLAGS, NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH) ||
	    ioctl(nbd, NBD_SET_SOCK, fd))
		die("NBD_SET_SOCK");
	if (fork()) {
		close(nbd);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ioctl(nbd, NBD_DO_IT);
	_exit(0);
}

int main(int argc, char **argv)
{
	bool has_arm = argc > 1 && !strcmp(argv[1], "-a");
	int pair[2];
	size_t size;

	argc -= has_arm;
	argv += has_arm;
	if (argc != 4) {
		fprintf(stderr, "Usage: wb_nbd [-a] DEVICE MIB DIRECTORY\n");
		return 2;
	}
	size = strtoul(argv[2], NULL, 0) << 20;
	disk = memory(size);
	durable = memory(size);
	cached = memory(size / BLOCK);
	if (chdir(argv[3]) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return die(argv[3]);
	if (has_arm) {
		arm.file = open("arm", O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (arm.file < 0)
			return die("arm");
		arm_tell();
	}
	attach(argv[1], pair[0], size);
	close(pair[0]);
	serve(pair[1], size);
	return 0;
}
