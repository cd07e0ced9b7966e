// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a store is, in numbers.
 */
#include <linux/string.h>

#include "state.h"
#include "store.h"

static u32 wb_state_flags(const struct wb_store *store)
{
	u32 flags = 0;

	if (wb_writeback_held(store))
		flags |= WB_F_HELD;
	if (store->opt.write_through)
		flags |= WB_F_WRITE_THROUGH;

	if (store->orphan)
		flags |= WB_F_ORPHAN;
	if (store->suspended)
		flags |= WB_F_SUSPENDED;
	if (READ_ONCE(store->frozen))
		flags |= WB_F_FROZEN;
	if (store->opt.read_cache)
		flags |= WB_F_READ_CACHE;
	if (READ_ONCE(store->flush.want) > wb_epoch_durable(&store->epochs))
		flags |= WB_F_DRAINING;
	return flags;
}

static void wb_state_options(struct wb_store *store, struct wb_ioc_status *st)
{
	st->mode = store->opt.mode;
	st->high_watermark = store->opt.high_watermark;
	st->low_watermark = store->opt.low_watermark;
	st->writeback_jobs = store->opt.writeback_jobs;
	st->max_age = store->opt.max_age;
	st->pause_writeback = store->opt.pause_writeback;
	st->drain_limit = store->opt.drain_limit;
	st->shutdown_timeout = store->opt.shutdown_timeout;
	st->on_error = store->opt.on_error;
}

static void wb_state_names(struct wb_store *store, struct wb_ioc_status *st)
{
	st->id = store->id;
	st->major = MAJOR(store->dev);
	st->minor = MINOR(store->dev);
	st->state_flags = wb_state_flags(store);
	st->origin_major = MAJOR(store->origin_dev);
	st->origin_minor = MINOR(store->origin_dev);
	st->origin_bytes = store->origin_sectors << SECTOR_SHIFT;
	strscpy_pad((char *)st->name, store->name, sizeof(st->name));
	strscpy_pad((char *)st->origin, store->origin_name, sizeof(st->origin));
}

static void wb_state_bytes(struct wb_store *store, struct wb_ioc_status *st)
{
	struct wb_index *ix = store->index;
	u64 first = READ_ONCE(store->wb.retry.lowest);

	st->cache_bytes = (u64)ix->pages.nr << WB_BLOCK_SHIFT;
	st->dirty_bytes = wb_index_nr_dirty(ix) << WB_BLOCK_SHIFT;
	st->writeback_bytes = (u64)wb_writeback_blocks(store) << WB_BLOCK_SHIFT;
	st->dirty_limit = min_t(u64, READ_ONCE(store->pace.limit), ix->pages.nr)
			  << WB_BLOCK_SHIFT;
	st->clean_bytes = wb_index_nr_clean(ix) << WB_BLOCK_SHIFT;
	st->lent_bytes = (u64)READ_ONCE(ix->pages.nr_lent) << WB_BLOCK_SHIFT;
	st->descriptor_bytes = wb_index_overhead(ix);
	st->failed_bytes = (u64)READ_ONCE(store->wb.retry.nr) << WB_BLOCK_SHIFT;
	st->bad_sector = first == U64_MAX || !st->failed_bytes ? U64_MAX :
			 first * WB_BLOCK_SECTORS;
}

/* All of it read from counters; the lock is never held across a wait for I/O. */
void wb_state_read(struct wb_store *store, struct wb_ioc_status *st)
{
	struct wb_pace *p = &store->pace;

	mutex_lock(&store->lock);
	wb_state_names(store, st);
	wb_state_options(store, st);
	wb_state_bytes(store, st);
	mutex_unlock(&store->lock);

	st->health = READ_ONCE(store->health.state);
	st->oldest_dirty_ms = jiffies64_to_msecs(wb_epoch_age(&store->epochs));
	st->durable_epoch = wb_epoch_durable(&store->epochs);
	st->acked_epoch = wb_epoch_open(&store->epochs) - 1;
	st->waiting_writers = atomic_read(&p->waiting);
	st->drain_rate = READ_ONCE(p->rate);
	if (!st->dirty_bytes)
		st->drain_eta_ms = 0;
	else if (st->drain_rate)
		st->drain_eta_ms = div64_u64(st->dirty_bytes * 1000, st->drain_rate);
	else
		st->drain_eta_ms = U64_MAX;
}
