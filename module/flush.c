// SPDX-License-Identifier: GPL-2.0-only
/*
 * What FLUSH and FUA mean in each mode, and who waits for which epoch.
 */
#include "store.h"
#include "trace.h"

enum wb_sleep wb_falling_asleep __read_mostly;

void wb_flush_init(struct wb_flush *f)
{
	spin_lock_init(&f->lock);
	bio_list_init(&f->bios);
	bio_list_init(&f->sleepers);
	init_waitqueue_head(&f->settled);
}

static bool wb_flush_asked(const struct bio *bio)
{
	return bio->bi_opf & (REQ_PREFLUSH | REQ_FUA);
}

/*
 * What must be durable for @bio to be.  Only what asks for it is a barrier: mere writes
 * share an epoch, and so a flush of the origin.  Under the lock.
 */
static u64 wb_flush_epoch(struct wb_store *store, const struct bio *bio)
{
	return wb_flush_asked(bio) ? wb_epoch_close(&store->epochs) :
				     wb_epoch_used(&store->epochs);
}

/*
 * Completes @bio when its epoch is durable, which a flush closes, or, if @behind, when
 * the backlog before it is short enough.
 *
 * A device that is failing holds dirty data that it could not write for long: a flush
 * waits for one more attempt at most, and is told so instead of hanging.  An attempt that
 * fails from here on finds the bio in the list.
 */
static void wb_flush_close(struct wb_store *store, struct bio *bio, bool behind)
{
	struct wb_flush *f = &store->flush;
	bool done, failing;
	u64 epoch;

	/*
	 * The epoch is looked up under the lock, so that the list is ascending but
	 * where the mode was changed, and there a bio may wait for one before it.
	 * Settling takes the lock after the epoch was made durable: either it is
	 * seen here, or the bio is seen there.
	 */
	spin_lock(&f->lock);
	epoch = wb_flush_epoch(store, bio);
	if (behind)
		epoch = wb_epoch_behind(epoch);
	done = wb_epoch_durable(&store->epochs) >= epoch;
	failing = !done && wb_health_failing(&store->health) && !wb_health_ask(store);
	if (!done) {
		WRITE_ONCE(f->want, max(f->want, epoch));
		if (!failing) {
			wb_bio_data(bio)->epoch = epoch;
			bio_list_add(&f->bios, bio);
		}
	}
	spin_unlock(&f->lock);

	trace_wb_flush(store->dev, store->opt.mode, epoch, !done);
	if (!done)
		wb_writeback_kick(store);
	if (done)
		bio_endio(bio);
	else if (failing)
		bio_io_error(bio);
}

/* As ever, whatever the machine is about to do. */
static void wb_flush_by_mode(struct wb_store *store, struct bio *bio)
{
	u32 mode = wb_flush_asked(bio) ? wb_store_mode(store) : WB_MODE_VOLATILE;

	if (mode == WB_MODE_DURABLE || unlikely(READ_ONCE(store->opt.write_through)))
		wb_flush_close(store, bio, false);
	else if (mode == WB_MODE_ORDERED)
		wb_flush_close(store, bio, true);
	else
		bio_endio(bio);
}

/*
 * Not on an origin that fails, lest who writes hears of it; nor when somebody holds
 * writeback, who may be asleep when it would have to go on.
 */
static bool wb_flush_sleepy(const struct wb_store *store)
{
	return READ_ONCE(wb_falling_asleep) && !READ_ONCE(store->overslept) &&
	       !wb_health_failing(&store->health) && !wb_writeback_held(store);
}

/*
 * What is written when all had been drained may be a part of the image: then to be told
 * that it is not on the disk is better than to be switched off without it.
 */
static void wb_flush_awake(struct wb_store *store, struct bio *bio)
{
	if (READ_ONCE(wb_falling_asleep) == WB_SLEEP_IN_IMAGE &&
	    READ_ONCE(store->asleep) && wb_health_failing(&store->health))
		bio_io_error(bio);
	else
		wb_flush_by_mode(store, bio);
}

void wb_flush_wake(struct wb_store *store)
{
	struct wb_flush *f = &store->flush;
	struct bio_list awake;
	struct bio *bio;

	smp_mb();	/* pairs with that in wb_flush_before_sleep(): either sees the other */
	if (wb_flush_sleepy(store))
		return;
	spin_lock(&f->lock);
	awake = f->sleepers;
	bio_list_init(&f->sleepers);
	spin_unlock(&f->lock);
	while ((bio = bio_list_pop(&awake)))
		wb_flush_awake(store, bio);
}

static void wb_flush_before_sleep(struct wb_store *store, struct bio *bio)
{
	struct wb_flush *f = &store->flush;
	bool done;
	u64 epoch;

	spin_lock(&f->lock);
	epoch = wb_flush_epoch(store, bio);
	done = wb_epoch_durable(&store->epochs) >= epoch;
	if (!done) {
		WRITE_ONCE(f->want, max(f->want, epoch));
		wb_bio_data(bio)->epoch = epoch;
		bio_list_add(&f->sleepers, bio);
	}
	spin_unlock(&f->lock);
	if (done) {
		bio_endio(bio);
		return;
	}
	wb_writeback_kick(store);
	wb_flush_wake(store);	/* has the barrier */
}

void wb_flush_through(struct wb_store *store, struct bio *bio)
{
	if (READ_ONCE(store->opt.write_through))
		wb_flush_by_mode(store, bio);
	else if (wb_flush_sleepy(store))
		wb_flush_before_sleep(store, bio);
	else
		wb_flush_awake(store, bio);
}

/* The one that is to keep the device from being suspended. */
static void wb_flush_keep(struct wb_flush *f, struct bio *bio)
{
	f->refusal = bio;
	WRITE_ONCE(f->refuser, NULL);
}

bool wb_flush_refuse(struct wb_store *store, struct bio *bio)
{
	struct wb_flush *f = &store->flush;
	bool came;

	WRITE_ONCE(f->refuser, current);
	submit_bio(bio);
	came = !f->refuser;
	WRITE_ONCE(f->refuser, NULL);
	return came;
}

void wb_flush_give_up(struct wb_store *store)
{
	bio_endio(store->flush.refusal);
}

void wb_flush_bio(struct wb_store *store, struct bio *bio)
{
	wb_stat_add(&store->stats, WB_STAT_FLUSHES, 1);
	if (unlikely(READ_ONCE(store->flush.refuser) == current)) {
		wb_flush_keep(&store->flush, bio);
		return;
	}
	if (unlikely(wb_store_through(store)) && wb_store_mode(store) != WB_MODE_DURABLE)
		wb_flush_through(store, bio);
	else
		wb_flush_by_mode(store, bio);
}

u64 wb_flush_start(struct wb_store *store)
{
	struct wb_flush *f = &store->flush;
	u64 epoch;

	spin_lock(&f->lock);
	epoch = wb_epoch_close(&store->epochs);
	WRITE_ONCE(f->want, max(f->want, epoch));
	spin_unlock(&f->lock);
	wb_writeback_kick(store);
	return epoch;
}

u64 wb_flush_drain(struct wb_store *store)
{
	struct wb_flush *f = &store->flush;
	u64 epoch = wb_flush_start(store);

	spin_lock(&f->lock);
	WRITE_ONCE(f->asked, max(f->asked, epoch));
	spin_unlock(&f->lock);
	wb_events_look(store);
	return epoch;
}

u64 wb_flush_attempts(const struct wb_store *store)
{
	return READ_ONCE(store->flush.attempts);
}

bool wb_flush_ended(const struct wb_store *store, u64 epoch, u64 attempts)
{
	return wb_epoch_durable(&store->epochs) >= epoch ||
	       READ_ONCE(store->orphan) ||
	       (wb_health_failing(&store->health) &&
		wb_flush_attempts(store) != attempts);
}

int wb_flush_wait(struct wb_store *store, u64 epoch, u64 attempts,
		  u64 timeout_ms)
{
	struct wb_flush *f = &store->flush;
	long left = MAX_SCHEDULE_TIMEOUT;

	if (timeout_ms)
		left = max(msecs_to_jiffies(min_t(u64, timeout_ms, UINT_MAX)), 1UL);
	left = wait_event_interruptible_timeout(f->settled,
						wb_flush_ended(store, epoch,
							       attempts),
						left);
	if (wb_epoch_durable(&store->epochs) >= epoch)
		return 0;
	if (left < 0)
		return left;
	if (READ_ONCE(store->orphan))
		return -ENXIO;
	return left ? -EIO : -ETIMEDOUT;
}

static void wb_flush_take_done(struct bio_list *from, u64 durable, struct bio_list *done)
{
	struct bio *bio;

	while ((bio = bio_list_peek(from)) && wb_bio_data(bio)->epoch <= durable)
		bio_list_add(done, bio_list_pop(from));
}

void wb_flush_settle(struct wb_store *store, bool failed)
{
	struct wb_flush *f = &store->flush;
	struct bio_list done = BIO_EMPTY_LIST;
	struct bio_list refused = BIO_EMPTY_LIST;
	struct bio *bio;
	u64 durable;

	spin_lock(&f->lock);
	durable = wb_epoch_durable(&store->epochs);
	wb_flush_take_done(&f->bios, durable, &done);
	wb_flush_take_done(&f->sleepers, durable, &done);
	if (failed && wb_health_failing(&store->health)) {
		refused = f->bios;
		bio_list_init(&f->bios);
	}
	if (failed)
		WRITE_ONCE(f->attempts, f->attempts + 1);
	spin_unlock(&f->lock);

	while ((bio = bio_list_pop(&done)))
		bio_endio(bio);
	while ((bio = bio_list_pop(&refused)))
		bio_io_error(bio);
	wb_flush_wake(store);
	wake_up_all(&f->settled);
	wb_events_look_for_drain(store);
}
