// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that a read cache can spare, for the rest of the machine.
 */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/sched/mm.h>

#include "store.h"

#define WB_LEND_PAUSE		(HZ / 4)

/*
 * Is now, or may be soon, since more may become dirty than there is room for.  The
 * counts are exact, so that this never holds together with wb_lendable().
 */
static bool wb_lent_is_needed(struct wb_store *store)
{
	const struct wb_pages *pages = &store->index->pages;
	struct wb_pace *p = &store->pace;

	if (!READ_ONCE(store->opt.read_cache))
		return true;
	return wb_pages_present(pages) < min_t(u64, READ_ONCE(p->limit), pages->nr) &&
	       (wb_pace_queued(p) || wb_pace_above(p, READ_ONCE(p->low)));
}

/* Blocks that may be lent now; under the lock. */
static u32 wb_lendable(struct wb_store *store)
{
	const struct wb_index *ix = store->index;
	u32 present = wb_pages_present(&ix->pages), nr = ix->pages.nr;
	u32 high = div_u64((u64)nr * store->opt.high_watermark, 100);
	u32 keep = max_t(u32, high + (nr - high) / 4, WB_CHUNK_BLOCKS);

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

static bool wb_lent_some_needed(struct wb_store *store)
{
	bool needed;

	mutex_lock(&store->lock);
	needed = READ_ONCE(store->index->pages.nr_lent) && wb_lent_is_needed(store);
	mutex_unlock(&store->lock);
	return needed;
}

/* Takes one chunk back; returns whether that was to be had. */
static bool wb_take_back(struct wb_store *store)
{
	void *memory = wb_pages_spare();

	if (!memory)
		return false;
	mutex_lock(&store->lock);
	wb_pages_regain(&store->index->pages, memory);
	wb_store_repace(store);
	mutex_unlock(&store->lock);
	wb_pace_wake(&store->pace);
	return true;
}

/*
 * A work item of its own, since memory may take a while: writeback, which makes
 * room all the same, must not wait for it.
 */
static void wb_lend_work(struct work_struct *work)
{
	struct wb_store *store = container_of(to_delayed_work(work), struct wb_store,
					      lending.work);
	struct wb_lending *l = &store->lending;
	unsigned int noio = memalloc_noio_save();

	while (!READ_ONCE(l->stop) && wb_lent_some_needed(store) && wb_take_back(store))
		cond_resched();
	memalloc_noio_restore(noio);

	WRITE_ONCE(l->not_before, jiffies + WB_LEND_PAUSE);
	if (wb_lent_some_needed(store))
		queue_delayed_work(system_unbound_wq, &l->work, WB_LEND_PAUSE);
}

/* Not at once after the last time: the machine may have refused. */
void wb_lending_look(struct wb_store *store)
{
	struct wb_lending *l = &store->lending;
	unsigned long now = jiffies, then = READ_ONCE(l->not_before);

	if (unlikely(READ_ONCE(store->index->pages.nr_lent)) &&
	    !delayed_work_pending(&l->work))
		queue_delayed_work(system_unbound_wq, &l->work,
				   time_before(now, then) ? then - now : 0);
}

int wb_lending_init(struct wb_store *store)
{
	struct wb_lending *l = &store->lending;

	l->not_before = jiffies;
	INIT_DELAYED_WORK(&l->work, wb_lend_work);
	return wb_compat_shrinker_init(&l->shrinker, wb_lend_count, wb_lend_scan,
				       WB_CHUNK_BLOCKS, store->id);
}

void wb_lending_exit(struct wb_store *store)
{
	struct wb_lending *l = &store->lending;

	WRITE_ONCE(l->stop, true);
	wb_compat_shrinker_exit(&l->shrinker);
	if (l->work.work.func)
		cancel_delayed_work_sync(&l->work);
}
