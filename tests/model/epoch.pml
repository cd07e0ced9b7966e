/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The epoch protocol of module/epoch.h, for spin.
 *
 * Two writers write two blocks, each of a shard of its own, and flush; writeback
 * carries epochs to an origin whose cache may keep or lose any write that was
 * not flushed, and which may fail any write and any flush, and lose the cache
 * then.  The script check beside this file has the runs.  What is built:
 *
 *	(nothing)	ordered mode
 *	-DSYNC		the same; some flushes wait, as `wbctl flush` does
 *	-DRANGE		the same, with a discard somewhere
 *	-DDURABLE	durable mode
 *	-DSWITCH	from ordered to durable at any moment
 *	-DSWITCH_TO	from durable to ordered at any moment
 *	-DIDS=n		so many writes to each block
 *	-DERRORS=n	so many errors of the origin
 *	-DM_...		one step is wrong on purpose
 *	-DREACH_...	fails if the model gets where it should get
 *
 * The steps, by the names that comments in module/ use:
 *	stamp		write.c   wb_write_segment()
 *	close		epoch.c   wb_epoch_close()
 *	cut		epoch.c   wb_epoch_cut()
 *	collect		writeback.c wb_collect()
 *	submit		wbio.c    wb_io_submit_next()
 *	complete	wbio.c    wb_io_end(), wb_io_reap()
 *	flush_origin	wbio.c    wb_io_flush_origin()
 *	settle		epoch.c   wb_epoch_settle()
 *
 * What is merged into one step is what cannot be told apart from outside: what
 * is done under a lock that everybody else takes, too.
 *
 * A crash is no step of its own.  crash() is called at the end of each step that
 * changes what the origin may hold or what was promised, and looks at each
 * content that a crash there could leave.
 */

#ifndef IDS
#define IDS	2		/* writes that a block gets */
#endif
#ifndef ERRORS
#define ERRORS	1		/* of the origin */
#endif
#define EPOCHS	3
#define ALL	7		/* above any epoch */

/* A version of a block.  Up to RETRY it is WB_DIRTY, the rest is WB_WRITEBACK. */
#define NONE	0
#define DIRTY	1		/* on its shard's list */
#define SWEEP	2		/* collected, to be written */
#define RETRY	3		/* could not be written */
#define FLIGHT	4
#define DONE	5		/* completed, not seen yet */
#define FAILED	6		/* the same, with an error */
#define WRITTEN	7		/* awaits a flush of the origin */

/*
 * The writes to a block are numbered from 1 in the order in which they were put
 * in the map; 0 is what the origin held before.  A set of writes is a bit mask.
 */
typedef block {
	/* in RAM; versions by the epoch that is stamped on them */
	bool locked;
	byte newest;		/* which one the map leads to; 0: none */
	byte state[EPOCHS + 1];
	byte write[EPOCHS + 1];	/* the last write in it */
	byte sent[EPOCHS + 1];	/* what was submitted of it */

	/* on the origin */
	byte media;		/* there to stay */
	byte cache;		/* what a read would see */
	byte loose;		/* may be on the media, or not: not flushed, or in flight */
	byte covered;		/* @cache as the flush under way found it */
	byte late;		/* completed since */

	/* what was promised */
	byte writes;		/* how many were put in the map and completed */
	byte before;		/* the last that a flush lies behind */
	byte durable;		/* the last that a flush waited for */
	byte other[IDS + 1];	/* @before of the other block when it was submitted */
	byte upto[EPOCHS + 1];	/* the last of this epoch and all before */
};

block B[2];

/* struct wb_epochs */
byte open = 1;
byte used;
byte durable;
byte barrier;

#ifdef RANGE
bool range_locked;
bool ranged;
byte range;
byte range_acked;
#endif

#if defined(DURABLE) || defined(SWITCH_TO)
bool ordered = false;		/* the mode */
#else
bool ordered = true;
#endif
byte strict_until;
bool flushing;
byte errors;
byte x, y;			/* of crash(): zero elsewhere */

#define strict		(ordered || durable < strict_until)
#define some_is(s)	(B[0].state[1] == s || B[0].state[2] == s || B[0].state[3] == s || \
			 B[1].state[1] == s || B[1].state[2] == s || B[1].state[3] == s)
#define bit(n)		(1 << (n))
#define may_hold(b, v)	(B[b].media == v || (B[b].loose & bit(v)))
#define raise(a, v)	a = (a > v -> a : v)

/*
 * The contract, for each pair of contents @x, @y of the two blocks.
 *
 * durable: what a flush waited for is there, or what replaced it.
 * ordered: what is there has all that a flush lies between.
 */
#define promise_kept \
	(x >= B[0].durable && y >= B[1].durable && \
	 y >= B[0].other[x] && x >= B[1].other[y])

/*
 * The same by the number of the epoch: if anything of epoch @n + 1 is there and
 * nothing later, then all of @n and before is; and @durable does not lie.
 */
#define has(n)		(x >= B[0].upto[n] && y >= B[1].upto[n])
#define nothing_past(n)	(x <= B[0].upto[n] && y <= B[1].upto[n])
#define prefix \
	((nothing_past(1) || has(1)) && (nothing_past(2) || has(2)) && has(durable))

inline crash()
{
	d_step {
		x = 0;
		do
		:: x <= IDS ->
			y = 0;
			do
			:: y <= IDS ->
				if
				:: may_hold(0, x) && may_hold(1, y) ->
					assert(promise_kept);
#if !defined(DURABLE) && !defined(SWITCH) && !defined(SWITCH_TO)
					assert(prefix)
#endif
				:: else
				fi;
				y++
			:: else -> break
			od;
			x++
		:: else -> break
		od;
		x = 0;
		y = 0
	}
}

/* What no later judgement depends on is set to zero, to have fewer states. */
inline past(b)
{
	B[b].upto[1] = (durable > 1 -> 0 : B[b].upto[1]);
	B[b].upto[2] = (durable > 2 -> 0 : B[b].upto[2]);
	B[b].other[1] = (B[b].media > 1 && !(B[b].loose & bit(1)) -> 0 : B[b].other[1])
}

inline touch(e)
{
	raise(used, e)
}

/* Returns the last closed epoch in @last. */
inline cut(last)
{
	open = (used == open -> open + 1 : open);
	last = open - 1
}

inline close(last)
{
#ifdef M_CUT_AS_BARRIER
	barrier = (used == open -> open : barrier);
	cut(last)
#else
	cut(last);
	barrier = last
#endif
}

inline settle(n)
{
	raise(durable, n);
	raise(barrier, n);
#ifdef REACH_END
	assert(durable < EPOCHS || errors < ERRORS);
#endif
	crash();
	past(0);
	past(1)
}

/*
 * Writers
 */

/*
 * Whether a write in epoch @e may go into the version that there is.  After a
 * switch there may be two versions up to strict_until and only one behind it.
 */
#ifdef M_IN_PLACE
#define same_epoch(b, e)	true
#elif defined(M_SWITCH_IN_PLACE)
#define same_epoch(b, e)	(!ordered || B[b].newest == e)
#elif defined(M_SWITCH_VERSIONS)
#define same_epoch(b, e)	(!strict || B[b].newest == e)
#else
#define same_epoch(b, e)	(B[b].newest == e || \
				 (ordered && B[b].newest > barrier) || \
				 (!ordered && (durable >= strict_until || B[b].newest > strict_until)))
#endif
#ifdef M_IN_FLIGHT
#define STABLE			WRITTEN
#else
#define STABLE			RETRY
#endif
#define into_it(b, e)	(B[b].newest && B[b].state[B[b].newest] <= STABLE && same_epoch(b, e))

/* Under the lock: a new version, or into the one that there is. */
inline put(b, e, seen)
{
	B[b].writes++;
	B[b].other[B[b].writes] = seen;
	if
	:: into_it(b, e)
	:: else ->
		/* two versions of a block in one epoch have no order */
		assert(B[b].state[e] == NONE);
		B[b].state[e] = DIRTY;
		B[b].newest = e
	fi;
	B[b].write[B[b].newest] = B[b].writes;
#ifdef REACH_CUT
	assert(!(ordered && B[b].newest < e));
#endif
#ifdef REACH_VERSIONS
	assert(!(B[b].state[2] == DIRTY && B[b].state[1] == RETRY));
#endif
	/* the stamp is of no interest where there is no order */
	if
	:: B[b].newest <= 1 -> B[b].upto[1] = B[b].writes
	:: else
	fi;
	if
	:: B[b].newest <= 2 -> B[b].upto[2] = B[b].writes
	:: else
	fi;
	B[b].upto[3] = B[b].writes
}

#define may_write(b)	(B[b].writes < IDS && open <= EPOCHS)

inline stamp(b)
{
#ifdef M_STAMP_OUTSIDE
	atomic { may_write(b) -> e = open; seen = B[1 - b].before };
	atomic { !B[b].locked && B[b].writes < IDS -> B[b].locked = true };
#else
	atomic {
		!B[b].locked && may_write(b) ->
		B[b].locked = true;
		seen = B[1 - b].before;
#ifdef RANGE
		behind = range_acked;
#endif
		e = open
	};
#endif
	/* in between, the epoch may be closed */
	atomic {
		put(b, e, seen);
#ifdef RANGE
		/* else the discard would drop it, or come after it */
		assert(B[b].newest > behind);
		behind = 0;
#endif
#ifndef M_TOUCH_LATE
		touch(e);
#endif
		B[b].locked = false;
		crash()
	};
#ifdef M_TOUCH_LATE
	touch(e);
#endif
	d_step { e = 0; seen = 0 }
}

inline flush_before()
{
	raise(B[0].before, c0);
	raise(B[1].before, c1)
}

inline flush_durable()
{
	raise(B[0].durable, c0);
	raise(B[1].durable, c1)
}

inline flush(wait)
{
	atomic {
		c0 = B[0].writes;
		c1 = B[1].writes;
		close(e);
		if
		:: !(wait) -> flush_before(); c0 = 0; c1 = 0; e = 0
		:: else
		fi
	};
	if
	:: e ->
		atomic {
			durable >= e ->
			flush_before();
			flush_durable();
			c0 = 0;
			c1 = 0;
			e = 0;
			crash()
		}
	:: else
	fi
}

#ifdef RANGE
/*
 * A discard of nothing in particular, for what it does to the data is the
 * origin's choice: but it comes between the epochs before and those after it.
 * Writes that meet it may share its own, those behind it may not.
 */

inline discard()
{
	atomic { !ranged && open < EPOCHS -> ranged = true; range_locked = true };
	atomic { close(e); e = 0 };
	if
	:: atomic { open <= EPOCHS -> touch(open) };
#ifdef M_RANGE_CUT
	   atomic { cut(range); range_acked = range; range_locked = false }
#else
	   atomic { close(range); range_acked = range; range_locked = false }
#endif
	:: open > EPOCHS -> range_locked = false
	fi
}

#define range_due	(range && range <= durable + 1)
#endif

active [2] proctype writer()
{
	byte e, seen, c0, c1;
#ifdef RANGE
	byte behind;
#endif

end:
	do
	:: stamp(0)
	:: stamp(1)
	:: flush(!ordered)
#ifdef SYNC
	:: flush(true)
#endif
#ifdef RANGE
	:: discard()
#endif
	od
}

/*
 * The origin
 */

inline apply(b, e)
{
	B[b].cache = B[b].sent[e];
	B[b].late = (flushing -> B[b].late | bit(B[b].sent[e]) : B[b].late)
}

inline complete(b, e)
{
	B[b].state[e] == FLIGHT ->
	if
	:: apply(b, e); B[b].state[e] = DONE
	:: errors < ERRORS -> errors++; B[b].state[e] = FAILED
	:: errors < ERRORS -> errors++; apply(b, e); B[b].state[e] = FAILED
	fi;
	B[b].sent[e] = 0;
	crash()
}

active proctype origin()
{
end:
	do
	:: atomic { complete(0, 1) }
	:: atomic { complete(0, 2) }
	:: atomic { complete(0, 3) }
	:: atomic { complete(1, 1) }
	:: atomic { complete(1, 2) }
	:: atomic { complete(1, 3) }
	od
}

/*
 * Writeback
 */

byte sweep_epoch;
bool mixed;
bool failed;
bool need_flush;
bool doubt;

inline collect_one(b, e)
{
	B[b].state[e] = (B[b].state[e] == DIRTY && e <= sweep_epoch -> SWEEP : B[b].state[e])
}

#define shard_dirty(b)	(B[b].state[1] == DIRTY || B[b].state[2] == DIRTY || B[b].state[3] == DIRTY)

/* Waits out a writer who has stamped and not put its block on the list yet. */
inline collect(b)
{
	atomic {
#ifdef M_COLLECT_UNLOCKED
		!B[b].locked || !shard_dirty(b) ->
#else
		!B[b].locked ->
#endif
		collect_one(b, 1);
		collect_one(b, 2);
		collect_one(b, 3)
	}
}

inline retry_one(b, e)
{
	B[b].state[e] = (B[b].state[e] == RETRY -> SWEEP : B[b].state[e])
}

inline collect_retry()
{
	retry_one(0, 1); retry_one(0, 2); retry_one(0, 3);
	retry_one(1, 1); retry_one(1, 2); retry_one(1, 3)
}

/* A failed version that is not due would else be written after the newer one. */
#define overtaken_one(b, e)	(B[b].state[e] == RETRY && B[b].newest != e)
#define overtaken(b)	(overtaken_one(b, 1) || overtaken_one(b, 2) || overtaken_one(b, 3))

inline collect_overtaken()
{
	if
#ifndef M_LEAVE_OVERTAKEN
	:: overtaken(0) || overtaken(1) -> collect_retry()
	:: else
#else
	:: true
#endif
	fi
}

/* Of several versions in a sweep of several epochs the newest stands for all. */
inline drop_superseded(b)
{
	if
#ifndef M_NO_DROP
	:: B[b].state[3] == SWEEP ->
		drop_one(b, 1);
		drop_one(b, 2)
	:: B[b].state[3] != SWEEP && B[b].state[2] == SWEEP ->
		drop_one(b, 1)
#endif
	:: else
	fi
}

inline drop_one(b, e)
{
	if
	:: B[b].state[e] == SWEEP -> forget(b, e)
	:: else
	fi
}

inline submit(b, e)
{
	B[b].state[e] == SWEEP ->
	B[b].state[e] = FLIGHT;
	B[b].sent[e] = B[b].write[e];
	B[b].loose = B[b].loose | bit(B[b].write[e]);
	crash()
}

inline forget(b, e)
{
	B[b].state[e] = NONE;
	B[b].write[e] = 0;
	B[b].newest = (B[b].newest == e -> 0 : B[b].newest)
}

/* Where epochs may be mixed the newer version takes the failed one's place. */
inline fail(b, e)
{
	failed = true;
#ifdef M_KEEP_BOTH
	B[b].state[e] = RETRY
#else
	if
	:: !strict && B[b].newest != e ->
		assert(B[b].state[B[b].newest] == DIRTY);
		B[b].write[e] = B[b].write[B[b].newest];
		forget(b, B[b].newest);
		B[b].newest = e
	:: else
	fi;
	B[b].state[e] = RETRY
#endif
}

inline reap_one(b, e)
{
	if
	:: B[b].state[e] == DONE ->
		need_flush = true;
#ifdef M_NO_FLUSH
		forget(b, e)
#else
		B[b].state[e] = WRITTEN
#endif
	:: B[b].state[e] == FAILED ->
#ifdef M_LOSE_FAILED
		forget(b, e)
#else
		fail(b, e)
#endif
	:: else
	fi
}

inline reap()
{
	reap_one(0, 1); reap_one(0, 2); reap_one(0, 3);
	reap_one(1, 1); reap_one(1, 2); reap_one(1, 3)
}

inline retire_one(b, e)
{
	if
	:: B[b].state[e] == WRITTEN -> forget(b, e)
	:: else
	fi
}

inline retire()
{
	retire_one(0, 1); retire_one(0, 2); retire_one(0, 3);
	retire_one(1, 1); retire_one(1, 2); retire_one(1, 3)
}

/*
 * A flush that failed: what it should have made durable is written again, and
 * so is all that completed until then, for the origin may have lost that too.
 */
inline distrust_one(b, e)
{
	if
	:: B[b].state[e] == WRITTEN -> fail(b, e)
	:: else
	fi
}

inline distrust()
{
	distrust_one(0, 1); distrust_one(0, 2); distrust_one(0, 3);
	distrust_one(1, 1); distrust_one(1, 2); distrust_one(1, 3)
}

/* What is in flight is not covered by a flush. */
inline keep_flight(b, e)
{
	B[b].loose = (B[b].state[e] == FLIGHT -> B[b].loose | bit(B[b].sent[e]) : B[b].loose)
}

inline flush_done(b)
{
	B[b].media = B[b].covered;
	B[b].loose = B[b].late;
	keep_flight(b, 1); keep_flight(b, 2); keep_flight(b, 3)
}

inline flush_lost(b)
{
	B[b].cache = B[b].media;
	B[b].loose = 0;
	keep_flight(b, 1); keep_flight(b, 2); keep_flight(b, 3)
}

inline flush_end(b)
{
	B[b].covered = 0;
	B[b].late = 0
}

inline flush_origin()
{
	atomic {
		need_flush = false;
		flushing = true;
		B[0].covered = B[0].cache;
		B[1].covered = B[1].cache
	};
	/* the origin's answer; doubt: a flush has failed and not been seen to */
	atomic {
		if
		:: flush_done(0); flush_done(1); retire()
		:: errors < ERRORS ->
			errors++;
			if
			:: flush_lost(0); flush_lost(1)
			:: true
			fi;
			need_flush = true;
#ifdef M_TRUST_FLUSH
			retire()
#elif defined(M_FLUSH_AGAIN)
			failed = true
#elif defined(M_TRUST_LATE)
			failed = true;
			distrust()
#else
			failed = true;
			doubt = true
#endif
		fi;
		flushing = false;
		flush_end(0);
		flush_end(1);
		crash()
	};
	if
	:: doubt -> atomic { !some_is(FLIGHT) -> reap(); distrust(); doubt = false }
	:: else
	fi
}

#ifdef SWITCH
bool pending;
byte pending_epoch;

/* wb_store_switch(): strict before the mode changes, and for long enough after. */
inline switch_mode()
{
#ifndef M_SWITCH_EARLY
	strict_until = ALL;
#endif
	ordered = false;
#ifdef M_SWITCH_EARLY
	strict_until = pending_epoch
#else
	atomic { close(strict_until) }
#endif
}

/* wb_store_settle_mode() */
inline settle_mode()
{
	atomic { pending && durable >= pending_epoch -> pending = false };
	switch_mode()
}

active proctype admin()
{
	atomic { close(pending_epoch) };
	if
	:: durable >= pending_epoch -> switch_mode()
	:: durable < pending_epoch -> pending = true
	fi
}
#endif

#ifdef SWITCH_TO
/* wb_store_switch(), which need not wait. */
active proctype admin()
{
	strict_until = ALL;
	ordered = true;
	atomic { close(strict_until) }
}
#endif

/* Where epochs may be mixed. Whether they may is asked again after the cut. */
inline sweep_begin_mixed()
{
	atomic {
		mixed = !strict;
		sweep_epoch = (mixed || sweep_epoch <= durable + 1 -> sweep_epoch : durable + 1)
	};
	if
	:: atomic { true -> collect_retry() }
	:: true			/* not due */
	fi;
	collect(0);
	collect(1);
	atomic {
		collect_overtaken();
		if
		:: mixed -> drop_superseded(0); drop_superseded(1)
		:: else
		fi;
		mixed = false
	}
}

inline sweep_begin()
{
	if
#ifndef M_PASS_FAILED
	:: atomic { strict && some_is(RETRY) -> collect_retry() }
#endif
	:: atomic {
#ifndef M_PASS_FAILED
		strict && !some_is(RETRY) ->
#else
		strict ->
		collect_retry();
#endif
#ifdef M_COALESCE
		cut(sweep_epoch);
#else
		sweep_epoch = durable + 1;
		if
		:: sweep_epoch == open -> cut(sweep_epoch)
		:: else
		fi;
#endif
	   };
#ifdef RANGE
	   atomic {
		!range_locked ->
		sweep_epoch = (range && range <= sweep_epoch -> range - 1 : sweep_epoch)
	   };
#endif
	   collect(0);
	   collect(1)
	:: atomic { !strict -> cut(sweep_epoch) };
	   sweep_begin_mixed()
	fi
}

inline sweep_run()
{
	do
	:: atomic { submit(0, 1) }
	:: atomic { submit(0, 2) }
	:: atomic { submit(0, 3) }
	:: atomic { submit(1, 1) }
	:: atomic { submit(1, 2) }
	:: atomic { submit(1, 3) }
	:: atomic { some_is(DONE) || some_is(FAILED) -> reap() }
	:: some_is(WRITTEN) && (some_is(SWEEP) || some_is(FLIGHT)) -> flush_origin()
	:: !some_is(SWEEP) && !some_is(FLIGHT) && !some_is(DONE) && !some_is(FAILED) ->
		break
	od
}

inline sweep_end()
{
#ifndef M_NO_FLUSH
	if
	:: need_flush -> flush_origin()
	:: else
	fi;
#endif
	atomic {
		if
#ifdef M_PASS_FAILED
		:: true -> settle(sweep_epoch)
#else
		:: !failed && !some_is(RETRY) -> settle(sweep_epoch)
		:: else
#endif
		fi;
		failed = false
	}
}

active proctype writeback()
{
end:
	do
	:: used > durable ->
		sweep_begin();
		sweep_run();
		sweep_end()
#ifdef SWITCH
	:: settle_mode()
#endif
#ifdef RANGE
	:: atomic {
		range_due ->
#ifdef M_SETTLE_RANGE
		settle(range);
#endif
		range = 0
	   }
#endif
	od
}
