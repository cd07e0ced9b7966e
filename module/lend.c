// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that a read cache can spare, for the rest of the machine.
 */
#include <linux/sched/mm.h>

#include "store.h"

#define WB_LEND_PAUSE		(HZ / 4)

/* Or may be soon.  Exact, so that it never holds together with wb_lendable(). */
static bool wb_lent_is_needed(struct wb_store *store)
{
	struct wb_pace *p = &store->pace;

	return !READ_ONCE(store->opt.read_cache) || wb_pace_queued(p) ||
	       wb_pace_above(p, READ_ONCE(p->low)) ||
	       wb_pages_present(&store->index->pages) < READ_ONCE(p->high);
}

/* Blocks that may be lent now; under the lock. */
static u32 wb_lendable(struct wb_store *store)
{
	const struct wb_index *ix = store->index;
	u64 high = READ_ONCE(store->pace.high);
	u32 present = wb_pages_present(&ix->pages);
	u64 keep = max_t(u64, high + (ix->pages.nr - high) / 4, WB_CHUNK_BLOCKS);

	if (present <= keep || wb_lent_is_needed(store) ||
	    wb_index_nr_dirty(ix) > READ_ONCE(store->pace.low) / 2)
		return 0;
	return round_down(min_t(u64, wb_index_nr_clean(ix), present - keep),
			  WB_CHUNK_BLOCKS);
}

/*
 * Reclaim comes here from anywhere, from under the store's lock, too, so that is
 * only tried.  Shards' locks are never held by who allocates.
 */
static unsigned long wb_lend_count(struct shrinker *shrinker,
				   struct shrink_control *sc)
{
	struct wb_store *store = container_of(wb_compat_shrinker_of(shrinker),
					      struct wb_store, lending.shrinker);
	u32 n;

	if (!READ_ONCE(store->opt.read_cache) || !mutex_trylock(&store->lock))
		return 0;
	n = wb_lendable(store);
	mutex_unlock(&store->lock);
	return n;
}

static unsigned long wb_lend_scan(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	struct wb_store *store = container_of(wb_compat_shrinker_of(shrinker),
					      struct wb_store, lending.shrinker);
	u32 n;

	if (!mutex_trylock(&store->lock))
		return SHRINK_STOP;
	n = min_t(unsigned long, wb_lendable(store),
		  round_up(sc->nr_to_scan, WB_CHUNK_BLOCKS));
	if (n)
		n = wb_index_lend(store->index, n);
	if (n)
		wb_store_repace(store);
	mutex_unlock(&store->lock);
	return n ?: SHRINK_STOP;
}

/* Takes one chunk back.  Returns whether there is more, and memory for it. */
static bool wb_take_back(struct wb_store *store)
{
	bool some = false;
	void *memory = NULL;

	mutex_lock(&store->lock);
	some = READ_ONCE(store->index->pages.nr_lent) && wb_lent_is_needed(store);
	mutex_unlock(&store->lock);
	if (some)
		memory = wb_pages_spare();
	if (!memory)
		return false;

	mutex_lock(&store->lock);
	some = wb_pages_regain(&store->index->pages, memory);
	wb_store_repace(store);
	mutex_unlock(&store->lock);
	wb_pace_wake(&store->pace);
	return some;
}

/*
 * A work item of its own, since memory may take a while: writeback, which makes
 * room all the same, must not wait for it.
 */
static void wb_lend_work(struct work_struct *work)
{
	struct wb_store *store = container_of(to_delayed_work(work), struct wb_store,
					      lending.work);
	unsigned int noio = memalloc_noio_save();
	bool again;

	while (wb_take_back(store))
		cond_resched();
	memalloc_noio_restore(noio);

	mutex_lock(&store->lock);
	again = READ_ONCE(store->index->pages.nr_lent) && wb_lent_is_needed(store);
	mutex_unlock(&store->lock);
	if (again)
		queue_delayed_work(system_unbound_wq, &store->lending.work, WB_LEND_PAUSE);
}

/* One that the machine has refused comes back by itself: its delay stays. */
void wb_lending_look(struct wb_store *store)
{
	if (unlikely(READ_ONCE(store->index->pages.nr_lent)))
		queue_delayed_work(system_unbound_wq, &store->lending.work, 0);
}

int wb_lending_init(struct wb_store *store)
{
	INIT_DELAYED_WORK(&store->lending.work, wb_lend_work);
	return wb_compat_shrinker_init(&store->lending.shrinker, wb_lend_count,
				       wb_lend_scan, WB_CHUNK_BLOCKS, store->id);
}

void wb_lending_exit(struct wb_store *store)
{
	wb_compat_shrinker_exit(&store->lending.shrinker);
	if (store->lending.work.work.func)
		cancel_delayed_work_sync(&store->lending.work);
}
