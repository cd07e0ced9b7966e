/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far a replay came, in a small file beside the dump while it is not done:
 * JSON with "dump" (the CRC of its header), "device" (the path it was given by),
 * "major", "minor", "bytes", "ids" (see identity.h) and "epoch", the last that
 * is durable on the device.
 */
#ifndef WBCTL_REPLAY_STATE_H
#define WBCTL_REPLAY_STATE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "identity.h"

/**
 * struct replay_state - the file and what it says
 * @path: of the file
 * @json: its content for this replay
 * @found: there was one of an earlier run, for the same dump and device
 * @ids: how the ids of that run's device compare with those of this one's
 * @epoch: the last durable one
 */
struct replay_state {
	char *path;
	json_object *json;
	bool found;
	enum likeness ids;
	uint64_t epoch;
};

/**
 * struct replay_device - what a replay goes to
 * @path: the operand
 * @rdev: its number
 * @bytes: its size
 * @ids: what tells it from others
 * @contents: what is on it, NULL if it cannot be read
 */
struct replay_device {
	const char *path;
	dev_t rdev;
	uint64_t bytes;
	json_object *ids;
	json_object *contents;
};

/* Reads what an earlier run left for @dump_path, whose header has the CRC @crc. */
void replay_state_load(struct replay_state *state, const char *dump_path,
		       uint32_t crc, const struct replay_device *device);

/* All up to @epoch is durable.  Returns an exit code, the error printed. */
int replay_state_save(struct replay_state *state, uint64_t epoch);

/* The replay is done. */
void replay_state_remove(struct replay_state *state);

void replay_state_free(struct replay_state *state);

#endif
