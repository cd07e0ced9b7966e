// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge, judged: a history is played in memory, and what a good and what
 * a bad device would have left of it is put before the judge.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history.h"
#include "pattern.h"
#include "verbs.h"

#define THREADS	3
#define EPOCHS	40
#define PER_EPOCH 7	/* of a thread's operations */
#define SECTORS	4096
#define PREFIX	25

static const struct history history = {
	.seed = 77, .threads = THREADS, .sectors = SECTORS,
};

static unsigned char image[SECTORS][SECTOR_SIZE];
static unsigned char earlier[SECTORS][SECTOR_SIZE];
static unsigned char later[SECTORS][SECTOR_SIZE];
static char log_path[] = "/tmp/wbcrash-log.XXXXXX";
static char image_path[] = "/tmp/wbcrash-image.XXXXXX";
static int number;
static int failed;

static void apply(uint32_t thread, uint32_t seq)
{
	struct op op = history_op(&history, thread, seq);

	for (uint32_t s = op.sector; s < op.sector + op.count; s++) {
		if (op.kind == OP_ZEROES)
			memset(image[s], 0, SECTOR_SIZE);
		else if (op.kind != OP_DISCARD)
			pattern_fill(image[s], history.seed, s, op_tag(thread, seq));
	}
}

static void apply_epoch(uint32_t epoch, uint32_t threads)
{
	for (uint32_t t = 0; t < threads; t++)
		for (uint32_t n = (epoch - 1) * PER_EPOCH; n < epoch * PER_EPOCH; n++)
			apply(t, n);
}

/* The image after all of epoch @n, and of the next what @threads did. */
static void play(uint32_t n, uint32_t threads)
{
	memset(image, 0, sizeof(image));
	for (uint32_t e = 1; e <= n; e++)
		apply_epoch(e, THREADS);
	apply_epoch(n + 1, threads);
}

static void write_log(void)
{
	FILE *file = fopen(log_path, "w");

	fprintf(file, "noise\nwb a H %d %d %d\nwb b H 1 1 1\n", (int)history.seed,
		THREADS, SECTORS);
	for (int t = 0; t < THREADS; t++)
		fprintf(file, "wb a A %d %d\n", t, EPOCHS * PER_EPOCH);
	for (int e = 1; e <= EPOCHS; e++)
		for (const char *what = "SR"; *what; what++) {
			fprintf(file, "wb a %c %d", *what, e);
			for (int t = 0; t < THREADS; t++)
				fprintf(file, " %d", e * PER_EPOCH);
			fprintf(file, "\n");
		}
	fprintf(file, "wb a R 4");
	fclose(file);
}

static void expect(const char *what, enum mode mode, int wanted)
{
	FILE *file = fopen(image_path, "w");
	int found;

	fwrite(image, sizeof(image), 1, file);
	fclose(file);
	found = judge(log_path, "a", image_path, mode, true);
	failed |= found != wanted;
	printf("%sok %d %s\n", found == wanted ? "" : "not ", ++number, what);
}

/* Some sector that differs between two moments, with data in both. */
static uint32_t changed_sector(void)
{
	for (uint32_t s = 0; s < SECTORS; s++)
		if (memcmp(earlier[s], later[s], SECTOR_SIZE) &&
		    *(uint64_t *)earlier[s] && *(uint64_t *)later[s])
			return s;
	exit(2);
}

static void keep(unsigned char (*to)[SECTOR_SIZE], uint32_t n)
{
	play(n, 0);
	memcpy(to, image, sizeof(image));
}

static void good_images(void)
{
	play(PREFIX, 0);
	expect("the end of an epoch is a prefix", ORDERED, 0);
	play(PREFIX, 1);
	expect("so is a part of the next one", ORDERED, 0);
	play(0, 0);
	expect("nothing at all is a prefix", ORDERED, 0);
	expect("but not durable", DURABLE, 1);
	play(EPOCHS, 0);
	expect("all of it is durable", DURABLE, 0);
	expect("and a prefix", ORDERED, 0);
}

static void bad_order(void)
{
	uint32_t s;

	keep(earlier, PREFIX + 1);
	keep(later, PREFIX + 2);
	s = changed_sector();
	play(PREFIX, 0);
	memcpy(image[s], later[s], SECTOR_SIZE);
	expect("one sector of the epoch after the next", ORDERED, 1);
	play(PREFIX + 3, 0);
	memcpy(image[s], earlier[s], SECTOR_SIZE);
	expect("one sector two epochs behind", ORDERED, 1);
	keep(earlier, EPOCHS - 2);
	keep(later, EPOCHS);
	s = changed_sector();
	play(EPOCHS, 0);
	memcpy(image[s], earlier[s], SECTOR_SIZE);
	expect("one sector that was acknowledged is old", DURABLE, 1);
}

static void bad_content(void)
{
	uint32_t s;

	keep(earlier, PREFIX);
	keep(later, PREFIX + 1);
	s = changed_sector();
	play(PREFIX, 0);
	memcpy(image[s] + 256, later[s] + 256, 256);
	expect("a torn sector", VOLATILE, 1);
	play(PREFIX, 0);
	memcpy(image[s + 1], image[s], SECTOR_SIZE);
	expect("a sector in another's place", VOLATILE, 1);
	play(PREFIX, 0);
	pattern_fill(image[s], history.seed, s, op_tag(0, EPOCHS * PER_EPOCH));
	expect("a write that was never issued", VOLATILE, 1);
	play(PREFIX, 0);
	pattern_fill(image[s], history.seed + 1, s, *(uint64_t *)earlier[s]);
	expect("a sector of another run", VOLATILE, 1);
}

int selftest_main(int argc, char **argv)
{
	(void)argv;
	if (argc != 1 || mkstemp(log_path) < 0 || mkstemp(image_path) < 0)
		return 2;
	printf("KTAP version 1\n1..13\n");
	write_log();
	good_images();
	bad_order();
	bad_content();
	unlink(log_path);
	unlink(image_path);
	return failed;
}
