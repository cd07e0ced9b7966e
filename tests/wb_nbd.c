// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_nbd - a disk in memory with a volatile cache, whose writes or flushes fail
 * while a file says so: DIRECTORY/fail-write, DIRECTORY/fail-flush.  A network
 * block device whose server is this process; it ends with it.
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
#include <unistd.h>

#define LONGEST		(32U << 20)

static char *disk;

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

static unsigned int error_of(unsigned int command)
{
	const char *file = command == NBD_CMD_WRITE ? "fail-write" :
			   command == NBD_CMD_FLUSH ? "fail-flush" : NULL;

	return file && !access(file, F_OK) ? 5 : 0;
}

static void serve(int fd, size_t size)
{
	static char junk[LONGEST];
	struct nbd_request request;
	struct nbd_reply reply = { .magic = htobe32(NBD_REPLY_MAGIC) };

	for (;;) {
		unsigned int command, len, error;
		size_t from;

		all(fd, &request, sizeof(request), false);
		command = be32toh(request.type) & 0xffff;
		len = be32toh(request.len);
		from = be64toh(request.from);
		if (command == NBD_CMD_DISC)
			exit(0);
		error = error_of(command);
		if (len > LONGEST || from + len > size)
			error = 22;
		if (command == NBD_CMD_WRITE)
			all(fd, error ? junk : disk + from, len, false);
		reply.error = htobe32(error);
		memcpy(reply.handle, request.handle, sizeof(reply.handle));
		all(fd, &reply, sizeof(reply), true);
		if (command == NBD_CMD_READ && !error)
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
	int pair[2];
	size_t size;

	if (argc != 4) {
		fprintf(stderr, "Usage: wb_nbd DEVICE MIB DIRECTORY\n");
		return 2;
	}
	size = strtoul(argv[2], NULL, 0) << 20;
	disk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (disk == MAP_FAILED || chdir(argv[3]) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return die(argv[3]);
	attach(argv[1], pair[0], size);
	close(pair[0]);
	serve(pair[1], size);
	return 0;
}
