// SPDX-License-Identifier: GPL-2.0-only
/*
 * simulate - module/depth.c on disks that are only imagined: of so many slots, each
 * of which takes an I/O at a time, first come first served.  A user reads now and
 * then while a long drain goes on.  Prints KTAP.  Always the same numbers.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../module/depth.h"

#define JOBS		32
#define WRITES		20000
#define QUEUE		1024
#define PAUSE		10	/* between reads, times an I/O's, in the mean */
#define MOST_READS	(WRITES * 4)
#define TRIES		8
#define LAG		5e-5	/* seconds */

enum kind { CONSTANT, UNIFORM, EXPONENTIAL, LOGNORMAL, NR_KINDS };

static const char * const kind_names[] = {
	[CONSTANT] = "constant",
	[UNIFORM] = "uniform",
	[EXPONENTIAL] = "exponential",
	[LOGNORMAL] = "log-normal",
};

struct io {
	bool read;
	double came;
	double ends;
};

/**
 * struct disk - a disk and what it is doing
 * @slots: I/Os that it does at a time
 * @kind: how the time of one is distributed; its mean is 1 ms
 * @slower: times that, a read
 * @lag: seconds until writeback notices that something ended
 * @hurry: reads follow each other after that many seconds, if not zero
 * @sweep: so many writes, and what is in flight ends before the next, if not zero
 * @now: seconds
 * @first_seed: of its random numbers
 * @seed: the next one
 * @busy: what is in the slots
 * @nr_busy: how many
 * @queue: what waits, a ring
 * @first: of these
 * @nr_queued: how many
 * @reading: there is a user who reads
 * @next_read: when the user reads again; infinite while it waits
 * @reads: seconds that reads took
 * @nr_reads: how many
 */
struct disk {
	unsigned int slots;
	enum kind kind;
	double slower;
	double lag;
	double hurry;
	unsigned int sweep;
	double now;
	u64 first_seed;
	u64 seed;
	struct io busy[QUEUE];
	unsigned int nr_busy;
	struct io queue[QUEUE];
	unsigned int first;
	unsigned int nr_queued;
	bool reading;
	double next_read;
	double reads[MOST_READS];
	unsigned int nr_reads;
};

static struct disk disk;

static double uniform(struct disk *d)
{
	d->seed = d->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((d->seed >> 11) + 0.5) / 9007199254740992.0;
}

/* A disk without oddities. */
static void imagine(unsigned int slots, enum kind kind)
{
	disk.slots = slots;
	disk.kind = kind;
	disk.slower = 1;
	disk.lag = 0;
	disk.hurry = 0;
	disk.sweep = 0;
	disk.first_seed = 1;
}

static double service(struct disk *d)
{
	double u = uniform(d), n;

	switch (d->kind) {
	case UNIFORM:
		return 1e-3 * (0.5 + u);
	case EXPONENTIAL:
		return -1e-3 * log(u);
	case LOGNORMAL:
		n = sqrt(-2 * log(u)) * cos(2 * M_PI * uniform(d));
		return 1e-3 * exp(0.8 * n - 0.32);
	default:
		return 1e-3;
	}
}

/* Who waits is woken when a place is free, and may find it taken by the next. */
static void overtake(struct disk *d)
{
	struct io *first = &d->queue[d->first];
	struct io *second = &d->queue[(d->first + 1) % QUEUE];
	struct io io = *first;

	if (d->nr_queued < 2 || !first->read || uniform(d) < 0.5)
		return;
	*first = *second;
	*second = io;
}

static void begin(struct disk *d)
{
	struct io *io;

	while (d->nr_queued && d->nr_busy < d->slots) {
		if (d->lag)
			overtake(d);
		io = &d->queue[d->first];
		d->first = (d->first + 1) % QUEUE;
		d->nr_queued--;
		io->ends = d->now + service(d) * (io->read ? d->slower : 1);
		d->busy[d->nr_busy++] = *io;
	}
}

static void submit(struct disk *d, bool read)
{
	d->queue[(d->first + d->nr_queued++) % QUEUE] = (struct io){
		.read = read, .came = d->now,
	};
	begin(d);
}

/* Until something ends, or @until, with false. */
static bool wait_for_one(struct disk *d, double until, struct io *io)
{
	unsigned int i, first;

	for (;;) {
		first = 0;
		for (i = 1; i < d->nr_busy; i++)
			if (d->busy[i].ends < d->busy[first].ends)
				first = i;
		if (d->nr_busy && d->busy[first].ends <= fmin(d->next_read, until))
			break;
		if (d->next_read > until) {
			d->now = until;
			return false;
		}
		d->now = d->next_read;
		d->next_read = INFINITY;
		submit(d, true);
	}
	*io = d->busy[first];
	d->busy[first] = d->busy[--d->nr_busy];
	d->now = io->ends;
	begin(d);
	return true;
}

static bool is_reading(const struct disk *d)
{
	return d->reading && isinf(d->next_read);
}

static void note_read(struct disk *d, const struct io *io)
{
	if (d->nr_reads < MOST_READS)
		d->reads[d->nr_reads++] = d->now - io->came;
	d->next_read = d->now + (d->hurry ?: -PAUSE * 1e-3 * log(uniform(d)));
}

static u32 limit(const struct disk *d, struct wb_depth *depth, u32 in_flight)
{
	if (!depth)
		return JOBS;
	return wb_depth_limit(depth, JOBS, in_flight, is_reading(d), d->nr_reads);
}

static void reset(struct disk *d, bool reading)
{
	d->nr_busy = 0;
	d->nr_queued = 0;
	d->nr_reads = 0;
	d->seed = d->first_seed;
	d->reading = reading;
	d->next_read = reading ? d->now : INFINITY;
}

/* What ends until writeback has noticed the first; returns how many of its own. */
static unsigned int reap(struct disk *d, struct wb_depth *depth)
{
	unsigned int ended = 0;
	double until = INFINITY;
	struct io io;

	while (wait_for_one(d, until, &io)) {
		if (io.read) {
			note_read(d, &io);
			if (isinf(until))
				break;
			continue;
		}
		ended++;
		if (isinf(until))
			until = d->now + d->lag;
		if (depth)
			wb_depth_ended(depth, d->now * 1e9);
	}
	return ended;
}

/* Drains through @depth, or with all jobs; returns the seconds. */
static double drain(struct disk *d, struct wb_depth *depth, bool reading)
{
	unsigned int in_flight = 0, begun = 0, end = d->sweep ?: WRITES, nr;
	double start = d->now;

	reset(d, reading);
	while (in_flight || begun < WRITES) {
		while (begun < end && in_flight < limit(d, depth, in_flight)) {
			submit(d, false);
			in_flight++;
			begun++;
		}
		nr = reap(d, depth);
		in_flight -= nr;
		if (!in_flight && begun == end && depth)
			wb_depth_pause(depth);
		if (!in_flight && begun == end)
			end = fmin(end + d->sweep, WRITES);
	}
	return d->now - start;
}

static void only_read(struct disk *d)
{
	struct io io;

	reset(d, true);
	while (d->nr_reads < 5000) {
		wait_for_one(d, INFINITY, &io);
		note_read(d, &io);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double p99(struct disk *d)
{
	qsort(d->reads, d->nr_reads, sizeof(d->reads[0]), compare);
	return d->reads[d->nr_reads * 99 / 100];
}

/**
 * struct trial - means of what came of some drains
 * @speed: of that without a limit
 * @time: of 99 % of reads, of that on an idle disk
 */
struct trial {
	double speed;
	double time;
};

static void attempt(struct trial *t, struct wb_depth *depth, double alone, double idle)
{
	t->speed += alone / drain(&disk, depth, true) / TRIES;
	t->time += p99(&disk) / idle / TRIES;
}

/*
 * Keeps 0.8 of its speed, and reads take twice as long as on an idle disk at most:
 * each waits for one write.  A little more while it does not know the disk.
 */
static bool fair(unsigned int slots, enum kind kind, double lag)
{
	struct trial first = { 0 }, later = { 0 };
	struct wb_depth depth;
	double alone, idle;

	imagine(slots, kind);
	disk.lag = lag;
	for (disk.first_seed = 1; disk.first_seed <= TRIES; disk.first_seed++) {
		alone = drain(&disk, NULL, false);
		only_read(&disk);
		idle = p99(&disk);
		wb_depth_init(&depth);
		attempt(&first, &depth, alone, idle);
		attempt(&later, &depth, alone, idle);
	}
	printf("# %s: at first %.2f of its speed, 99 %% of reads within %.2f times of idle; later %.2f, %.2f\n",
	       kind_names[kind], first.speed, first.time, later.speed, later.time);
	return first.speed >= 0.75 && first.time <= 2.05 && later.speed >= 0.8 &&
	       later.time <= 2.0;
}

/*
 * Reads that take long by themselves, as where writes go to a cache of the disk's, are
 * not held up by ours: half of its speed is kept beside one who reads all the time.
 */
static bool not_slowed(unsigned int slots)
{
	struct wb_depth depth;
	double alone, speed;

	imagine(slots, EXPONENTIAL);
	disk.slower = 50;
	alone = drain(&disk, NULL, false);
	wb_depth_init(&depth);
	drain(&disk, &depth, true);
	speed = alone / drain(&disk, &depth, true);
	printf("# %u: %.2f of its speed\n", slots, speed);
	return speed >= 0.5;
}

/* Nor does one who reads again at once keep it from finding out what a disk takes. */
static bool not_held_up(unsigned int slots)
{
	struct wb_depth depth;
	double alone, speed;

	imagine(slots, CONSTANT);
	alone = drain(&disk, NULL, false);
	disk.hurry = 5e-5;
	wb_depth_init(&depth);
	drain(&disk, &depth, true);
	speed = alone / drain(&disk, &depth, true);
	printf("# %u: %.2f of its speed\n", slots, speed);
	return speed >= 0.5;
}

/*
 * What is written in small sweeps tells little of the disk, and makes way all the same.
 * A drain after that finds out what the disk takes.
 */
static bool makes_way(unsigned int slots, unsigned int sweep)
{
	struct wb_depth depth;
	double alone, idle, time, speed;

	imagine(slots, CONSTANT);
	alone = drain(&disk, NULL, false);
	only_read(&disk);
	idle = p99(&disk);
	disk.sweep = sweep;
	wb_depth_init(&depth);
	drain(&disk, &depth, true);
	drain(&disk, &depth, true);
	time = p99(&disk) / idle;
	disk.sweep = 0;
	speed = alone / drain(&disk, &depth, true);
	printf("# %u, %u at a time: 99 %% of reads within %.2f times of idle; then %.2f of its speed\n",
	       slots, sweep, time, speed);
	return time <= 2.05 && speed >= 0.5;
}

/* A limit holds from the first I/O on, and when it is lowered. */
static bool obeys(void)
{
	struct wb_depth depth;
	u32 most;

	wb_depth_init(&depth);
	for (most = JOBS; most; most--) {
		if (most % 2)
			wb_depth_init(&depth);
		for (u64 i = 0; i < 1000; i++) {
			if (wb_depth_limit(&depth, most, most, false, 0) > most)
				return false;
			wb_depth_ended(&depth, i * 1000);
		}
	}
	return true;
}

int main(void)
{
	static const unsigned int slots[] = { 1, 2, 3, 4, 6, 8, 11, 16, 24, 32, 64 };
	unsigned int n = 0, count = sizeof(slots) / sizeof(slots[0]);
	bool ok, all = true;

	printf("KTAP version 1\n1..%u\n", 2 * count + 4);
	for (unsigned int i = 0; i < 2 * count; i++) {
		ok = true;
		for (enum kind kind = 0; kind < NR_KINDS; kind++)
			ok &= fair(slots[i / 2], kind, i % 2 * LAG);
		printf("%sok %u a disk that does %u at a time%s\n", ok ? "" : "not ", ++n,
		       slots[i / 2], i % 2 ? ", which is noticed late" : "");
		all &= ok;
	}
	ok = true;
	for (unsigned int i = 0; i < count; i++)
		if (slots[i] >= 4)
			ok &= not_slowed(slots[i]);
	printf("%sok %u reads that are slow by themselves\n", ok ? "" : "not ", ++n);
	all &= ok;
	ok = true;
	for (unsigned int i = 0; i < count; i++)
		if (slots[i] >= 4)
			ok &= not_held_up(slots[i]);
	printf("%sok %u reads without a pause between them\n", ok ? "" : "not ", ++n);
	all &= ok;
	ok = true;
	for (unsigned int i = 0; i < count; i++)
		for (unsigned int sweep = 2; sweep <= 32; sweep *= 2)
			ok &= makes_way(slots[i], sweep);
	printf("%sok %u small sweeps\n", ok ? "" : "not ", ++n);
	all &= ok;
	ok = obeys();
	printf("%sok %u a limit, and one that is lowered\n", ok ? "" : "not ", ++n);
	return !(all && ok);
}
