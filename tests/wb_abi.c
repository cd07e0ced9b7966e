// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_abi - /dev/writebehind from the point of view of a careless or hostile
 * caller.  Each verb checks one rule of the ABI header for all calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-writebehind.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PAGE		4096
#define NR_ENTRIES(a)	(sizeof(a) / sizeof((a)[0]))
/* The least size is the one of version 1, in numbers: that does not grow. */
#define WB_CALL(name, type, least, device, admin) \
	{ #name, WB_IOC_##name, sizeof(struct type), least, device, admin, 0 }

static const struct call {
	const char *name;
	unsigned long request;
	size_t size;
	size_t least;
	size_t device;		/* offset of major and minor, zero if it has none */
	bool admin;
	int answer;		/* to an argument that is in order */
} calls[] = {
	WB_CALL(VERSION, wb_ioc_version, 24, 0, false),
	WB_CALL(LIST, wb_ioc_status, 376, 0, false),
	WB_CALL(STATUS, wb_ioc_status, 376, offsetof(struct wb_ioc_status, major), false),
	WB_CALL(STATS, wb_ioc_stats, 184, offsetof(struct wb_ioc_stats, major), false),
	WB_CALL(FLUSH, wb_ioc_flush, 48, offsetof(struct wb_ioc_flush, major), true),
	WB_CALL(SET, wb_ioc_option, 120, offsetof(struct wb_ioc_option, major), true),
	WB_CALL(GET, wb_ioc_option, 120, offsetof(struct wb_ioc_option, major), false),
	WB_CALL(FREEZE, wb_ioc_device, 24, offsetof(struct wb_ioc_device, major), true),
	WB_CALL(THAW, wb_ioc_device, 24, offsetof(struct wb_ioc_device, major), true),
	WB_CALL(CLEAR_STATS, wb_ioc_device, 24, offsetof(struct wb_ioc_device, major), true),
	WB_CALL(BLOCKS, wb_ioc_blocks, 56, offsetof(struct wb_ioc_blocks, major), false),
	WB_CALL(HOLD, wb_ioc_hold, 32, offsetof(struct wb_ioc_hold, major), true),
	WB_CALL(LATENCY, wb_ioc_latency, 296, offsetof(struct wb_ioc_latency, major), false),
	/* only of what has lost its device */
	{ "DISCARD", WB_IOC_DISCARD, sizeof(struct wb_ioc_device), 24,
	  offsetof(struct wb_ioc_device, major), true, EBUSY },
};

static uint32_t device[2];
static int fd, wrong;
static uint8_t arg[4 * PAGE] __attribute__((aligned(PAGE)));
static struct wb_dirty_block listed[4];
static uint8_t content[NR_ENTRIES(listed)][WB_BLOCK_BYTES];

static void open_control(void)
{
	fd = open("/dev/" WB_CONTROL_NODE, O_RDONLY);
	if (fd < 0) {
		perror("/dev/" WB_CONTROL_NODE);
		exit(2);
	}
}

/* An argument that is in order. */
static void prepare(const struct call *c)
{
	uint32_t size = c->size;

	memset(arg, 0, sizeof(arg));
	memcpy(arg, &size, sizeof(size));
	if (c->device)
		memcpy(arg + c->device, device, sizeof(device));
	if (c->request == WB_IOC_SET || c->request == WB_IOC_GET) {
		struct wb_ioc_option *option = (void *)arg;

		strcpy((char *)option->name, "max_age");
		strcpy((char *)option->value, "5000");
	}
	if (c->request == WB_IOC_BLOCKS) {
		struct wb_ioc_blocks *blocks = (void *)arg;

		blocks->blocks = (uintptr_t)listed;
		blocks->nr = NR_ENTRIES(listed);
	}
}

/* With a file of its own, since that is what a hold lasts as long as. */
static void expect(const struct call *c, const char *how, unsigned long request,
		   void *pointer, int err)
{
	int got;

	open_control();
	got = ioctl(fd, request, pointer) ? errno : 0;
	close(fd);
	if (got == err)
		return;
	printf("%s, %s: %s", c->name, how, got ? strerrorname_np(got) : "done");
	printf(", expected %s\n", err ? strerrorname_np(err) : "done");
	wrong++;
}

static void expect_size(const struct call *c, const char *how, uint32_t size, int err)
{
	memcpy(arg, &size, sizeof(size));
	expect(c, how, c->request, arg, err);
}

static void check_good(const struct call *c)
{
	prepare(c);
	expect(c, "in order", c->request, arg, c->answer);
}

/* An older caller's argument ends where it says so. */
static void check_older(const struct call *c, uint32_t size)
{
	prepare(c);
	memset(arg + size, 0xa5, sizeof(arg) - size);
	expect_size(c, "an older size", size, c->answer);
	for (size_t i = size; i < size + PAGE; i++) {
		if (arg[i] == 0xa5)
			continue;
		printf("%s, size %u: byte %zu was written\n", c->name, size, i);
		wrong++;
		return;
	}
}

static void check_sizes(const struct call *c)
{
	prepare(c);
	for (uint32_t size = 0; size < c->least; size++)
		expect_size(c, "shorter than ever", size, EINVAL);
	for (uint32_t size = c->least; size <= c->size; size++)
		check_older(c, size);
	prepare(c);
	expect_size(c, "above a page", PAGE + 1, EINVAL);
	expect_size(c, "size 2^31", 1U << 31, EINVAL);
	expect_size(c, "size 2^32 - 1", UINT32_MAX, EINVAL);
}

/* A caller from the future: what the kernel does not know has to be zero. */
static void check_future(const struct call *c)
{
	uint32_t size;

	prepare(c);
	expect_size(c, "64 bytes longer, zero", c->size + 64, c->answer);
	memcpy(&size, arg, sizeof(size));
	if (!c->answer && size != c->size) {
		printf("%s, longer: size comes back as %u, not %zu\n", c->name, size,
		       c->size);
		wrong++;
	}
	prepare(c);
	arg[c->size + 63] = 1;
	expect_size(c, "64 bytes longer, not zero", c->size + 64, E2BIG);
	prepare(c);
	expect_size(c, "a page, zero", PAGE, c->answer);
	/* The size in the request's number is another version's, too. */
	prepare(c);
	expect(c, "another size in the number",
	       _IOWR(WB_IOC_MAGIC, _IOC_NR(c->request), char[8]), arg, c->answer);
}

static void check_flags(const struct call *c)
{
	uint32_t known = c->request == WB_IOC_FLUSH ? WB_FLUSH_ASYNC : 0;

	for (int bit = 0; bit < 32; bit++) {
		uint32_t flags = 1U << bit;

		prepare(c);
		memcpy(arg + 4, &flags, sizeof(flags));
		expect(c, "a flag", c->request, arg, flags & known ? c->answer : EINVAL);
	}
}

static void check_pointers(const struct call *c)
{
	uint8_t *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || munmap(map + PAGE, PAGE))
		exit(2);
	expect(c, "NULL", c->request, NULL, EFAULT);
	expect(c, "a kernel address", c->request, (void *)0xffff888000001000UL, EFAULT);
	expect(c, "past the last page", c->request, map + PAGE - 2, EFAULT);
	prepare(c);
	memcpy(map + PAGE - 8, arg, 8);
	expect(c, "cut by a page's end", c->request, map + PAGE - 8, EFAULT);
	memcpy(map, arg, c->size);
	mprotect(map, PAGE, PROT_READ);
	expect(c, "read-only", c->request, map, c->answer ?: EFAULT);
	munmap(map, PAGE);
}

static void check_devices(const struct call *c)
{
	uint32_t other[2] = { 1, 3 };
	uint64_t id = UINT64_MAX;

	if (!c->device)
		return;
	prepare(c);
	memcpy(arg + c->device, other, sizeof(other));
	expect(c, "another device", c->request, arg, ENODEV);
	memset(arg + c->device, 0xff, sizeof(other));
	expect(c, "no such device", c->request, arg, ENODEV);
	prepare(c);
	memcpy(arg + 8, &id, sizeof(id));
	expect(c, "no such id", c->request, arg, ENODEV);
}

static void check_names(const struct call *c)
{
	struct wb_ioc_option *option = (void *)arg;

	if (c->request != WB_IOC_SET && c->request != WB_IOC_GET)
		return;
	prepare(c);
	memset(option->name, 'a', sizeof(option->name));
	expect(c, "a name without an end", c->request, arg, EINVAL);
	prepare(c);
	memset(option->name, 0, sizeof(option->name));
	expect(c, "an empty name", c->request, arg, EINVAL);
	prepare(c);
	strcpy((char *)option->name, "max_ag");
	expect(c, "an unknown name", c->request, arg, EINVAL);
	if (c->request == WB_IOC_GET)
		return;
	prepare(c);
	memset(option->value, '1', sizeof(option->value));
	expect(c, "a value without an end", c->request, arg, EINVAL);
	prepare(c);
	strcpy((char *)option->value, "0");
	expect(c, "a value out of range", c->request, arg, ERANGE);
}

static void check_latency(const struct call *c)
{
	struct wb_ioc_latency *latency = (void *)arg;

	if (c->request != WB_IOC_LATENCY)
		return;
	for (uint32_t which = 0; which < WB_NR_LATENCIES; which++) {
		prepare(c);
		latency->which = which;
		expect(c, "one of them", c->request, arg, 0);
	}
	prepare(c);
	latency->which = WB_NR_LATENCIES;
	expect(c, "behind the last", c->request, arg, EINVAL);
	latency->which = UINT32_MAX;
	expect(c, "far behind the last", c->request, arg, EINVAL);
	prepare(c);
	latency->reserved = 1;
	expect(c, "reserved", c->request, arg, EINVAL);
}

static void check_lists(const struct call *c)
{
	struct wb_ioc_blocks *blocks = (void *)arg;

	if (c->request != WB_IOC_BLOCKS)
		return;
	prepare(c);
	blocks->nr = 0;
	expect(c, "no room", c->request, arg, EINVAL);
	blocks->nr = WB_BLOCKS_MOST + 1;
	expect(c, "too much room", c->request, arg, EINVAL);
	prepare(c);
	blocks->reserved = 1;
	expect(c, "reserved", c->request, arg, EINVAL);
	prepare(c);
	blocks->blocks = 0;
	expect(c, "a list at NULL", c->request, arg, EFAULT);
	prepare(c);
	blocks->data = 8;
	expect(c, "data at 8", c->request, arg, EFAULT);
	prepare(c);
	blocks->cursor = WB_BLOCKS_END;
	expect(c, "behind the end", c->request, arg, 0);
	if (blocks->nr || blocks->cursor != WB_BLOCKS_END) {
		printf("%s, behind the end: %u blocks\n", c->name, blocks->nr);
		wrong++;
	}
}

static void check_unknown(const struct call *c)
{
	unsigned int nr = _IOC_NR(c->request);

	prepare(c);
	expect(c, "another direction", _IOW(WB_IOC_MAGIC, nr, char[24]), arg, ENOTTY);
	expect(c, "no direction", _IO(WB_IOC_MAGIC, nr), arg, ENOTTY);
	expect(c, "another letter", _IOWR('w', nr, char[24]), arg, ENOTTY);
	expect(c, "another number", _IOWR(WB_IOC_MAGIC, nr + 0x80, char[24]), arg, ENOTTY);
}

/* After this process has given its capabilities away. */
static void check_unprivileged(const struct call *c)
{
	prepare(c);
	expect(c, "without CAP_SYS_ADMIN", c->request, arg, c->admin ? EPERM : 0);
	if (c->request == WB_IOC_BLOCKS) {
		((struct wb_ioc_blocks *)arg)->data = (uintptr_t)content;
		expect(c, "data without CAP_SYS_ADMIN", c->request, arg, EPERM);
	}
}

static void drop_privileges(void)
{
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)) {
		perror("setresuid");
		exit(2);
	}
}

static uint64_t roll(uint64_t *random, uint64_t below)
{
	uint64_t x = *random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) % below;
}

/*
 * An argument that is right but for a few bytes gets further than noise does.
 * A flush must not wait for a wrong epoch for ever.
 */
static void fuzz(uint64_t seed, unsigned long count)
{
	uint64_t random = seed;
	unsigned long done = 0;

	printf("# seed %llu, %lu calls\n", (unsigned long long)seed, count);
	for (unsigned long n = 0; n < count; n++) {
		const struct call *c = calls + roll(&random, NR_ENTRIES(calls));
		unsigned long request = c->request;
		uint8_t *at = arg;

		prepare(c);
		if (request == WB_IOC_FLUSH)
			((struct wb_ioc_flush *)arg)->timeout_ms = 1;
		for (uint64_t k = roll(&random, 6); k; k--) {
			uint64_t where = roll(&random, 2) ? roll(&random, 32) :
							    roll(&random, c->size + 8);

			if (c->request != WB_IOC_FLUSH || where < 32)
				arg[where] = roll(&random, 4) ? roll(&random, 256) : 0xff;
		}
		if (!roll(&random, 16))
			request = roll(&random, 2) ? request ^ 1UL << roll(&random, 32) :
						     roll(&random, 1ULL << 32);
		if (!roll(&random, 32))
			at = arg + sizeof(arg) - roll(&random, 64);
		if (!roll(&random, 64))
			at = (void *)(uintptr_t)roll(&random, UINT64_MAX);
		/* what one holds is not to be held for ever */
		if (!(n % 64))
			open_control();
		done += !ioctl(fd, request, at);
		if (n % 64 == 63)
			close(fd);
	}
	printf("# %lu of them succeeded\n", done);
}

static const struct check {
	const char *name;
	void (*fn)(const struct call *c);
} checks[] = {
	{ "good", check_good },
	{ "sizes", check_sizes },
	{ "future", check_future },
	{ "flags", check_flags },
	{ "pointers", check_pointers },
	{ "devices", check_devices },
	{ "names", check_names },
	{ "lists", check_lists },
	{ "latency", check_latency },
	{ "unknown", check_unknown },
	{ "unprivileged", check_unprivileged },
};

static int run_check(const char *name)
{
	for (size_t i = 0; i < NR_ENTRIES(checks); i++) {
		if (strcmp(checks[i].name, name))
			continue;
		for (size_t k = 0; k < NR_ENTRIES(calls); k++)
			checks[i].fn(calls + k);
		return wrong != 0;
	}
	fprintf(stderr, "wb_abi: what is %s?\n", name);
	return 2;
}

/* Until we are killed. */
static int hold(void)
{
	struct wb_ioc_hold hold_arg = {
		.size = sizeof(hold_arg), .major = device[0], .minor = device[1],
	};

	open_control();
	if (ioctl(fd, WB_IOC_HOLD, &hold_arg)) {
		perror("hold");
		return 1;
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc < 3) {
		fprintf(stderr, "Usage: wb_abi CHECK DEVICE | hold DEVICE | fuzz DEVICE SEED COUNT\n");
		return 2;
	}
	if (stat(argv[2], &st)) {
		perror(argv[2]);
		return 2;
	}
	device[0] = major(st.st_rdev);
	device[1] = minor(st.st_rdev);
	if (!strcmp(argv[1], "fuzz") && argc == 5) {
		fuzz(strtoull(argv[3], NULL, 0), strtoul(argv[4], NULL, 0));
		return 0;
	}
	if (!strcmp(argv[1], "hold"))
		return hold();
	if (!strcmp(argv[1], "unprivileged"))
		drop_privileges();
	return run_check(argv[1]);
}
