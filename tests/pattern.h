/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sector that tells what wrote it: a tag, where it belongs, and a filling made
 * of both, so that a mixture of two is seen.
 */
#ifndef WB_TEST_PATTERN_H
#define WB_TEST_PATTERN_H

#include <stdint.h>
#include <string.h>

#define SECTOR_SIZE	512
#define SECTOR_WORDS	(SECTOR_SIZE / 8)

enum pattern {
	PATTERN_ZERO,
	PATTERN_WHOLE,
	PATTERN_ALIEN,	/* torn, of another place or another run */
};

/* The filling: a row of sums, which an emulated CPU is quick at. */
static inline uint64_t pattern_first(uint64_t seed, uint64_t sector)
{
	return (seed + 1) * 0x9e3779b97f4a7c15ULL ^ sector * 0xbf58476d1ce4e5b9ULL;
}

static inline uint64_t pattern_step(uint64_t tag)
{
	return tag * 0x94d049bb133111ebULL | 1;
}

static inline void pattern_fill(void *buf, uint64_t seed, uint64_t sector,
				uint64_t tag)
{
	uint64_t next = pattern_first(seed, sector);
	uint64_t step = pattern_step(tag);
	uint64_t *word = buf;

	word[0] = tag;
	for (int i = 1; i < SECTOR_WORDS; i++)
		word[i] = next += step;
}

static inline enum pattern pattern_read(const void *buf, uint64_t seed,
					uint64_t sector, uint64_t *tag)
{
	static const uint64_t zero[SECTOR_WORDS];
	uint64_t next = pattern_first(seed, sector);
	const uint64_t *word = buf;
	uint64_t step = pattern_step(word[0]);

	*tag = word[0];
	if (!word[0] && !memcmp(buf, zero, SECTOR_SIZE))
		return PATTERN_ZERO;
	for (int i = 1; i < SECTOR_WORDS; i++)
		if (word[i] != (next += step))
			return PATTERN_ALIEN;
	return PATTERN_WHOLE;
}

#endif
