/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A dump: the dirty data of a store in a file.
 *
 *	+--------------+
 *	| dump_head    |  32 bytes, its CRC covers the info too
 *	| info         |  JSON, @info_bytes
 *	+--------------+
 *	| dump_record  |  24 bytes      } @records times, sorted by epoch, within
 *	| data         |  4096 bytes    } an epoch by block: a dump that was cut
 *	|     ...      |                } short holds a prefix of the epochs
 *	+--------------+
 *	| dump_tail    |  32 bytes
 *	+--------------+
 *
 * All numbers are little-endian.  The CRCs are zlib's crc32(), each over its
 * structure up to the CRC and then over the info or the data.  A record with no
 * sectors tells that its block was discarded while the dump was made.
 *
 * The info is an object: "name" of the device, "mode", "health", "origin" (kernel
 * name), "origin_bytes", "ids" and "contents" (see identity.h), "acked_epoch"
 * (that of the hold: the newest in the dump), "durable_epoch" (on the origin when
 * the dump was made), "dirty_bytes", "time" (UTC).
 */
#ifndef WBCTL_DUMPFILE_H
#define WBCTL_DUMPFILE_H

#include <json-c/json.h>
#include <linux/dm-writebehind.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define DUMP_MAGIC	"WBDUMP\r\n"
#define DUMP_END	"WBDEND\r\n"
#define DUMP_VERSION	1
#define DUMP_INFO_MOST	(1U << 20)

struct dump_head {
	char magic[8];
	uint32_t version;
	uint32_t info_bytes;
	uint64_t records;
	uint32_t reserved;	/* zero */
	uint32_t crc;
};

struct dump_record {
	uint64_t block;		/* sector / 8 */
	uint64_t epoch;
	uint32_t sectors;	/* those that count, the first is bit 0 */
	uint32_t crc;
};

struct dump_tail {
	char magic[8];
	uint64_t records;
	uint64_t bytes;		/* that count */
	uint32_t crcs;		/* crc32() over the CRCs of all records */
	uint32_t crc;
};

/*
 * Writing.  Errors show in ferror() of the file.
 */

/**
 * struct dump_writer - a dump that is being made
 * @file: where to
 * @tail: what was written
 */
struct dump_writer {
	FILE *file;
	struct dump_tail tail;
};

void dump_begin(struct dump_writer *dump, FILE *file, json_object *info,
		uint64_t records);

/* What does not count in @data goes out as zeroes. */
void dump_add(struct dump_writer *dump, const struct wb_dirty_block *block,
	      const void *data);

void dump_end(struct dump_writer *dump);

/*
 * Reading
 */

/**
 * struct dump - a dump that was opened
 * @file: at the first record after dump_open() and dump_rewind()
 * @path: its name
 * @info: see above
 * @head_crc: tells this dump from others
 * @records: how many there should be
 * @first: offset of the first
 */
struct dump {
	FILE *file;
	const char *path;
	json_object *info;
	uint32_t head_crc;
	uint64_t records;
	off_t first;
};

/* Returns an exit code, the error printed. */
int dump_open(struct dump *dump, const char *path);
void dump_close(struct dump *dump);
void dump_rewind(struct dump *dump);

/* The record @nr, counted from zero, is next. */
void dump_seek(struct dump *dump, uint64_t nr);

enum dump_read {
	DUMP_READ,
	DUMP_DAMAGED,	/* its CRC is wrong, it may be anything */
	DUMP_SHORT,	/* the file ends, or cannot be read */
};

/* The next record, and its 4096 bytes.  @crc may be NULL. */
enum dump_read dump_next(struct dump *dump, struct wb_dirty_block *block,
			 void *data, uint32_t *crc);

/* The sum of the CRCs of all records so far, and one more, as dump_next() gave it. */
uint32_t dump_sum_crcs(uint32_t sum, uint32_t crc);

/* Reads what is behind the last record. */
bool dump_read_tail(struct dump *dump, struct dump_tail *tail);

/* A number of the info, zero if it is not there; a string, "" if not. */
uint64_t dump_info_u64(const struct dump *dump, const char *key);
const char *dump_info_text(const struct dump *dump, const char *key);

#endif
