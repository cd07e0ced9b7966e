// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "blocks.h"
#include "dumpfile.h"
#include "util.h"
#include "wbctl.h"

_Static_assert(sizeof(struct dump_head) == 32, "no padding");
_Static_assert(sizeof(struct dump_record) == 24, "no padding");
_Static_assert(sizeof(struct dump_tail) == 32, "no padding");

#define BUFFER	(1U << 20)

/* Over @head up to its CRC, then over @data. */
static uint32_t crc_of(const void *head, size_t head_len, const void *data,
		       size_t len)
{
	return crc32(crc32(0, head, head_len), data, len);
}

static uint32_t head_crc(const struct dump_head *head, const void *info,
			 size_t len)
{
	return crc_of(head, offsetof(struct dump_head, crc), info, len);
}

static uint32_t record_crc(const struct dump_record *record, const void *data)
{
	return crc_of(record, offsetof(struct dump_record, crc), data,
		      WB_BLOCK_BYTES);
}

static uint32_t tail_crc(const struct dump_tail *tail)
{
	return crc32(0, (const void *)tail, offsetof(struct dump_tail, crc));
}

uint32_t dump_sum_crcs(uint32_t sum, uint32_t crc)
{
	return crc32(sum, (const void *)&crc, sizeof(crc));
}

void dump_begin(struct dump_writer *dump, FILE *file, json_object *info,
		uint64_t records)
{
	const char *text = json_object_to_json_string_ext(info,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	size_t len = strlen(text);
	struct dump_head head = {
		.version = htole32(DUMP_VERSION),
		.info_bytes = htole32(len),
		.records = htole64(records),
	};

	*dump = (struct dump_writer){ .file = file };
	memcpy(head.magic, DUMP_MAGIC, sizeof(head.magic));
	head.crc = htole32(head_crc(&head, text, len));
	fwrite(&head, sizeof(head), 1, file);
	fwrite(text, len, 1, file);
}

void dump_add(struct dump_writer *dump, const struct wb_dirty_block *block,
	      const void *data)
{
	struct dump_record record = {
		.block = htole64(block->block),
		.epoch = htole64(block->epoch),
		.sectors = htole32(block->sectors),
	};
	char clean[WB_BLOCK_BYTES] = "";

	for (size_t i = 0; i < BLOCK_SECTORS; i++)
		if (block->sectors & 1U << i)
			memcpy(clean + i * SECTOR_SIZE,
			       (const char *)data + i * SECTOR_SIZE, SECTOR_SIZE);
	record.crc = htole32(record_crc(&record, clean));
	fwrite(&record, sizeof(record), 1, dump->file);
	fwrite(clean, sizeof(clean), 1, dump->file);
	dump->tail.records++;
	dump->tail.bytes += block_bytes(block);
	dump->tail.crcs = dump_sum_crcs(dump->tail.crcs, record.crc);
}

void dump_end(struct dump_writer *dump)
{
	struct dump_tail tail = {
		.records = htole64(dump->tail.records),
		.bytes = htole64(dump->tail.bytes),
		.crcs = htole32(dump->tail.crcs),
	};

	memcpy(tail.magic, DUMP_END, sizeof(tail.magic));
	tail.crc = htole32(tail_crc(&tail));
	fwrite(&tail, sizeof(tail), 1, dump->file);
}

static int refuse(const struct dump *dump, const char *why)
{
	return fail(EXIT_FAILED, "%s: cannot replay: %s", dump->path, why);
}

static int read_info(struct dump *dump, const struct dump_head *head)
{
	uint32_t len = le32toh(head->info_bytes);
	char *text;

	if (len > DUMP_INFO_MOST)
		return refuse(dump, "its header is damaged");
	text = zalloc(len + 1, 1);
	if (fread(text, 1, len, dump->file) == len &&
	    le32toh(head->crc) == head_crc(head, text, len))
		dump->info = json_tokener_parse(text);
	free(text);
	if (!json_object_is_type(dump->info, json_type_object))
		return refuse(dump, "its header is damaged");
	return EXIT_DONE;
}

static int read_head(struct dump *dump)
{
	struct dump_head head;

	if (fread(&head, sizeof(head), 1, dump->file) != 1 ||
	    memcmp(head.magic, DUMP_MAGIC, sizeof(head.magic)))
		return refuse(dump, "not a dump of wbctl");
	if (le32toh(head.version) != DUMP_VERSION)
		return refuse(dump, "made by a newer wbctl");
	dump->head_crc = le32toh(head.crc);
	dump->records = le64toh(head.records);
	return read_info(dump, &head);
}

int dump_open(struct dump *dump, const char *path)
{
	int code;

	*dump = (struct dump){ .path = path, .file = fopen(path, "re") };
	if (!dump->file)
		return fail(EXIT_FAILED, "%s: cannot open: %s", path, strerror(errno));
	setvbuf(dump->file, NULL, _IOFBF, BUFFER);
	code = read_head(dump);
	dump->first = ftello(dump->file);
	if (!code && dump->first < 0)
		code = refuse(dump, "not a file that can be read twice");
	if (code)
		dump_close(dump);
	return code;
}

void dump_close(struct dump *dump)
{
	json_object_put(dump->info);
	fclose(dump->file);
}

void dump_seek(struct dump *dump, uint64_t nr)
{
	off_t record = sizeof(struct dump_record) + WB_BLOCK_BYTES;

	clearerr(dump->file);
	fseeko(dump->file, dump->first + nr * record, SEEK_SET);
}

void dump_rewind(struct dump *dump)
{
	dump_seek(dump, 0);
}

enum dump_read dump_next(struct dump *dump, struct wb_dirty_block *block,
			 void *data, uint32_t *crc)
{
	struct dump_record record;

	if (fread(&record, sizeof(record), 1, dump->file) != 1 ||
	    fread(data, WB_BLOCK_BYTES, 1, dump->file) != 1)
		return DUMP_SHORT;
	*block = (struct wb_dirty_block){
		.block = le64toh(record.block),
		.epoch = le64toh(record.epoch),
		.sectors = le32toh(record.sectors),
	};
	if (crc)
		*crc = record.crc;
	return record_crc(&record, data) == le32toh(record.crc) ? DUMP_READ :
								  DUMP_DAMAGED;
}

bool dump_read_tail(struct dump *dump, struct dump_tail *tail)
{
	if (fread(tail, sizeof(*tail), 1, dump->file) != 1 ||
	    memcmp(tail->magic, DUMP_END, sizeof(tail->magic)) ||
	    tail_crc(tail) != le32toh(tail->crc))
		return false;
	tail->records = le64toh(tail->records);
	tail->bytes = le64toh(tail->bytes);
	tail->crcs = le32toh(tail->crcs);
	return true;
}

uint64_t dump_info_u64(const struct dump *dump, const char *key)
{
	return json_object_get_uint64(json_object_object_get(dump->info, key));
}

const char *dump_info_text(const struct dump *dump, const char *key)
{
	json_object *value = json_object_object_get(dump->info, key);

	return value ? json_object_get_string(value) : "";
}
