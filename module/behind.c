// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in flight when nobody waits for it any more.
 */
#include <linux/err.h>

#include "compat.h"
#include "store.h"

/*
 * The next stop may have left something again meanwhile: that has a look of its own
 * when it ends, and keeps the disk until then.
 */
static void wb_behind_work(struct work_struct *work)
{
	struct wb_behind *b = container_of(work, struct wb_behind, work);
	struct wb_store *store = container_of(b, struct wb_store, behind);
	void *disk = NULL;

	mutex_lock(&store->lock);
	if (!wb_writeback_active(&store->wb))
		swap(disk, b->disk);
	if (disk && !store->owner)
		store->bdev = NULL;
	mutex_unlock(&store->lock);
	if (!disk)
		return;
	wb_compat_close_disk(disk);
	wb_store_reap(store);
	wb_store_release(store);
}

void wb_behind_init(struct wb_behind *b)
{
	INIT_WORK(&b->work, wb_behind_work);
}

void wb_behind_look(struct wb_store *store)
{
	smp_mb();	/* of its end and the leaving, who comes second sees both */
	if (wb_behind_any(&store->behind) && !wb_writeback_active(&store->wb))
		wb_write_queue(&store->behind.work);
}

bool wb_behind_leave(struct wb_store *store)
{
	struct wb_behind *b = &store->behind;
	void *disk = wb_compat_open_disk(store->origin_dev);

	if (IS_ERR(disk))
		return false;
	mutex_lock(&store->lock);
	if (!b->disk) {
		wb_store_ref(store);
		swap(b->disk, disk);
	}
	mutex_unlock(&store->lock);
	if (disk)
		wb_compat_close_disk(disk);
	wb_behind_look(store);
	return true;
}
