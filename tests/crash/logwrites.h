/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dm-log-writes records, as in drivers/md/dm-log-writes.c.
 */
#ifndef WBCRASH_LOGWRITES_H
#define WBCRASH_LOGWRITES_H

#include <stdint.h>

#define LOG_MAGIC	0x6a736677736872ULL
#define LOG_FLUSH	1
#define LOG_FUA		2
#define LOG_DISCARD	4
#define LOG_MARK	8

struct log_super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sector_size;
} __attribute__((packed));

struct log_entry {
	uint64_t sector;
	uint64_t nr;
	uint64_t flags;
	uint64_t data_len;
};

#endif
