// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_failnth - do one thing again and again, its first allocation failing the
 * first time, its second the second time, until none is left that could fail.
 *
 * The kernel's /proc/PID/fail-nth counts for one task, so the operation is a
 * system call made here, and the filters of fault injection make only those
 * allocations count that the module is on the stack of.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/dm-writebehind.h>
#include <linux/fs.h>
#include <stdarg.h>
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
#include <sys/uio.h>
#include <unistd.h>

#define NAME		"wb-nth"
#define BLOCK		4096
#define AREA		(128 * BLOCK)	/* that the data of a round is in */
#define TABLE		16384
#define MOST_ROUNDS	100000
#define LAZY		"high_watermark 100 low_watermark 100 " \
			"max_age 86400000 pause_writeback 86400000"
#define NR_ENTRIES(a)	(sizeof(a) / sizeof((a)[0]))

static const char *origin, *module_file, *mode = "durable";
static bool all_after;		/* not only the N-th fails, but all from there on */
static unsigned long long sectors;
static unsigned int round_nr;
static const char *op_name = "";
static dev_t dev;
static int dev_fd = -1, dm_fd, nth_fd, wb_fd = -1;
static uint8_t *buffer;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
	va_list args;

	printf("%s, with failure %u: ", op_name, round_nr);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

#define must(what) do { \
	int must_err = (what); \
	if (must_err) \
		die("%s: %s", #what, strerror(must_err)); \
} while (0)

/*
 * Fault injection
 */

static void write_file(const char *value, const char *format, ...)
{
	char path[256];
	va_list args;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

static void set_knob(const char *knob, const char *value)
{
	write_file(value, "/sys/kernel/debug/failslab/%s", knob);
	write_file(value, "/sys/kernel/debug/fail_page_alloc/%s", knob);
}

static void only_under(unsigned long long start, unsigned long long end)
{
	char value[32];

	snprintf(value, sizeof(value), "%llu", start);
	set_knob("require-start", value);
	snprintf(value, sizeof(value), "%llu", end);
	set_knob("require-end", value);
}

/* From a function's first byte to the next function's. */
static void only_under_function(const char *name)
{
	unsigned long long at, start = 0, end = ~0ULL;
	FILE *f = fopen("/proc/kallsyms", "r");
	char symbol[256];

	while (f && fscanf(f, "%llx %*c %255s%*[^\n]", &at, symbol) == 2)
		if (!strcmp(symbol, name))
			start = at;
	if (!start)
		die("no symbol %s", name);
	rewind(f);
	while (fscanf(f, "%llx %*c %255s%*[^\n]", &at, symbol) == 2)
		if (at > start && at < end)
			end = at;
	fclose(f);
	only_under(start, end);
}

static void only_under_module(void)
{
	unsigned long long at, start = ~0ULL, end = 0;
	FILE *f = fopen("/proc/kallsyms", "r");
	char *line = NULL, type;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		if (!strstr(line, "[dm_writebehind]") ||
		    sscanf(line, "%llx %c", &at, &type) != 2 ||
		    (type != 't' && type != 'T'))
			continue;
		if (at < start)
			start = at;
		if (at >= end)
			end = at + 1;
	}
	if (f)
		fclose(f);
	free(line);
	if (!end)
		die("the module is not loaded");
	/* its last function ends somewhere in its last page */
	only_under(start, (end + BLOCK - 1) / BLOCK * BLOCK);
}

static void inject_setup(void)
{
	set_knob("probability", "0");
	set_knob("interval", "1");
	set_knob("times", "-1");
	set_knob("verbose", "0");
	set_knob("task-filter", "N");
	set_knob("ignore-gfp-wait", "N");
	write_file("N", "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem");
	write_file("0", "/sys/kernel/debug/fail_page_alloc/min-order");
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		die("/proc/thread-self/fail-nth: %s", strerror(errno));
}

static void set_nth(unsigned int n)
{
	char value[16];
	int len = snprintf(value, sizeof(value), "%u", n);

	if (pwrite(nth_fd, value, len, 0) != len)
		die("fail-nth: %s", strerror(errno));
}

/* Was there an N-th allocation? */
static bool nth_was_reached(void)
{
	char value[16] = "";

	if (pread(nth_fd, value, sizeof(value) - 1, 0) < 0)
		die("fail-nth: %s", strerror(errno));
	return !strtoul(value, NULL, 10);
}

/*
 * The device-mapper
 */

static union {
	struct dm_ioctl head;
	char bytes[TABLE];
} dm;

static int dm_call(unsigned long cmd, uint32_t flags)
{
	dm.head.version[0] = DM_VERSION_MAJOR;
	dm.head.data_size = sizeof(dm);
	dm.head.data_start = sizeof(dm.head);
	dm.head.flags = flags;
	strcpy(dm.head.name, NAME);
	return ioctl(dm_fd, cmd, &dm) ? errno : 0;
}

static int dm_simple(unsigned long cmd, uint32_t flags)
{
	memset(&dm, 0, sizeof(dm.head));
	return dm_call(cmd, flags);
}

static int dm_create(void)
{
	int err = dm_simple(DM_DEV_CREATE, 0);

	dev = makedev(dm.head.dev >> 8 & 0xfff,
		      (dm.head.dev & 0xff) | (dm.head.dev >> 12 & 0xfff00));
	return err;
}

static int dm_load_mib(unsigned int mib, const char *load_mode)
{
	struct dm_target_spec *spec = (void *)(dm.bytes + sizeof(dm.head));

	memset(&dm, 0, sizeof(dm.head) + sizeof(*spec));
	dm.head.target_count = 1;
	spec->length = sectors;
	strcpy(spec->target_type, "writebehind");
	sprintf((char *)(spec + 1), "%s %u 10 mode %s " LAZY, origin, mib, load_mode);
	return dm_call(DM_TABLE_LOAD, 0);
}

static int dm_load(void)
{
	return dm_load_mib(1, mode);
}

static int dm_resume(void)
{
	return dm_simple(DM_DEV_SUSPEND, 0);
}

static int dm_suspend(void)
{
	return dm_simple(DM_DEV_SUSPEND, DM_SUSPEND_FLAG);
}

static int dm_suspend_noflush(void)
{
	return dm_simple(DM_DEV_SUSPEND, DM_SUSPEND_FLAG | DM_NOFLUSH_FLAG |
			 DM_SKIP_LOCKFS_FLAG);
}

static int dm_remove(void)
{
	return dm_simple(DM_DEV_REMOVE, 0);
}

static int dm_message(const char *text)
{
	struct dm_target_msg *msg = (void *)(dm.bytes + sizeof(dm.head));

	memset(&dm, 0, sizeof(dm.head));
	msg->sector = 0;
	strcpy(msg->message, text);
	return dm_call(DM_TARGET_MSG, 0);
}

/*
 * Data
 */

static void open_dev(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/dm-%u", minor(dev));
	dev_fd = open(path, O_RDWR | O_DIRECT);
	if (dev_fd < 0)
		die("%s: %s", path, strerror(errno));
}

static void close_dev(void)
{
	if (dev_fd >= 0)
		close(dev_fd);
	dev_fd = -1;
}

static uint8_t pattern(size_t offset)
{
	return offset / 512 * 7 + offset + round_nr;
}

static int put(size_t offset, size_t count, int flags)
{
	struct iovec io = { buffer + offset, count };

	for (size_t i = offset; i < offset + count; i++)
		buffer[i] = pattern(i);
	return pwritev2(dev_fd, &io, 1, offset, flags) == (ssize_t)count ? 0 : errno;
}

static int get(int fd, size_t offset, size_t count)
{
	return pread(fd, buffer + offset, count, offset) == (ssize_t)count ? 0 : errno;
}

static void compare(int fd, size_t offset, size_t count)
{
	memset(buffer + offset, 0x55, count);
	must(get(fd, offset, count));
	for (size_t i = offset; i < offset + count; i++)
		if (buffer[i] != pattern(i))
			die("byte %zu is %#x, not %#x", i, buffer[i], pattern(i));
}

static void compare_origin(size_t count)
{
	int fd = open(origin, O_RDONLY | O_DIRECT);

	if (fd < 0)
		die("%s: %s", origin, strerror(errno));
	compare(fd, 0, count);
	close(fd);
}

/*
 * The control node
 */

static int wb_call(unsigned long request, void *arg, size_t size, size_t device)
{
	uint32_t numbers[2] = { major(dev), minor(dev) };
	uint32_t length = size;

	memcpy(arg, &length, sizeof(length));
	if (device)
		memcpy((char *)arg + device, numbers, sizeof(numbers));
	return ioctl(wb_fd, request, arg) ? errno : 0;
}

#define WB_CALL(request, arg) \
	wb_call(request, &(arg), sizeof(arg), offsetof(typeof(arg), major))

static void registry_is_empty(void)
{
	struct wb_ioc_status st = { 0 };
	int err;

	err = wb_call(WB_IOC_LIST, &st, sizeof(st), 0);
	if (err != ENODEV)
		die("a store is left behind: %s", err ? strerror(err) : (char *)st.name);
}

/*
 * What is there before, and what must be there after
 */

static void open_control(void)
{
	if (wb_fd < 0)
		wb_fd = open("/dev/" WB_CONTROL_NODE, O_RDONLY);
	if (wb_fd < 0)
		die("/dev/" WB_CONTROL_NODE ": %s", strerror(errno));
}

static void created(void)
{
	open_control();
	must(dm_create());
}

static void loaded(void)
{
	created();
	must(dm_load());
}

static void live(void)
{
	loaded();
	must(dm_resume());
	open_dev();
}

static void dirty(void)
{
	live();
	must(put(0, AREA, 0));
}

static void dirty_closed(void)
{
	dirty();
	close_dev();
}

static void suspended(void)
{
	dirty();
	must(dm_suspend());
}

static void handed_over(void)
{
	dirty();
	must(dm_load_mib(1, "volatile"));
	must(dm_suspend_noflush());
}

static void gone(int err)
{
	close_dev();
	must(dm_remove());
	registry_is_empty();
	(void)err;
}

/* What failed is done again, and then it works: tried now and then, for time. */
static void loads_then_gone(int err)
{
	if (err && round_nr % 8) {
		gone(err);
		return;
	}
	if (err)
		must(dm_load());
	must(dm_resume());
	open_dev();
	must(put(0, AREA, 0));
	compare(dev_fd, 0, AREA);
	gone(0);
	compare_origin(AREA);
}

static void resumes_then_gone(int err)
{
	if (err)
		must(dm_resume());
	open_dev();
	must(put(0, AREA, 0));
	gone(0);
	compare_origin(AREA);
}

static void whole(int err)
{
	if (err)
		must(put(0, AREA, 0));
	compare(dev_fd, 0, AREA);
	gone(0);
	compare_origin(AREA);
}

/* What was not done of it is at most a resume. */
static void whole_after_resume(int err)
{
	(void)err;
	must(dm_resume());
	compare(dev_fd, 0, AREA);
	gone(0);
	compare_origin(AREA);
}

static void unchanged(int err)
{
	(void)err;
	whole(0);
}

static void removed(int err)
{
	if (err)
		must(dm_remove());
	registry_is_empty();
	compare_origin(AREA);
}

/* Zeroes or, of a discard, anything; the rest as it was. */
static void whole_but_for_hole(int err)
{
	(void)err;
	compare(dev_fd, 0, 8 * BLOCK);
	compare(dev_fd, 64 * BLOCK, AREA - 64 * BLOCK);
	gone(0);
	compare_origin(8 * BLOCK);
}

/*
 * Operations
 */

static int load_other_size(void)
{
	int err = dm_load_mib(2, mode);

	if (err)
		return err;
	must(dm_suspend());
	return dm_resume();
}

static int load_other_size_dirty(void)
{
	int err = dm_load_mib(2, mode);

	if (err)
		return err;
	must(dm_suspend_noflush());
	return dm_resume();
}

static int load_again(void)
{
	int err = dm_load_mib(1, "ordered");

	return err ?: dm_suspend() ?: dm_resume();
}

static int suspend_resume(void)
{
	return dm_suspend() ?: dm_resume();
}

static int do_write(void)
{
	return put(0, AREA, 0);
}

static int do_write_part(void)
{
	return put(3 * 512, 512, 0) ?: put(10 * BLOCK + 512, 3 * BLOCK, 0);
}

static int do_write_fua(void)
{
	return put(0, 16 * BLOCK, RWF_DSYNC);
}

static int do_write_nowait(void)
{
	return put(0, BLOCK, RWF_NOWAIT);
}

static int do_read(void)
{
	return get(dev_fd, 0, AREA);
}

static void half_dirty(void)
{
	live();
	must(put(0, AREA, 0));
	must(fsync(dev_fd) ? errno : 0);
	for (size_t at = 0; at < AREA; at += 4 * BLOCK)
		must(put(at + 512, BLOCK, 0));
}

static int do_sync(void)
{
	return fsync(dev_fd) ? errno : 0;
}

static int range(unsigned long request, uint64_t from, uint64_t to)
{
	uint64_t span[2] = { from, to - from };

	return ioctl(dev_fd, request, span) ? errno : 0;
}

static int do_discard(void)
{
	return range(BLKDISCARD, 8 * BLOCK, 64 * BLOCK);
}

static int do_discard_part(void)
{
	return range(BLKDISCARD, 8 * BLOCK + 512, 64 * BLOCK - 512);
}

static int do_zero(void)
{
	return range(BLKZEROOUT, 8 * BLOCK + 512, 64 * BLOCK);
}

static int do_flush(void)
{
	struct wb_ioc_flush arg = { 0 };

	return WB_CALL(WB_IOC_FLUSH, arg);
}

static int do_hold(void)
{
	struct wb_ioc_hold arg = { 0 };

	return WB_CALL(WB_IOC_HOLD, arg);
}

/* Closing the file is what ends it. */
static void held_then_gone(int err)
{
	(void)err;
	close(wb_fd);
	wb_fd = -1;
	open_control();
	whole(0);
}

static int do_blocks(void)
{
	static struct wb_dirty_block blocks[16];
	static char data[16 * WB_BLOCK_BYTES];
	struct wb_ioc_blocks arg = {
		.blocks = (uintptr_t)blocks,
		.data = (uintptr_t)data,
		.nr = 16,
	};

	return WB_CALL(WB_IOC_BLOCKS, arg);
}

static int do_set(void)
{
	struct wb_ioc_option arg = { .name = "mode", .value = "volatile" };

	return WB_CALL(WB_IOC_SET, arg);
}

static int do_small_calls(void)
{
	struct wb_ioc_version version = { 0 };
	struct wb_ioc_status status = { 0 };
	struct wb_ioc_stats stats = { 0 };
	struct wb_ioc_option option = { .name = "max_age" };
	struct wb_ioc_device device = { 0 };
	int fd = open("/dev/" WB_CONTROL_NODE, O_RDONLY);

	if (fd < 0)
		return errno;
	close(fd);
	return wb_call(WB_IOC_VERSION, &version, sizeof(version), 0) ?:
	       wb_call(WB_IOC_LIST, &status, sizeof(status), 0) ?:
	       WB_CALL(WB_IOC_STATUS, status) ?: WB_CALL(WB_IOC_STATS, stats) ?:
	       WB_CALL(WB_IOC_GET, option) ?: WB_CALL(WB_IOC_FREEZE, device) ?:
	       WB_CALL(WB_IOC_THAW, device) ?: WB_CALL(WB_IOC_CLEAR_STATS, device);
}

static int do_messages(void)
{
	return dm_message("flush") ?: dm_message("set max_age 5000") ?:
	       dm_message("set mode ordered") ?: dm_message("freeze") ?:
	       dm_message("thaw") ?: dm_message("clear_stats");
}

static int do_status(void)
{
	return dm_simple(DM_TABLE_STATUS, 0) ?:
	       dm_simple(DM_TABLE_STATUS, DM_STATUS_TABLE_FLAG) ?:
	       dm_simple(DM_TABLE_STATUS, DM_STATUS_TABLE_FLAG | DM_IMA_MEASUREMENT_FLAG);
}

static int insmod(void)
{
	int fd = open(module_file, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	return err;
}

static int rmmod(void)
{
	return syscall(SYS_delete_module, "dm_writebehind", O_NONBLOCK) ? errno : 0;
}

static void not_loaded(void)
{
	only_under_function("do_one_initcall");
}

static void no_module(int err)
{
	if (!err)
		must(rmmod());
	else if (!access("/sys/module/dm_writebehind", F_OK))
		die("the module is half loaded");
	else if (!access("/dev/" WB_CONTROL_NODE, F_OK))
		die("the control node is left");
}

static const struct op {
	const char *name;
	void (*setup)(void);
	int (*act)(void);
	void (*after)(int err);
} ops[] = {
	{ "insmod", not_loaded, insmod, no_module },
	{ "load", created, dm_load, loads_then_gone },
	{ "resume", loaded, dm_resume, resumes_then_gone },
	{ "reload", dirty, load_again, whole_after_resume },
	{ "resize", dirty, load_other_size, whole_after_resume },
	{ "resize-dirty", dirty, load_other_size_dirty, whole_after_resume },
	{ "take-over", handed_over, dm_resume, whole_after_resume },
	{ "suspend", dirty, suspend_resume, whole_after_resume },
	{ "resume-same", suspended, dm_resume, whole_after_resume },
	{ "remove", dirty_closed, dm_remove, removed },
	{ "write", live, do_write, whole },
	{ "write-part", dirty, do_write_part, whole },
	{ "write-fua", dirty, do_write_fua, whole },
	{ "write-nowait", dirty, do_write_nowait, whole },
	{ "read", half_dirty, do_read, unchanged },
	{ "sync", dirty, do_sync, unchanged },
	{ "discard", dirty, do_discard, whole_but_for_hole },
	{ "discard-part", dirty, do_discard_part, whole_but_for_hole },
	{ "zero", dirty, do_zero, whole_but_for_hole },
	{ "flush", dirty, do_flush, unchanged },
	{ "hold", dirty, do_hold, held_then_gone },
	{ "blocks", dirty, do_blocks, unchanged },
	{ "set", dirty, do_set, unchanged },
	{ "calls", dirty, do_small_calls, unchanged },
	{ "messages", dirty, do_messages, unchanged },
	{ "status", dirty, do_status, unchanged },
};

/* Returns whether there was an allocation to fail. */
static bool run_round(const struct op *op, unsigned int *refused)
{
	bool reached;
	int err;

	op->setup();
	if (all_after)
		set_knob("probability", "100");
	set_nth(round_nr);
	err = op->act();
	reached = nth_was_reached();
	set_nth(0);
	if (all_after)
		set_knob("probability", "0");

	if (err && !reached)
		die("fails without a failure: %s", strerror(err));
	if (err && err != ENOMEM && err != EAGAIN)
		die("fails with %s", strerror(err));
	*refused += !!err;
	op->after(err);
	return reached;
}

static void run(const struct op *op)
{
	unsigned int refused = 0;

	op_name = op->name;
	if (op->act != insmod)
		only_under_module();
	for (round_nr = 1; run_round(op, &refused); round_nr++)
		if (round_nr == MOST_ROUNDS)
			die("no end");
	printf("# %s%s: %u allocations, without %u of them it was refused\n", op->name,
	       all_after ? " (and all after)" : "", round_nr - 1, refused);
}

static unsigned long long size_of(const char *path)
{
	unsigned long long bytes;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		die("%s: %s", path, strerror(errno));
	close(fd);
	return bytes / 512;
}

static void list_ops(void)
{
	for (size_t i = 0; i < NR_ENTRIES(ops); i++)
		puts(ops[i].name);
}

static int usage(void)
{
	fprintf(stderr, "Usage: wb_failnth [-a] [-m MODE] OPERATION ORIGIN MODULE\n"
		"       wb_failnth -l  (list the operations)\n");
	return 2;
}

int main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "alm:")) != -1) {
		switch (c) {
		case 'a': all_after = true; break;
		case 'm': mode = optarg; break;
		case 'l': list_ops(); return 0;
		default: return usage();
		}
	}
	if (argc - optind != 3)
		return usage();
	origin = argv[optind + 1];
	module_file = argv[optind + 2];
	sectors = size_of(origin);
	if (posix_memalign((void **)&buffer, BLOCK, AREA))
		return 2;
	memset(buffer, 0, AREA);
	/* a page fault, too, may come below a function of the module */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	dm_fd = open("/dev/mapper/control", O_RDWR);
	if (dm_fd < 0)
		die("/dev/mapper/control: %s", strerror(errno));
	inject_setup();
	for (size_t i = 0; i < NR_ENTRIES(ops); i++) {
		if (strcmp(ops[i].name, argv[optind]))
			continue;
		run(ops + i);
		return 0;
	}
	return usage();
}
