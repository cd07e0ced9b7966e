// SPDX-License-Identifier: GPL-2.0-only
#include "history.h"

#define HOT_SHARE	32	/* of a thread's own part, and of the whole */

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint64_t history_random(uint64_t a, uint64_t b, uint64_t c)
{
	return mix(mix(mix(a) + b) + c);
}

static enum op_kind kind_from(uint32_t percent)
{
	if (percent < 2)
		return OP_FUA;
	if (percent < 5)
		return OP_ZEROES;
	if (percent < 8)
		return OP_DISCARD;
	return OP_WRITE;
}

/* Half are parts of a block, most of the others a few whole or broken ones. */
static uint32_t count_from(uint64_t r)
{
	switch (r & 7) {
	case 0 ... 3:
		return 1 + (r >> 8) % 7;
	case 4 ... 5:
		return 8;
	case 6:
		return 1 + (r >> 8) % 32;
	default:
		return 1 + (r >> 8) % MAX_SECTORS;
	}
}

/*
 * Mostly in the thread's own part, where the order of writes is known best, and
 * most of it in the hot beginning, so that blocks are overwritten in one epoch
 * after the other.
 */
struct op history_op(const struct history *h, uint32_t thread, uint32_t seq)
{
	uint64_t r = history_random(h->seed, thread, seq);
	uint64_t where = mix(r);
	uint32_t part = h->sectors / (h->threads + 1);
	uint32_t first = (r >> 48) % 4 ? part * (thread + 1) : 0;
	uint32_t room = (r >> 52) % 4 ? part / HOT_SHARE : part;
	struct op op;

	op.kind = kind_from((r >> 16) % 100);
	op.count = count_from(r >> 24);
	if (op.count > room)
		op.count = room;
	op.sector = first + where % (room - op.count + 1);
	if ((where >> 32) % 3 == 0)
		op.sector &= ~7U;
	return op;
}
