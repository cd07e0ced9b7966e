/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * dm-writebehind: the ioctl interface of /dev/writebehind.
 *
 * Every structure begins with its own size, set by the caller to the
 * sizeof() it was compiled with.  An older caller gets the fields it knows;
 * a newer caller on an older kernel gets E2BIG if it set a field that the
 * kernel does not know, and otherwise a shorter @size back.  There is no
 * implicit padding, @flags and @reserved must be zero unless a flag is named
 * below, and any other bit is refused with EINVAL.
 *
 * A device is named by the number of its mapped device (@major, @minor).  A
 * store that lost its device (WB_F_ORPHAN) keeps the number it last had and is
 * named by @id, with @major and @minor zero.  Where @id is not zero it wins.
 *
 * Reading needs nothing but the open file.  FLUSH, SET, FREEZE, THAW,
 * CLEAR_STATS, HOLD, DISCARD and BLOCKS with data need CAP_SYS_ADMIN (EPERM).
 * No such device: ENODEV.
 *
 * All sizes are in bytes and all times in milliseconds unless said otherwise.
 */
#ifndef _UAPI_LINUX_DM_WRITEBEHIND_H
#define _UAPI_LINUX_DM_WRITEBEHIND_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define WB_ABI_VERSION		1
#define WB_CONTROL_NODE		"writebehind"

#define WB_NAME_LEN		128	/* as DM_NAME_LEN, with the final NUL */
#define WB_PATH_LEN		64
#define WB_OPTION_LEN		32
#define WB_VALUE_LEN		64

/* What a FLUSH of the device promises. */
enum wb_mode {
	WB_MODE_DURABLE,	/* on the origin and flushed there */
	WB_MODE_ORDERED,	/* closes an epoch, returns at once */
	WB_MODE_VOLATILE,	/* returns at once, promises nothing */
};

enum wb_health {
	WB_HEALTH_OK,
	WB_HEALTH_RETRYING,	/* a write or flush of the origin failed, is tried again */
	WB_HEALTH_FAILING,	/* it failed again and again; still tried, ever slower */
};

/* What becomes of new writes while the origin is WB_HEALTH_FAILING. */
enum wb_on_error {
	WB_ON_ERROR_BUFFER,	/* kept in RAM up to the budget, then they wait */
	WB_ON_ERROR_WRITETHROUGH, /* go to the origin; ordered mode refuses them */
	WB_ON_ERROR_REFUSE,	/* fail with an I/O error */
};

/* Why data was written back. */
enum wb_reason {
	WB_REASON_AGE,		/* older than max_age */
	WB_REASON_WATERMARK,	/* dirty data above high_watermark */
	WB_REASON_IDLE,		/* the device was quiet for pause_writeback */
	WB_REASON_FLUSH,	/* FLUSH, FUA, a message or ioctl asked for it */
	WB_REASON_PRESSURE,	/* a writer found the cache full */
	WB_REASON_TEARDOWN,	/* suspend, removal or shutdown */
	WB_NR_REASONS
};

/* Whose duration is counted. */
enum wb_latency {
	WB_LATENCY_WRITE,	/* write or write-zeroes of a user, until acknowledged */
	WB_LATENCY_READ,	/* read of a user */
	WB_LATENCY_FLUSH,	/* FLUSH of a user, or write with FUA */
	WB_LATENCY_WRITEBACK,	/* write of the origin */
	WB_NR_LATENCIES
};

/* state_flags of struct wb_ioc_status */
#define WB_F_ORPHAN		(1U << 0)	/* no table holds this store */
#define WB_F_SUSPENDED		(1U << 1)	/* its device is suspended */
#define WB_F_FROZEN		(1U << 2)	/* background writeback is held */
#define WB_F_READ_CACHE		(1U << 3)	/* clean blocks are kept for reads */
#define WB_F_DRAINING		(1U << 4)	/* a flush or teardown is under way */
#define WB_F_HELD		(1U << 5)	/* an open file holds writeback, WB_IOC_HOLD */
#define WB_F_WRITE_THROUGH	(1U << 6)	/* writes end when they are durable */

/**
 * struct wb_ioc_version - what the module is
 * @size: of this structure
 * @flags: zero
 * @abi: WB_ABI_VERSION of the module
 * @target: version of the target, three parts
 */
struct wb_ioc_version {
	__u32 size;
	__u32 flags;
	__u32 abi;
	__u32 target[3];
};

/**
 * struct wb_ioc_status - the state of one store
 * @size: of this structure
 * @flags: in: zero
 * @id: in: store by id, or for WB_IOC_LIST the id to continue behind (zero
 *	first); out: the store's id, never zero
 * @major: in and out: number of the mapped device
 * @minor: likewise
 * @state_flags: WB_F_*
 * @mode: enum wb_mode
 * @health: enum wb_health
 * @high_watermark: percent of @cache_bytes
 * @low_watermark: likewise
 * @writeback_jobs: write I/Os in flight to the origin at most
 * @cache_bytes: the budget
 * @dirty_bytes: newer here than durable on the origin, writeback included
 * @writeback_bytes: of these, written or being written but not yet known durable
 * @clean_bytes: kept for reads, durable on the origin
 * @descriptor_bytes: memory used to keep track of the budget, beside it
 * @oldest_dirty_ms: age of the oldest dirty data, zero if none
 * @acked_epoch: the last epoch that was closed
 * @durable_epoch: the last epoch all of which is durable on the origin
 * @drain_eta_ms: dirty bytes over the measured rate of the origin; all ones
 *	if the rate is not known yet
 * @drain_rate: bytes a second, as measured when it last wrote
 * @max_age: the tunable
 * @pause_writeback: the tunable
 * @drain_limit: the tunable, in seconds
 * @waiting_writers: tasks that wait for room now
 * @failed_bytes: dirty bytes whose last write to the origin failed
 * @bad_sector: the first of these, all ones if none
 * @origin_major: number of the origin
 * @origin_minor: likewise
 * @name: of the mapped device when its table was last loaded
 * @origin: kernel name of the origin (sdb, dm-3)
 * @dirty_limit: dirty bytes above which writers wait: @cache_bytes, or less
 *	where drain_limit says so
 * @shutdown_timeout: the tunable, in seconds
 * @on_error: enum wb_on_error
 * @reserved: zero
 * @origin_bytes: size of the origin when its table was resumed for the first time
 * @lent_bytes: of @cache_bytes, what read_cache has given back to the machine
 */
struct wb_ioc_status {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u32 major;
	__u32 minor;
	__u32 state_flags;
	__u32 mode;
	__u32 health;
	__u32 high_watermark;
	__u32 low_watermark;
	__u32 writeback_jobs;
	__u64 cache_bytes;
	__u64 dirty_bytes;
	__u64 writeback_bytes;
	__u64 clean_bytes;
	__u64 descriptor_bytes;
	__u64 oldest_dirty_ms;
	__u64 acked_epoch;
	__u64 durable_epoch;
	__u64 drain_eta_ms;
	__u64 drain_rate;
	__u64 max_age;
	__u64 pause_writeback;
	__u64 drain_limit;
	__u64 waiting_writers;
	__u64 failed_bytes;
	__u64 bad_sector;
	__u32 origin_major;
	__u32 origin_minor;
	__u8 name[WB_NAME_LEN];
	__u8 origin[WB_PATH_LEN];
	__u64 dirty_limit;
	__u64 shutdown_timeout;
	__u32 on_error;
	__u32 reserved;
	__u64 origin_bytes;
	__u64 lent_bytes;
};

/**
 * struct wb_ioc_stats - counters since creation or WB_IOC_CLEAR_STATS
 * @size: of this structure
 * @flags: zero
 * @id: in and out, as in struct wb_ioc_status
 * @major: likewise
 * @minor: likewise
 * @read_hit_bytes: served from RAM
 * @read_miss_bytes: passed to the origin
 * @write_bytes: taken from writers, zeroes included
 * @absorbed_bytes: of these, replaced or discarded before they were written back
 * @discard_bytes: discarded
 * @zero_bytes: write-zeroes, in RAM or passed down
 * @writeback_bytes: written to the origin
 * @writeback_ios: in so many I/Os
 * @origin_flushes: flushes sent to the origin
 * @reads: read I/Os taken
 * @writes: write I/Os taken
 * @flushes: FLUSH and FUA taken
 * @throttled_ios: writes that were slowed down or had to wait for room
 * @errors: writes, flushes, discards of the origin that failed
 * @writeback_reason: @writeback_bytes by enum wb_reason
 */
struct wb_ioc_stats {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u32 major;
	__u32 minor;
	__u64 read_hit_bytes;
	__u64 read_miss_bytes;
	__u64 write_bytes;
	__u64 absorbed_bytes;
	__u64 discard_bytes;
	__u64 zero_bytes;
	__u64 writeback_bytes;
	__u64 writeback_ios;
	__u64 origin_flushes;
	__u64 reads;
	__u64 writes;
	__u64 flushes;
	__u64 throttled_ios;
	__u64 errors;
	__u64 writeback_reason[WB_NR_REASONS];
};

#define WB_LATENCY_BUCKETS	32
#define WB_LATENCY_LEAST	512	/* nanoseconds */

/**
 * struct wb_ioc_latency - how long I/Os took since creation or WB_IOC_CLEAR_STATS
 * @size: of this structure
 * @flags: zero
 * @id: in and out, as in struct wb_ioc_status
 * @major: likewise
 * @minor: likewise
 * @which: in: enum wb_latency, whose
 * @reserved: zero
 * @sum_ns: nanoseconds that all of them took together
 * @count: element i: how many took less than WB_LATENCY_LEAST << i nanoseconds and
 *	are not in an element before; the last: and all that took longer
 *
 * Those that failed are not counted.
 */
struct wb_ioc_latency {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u32 major;
	__u32 minor;
	__u32 which;
	__u32 reserved;
	__u64 sum_ns;
	__u64 count[WB_LATENCY_BUCKETS];
};

/* WB_IOC_FLUSH: start it, return 0 at once */
#define WB_FLUSH_ASYNC		(1U << 0)

/**
 * struct wb_ioc_flush - make all that was acknowledged until now durable
 * @size: of this structure
 * @flags: zero or WB_FLUSH_ASYNC
 * @id: as in struct wb_ioc_status
 * @major: likewise
 * @minor: likewise
 * @epoch: in: zero, or an epoch that an earlier call returned, to wait for
 *	that one and not for what was written since; out: the epoch waited for
 * @attempts: in: with @epoch, what that earlier call returned; out: attempts
 *	of the origin that had failed when the epoch was asked for
 * @timeout_ms: give up waiting after that, zero for never
 *
 * Holds in every mode, volatile too.  Waits killably and interruptibly; what
 * was started goes on when the wait ends early.
 * ETIMEDOUT: @timeout_ms passed.  EINTR: a signal came.  EIO: the device is in
 * WB_HEALTH_FAILING and one more attempt failed since @attempts; the data stays
 * dirty.  ENXIO: no table holds the store; create the device again.
 */
struct wb_ioc_flush {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u32 major;
	__u32 minor;
	__u64 epoch;
	__u64 attempts;
	__u64 timeout_ms;
};

/**
 * struct wb_ioc_option - one tunable by its name on the table line
 * @size: of this structure
 * @flags: zero
 * @id: as in struct wb_ioc_status
 * @major: likewise
 * @minor: likewise
 * @name: mode, high_watermark, low_watermark, max_age, writeback_jobs,
 *	pause_writeback, drain_limit, shutdown_timeout, on_error, read_cache or
 *	write_through; NUL-terminated
 * @value: in for SET, out for GET, decimal or a word, NUL-terminated.
 *	read_cache and write_through take 0 or 1.
 *
 * SET: EINVAL if there is no such tunable, ERANGE if the value is refused; the
 * reason is in the kernel log.  A mode is switched at an epoch boundary;
 * a switch to durable takes force once all older data was drained.
 */
struct wb_ioc_option {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u32 major;
	__u32 minor;
	__u8 name[WB_OPTION_LEN];
	__u8 value[WB_VALUE_LEN];
};

/**
 * struct wb_ioc_device - the argument of calls that only name a device
 * @size: of this structure
 * @flags: zero
 * @id: as in struct wb_ioc_status
 * @major: likewise
 * @minor: likewise
 */
struct wb_ioc_device {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u32 major;
	__u32 minor;
};

/* What a BLOCKS call says of a block. */
#define WB_BLOCK_WRITEBACK	(1U << 0)	/* written or being written, not durable yet */
#define WB_BLOCK_SUPERSEDED	(1U << 1)	/* there is a newer version of it */
#define WB_BLOCK_FAILED		(1U << 2)	/* its last write to the origin failed */

#define WB_BLOCK_BYTES		4096
#define WB_BLOCKS_MOST		256	/* in one call */
#define WB_BLOCKS_END		(~0ULL)

/**
 * struct wb_dirty_block - 4 KiB of the origin that are newer in RAM
 * @block: where: sector / 8
 * @epoch: that it belongs to
 * @sectors: bit mask of the sectors that count, the first is bit 0
 * @flags: WB_BLOCK_*
 */
struct wb_dirty_block {
	__u64 block;
	__u64 epoch;
	__u32 sectors;
	__u32 flags;
};

/**
 * struct wb_ioc_blocks - list dirty blocks, in no particular order
 * @size: of this structure
 * @flags: zero
 * @id: as in struct wb_ioc_status
 * @major: likewise
 * @minor: likewise
 * @cursor: in: zero first, then what the last call gave back; out:
 *	WB_BLOCKS_END when there are no more
 * @blocks: address of an array of @nr struct wb_dirty_block
 * @data: zero, or address of @nr times WB_BLOCK_BYTES for their content
 * @nr: in: room, 1 to WB_BLOCKS_MOST; out: how many were filled in, maybe none
 *	although there are more
 * @reserved: zero
 *
 * While somebody writes, or writeback is at work, a block may be missed or come
 * twice; see WB_IOC_HOLD.  Cursors grow from call to call, and one may be used again
 * to list the same part once more.  EAGAIN: the budget was changed between two calls;
 * begin again.
 */
struct wb_ioc_blocks {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u32 major;
	__u32 minor;
	__u64 cursor;
	__u64 blocks;
	__u64 data;
	__u32 nr;
	__u32 reserved;
};

/**
 * struct wb_ioc_hold - nothing is written back while this file is open
 * @size: of this structure
 * @flags: zero
 * @id: as in struct wb_ioc_status
 * @major: likewise
 * @minor: likewise
 * @epoch: out: the last epoch that was closed; all that completed before the
 *	call is in it or before
 *
 * Unlike WB_IOC_FREEZE it holds what flushes and full caches ask for, too, until
 * the file is closed: BLOCKS then finds every dirty block of the epochs up to
 * @epoch, in ordered mode with nothing in it that came after the flush behind its
 * epoch (this call counts as one), otherwise with what was written to it since.
 * Returns when nothing is in flight and no suspend is under way; waits
 * interruptibly.  EBUSY: the file holds a store already.  EINTR: a signal came,
 * nothing is held.
 */
struct wb_ioc_hold {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u32 major;
	__u32 minor;
	__u64 epoch;
};

#define WB_IOC_MAGIC		0xDB

#define WB_IOC_VERSION		_IOWR(WB_IOC_MAGIC, 0x00, struct wb_ioc_version)
/* The store with the lowest id above @id; ENODEV behind the last. */
#define WB_IOC_LIST		_IOWR(WB_IOC_MAGIC, 0x01, struct wb_ioc_status)
#define WB_IOC_STATUS		_IOWR(WB_IOC_MAGIC, 0x02, struct wb_ioc_status)
#define WB_IOC_STATS		_IOWR(WB_IOC_MAGIC, 0x03, struct wb_ioc_stats)
#define WB_IOC_FLUSH		_IOWR(WB_IOC_MAGIC, 0x04, struct wb_ioc_flush)
#define WB_IOC_SET		_IOWR(WB_IOC_MAGIC, 0x05, struct wb_ioc_option)
#define WB_IOC_GET		_IOWR(WB_IOC_MAGIC, 0x06, struct wb_ioc_option)
#define WB_IOC_FREEZE		_IOWR(WB_IOC_MAGIC, 0x07, struct wb_ioc_device)
#define WB_IOC_THAW		_IOWR(WB_IOC_MAGIC, 0x08, struct wb_ioc_device)
#define WB_IOC_CLEAR_STATS	_IOWR(WB_IOC_MAGIC, 0x09, struct wb_ioc_device)
#define WB_IOC_BLOCKS		_IOWR(WB_IOC_MAGIC, 0x0a, struct wb_ioc_blocks)
#define WB_IOC_HOLD		_IOWR(WB_IOC_MAGIC, 0x0b, struct wb_ioc_hold)
/*
 * Throw away a store that no table holds and that has nothing in flight (EBUSY
 * otherwise), and all it has.
 */
#define WB_IOC_DISCARD		_IOWR(WB_IOC_MAGIC, 0x0c, struct wb_ioc_device)
#define WB_IOC_LATENCY		_IOWR(WB_IOC_MAGIC, 0x0d, struct wb_ioc_latency)

#endif /* _UAPI_LINUX_DM_WRITEBEHIND_H */
