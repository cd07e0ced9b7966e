// SPDX-License-Identifier: GPL-2.0-only
/*
 * The workload. See history.h for what it says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/dm-writebehind.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "history.h"
#include "pattern.h"
#include "verbs.h"

#define ALLOWANCE	32	/* operations; a thread renews its word as often */

static struct history history = { .seed = 1, .threads = 4 };
static const char *name = "a";
static uint32_t mib = 16;
static uint32_t epoch_ops = 16;
static bool barriers;
static uint32_t durable_every;
static const char *mark_device;
static uint32_t power_off_flush;
static uint32_t power_off_ms;

static int device;
static pthread_barrier_t barrier;
static atomic_uint issued[MAX_THREADS];
static atomic_uint done[MAX_THREADS];

static void die(const char *what)
{
	/* One line for the log, and the end of the guest's command. */
	fprintf(stderr, "wbcrash: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* In one write, so that lines of several threads do not mix. */
static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	n = snprintf(line, sizeof(line), "wb %s ", name);
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) != n)
		die("stdout");
}

/*
 * Returns when what was said is out of the guest, where a pipe leads there
 * through a cat: it has taken the next line, so it has passed on the last.
 */
static void be_heard(void)
{
	int left;

	for (int i = 0; i < 2; i++) {
		while (!ioctl(STDOUT_FILENO, FIONREAD, &left) && left)
			usleep(100);
		if (!i)
			say("-");
	}
}

static void say_counts(char what, uint32_t flush, const uint32_t *n)
{
	char text[MAX_THREADS * 12];
	int length = 0;

	for (uint32_t t = 0; t < history.threads; t++)
		length += sprintf(text + length, " %u", n[t]);
	say("%c %u%s", what, flush, text);
}

static void say_sent(uint32_t flush, uint32_t own)
{
	uint32_t n[MAX_THREADS];

	for (uint32_t t = 0; t < history.threads; t++)
		n[t] = atomic_load(&done[t]);
	n[0] += own;
	say_counts('S', flush, n);
}

static void say_returned(uint32_t flush)
{
	uint32_t n[MAX_THREADS];

	for (uint32_t t = 0; t < history.threads; t++)
		n[t] = atomic_load(&issued[t]);
	say_counts('R', flush, n);
}

static void say_power_off(void)
{
	say("power off");
	/* Nothing is lost if it comes late. */
	sleep(1);
}

static void range_ioctl(unsigned long request, const struct op *op)
{
	uint64_t range[2] = { (uint64_t)op->sector * SECTOR_SIZE,
			      (uint64_t)op->count * SECTOR_SIZE };

	if (ioctl(device, request, range))
		die(request == BLKDISCARD ? "discard" : "write zeroes");
}

static void write_op(const struct op *op, uint32_t thread, uint32_t seq, char *buf)
{
	struct iovec iov = { buf, (size_t)op->count * SECTOR_SIZE };
	ssize_t n;

	for (uint32_t i = 0; i < op->count; i++)
		pattern_fill(buf + i * SECTOR_SIZE, history.seed, op->sector + i,
			     op_tag(thread, seq));
	n = pwritev2(device, &iov, 1, (off_t)op->sector * SECTOR_SIZE,
		     op->kind == OP_FUA ? RWF_DSYNC : 0);
	if (n != (ssize_t)iov.iov_len)
		die("write");
}

static void issue(uint32_t thread, uint32_t seq, char *buf)
{
	struct op op = history_op(&history, thread, seq);

	if (seq % ALLOWANCE == 0) {
		/* One ahead: who cuts the power may be slow to listen then. */
		say("A %u %u", thread, seq + 2 * ALLOWANCE);
		be_heard();
	}
	atomic_store(&issued[thread], seq + 1);
	switch (op.kind) {
	case OP_ZEROES:
		range_ioctl(BLKZEROOUT, &op);
		break;
	case OP_DISCARD:
		range_ioctl(BLKDISCARD, &op);
		break;
	default:
		write_op(&op, thread, seq, buf);
	}
	atomic_store(&done[thread], seq + 1);
	if (op.kind == OP_FUA)
		say("Y %u %u", thread, seq + 1);
}

static void sync_device(void)
{
	if (fdatasync(device))
		die("flush");
}

/* Has dm-log-writes note that from now on all up to a flush must be there. */
static void mark(uint32_t flush)
{
	struct {
		struct dm_ioctl head;
		struct dm_target_msg target;
		char text[32];
	} arg = { .head = {
		.version = { DM_VERSION_MAJOR, 0, 0 },
		.data_size = sizeof(arg),
		.data_start = sizeof(arg.head),
	} };
	static int control = -1;

	if (!mark_device)
		return;
	if (control < 0)
		control = open("/dev/mapper/control", O_RDWR);
	snprintf(arg.head.name, sizeof(arg.head.name), "%s", mark_device);
	/* The flexible array ends the structure: text begins where it does. */
	sprintf((char *)&arg + offsetof(__typeof__(arg), target) +
		offsetof(struct dm_target_msg, message), "mark %u", flush);
	if (control < 0 || ioctl(control, DM_TARGET_MSG, &arg))
		die("mark");
}

static void make_durable(uint32_t flush)
{
	struct wb_ioc_flush arg = { .size = sizeof(arg) };
	static int control = -1;
	struct stat st;

	if (control < 0)
		control = open("/dev/" WB_CONTROL_NODE, O_RDWR);
	if (control < 0 || fstat(device, &st))
		die("/dev/" WB_CONTROL_NODE);
	arg.major = major(st.st_rdev);
	arg.minor = minor(st.st_rdev);
	if (ioctl(control, WB_IOC_FLUSH, &arg))
		die("flush by ioctl");
	say("D %u", flush);
	mark(flush);
}

/* Ends an epoch, with a FUA write if that is what comes next, else a flush. */
static void end_epoch(uint32_t flush, uint32_t *seq, char *buf)
{
	bool fua = history_op(&history, 0, *seq).kind == OP_FUA;

	say_sent(flush, fua);
	if (fua)
		issue(0, (*seq)++, buf);
	else
		sync_device();
	say_returned(flush);
	if (flush == power_off_flush)
		say_power_off();
	if (!durable_every)
		mark(flush);
	else if (flush % durable_every == 0)
		make_durable(flush);
}

static void meet(void)
{
	if (barriers)
		pthread_barrier_wait(&barrier);
}

static void *work(void *arg)
{
	uint32_t thread = (uintptr_t)arg, seq = 0, left;
	char *buf = aligned_alloc(4096, MAX_SECTORS * SECTOR_SIZE);

	for (uint32_t flush = 1; ; flush++) {
		left = history_random(history.seed + 1, thread, flush) % (2 * epoch_ops);
		while (left--)
			issue(thread, seq++, buf);
		meet();
		if (!thread) {
			end_epoch(flush, &seq, buf);
		} else if (!barriers && flush % 8 == 0) {
			sync_device();
			say("Y %u %u", thread, seq);
		}
		meet();
	}
	return NULL;
}

static int parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:s:t:m:e:bd:k:K:M:")) != -1) {
		switch (c) {
		case 'n':
			name = optarg;
			break;
		case 's':
			history.seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			history.threads = atoi(optarg);
			break;
		case 'm':
			mib = atoi(optarg);
			break;
		case 'e':
			epoch_ops = atoi(optarg);
			break;
		case 'b':
			barriers = true;
			break;
		case 'd':
			durable_every = atoi(optarg);
			break;
		case 'M':
			mark_device = optarg;
			break;
		case 'k':
			power_off_flush = atoi(optarg);
			break;
		case 'K':
			power_off_ms = atoi(optarg);
			break;
		default:
			return -1;
		}
	}
	if (argc - optind != 1 || !mib || !epoch_ops || !history.threads ||
	    history.threads > MAX_THREADS)
		return -1;
	history.sectors = mib * 2048;
	return 0;
}

int run_main(int argc, char **argv)
{
	pthread_t thread;

	if (parse(argc, argv)) {
		fprintf(stderr, "wbcrash run: bad usage\n");
		return 2;
	}
	device = open(argv[optind], O_RDWR | O_DIRECT);
	if (device < 0)
		die(argv[optind]);
	pthread_barrier_init(&barrier, NULL, history.threads);
	say("H %llu %u %u", (unsigned long long)history.seed, history.threads,
	    history.sectors);
	for (uintptr_t t = 0; t < history.threads; t++)
		if (pthread_create(&thread, NULL, work, (void *)t))
			die("thread");
	if (power_off_ms) {
		usleep(power_off_ms * 1000U);
		say_power_off();
	}
	pthread_join(thread, NULL);
	return 0;
}
