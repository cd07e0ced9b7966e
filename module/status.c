// SPDX-License-Identifier: GPL-2.0-only
/*
 * What dmsetup sees and says.
 */
#define DM_MSG_PREFIX "writebehind"

#include <linux/device-mapper.h>
#include <linux/string.h>

#include "state.h"
#include "status.h"
#include "store.h"

unsigned int wb_status_emit(struct wb_store *store, char *result,
			    unsigned int maxlen)
{
	struct wb_ioc_status st;
	unsigned int sz = 0;

	memset(&st, 0, sizeof(st));
	wb_state_read(store, &st);
	DMEMIT("mode %s health %s", wb_mode_names[st.mode],
	       wb_health_names[st.health]);
	DMEMIT(" cache_bytes %llu dirty_bytes %llu writeback_bytes %llu",
	       st.cache_bytes, st.dirty_bytes, st.writeback_bytes);
	DMEMIT(" oldest_dirty_ms %llu acked_epoch %llu durable_epoch %llu",
	       st.oldest_dirty_ms, st.acked_epoch, st.durable_epoch);
	return sz;
}

static int wb_message_set(struct wb_store *store, unsigned int argc, char **argv)
{
	const char *why;
	int r;

	if (argc != 3) {
		DMWARN("%s: message set: allowed is set <name> <value>", store->name);
		return -EINVAL;
	}
	r = wb_store_set(store, argv[1], argv[2], &why);
	if (r)
		DMWARN("%s: message set %s %s: %s", store->name, argv[1], argv[2], why);
	return r;
}

int wb_message(struct wb_store *store, unsigned int argc, char **argv)
{
	const char *verb = argv[0];

	if (!strcasecmp(verb, "set"))
		return wb_message_set(store, argc, argv);
	if (argc == 1 && !strcasecmp(verb, "flush"))
		wb_flush_drain(store);
	else if (argc == 1 && !strcasecmp(verb, "freeze"))
		wb_store_freeze(store, true);
	else if (argc == 1 && !strcasecmp(verb, "thaw"))
		wb_store_freeze(store, false);
	else if (argc == 1 && !strcasecmp(verb, "clear_stats"))
		wb_store_clear_stats(store);
	else
		goto unknown;
	return 0;

unknown:
	DMWARN("%s: message %s: allowed are flush, set <name> <value>, freeze, thaw, clear_stats",
	       store->name, verb);
	return -EINVAL;
}
