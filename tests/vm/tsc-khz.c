// SPDX-License-Identifier: GPL-2.0-only
/* Prints how fast this processor's time stamp counter ticks, in kHz. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The two clocks at one moment: the closest of some pairs of readings. */
static void both(uint64_t *ns, uint64_t *ticks)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 100; i++) {
		uint64_t before = now_ns();
		uint64_t t = __rdtsc();
		uint64_t after = now_ns();

		if (after - before < best) {
			best = after - before;
			*ns = before + best / 2;
			*ticks = t;
		}
	}
}

int main(void)
{
	struct timespec pause = { .tv_nsec = 200000000 };
	uint64_t ns0, ns1, t0, t1;

	both(&ns0, &t0);
	nanosleep(&pause, NULL);
	both(&ns1, &t1);
	printf("%llu\n", (unsigned long long)((t1 - t0) * 1000000.0 / (ns1 - ns0)));
	return 0;
}
