// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in flight when nobody waits for it any more.
 */
#include "compat.h"
#include "store.h"

static struct workqueue_struct *wb_behind_wq;

/*
 * The next stop may have left something again meanwhile: that has a look of its own
 * when it ends.
 */
void wb_behind_settle(struct wb_store *store)
{
	struct wb_behind *b = &store->behind;
	void *disk = NULL;
	bool ended;

	mutex_lock(&store->lock);
	ended = b->left && !wb_writeback_active(&store->wb);
	if (ended) {
		WRITE_ONCE(b->left, false);
		if (!store->owner)
			disk = wb_store_forget_origin(store);
	}
	mutex_unlock(&store->lock);
	if (!ended)
		return;
	wb_compat_close_disk(disk);
	wb_store_reap(store);
	wb_store_release(store);
}

static void wb_behind_work(struct work_struct *work)
{
	wb_behind_settle(container_of(work, struct wb_store, behind.work));
}

void wb_behind_init(struct wb_behind *b)
{
	INIT_WORK(&b->work, wb_behind_work);
}

/*
 * Both who leaves something and its end may have seen that it has ended, and one of them
 * queued the work when that was done already.  It may also be the work that lets go of
 * the store last.
 */
void wb_behind_exit(struct wb_behind *b)
{
	if (current_work() == &b->work)
		cancel_work(&b->work);
	else
		cancel_work_sync(&b->work);
}

void wb_behind_look(struct wb_store *store)
{
	smp_mb();	/* of its end and the leaving, who comes second sees both */
	if (wb_behind_any(&store->behind) && !wb_writeback_active(&store->wb))
		queue_work(wb_behind_wq, &store->behind.work);
}

void wb_behind_leave(struct wb_store *store)
{
	struct wb_behind *b = &store->behind;

	mutex_lock(&store->lock);
	if (!b->left)
		wb_store_ref(store);
	WRITE_ONCE(b->left, true);
	mutex_unlock(&store->lock);
	wb_behind_look(store);
}

int wb_behind_begin(void)
{
	/* frees stores, which waits for work that memory does not depend on */
	wb_behind_wq = alloc_workqueue("writebehind-behind", WQ_UNBOUND, 0);
	return wb_behind_wq ? 0 : -ENOMEM;
}

void wb_behind_end(void)
{
	destroy_workqueue(wb_behind_wq);
}
