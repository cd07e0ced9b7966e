/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Epochs: the writes between two flush barriers, or a part of them, numbered from 1.
 *
 * An epoch is no object, only a number: open, then closed, then durable.  A
 * dirty block carries it, so a thousand epochs cost no more than one.  An empty
 * epoch cannot be closed, so barriers without writes cost nothing.
 *
 * Writeback cuts the open epoch in two when that is its turn, lest it be written
 * for ever.  No barrier lies in between, so a write to a block of the first part that
 * was not sent yet may still go there: the part is not done before that is, and
 * with no barrier behind it nothing that came before may be missed.
 *
 * Stamping.  A writer reads the open epoch and puts its block on the shard's
 * list within one hold of the shard's lock.  Closing only advances the number.
 * Whoever then collects an epoch takes each shard's lock once and so waits out
 * the writers that stamped the old number; the lock orders all later writers
 * behind the advance, hence they stamp the new one.  That keeps every list in
 * ascending order, too.
 *
 * Model: tests/model/epoch.pml.  Where its steps live: stamp, wb_write_segment()
 * and wb_claim(); close, wb_epoch_close(); cut, wb_epoch_cut(); collect,
 * wb_collect(); submit, wb_io_submit_next(); complete, wb_io_end() and
 * wb_io_reap(); flush_origin, wb_io_flush_origin(); settle, wb_sweep_end() and
 * wb_epoch_settle().
 */
#ifndef WB_EPOCH_H
#define WB_EPOCH_H

#include <linux/compiler.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define WB_EPOCH_MARKS	64

/* Closed epochs that may wait for writeback before their makers have to. */
#define WB_EPOCH_BACKLOG	65536

/**
 * struct wb_epochs - the epochs of a store
 * @lock: innermost
 * @open: stamped on what is written now
 * @used: the last epoch that was stamped; @open or smaller
 * @durable: all up to here is durable on the origin; smaller than @open
 * @barrier: all up to here came before a barrier, or is durable; smaller than @open
 * @nr_marks: entries in @mark
 * @stride: epochs from one mark to the next
 * @mark: when (jiffies) an epoch got its first write, for some of those that
 *	are not durable, ascending; the oldest is always there
 */
struct wb_epochs {
	spinlock_t lock;	/* guards all of it; innermost */
	u64 open;
	u64 used;
	u64 durable;
	u64 barrier;
	unsigned int nr_marks;
	u64 stride;
	struct {
		u64 epoch;
		u64 when;
	} mark[WB_EPOCH_MARKS];
};

void wb_epochs_init(struct wb_epochs *e);

static inline u64 wb_epoch_open(const struct wb_epochs *e)
{
	return READ_ONCE(e->open);
}

/* The last with a write in it; whoever has written sees his own or a later one. */
static inline u64 wb_epoch_used(const struct wb_epochs *e)
{
	return READ_ONCE(e->used);
}

static inline u64 wb_epoch_durable(const struct wb_epochs *e)
{
	return READ_ONCE(e->durable);
}

static inline u64 wb_epoch_barrier(const struct wb_epochs *e)
{
	return READ_ONCE(e->barrier);
}

/**
 * wb_epoch_behind - what must be durable so that @epoch is not too far ahead
 * @epoch: a closed epoch
 *
 * Return: an epoch, zero if @epoch is among the first.
 */
static inline u64 wb_epoch_behind(u64 epoch)
{
	return epoch > WB_EPOCH_BACKLOG ? epoch - WB_EPOCH_BACKLOG : 0;
}

/* Whether a block's stamp belongs to @epoch or before.  Live epochs span < 2^31. */
static inline bool wb_stamp_within(u32 stamp, u64 epoch)
{
	return (s32)(stamp - (u32)epoch) <= 0;
}

/**
 * wb_epoch_touch - an epoch is being stamped
 * @e: the epochs
 * @epoch: as read by the stamper within its hold of the shard's lock
 *
 * To be called before that lock is released, so that an epoch with a completed
 * write is never taken for empty.  Cheap but for the first in an epoch.
 *
 * Return: whether it was the first.
 */
bool __wb_epoch_touch(struct wb_epochs *e, u64 epoch);

static inline bool wb_epoch_touch(struct wb_epochs *e, u64 epoch)
{
	return READ_ONCE(e->used) < epoch && __wb_epoch_touch(e, epoch);
}

/**
 * wb_epoch_close - close the open epoch: a barrier
 * @e: the epochs
 *
 * Constant time, any context that may take a spinlock with interrupts on.
 *
 * Return: the last closed epoch: every write that completed before the call
 * belongs to it or to an earlier one.
 */
u64 wb_epoch_close(struct wb_epochs *e);

/* The same for writeback, which is no barrier: later writes may go there as well. */
u64 wb_epoch_cut(struct wb_epochs *e);

/* All up to @epoch, which is closed, is durable. */
void wb_epoch_settle(struct wb_epochs *e, u64 epoch);

/* Jiffies since the oldest write that is not durable; zero if there is none. */
u64 wb_epoch_age(struct wb_epochs *e);

#endif /* WB_EPOCH_H */
