// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "util.h"
#include "wbctl.h"

void (*before_message)(void);

static void complain(const char *fmt, va_list args)
{
	if (before_message)
		before_message();
	fflush(stdout);
	fputs("wbctl: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

int fail(int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	return code;
}

void die(int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	exit(code);
}

void *zalloc(size_t nr, size_t size)
{
	/* Never of no bytes: that may give NULL without a shortage. */
	void *mem = calloc(nr ? nr : 1, size);

	if (!mem)
		die(EXIT_FAILED, "out of memory");
	return mem;
}

const char *size_text(char *buf, uint64_t bytes, bool exact)
{
	static const char units[] = "KMGTPE";
	double size = bytes / 1024.0;
	size_t unit = 0;

	if (exact || bytes < 1024) {
		snprintf(buf, TEXT_LEN, "%" PRIu64 "%s", bytes, exact ? "" : "B");
		return buf;
	}
	/* 1023.95 would be printed as 1024.0 */
	for (; size >= 1023.95; size /= 1024)
		unit++;
	snprintf(buf, TEXT_LEN, "%.1f%c", size, units[unit]);
	return buf;
}

const char *duration_text(char *buf, uint64_t ms)
{
	uint64_t s = ms / 1000, m = s / 60, h = m / 60;

	if (!s)
		snprintf(buf, TEXT_LEN, "%" PRIu64 "ms", ms);
	else if (!m)
		snprintf(buf, TEXT_LEN, "%" PRIu64 ".%" PRIu64 "s", s, ms / 100 % 10);
	else if (!h)
		snprintf(buf, TEXT_LEN, "%" PRIu64 "m%02" PRIu64 "s", m, s % 60);
	else if (h < 24)
		snprintf(buf, TEXT_LEN, "%" PRIu64 "h%02" PRIu64 "m", h, m % 60);
	else
		snprintf(buf, TEXT_LEN, "%" PRIu64 "d%02" PRIu64 "h", h / 24, h % 24);
	return buf;
}

const char *nanoseconds_text(char *buf, uint64_t ns)
{
	if (ns < 1000)
		snprintf(buf, TEXT_LEN, "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		snprintf(buf, TEXT_LEN, "%" PRIu64 ".%" PRIu64 "us", ns / 1000,
			 ns / 100 % 10);
	else if (ns < 1000000000)
		snprintf(buf, TEXT_LEN, "%" PRIu64 ".%" PRIu64 "ms", ns / 1000000,
			 ns / 100000 % 10);
	else
		duration_text(buf, ns / 1000000);
	return buf;
}

/* strtoull() would take a sign, and blanks before it. */
static bool parse_digits(const char *text, uint64_t *value, char **end)
{
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, end, 10);
	return !errno;
}

bool parse_u64(const char *text, uint64_t *value)
{
	char *end;

	return parse_digits(text, value, &end) && !*end;
}

bool parse_seconds(const char *text, uint64_t *ms)
{
	char *end;
	double s;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return false;
	s = strtod(text, &end);
	if (end == text || *end || s > 1e9)
		return false;
	*ms = llround(s * 1000);
	return true;
}

bool parse_mebibytes(const char *text, uint64_t *mib)
{
	unsigned int shift = 0;
	char *end;

	if (!parse_digits(text, mib, &end))
		return false;
	switch (toupper((unsigned char)*end)) {
	case 'T':
		shift = 20;
		end++;
		break;
	case 'G':
		shift = 10;
		end++;
		break;
	case 'M':
		end++;
		break;
	}
	if ((*end && strcasecmp(end, "iB")) || *mib > UINT64_MAX >> (20 + shift))
		return false;
	*mib <<= shift;
	return *mib > 0;
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void sleep_ms(uint64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}
