// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "progress.h"
#include "replay_check.h"
#include "signals.h"
#include "util.h"
#include "wbctl.h"

#define RECORD_BYTES	(sizeof(struct dump_record) + WB_BLOCK_BYTES)
#define MOST_LINES	10	/* of damaged records */
#define MOST_BLOCKS	(UINT64_MAX / WB_BLOCK_BYTES)

/**
 * struct survey - a read of the whole dump
 * @dump: it
 * @plan: what it comes to
 * @last: the last record that was good
 * @seen: there was one
 * @tail: what the tail should say
 * @damaged: records
 * @sure: the epoch before that of the last good record ahead of the damage:
 *	all of it is there
 */
struct survey {
	struct dump *dump;
	struct replay_plan *plan;
	struct wb_dirty_block last;
	bool seen;
	struct dump_tail tail;
	uint64_t damaged;
	uint64_t sure;
};

/* Sorted, within bounds: a right CRC of something else is no use. */
static bool plausible(const struct survey *survey,
		      const struct wb_dirty_block *block)
{
	const struct wb_dirty_block *last = &survey->last;

	if (block->sectors >> BLOCK_SECTORS || block->block > MOST_BLOCKS)
		return false;
	return !survey->seen || block->epoch > last->epoch ||
	       (block->epoch == last->epoch && block->block > last->block);
}

static void note_damage(struct survey *survey, uint64_t nr, const char *what)
{
	if (!survey->damaged && survey->seen && survey->last.epoch)
		survey->sure = survey->last.epoch - 1;
	if (++survey->damaged <= MOST_LINES)
		fail(0, "%s: record %" PRIu64 " of %" PRIu64 ": %s",
		     survey->dump->path, nr + 1, survey->dump->records, what);
}

static uint64_t end_sector(const struct wb_dirty_block *block)
{
	return block->block * BLOCK_SECTORS + 32 - __builtin_clz(block->sectors);
}

static void note_good(struct survey *survey, const struct wb_dirty_block *block,
		      uint32_t crc)
{
	struct replay_plan *plan = survey->plan;

	survey->last = *block;
	survey->seen = true;
	survey->tail.bytes += block_bytes(block);
	survey->tail.crcs = dump_sum_crcs(survey->tail.crcs, crc);
	if (block->epoch > plan->epoch)
		return;
	plan->records++;
	plan->bytes += block_bytes(block);
	if (block->sectors && end_sector(block) > plan->end)
		plan->end = end_sector(block);
}

static void survey_records(struct survey *survey, struct progress *progress)
{
	struct dump *dump = survey->dump;
	struct wb_dirty_block block;
	char data[WB_BLOCK_BYTES];
	uint32_t crc;

	for (uint64_t i = 0; i < dump->records && !interrupted; i++) {
		enum dump_read got = dump_next(dump, &block, data, &crc);

		if (got == DUMP_SHORT) {
			note_damage(survey, i, "the file ends here");
			return;
		}
		if (got == DUMP_DAMAGED)
			note_damage(survey, i, "damaged: its CRC is wrong");
		else if (!plausible(survey, &block))
			note_damage(survey, i, "damaged: not in order");
		else
			note_good(survey, &block, crc);
		progress_steady(progress, (i + 1) * RECORD_BYTES);
	}
}

static void survey_tail(struct survey *survey)
{
	struct dump *dump = survey->dump;
	struct dump_tail tail;

	if (dump_read_tail(dump, &tail) && tail.records == dump->records &&
	    tail.bytes == survey->tail.bytes && tail.crcs == survey->tail.crcs)
		return;
	note_damage(survey, dump->records, "the tail is damaged");
}

static int judge(const struct survey *survey)
{
	const char *path = survey->dump->path;

	if (interrupted)
		return fail(EXIT_FAILED, "%s: interrupted", path);
	if (!survey->damaged)
		return EXIT_DONE;
	if (survey->sure && survey->plan->epoch <= survey->sure)
		return EXIT_DONE;
	if (survey->sure)
		return fail(EXIT_FAILED,
			    "%s: cannot replay: %" PRIu64 " records damaged: --epoch %" PRIu64
			    " replays what is whole", path, survey->damaged, survey->sure);
	return fail(EXIT_FAILED, "%s: cannot replay: %" PRIu64 " records damaged",
		    path, survey->damaged);
}

int replay_check_dump(struct dump *dump, struct replay_plan *plan)
{
	struct survey survey = { .dump = dump, .plan = plan };
	struct progress progress;

	/* A damaged number of records would have been found by the head's CRC. */
	progress_begin(&progress, stdout, dump->path, "checking",
		       dump->records * RECORD_BYTES);
	survey_records(&survey, &progress);
	if (!survey.damaged && !interrupted)
		survey_tail(&survey);
	progress_end(&progress);
	return judge(&survey);
}

static int refuse(const struct replay_device *device, const char *why)
{
	return fail(EXIT_FAILED, "%s: cannot replay to it: %s", device->path, why);
}

static int check_size(const struct dump *dump, const struct replay_plan *plan,
		      const struct replay_device *device, bool force)
{
	uint64_t recorded = dump_info_u64(dump, "origin_bytes");
	char has[TEXT_LEN], wants[TEXT_LEN], why[160];

	if (device->bytes / SECTOR_SIZE < plan->end) {
		snprintf(why, sizeof(why), "too small: %s bytes, %s are written to",
			 size_text(has, device->bytes, true),
			 size_text(wants, plan->end * SECTOR_SIZE, true));
		return refuse(device, why);
	}
	if (force || device->bytes == recorded)
		return EXIT_DONE;
	snprintf(why, sizeof(why), "%s bytes, the origin had %s: --force does it",
		 size_text(has, device->bytes, true),
		 size_text(wants, recorded, true));
	return refuse(device, why);
}

static int warn_blank(const struct replay_device *device)
{
	return fail(EXIT_DONE, "%s: warning: it is blank: nothing on it tells that it is the origin",
		    device->path);
}

static int refuse_contents(const struct replay_device *device,
			   json_object *recorded)
{
	char *has = identity_text(device->contents);
	char *wants = identity_text(recorded);
	int code = fail(EXIT_FAILED,
			"%s: cannot replay to it: it carries %s, the origin had %s: --force overwrites it",
			device->path, has, wants);

	free(has);
	free(wants);
	return code;
}

static int refuse_ids(const struct replay_device *device, json_object *recorded)
{
	return fail(EXIT_FAILED,
		    "%s: cannot replay to it: another device: it is %s, the origin was %s: --force does it",
		    device->path,
		    json_object_to_json_string_ext(device->ids, JSON_C_TO_STRING_PLAIN),
		    json_object_to_json_string_ext(recorded, JSON_C_TO_STRING_PLAIN));
}

static json_object *member(const struct dump *dump, const char *key,
			   json_type type)
{
	json_object *value = json_object_object_get(dump->info, key);

	if (json_object_is_type(value, type))
		return value;
	die(EXIT_FAILED, "%s: cannot replay: its header has no %s", dump->path, key);
}

/* What is on it goes before what it is: a copy of the origin will do. */
static int check_identity(const struct dump *dump,
			  const struct replay_device *device,
			  const struct replay_state *state)
{
	json_object *contents = member(dump, "contents", json_type_array);
	json_object *ids = member(dump, "ids", json_type_object);
	enum likeness likeness = identity_compare_ids(ids, device->ids);
	bool blank;

	if (!device->contents)
		return refuse(device, "cannot read what is on it: --force does it");
	blank = !json_object_array_length(device->contents);
	/* Half of an earlier run may have changed what is on it. */
	if (state->found && state->ids == ALIKE)
		return EXIT_DONE;
	if (identity_overlap(contents, device->contents))
		return EXIT_DONE;
	if (!blank && (json_object_array_length(contents) || likeness == UNKNOWN))
		return refuse_contents(device, contents);
	if (likeness == DIFFERENT)
		return refuse_ids(device, ids);
	return blank && likeness == UNKNOWN ? warn_blank(device) : EXIT_DONE;
}

int replay_check_device(const struct dump *dump, const struct replay_plan *plan,
			const struct replay_device *device,
			const struct replay_state *state, bool force)
{
	int code = check_size(dump, plan, device, force);

	if (code || force)
		return code;
	return check_identity(dump, device, state);
}
