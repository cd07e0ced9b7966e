/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The history of a workload. What a thread's operation number @seq does and
 * writes follows from the seed alone, so that nobody need record it.
 *
 * What was going on is said on stdout, a line each, "wb NAME " before it:
 *
 *	H seed threads sectors	the parameters
 *	A thread n		the thread may issue operations below n from now on;
 *				no operation is issued before its line was heard
 *	S flush n...		a flush is about to be sent; thread by thread, that
 *				many operations had completed
 *	R flush n...		it has returned; that many had been issued by then
 *	Y thread n		a flush or FUA of the thread's own returned, and
 *				covers its operations below n
 *	D flush			all up to this flush was made durable by ioctl
 *
 * Flushes are numbered from 1 and sent one after the other. Flush f ends epoch
 * f: an operation that completed before it was sent belongs to epoch f or one
 * before, one that was issued after it returned to a later one.
 */
#ifndef WBCRASH_HISTORY_H
#define WBCRASH_HISTORY_H

#include <stdint.h>

#define MAX_THREADS	8
#define MAX_SECTORS	128	/* of an operation */

enum op_kind { OP_WRITE, OP_FUA, OP_ZEROES, OP_DISCARD };

struct op {
	enum op_kind kind;
	uint32_t sector;
	uint32_t count;
};

struct history {
	uint64_t seed;
	uint32_t threads;
	uint32_t sectors;	/* of the device, from its start */
};

uint64_t history_random(uint64_t a, uint64_t b, uint64_t c);

struct op history_op(const struct history *h, uint32_t thread, uint32_t seq);

/* The tag of a written sector, never zero, and back. */
static inline uint64_t op_tag(uint32_t thread, uint32_t seq)
{
	return (uint64_t)(thread + 1) << 32 | seq;
}

static inline uint32_t tag_thread(uint64_t tag)
{
	return (uint32_t)(tag >> 32) - 1;
}

static inline uint32_t tag_seq(uint64_t tag)
{
	return (uint32_t)tag;
}

#endif
