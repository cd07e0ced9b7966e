// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "replay_state.h"
#include "util.h"
#include "wbctl.h"

#define JSON_FLAGS	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)

static uint64_t number(json_object *json, const char *key)
{
	return json_object_get_uint64(json_object_object_get(json, key));
}

static void put_number(json_object *json, const char *key, uint64_t value)
{
	json_object_object_add(json, key, json_object_new_uint64(value));
}

static json_object *describe(uint32_t crc, const struct replay_device *device)
{
	json_object *json = json_object_new_object();

	put_number(json, "dump", crc);
	json_object_object_add(json, "device", json_object_new_string(device->path));
	put_number(json, "major", major(device->rdev));
	put_number(json, "minor", minor(device->rdev));
	put_number(json, "bytes", device->bytes);
	json_object_object_add(json, "ids", json_object_get(device->ids));
	return json;
}

/* By its ids where they are known, or else by its number. */
static bool same_device(const struct replay_state *state, json_object *old)
{
	if (number(old, "bytes") != number(state->json, "bytes") ||
	    state->ids == DIFFERENT)
		return false;
	return state->ids == ALIKE ||
	       (number(old, "major") == number(state->json, "major") &&
		number(old, "minor") == number(state->json, "minor"));
}

static void take_up(struct replay_state *state, json_object *old)
{
	json_object *ids = json_object_object_get(old, "ids");

	if (!json_object_is_type(ids, json_type_object) ||
	    number(old, "dump") != number(state->json, "dump"))
		return;
	state->ids = identity_compare_ids(ids, json_object_object_get(state->json,
								      "ids"));
	state->found = same_device(state, old);
	if (state->found)
		state->epoch = number(old, "epoch");
}

void replay_state_load(struct replay_state *state, const char *dump_path,
		       uint32_t crc, const struct replay_device *device)
{
	json_object *old;

	*state = (struct replay_state){ .json = describe(crc, device) };
	if (asprintf(&state->path, "%s.replay", dump_path) < 0)
		die(EXIT_FAILED, "out of memory");
	old = json_object_from_file(state->path);
	if (old)
		take_up(state, old);
	json_object_put(old);
}

static int write_file(const struct replay_state *state, const char *path)
{
	int err, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			   0600);

	if (fd < 0)
		return errno;
	err = json_object_to_fd(fd, state->json, JSON_FLAGS) || fsync(fd) ?
		errno : 0;
	close(fd);
	if (!err && rename(path, state->path))
		err = errno;
	if (err)
		unlink(path);
	return err;
}

int replay_state_save(struct replay_state *state, uint64_t epoch)
{
	char *temporary;
	int err;

	state->epoch = epoch;
	put_number(state->json, "epoch", epoch);
	if (asprintf(&temporary, "%s.new", state->path) < 0)
		die(EXIT_FAILED, "out of memory");
	err = write_file(state, temporary);
	free(temporary);
	if (err)
		return fail(EXIT_FAILED, "%s: cannot keep how far the replay is: %s",
			    state->path, strerror(err));
	return EXIT_DONE;
}

void replay_state_remove(struct replay_state *state)
{
	unlink(state->path);
}

void replay_state_free(struct replay_state *state)
{
	free(state->path);
	json_object_put(state->json);
}
