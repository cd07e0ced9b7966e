// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_fuzz - random calls of /dev/writebehind from several threads at once, half
 * of them without privileges, while another sends the device random messages
 * and tables, suspends and resumes it.
 *
 * Most arguments are right but for a detail, since noise is refused at the
 * door. Nothing waits for long: a signal comes every few milliseconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/dm-writebehind.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PAGE		4096
#define CANARY		0xa7
#define MOST_THREADS	16
#define LINE		512
#define LONELY_FIRST	(1UL << 40)
#define LONELY_STEP	(1UL << 33)
#define NR_ENTRIES(a)	(sizeof(a) / sizeof((a)[0]))
#define WB_CALL(name, type, device) { WB_IOC_##name, sizeof(struct type), device }
#define WB_DEVICE_CALL(name, type) WB_CALL(name, type, offsetof(struct type, major))

static const struct call {
	unsigned long request;
	size_t size;
	size_t device;		/* offset of major and minor, zero if it has none */
} calls[] = {
	WB_CALL(VERSION, wb_ioc_version, 0),
	WB_CALL(LIST, wb_ioc_status, 0),
	WB_DEVICE_CALL(STATUS, wb_ioc_status),
	WB_DEVICE_CALL(STATS, wb_ioc_stats),
	WB_DEVICE_CALL(FLUSH, wb_ioc_flush),
	WB_DEVICE_CALL(SET, wb_ioc_option),
	WB_DEVICE_CALL(GET, wb_ioc_option),
	WB_DEVICE_CALL(FREEZE, wb_ioc_device),
	WB_DEVICE_CALL(THAW, wb_ioc_device),
	WB_DEVICE_CALL(CLEAR_STATS, wb_ioc_device),
	WB_DEVICE_CALL(BLOCKS, wb_ioc_blocks),
	WB_DEVICE_CALL(HOLD, wb_ioc_hold),
	WB_DEVICE_CALL(DISCARD, wb_ioc_device),
	WB_DEVICE_CALL(LATENCY, wb_ioc_latency),
};

/* Names and values come from one list: any may stand where another belongs. */
static const char * const words[] = {
	"mode", "high_watermark", "low_watermark", "max_age", "writeback_jobs",
	"pause_writeback", "drain_limit", "shutdown_timeout", "on_error",
	"read_cache", "no_read_cache", "write_through", "log", "log_sync",
	"durable", "ordered", "volatile", "buffer", "writethrough", "refuse",
	"flush", "set", "freeze", "thaw", "clear_stats",
	"0", "1", "2", "3", "10", "50", "99", "100", "101", "1000", "65536", "-1", "+5",
	"4294967295", "4294967296", "18446744073709551615", "99999999999999999999",
	"0x10", "1e3", "010", "", " ", "\t", "%s%n", "\xff\xfe", "/dev/null", "always",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

/* And some that are right. */
static const struct {
	const char *name, *value;
} settings[] = {
	{ "mode", "durable" }, { "mode", "ordered" }, { "mode", "volatile" },
	{ "max_age", "10" }, { "max_age", "5000" }, { "pause_writeback", "10" },
	{ "high_watermark", "90" }, { "low_watermark", "5" }, { "writeback_jobs", "1" },
	{ "writeback_jobs", "64" }, { "drain_limit", "0" }, { "drain_limit", "30" },
	{ "on_error", "buffer" }, { "on_error", "writethrough" }, { "on_error", "refuse" },
	{ "read_cache", "1" }, { "read_cache", "0" }, { "write_through", "1" },
	{ "write_through", "0" }, { "shutdown_timeout", "10" },
};

struct thread {
	pthread_t id;
	uint64_t random;
	bool privileged;
	int fd;
	uint8_t *arg;		/* two pages, the one behind them not mapped */
	uint8_t *read_only;
	struct wb_dirty_block *blocks;
	uint8_t *data;
};

static const char *name, *origin;
static unsigned long long sectors;
static uint32_t device[2];
static struct thread threads[MOST_THREADS];
static unsigned int nr_threads = 4;
static unsigned long most = 100000;
static atomic_ulong done, succeeded, loads, messages, suspends;
static atomic_bool stop, disturbed;
static atomic_uint wrong;

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t roll(uint64_t *random, uint64_t below)
{
	uint64_t x = *random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) % below;
}

static bool one_in(struct thread *t, unsigned int n)
{
	return !roll(&t->random, n);
}

static const char *word(struct thread *t)
{
	return words[roll(&t->random, NR_ENTRIES(words))];
}

/*
 * Arguments
 */

static uint64_t odd_number(struct thread *t)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 7, 8, 255, 256, 257, PAGE, INT32_MAX, UINT32_MAX,
		1ULL << 32, INT64_MAX, UINT64_MAX - 1, UINT64_MAX,
	};

	return one_in(t, 3) ? roll(&t->random, UINT64_MAX) :
			      odd[roll(&t->random, NR_ENTRIES(odd))];
}

static uint64_t odd_pointer(struct thread *t)
{
	switch (roll(&t->random, 6)) {
	case 0: return 0;
	case 1: return 0xffff888000001000ULL;
	case 2: return (uintptr_t)t->read_only;
	case 3: return (uintptr_t)t->arg + 2 * PAGE - roll(&t->random, 64);
	case 4: return (uintptr_t)t->arg + roll(&t->random, PAGE);
	default: return odd_number(t);
	}
}

static void fill_option(struct thread *t)
{
	struct wb_ioc_option *option = (void *)t->arg;

	/* the tunables come first */
	const char *option_name = one_in(t, 4) ? word(t) : words[roll(&t->random, 12)];
	const char *value = word(t);
	size_t i = roll(&t->random, NR_ENTRIES(settings));

	if (one_in(t, 2)) {
		option_name = settings[i].name;
		value = settings[i].value;
	}
	/* one that fills it has no end */
	memcpy(option->name, option_name, strnlen(option_name, WB_OPTION_LEN));
	memcpy(option->value, value, strnlen(value, WB_VALUE_LEN));
}

static void fill_flush(struct thread *t)
{
	struct wb_ioc_flush *flush = (void *)t->arg;

	flush->flags = roll(&t->random, 2);
	flush->timeout_ms = roll(&t->random, 20);
	if (one_in(t, 4))
		flush->epoch = roll(&t->random, 50);
}

static void fill_blocks(struct thread *t)
{
	struct wb_ioc_blocks *blocks = (void *)t->arg;

	blocks->nr = 1 + roll(&t->random, WB_BLOCKS_MOST);
	blocks->blocks = one_in(t, 8) ? odd_pointer(t) : (uintptr_t)t->blocks;
	if (one_in(t, 2))
		blocks->data = one_in(t, 8) ? odd_pointer(t) : (uintptr_t)t->data;
	if (one_in(t, 2))
		blocks->cursor = one_in(t, 4) ? odd_number(t) : roll(&t->random, 4096);
}

/* An argument that is in order. */
static void fill(struct thread *t, const struct call *c)
{
	uint32_t size = c->size;

	memset(t->arg, 0, c->size);
	memset(t->arg + c->size, CANARY, 2 * PAGE - c->size);
	memcpy(t->arg, &size, sizeof(size));
	if (c->device && !one_in(t, 8))
		memcpy(t->arg + c->device, device, sizeof(device));
	else if (c->device || one_in(t, 2))
		t->arg[offsetof(struct wb_ioc_device, id)] = roll(&t->random, 8);
	if (c->request == WB_IOC_SET || c->request == WB_IOC_GET)
		fill_option(t);
	else if (c->request == WB_IOC_FLUSH)
		fill_flush(t);
	else if (c->request == WB_IOC_BLOCKS)
		fill_blocks(t);
}

/* And then not quite. */
static void spoil(struct thread *t, const struct call *c)
{
	uint64_t where, number = odd_number(t);
	uint32_t size;

	switch (roll(&t->random, 4)) {
	case 0:
		size = c->size + roll(&t->random, 129) - 64;
		if (one_in(t, 4))
			size = number;
		/* the caller of a newer version has zeroes there */
		if (size > c->size && size <= PAGE && !one_in(t, 4))
			memset(t->arg + c->size, 0, size - c->size);
		memcpy(t->arg, &size, sizeof(size));
		break;
	case 1:
		where = roll(&t->random, c->size / 8) * 8;
		memcpy(t->arg + where, &number, sizeof(number));
		break;
	default:
		for (uint64_t k = 1 + roll(&t->random, 6); k; k--) {
			where = roll(&t->random, one_in(t, 2) ? 32 : c->size);
			t->arg[where] = one_in(t, 4) ? 0xff : roll(&t->random, 256);
		}
	}
}

static unsigned long spoil_request(struct thread *t, unsigned long request)
{
	switch (roll(&t->random, 4)) {
	case 0: return _IOWR(WB_IOC_MAGIC, _IOC_NR(request), char[64]);
	case 1: return request ^ 1UL << roll(&t->random, 32);
	case 2: return _IOWR(WB_IOC_MAGIC, roll(&t->random, 256), char[24]);
	default: return roll(&t->random, 1ULL << 32);
	}
}

/* The kernel writes no more than the size it was told. */
static void check_canary(struct thread *t, const uint8_t *before, uint32_t told)
{
	if (told >= 2 * PAGE || !memcmp(t->arg + told, before + told, 2 * PAGE - told))
		return;
	printf("more was written than the %u bytes that were asked for\n", told);
	atomic_fetch_add(&wrong, 1);
}

static void reopen(struct thread *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = open("/dev/" WB_CONTROL_NODE, one_in(t, 2) ? O_RDONLY : O_RDONLY | O_NONBLOCK);
	if (t->fd < 0)
		die("/dev/" WB_CONTROL_NODE);
}

static void one_call(struct thread *t)
{
	const struct call *c = calls + roll(&t->random, NR_ENTRIES(calls));
	unsigned long request = c->request;
	uint8_t before[2 * PAGE];
	void *at = t->arg;
	uint32_t told;

	fill(t, c);
	if (!one_in(t, 3))
		spoil(t, c);
	if (one_in(t, 12))
		request = spoil_request(t, request);
	if (one_in(t, 24))
		at = (void *)(uintptr_t)odd_pointer(t);
	memcpy(before, t->arg, sizeof(before));
	memcpy(&told, t->arg, sizeof(told));
	if (!ioctl(t->fd, request, at))
		atomic_fetch_add(&succeeded, 1);
	/* pointers inside the argument may point into it */
	if (at == t->arg && c->request != WB_IOC_BLOCKS)
		check_canary(t, before, told);
	/* what it holds is held while the file is open */
	if (one_in(t, c->request == WB_IOC_HOLD ? 4 : 64))
		reopen(t);
}

static void *call_away(void *arg)
{
	struct thread *t = arg;

	/* of this thread alone, which libc's call is not */
	if (!t->privileged && (syscall(SYS_setresgid, 65534, 65534, 65534) ||
			       syscall(SYS_setresuid, 65534, 65534, 65534)))
		die("setresuid");
	while (atomic_fetch_add(&done, 1) < most || !atomic_load(&disturbed))
		one_call(t);
	close(t->fd);
	return NULL;
}

/*
 * The device-mapper
 */

static int dm_fd;

static int dm_call(unsigned long request, uint32_t flags, uint32_t nr_targets,
		   const void *payload, size_t size)
{
	static union {
		struct dm_ioctl head;
		char bytes[sizeof(struct dm_ioctl) + 2 * LINE];
	} dm;

	memset(&dm, 0, sizeof(dm));
	dm.head.version[0] = DM_VERSION_MAJOR;
	dm.head.data_size = sizeof(dm);
	dm.head.data_start = sizeof(dm.head);
	dm.head.flags = flags;
	dm.head.target_count = nr_targets;
	strncpy(dm.head.name, name, sizeof(dm.head.name) - 1);
	memcpy(dm.bytes + sizeof(dm.head), payload, size);
	return ioctl(dm_fd, request, &dm) ? errno : 0;
}

static size_t append(char *line, size_t len, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + len, LINE - len, format, args);
	va_end(args);
	return len + n < LINE ? len + n : LINE - 1;
}

static void random_message(struct thread *t)
{
	struct {
		struct dm_target_msg msg;
		char line[LINE];
	} arg = { 0 };
	size_t i = roll(&t->random, NR_ENTRIES(settings));
	size_t len = 0;

	if (one_in(t, 4))
		len = append(arg.line, len, "set %s %s", settings[i].name,
			     settings[i].value);
	else if (one_in(t, 2))
		len = append(arg.line, len, "set ");
	for (uint64_t k = roll(&t->random, one_in(t, 16) ? 40 : 4); k; k--)
		len = append(arg.line, len, "%s ", word(t));
	dm_call(DM_TARGET_MSG, 0, 0, &arg, offsetof(typeof(arg), line) + len + 1);
	atomic_fetch_add(&messages, 1);
}

/* What is 0 or 1 to an ioctl is a word of its own in a table. */
static size_t append_setting(struct thread *t, char *line, size_t len, uint64_t *count)
{
	size_t i = roll(&t->random, NR_ENTRIES(settings));
	const char *value = settings[i].value;

	if (strcmp(settings[i].name, "read_cache") && strcmp(settings[i].name, "write_through")) {
		*count += 2;
		return append(line, len, "%s %s ", settings[i].name, value);
	}
	*count += 1;
	return append(line, len, "%s%s ", *value == '0' ? "no_" : "", settings[i].name);
}

/* A line that is in order has as many words as it says. */
static void random_table(struct thread *t)
{
	struct {
		struct dm_target_spec spec;
		char line[LINE];
	} arg = { .spec = { .length = sectors, .target_type = "writebehind" } };
	char options[LINE] = "";
	uint64_t count = 0, k;
	size_t len = 0;

	for (k = roll(&t->random, 4); k; k--)
		len = append_setting(t, options, len, &count);
	for (k = one_in(t, 4) ? roll(&t->random, 6) : 0; k; k--, count++)
		len = append(options, len, "%s ", word(t));
	if (one_in(t, 8))
		count = roll(&t->random, 100);
	if (one_in(t, 16))
		arg.spec.length = one_in(t, 2) ? odd_number(t) : roll(&t->random, sectors);

	len = append(arg.line, 0, "%s ", one_in(t, 16) ? word(t) : origin);
	if (one_in(t, 8))
		len = append(arg.line, len, "%s ", word(t));
	else
		len = append(arg.line, len, "%u ", 1 + (unsigned int)roll(&t->random, 4));
	append(arg.line, len, "%llu %s", (unsigned long long)count, options);
	if (dm_call(DM_TABLE_LOAD, 0, 1, &arg, sizeof(arg)))
		return;
	atomic_fetch_add(&loads, 1);
	/* One that is in order but for its size would cut off who does I/O. */
	if (arg.spec.length != sectors)
		dm_call(DM_TABLE_CLEAR, 0, 0, NULL, 0);
}

/* A table that is not wanted for good; some are tried. */
static void random_life(struct thread *t)
{
	uint32_t flags = DM_SUSPEND_FLAG;

	if (one_in(t, 2))
		flags |= DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG;
	if (!one_in(t, 4))
		dm_call(DM_TABLE_CLEAR, 0, 0, NULL, 0);
	if (one_in(t, 2))
		return;
	dm_call(DM_DEV_SUSPEND, flags, 0, NULL, 0);
	dm_call(DM_DEV_SUSPEND, 0, 0, NULL, 0);
	atomic_fetch_add(&suspends, 1);
}

static void leave_alive(void)
{
	dm_call(DM_DEV_SUSPEND, 0, 0, NULL, 0);
	dm_call(DM_TABLE_CLEAR, 0, 0, NULL, 0);
}

static void *disturb(void *arg)
{
	struct thread *t = arg;

	while (!atomic_load(&stop)) {
		if (atomic_load(&messages) * 64 >= most)
			atomic_store(&disturbed, true);
		random_message(t);
		if (one_in(t, 4))
			random_table(t);
		if (one_in(t, 16))
			random_life(t);
	}
	leave_alive();
	return NULL;
}

/*
 * All of them
 */

static void no_more_waiting(int signal)
{
	(void)signal;
}

/*
 * Memory with nothing of ours near it: the kernel is given addresses that were right
 * but for a byte, and writes there what it was asked for.
 */
static void *lonely(size_t size, int access)
{
	static uintptr_t next = LONELY_FIRST;
	void *map = mmap((void *)next, size, access,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (map == MAP_FAILED)
		die("mmap");
	next += LONELY_STEP;
	return map;
}

static void prepare(struct thread *t, uint64_t seed, bool privileged)
{
	t->random = seed;
	t->privileged = privileged;
	t->fd = -1;
	t->arg = lonely(2 * PAGE, PROT_READ | PROT_WRITE);
	t->read_only = lonely(PAGE, PROT_READ);
	t->blocks = lonely(WB_BLOCKS_MOST * sizeof(*t->blocks), PROT_READ | PROT_WRITE);
	t->data = lonely(WB_BLOCKS_MOST * WB_BLOCK_BYTES, PROT_READ | PROT_WRITE);
	reopen(t);
}

static void fuzz(uint64_t seed)
{
	struct sigaction action = { .sa_handler = no_more_waiting };
	struct thread other = { .random = ~seed };
	pthread_t disturber;
	unsigned int i;

	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < nr_threads; i++)
		prepare(threads + i, seed * MOST_THREADS + i, i % 2 == 0);
	disturbed = !origin;
	if (origin && pthread_create(&disturber, NULL, disturb, &other))
		die("pthread_create");
	for (i = 0; i < nr_threads; i++)
		if (pthread_create(&threads[i].id, NULL, call_away, threads + i))
			die("pthread_create");

	for (i = 0; i < nr_threads; i++) {
		while (pthread_tryjoin_np(threads[i].id, NULL)) {
			for (unsigned int k = i; k < nr_threads; k++)
				pthread_kill(threads[k].id, SIGUSR1);
			usleep(20000);
		}
	}
	atomic_store(&stop, true);
	if (origin)
		pthread_join(disturber, NULL);
}

static int usage(void)
{
	fprintf(stderr,
		"Usage: wb_fuzz [-n CALLS] [-s SEED] [-t THREADS] [-o ORIGIN] NAME\n"
		"  -o  load random tables with that origin, suspend, resume, send messages\n");
	return 2;
}

static void find_device(void)
{
	char path[256];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/dev/mapper/%s", name);
	if (stat(path, &st))
		die(path);
	device[0] = major(st.st_rdev);
	device[1] = minor(st.st_rdev);
	fd = open(path, O_RDONLY);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &sectors))
		die(path);
	sectors /= 512;
	close(fd);
	dm_fd = open("/dev/mapper/control", O_RDWR);
	if (dm_fd < 0)
		die("/dev/mapper/control");
}

int main(int argc, char **argv)
{
	uint64_t seed = getpid();
	int c;

	while ((c = getopt(argc, argv, "n:s:t:o:")) != -1) {
		switch (c) {
		case 'n': most = strtoul(optarg, NULL, 0); break;
		case 's': seed = strtoull(optarg, NULL, 0); break;
		case 't': nr_threads = strtoul(optarg, NULL, 0); break;
		case 'o': origin = optarg; break;
		default: return usage();
		}
	}
	if (argc - optind != 1 || !nr_threads || nr_threads > MOST_THREADS)
		return usage();
	name = argv[optind];
	find_device();
	fuzz(seed);
	printf("# seed %llu: %lu calls, %lu succeeded", (unsigned long long)seed,
	       atomic_load(&done) - nr_threads, atomic_load(&succeeded));
	printf("; %lu messages, %lu tables taken, %lu suspends\n", atomic_load(&messages),
	       atomic_load(&loads), atomic_load(&suspends));
	return atomic_load(&wrong) != 0;
}
