/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages, sizes, times. */
#ifndef WBCTL_UTIL_H
#define WBCTL_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define SECTOR_SIZE	512

#define TEXT_LEN	32	/* holds any size or duration as text */

/* One line on stderr behind "wbctl: "; returns @code for the caller to return. */
int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* If it is set, called before a message: it gives the terminal back. */
extern void (*before_message)(void);

/* The same, and exits with @code. */
void die(int code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* Of two exit codes, the one to be told. */
static inline int worse(int a, int b)
{
	return a > b ? a : b;
}

/* calloc() that does not fail. */
void *zalloc(size_t nr, size_t size);

/* 4.0M, or all digits if @exact.  Returns @buf, of TEXT_LEN. */
const char *size_text(char *buf, uint64_t bytes, bool exact);

/* 350ms, 12.3s, 2m05s, 3h12m, 2d03h.  Returns @buf, of TEXT_LEN. */
const char *duration_text(char *buf, uint64_t ms);

/* 850ns, 12.3us, 4.5ms, then as duration_text().  Returns @buf, of TEXT_LEN. */
const char *nanoseconds_text(char *buf, uint64_t ns);

/* A decimal number and nothing else. */
bool parse_u64(const char *text, uint64_t *value);

/* Seconds, with a fraction perhaps, to milliseconds. */
bool parse_seconds(const char *text, uint64_t *ms);

/* Whole MiB, or a number with the suffix M, G or T (MiB, GiB, TiB). */
bool parse_mebibytes(const char *text, uint64_t *mib);

/* The monotonic clock. */
uint64_t now_ms(void);

/* Until then, or a signal. */
void sleep_ms(uint64_t ms);

#endif
