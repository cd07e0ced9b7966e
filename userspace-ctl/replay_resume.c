// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a device still hold what an earlier run wrote to it?  It may have been filled
 * anew since, or be another one that cannot be told from it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocks.h"
#include "progress.h"
#include "replay_resume.h"
#include "signals.h"
#include "util.h"
#include "wbctl.h"

/**
 * struct version - a record of the dump
 * @block: of which block
 * @nr: it is this one in the dump
 */
struct version {
	struct wb_dirty_block block;
	uint64_t nr;
};

/**
 * struct comparison - one under way
 * @dump: with what
 * @fd: of what
 * @epoch: all up to here should be there
 * @data: of the block that is looked at
 * @read: it was read
 * @covered: sectors of it that are done with
 */
struct comparison {
	struct dump *dump;
	int fd;
	uint64_t epoch;
	char data[WB_BLOCK_BYTES];
	bool read;
	uint32_t covered;
};

/*
 * All that are good, whatever is wanted now: the earlier run may have wanted more, and
 * have written some of it.
 */
static struct version *list_versions(struct dump *dump, uint64_t *nr)
{
	struct version *versions = zalloc(dump->records, sizeof(*versions));
	enum dump_read got = DUMP_READ;
	char data[WB_BLOCK_BYTES];

	*nr = 0;
	dump_rewind(dump);
	for (uint64_t i = 0; i < dump->records && got != DUMP_SHORT; i++) {
		got = dump_next(dump, &versions[*nr].block, data, NULL);
		versions[*nr].nr = i;
		if (got == DUMP_READ)
			(*nr)++;
	}
	return versions;
}

/* By place, and there the newest first. */
static int compare_versions(const void *a, const void *b)
{
	const struct wb_dirty_block *ba = &((const struct version *)a)->block;
	const struct wb_dirty_block *bb = &((const struct version *)b)->block;

	if (ba->block != bb->block)
		return ba->block > bb->block ? 1 : -1;
	return (ba->epoch < bb->epoch) - (ba->epoch > bb->epoch);
}

/* Once.  The device may end within the block, behind what counts. */
static bool read_block(struct comparison *comparison, uint64_t block)
{
	if (!comparison->read)
		comparison->read = pread(comparison->fd, comparison->data, WB_BLOCK_BYTES,
					 block * WB_BLOCK_BYTES) >= 0;
	return comparison->read;
}

/* Of the sectors that no newer version has; of what came later some may be there. */
static bool version_holds(struct comparison *comparison, const struct version *version)
{
	uint32_t sectors = version->block.sectors & ~comparison->covered;
	struct wb_dirty_block block;
	char wanted[WB_BLOCK_BYTES];

	comparison->covered |= version->block.sectors;
	if (version->block.epoch > comparison->epoch || !sectors)
		return true;
	dump_seek(comparison->dump, version->nr);
	if (dump_next(comparison->dump, &block, wanted, NULL) != DUMP_READ ||
	    !read_block(comparison, block.block))
		return false;
	for (unsigned int i = 0; sectors >> i; i++)
		if (sectors >> i & 1 &&
		    memcmp(wanted + i * SECTOR_SIZE, comparison->data + i * SECTOR_SIZE,
			   SECTOR_SIZE))
			return false;
	return true;
}

static bool all_hold(struct comparison *comparison, const struct version *versions,
		     uint64_t nr, struct progress *progress)
{
	for (uint64_t i = 0; i < nr && !interrupted; i++) {
		if (!i || versions[i].block.block != versions[i - 1].block.block) {
			comparison->covered = 0;
			comparison->read = false;
		}
		if (!version_holds(comparison, versions + i))
			return false;
		progress_steady(progress, (i + 1) * WB_BLOCK_BYTES);
	}
	return true;
}

int replay_resume(struct dump *dump, int fd, const char *path,
		  struct replay_state *state)
{
	struct comparison comparison = { .dump = dump, .fd = fd, .epoch = state->epoch };
	struct version *versions;
	struct progress progress;
	uint64_t nr;
	bool good;

	if (!state->found || !state->epoch)
		return EXIT_DONE;
	versions = list_versions(dump, &nr);
	qsort(versions, nr, sizeof(*versions), compare_versions);
	progress_begin(&progress, stdout, path, "comparing", nr * WB_BLOCK_BYTES);
	good = all_hold(&comparison, versions, nr, &progress);
	progress_end(&progress);
	free(versions);
	if (interrupted)
		return fail(EXIT_FAILED, "%s: interrupted", path);
	if (!good) {
		fail(0, "%s: warning: what an earlier run wrote, up to epoch %" PRIu64
		     ", is not on it: starting over", path, state->epoch);
		state->found = false;
		state->epoch = 0;
	}
	return EXIT_DONE;
}
