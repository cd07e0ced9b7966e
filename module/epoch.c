// SPDX-License-Identifier: GPL-2.0-only
/*
 * Epochs: open, close, settle, and how old the oldest is.
 */
#include "epoch.h"

#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/string.h>

void wb_epochs_init(struct wb_epochs *e)
{
	memset(e, 0, sizeof(*e));
	spin_lock_init(&e->lock);
	e->open = 1;
	e->stride = 1;
}

/*
 * Thousands of epochs may wait.  When the marks run out every second one goes,
 * new ones are set at twice the distance, and the epochs between count from the
 * mark before: older than they are, by a stride at most, never younger.
 */
static void wb_epoch_mark(struct wb_epochs *e, u64 epoch)
{
	unsigned int i;

	if (e->nr_marks && epoch - e->mark[e->nr_marks - 1].epoch < e->stride)
		return;
	if (e->nr_marks == WB_EPOCH_MARKS) {
		for (i = 1; i < WB_EPOCH_MARKS / 2; i++)
			e->mark[i] = e->mark[2 * i];
		e->nr_marks = WB_EPOCH_MARKS / 2;
		e->stride *= 2;
	}
	e->mark[e->nr_marks].epoch = epoch;
	e->mark[e->nr_marks].when = get_jiffies_64();
	e->nr_marks++;
}

bool __wb_epoch_touch(struct wb_epochs *e, u64 epoch)
{
	bool first;

	spin_lock(&e->lock);
	first = e->used < epoch;
	if (first) {
		WRITE_ONCE(e->used, epoch);
		wb_epoch_mark(e, epoch);
	}
	spin_unlock(&e->lock);
	return first;
}

static u64 wb_epoch_end(struct wb_epochs *e)
{
	lockdep_assert_held(&e->lock);
	if (e->used == e->open)
		WRITE_ONCE(e->open, e->open + 1);
	return e->open - 1;
}

/*
 * A barrier also behind an epoch that has ended already: that may have been a cut.
 * A writer who sees the new number and not yet the barrier, of this flush or of several,
 * meets them all, and may be on either side of each.
 */
u64 wb_epoch_close(struct wb_epochs *e)
{
	u64 closed;

	spin_lock(&e->lock);
	closed = wb_epoch_end(e);
	WRITE_ONCE(e->barrier, closed);
	spin_unlock(&e->lock);
	return closed;
}

u64 wb_epoch_cut(struct wb_epochs *e)
{
	u64 closed;

	spin_lock(&e->lock);
	closed = wb_epoch_end(e);
	spin_unlock(&e->lock);
	return closed;
}

/* The mark behind the last settled one may stand for later epochs as well. */
void wb_epoch_settle(struct wb_epochs *e, u64 epoch)
{
	unsigned int n = 0;

	spin_lock(&e->lock);
	WRITE_ONCE(e->durable, max(e->durable, epoch));
	WRITE_ONCE(e->barrier, max(e->barrier, e->durable));
	while (n < e->nr_marks && e->mark[n].epoch <= epoch &&
	       (n + 1 == e->nr_marks ? e->used <= epoch :
		e->mark[n + 1].epoch <= epoch + 1))
		n++;
	e->nr_marks -= n;
	memmove(e->mark, e->mark + n, e->nr_marks * sizeof(e->mark[0]));
	if (e->nr_marks < WB_EPOCH_MARKS / 4 && e->stride > 1)
		e->stride /= 2;
	spin_unlock(&e->lock);
}

u64 wb_epoch_age(struct wb_epochs *e)
{
	u64 age = 0;

	spin_lock(&e->lock);
	if (e->nr_marks)
		age = max_t(u64, get_jiffies_64() - e->mark[0].when, 1);
	spin_unlock(&e->lock);
	return age;
}
