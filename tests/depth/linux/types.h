/* SPDX-License-Identifier: GPL-2.0-only */
/* What module/depth.c takes from the kernel, for a program. */
#ifndef WB_TEST_TYPES_H
#define WB_TEST_TYPES_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#endif
