/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many I/Os writeback has in flight while users read from the origin.
 *
 * A read waits behind what is in flight before it.  A disk that does one thing at
 * a time is no faster for a longer queue, one that does many at a time is: which it
 * is, is found out by comparing two numbers by the I/Os that ended in a time.
 * More are worth it if they bring at least half of what they would where nothing
 * queues.  So a disk keeps four fifths of its speed or more where reads are few, and
 * a read waits behind little.  The time that an I/O takes would tell less: it
 * varies more between I/Os than between the numbers.
 *
 * Of writeback alone: no locks.
 */
#ifndef WB_DEPTH_H
#define WB_DEPTH_H

#include <linux/types.h>

/**
 * struct wb_depth - a number of I/Os in flight, and its search for a better one
 * @now: so many are worth it, as far as known
 * @most: the limit
 * @step: from @now to the number that it is compared with
 * @down: that is the smaller one
 * @comparing: else nothing is tried until @rest I/Os have ended
 * @rest: see there
 * @patience: grows while @now stays what it is, and @rest with it
 * @turn: index of the number that is tried now
 * @seen: what was counted for the smaller and the larger number
 * @watching: nothing but @turn's number was in flight lately, or it rests
 * @settle: I/Os that must end before it is counted
 * @ended: I/Os that were counted of @turn
 * @waived: I/Os that ended since @turn began, and were not counted
 * @vain: pauses since then, while it watched; @rest begins anew with each if too many
 * @since: it is counted from then on, in nanoseconds
 * @fresh: I/Os that have ended since it was last asked
 * @last: when the last of them did
 * @served: reads that had ended when it was last asked
 * @overtaken: our I/Os that have ended since a read did, or since one began
 */
struct wb_depth {
	u32 now;
	u32 most;
	u32 step;
	bool down;
	bool comparing;
	u32 rest;
	u32 patience;
	u32 turn;
	struct {
		u64 ios;
		u64 ns;
	} seen[2];
	bool watching;
	u32 settle;
	u32 ended;
	u32 waived;
	u32 vain;
	u64 since;
	u32 fresh;
	u64 last;
	u32 served;
	u32 overtaken;
};

void wb_depth_init(struct wb_depth *d);

/**
 * wb_depth_limit - how many I/Os may be in flight
 * @d: the depth
 * @most: never more
 * @nr: that are in flight
 * @reading: a read is on its way
 * @served: reads that have ended so far
 *
 * To be asked before each submission, for as long as somebody reads.  A quarter, or one,
 * makes way for a read: where as many are in flight as the disk takes, a read would wait
 * for a place, and be overtaken by the next write again and again.  Where one place is an
 * eighth or less, it is kept free for the next read, unless all of @most are worth it.
 *
 * Of two numbers that are compared the smaller one makes way, and what is more.
 * What ends while way is made says nothing of the numbers that are compared, and is not
 * counted.  So that one who reads all the time can't hold up the search, when four times
 * the number have ended that were not counted, no way is made until enough were: unless
 * no read has ended while as many I/Os did.  It may be what is happening, and fewer
 * follow for a while, half of them at least, where there are several.
 *
 * Return: zero if the only one is to make way.
 */
u32 wb_depth_limit(struct wb_depth *d, u32 most, u32 nr, bool reading, u32 served);

/* An I/O ended at @now, in nanoseconds. */
void wb_depth_ended(struct wb_depth *d, u64 now);

/* From now on other numbers than wb_depth_limit()'s are in flight, or none. */
void wb_depth_pause(struct wb_depth *d);

#endif /* WB_DEPTH_H */
