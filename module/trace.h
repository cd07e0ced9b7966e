/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, writebehind:*.  Plain values only: what defines them drags in
 * kernel headers whose names for the page cache's writeback are ours, too.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM writebehind

#if !defined(WB_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define WB_TRACE_H

#include <linux/tracepoint.h>

/* What failed, for wb_error. */
#define WB_TRACE_WRITE	0
#define WB_TRACE_FLUSH	1
#define WB_TRACE_RANGE	2

/* As enum wb_reason and enum wb_mode have them. */
#define wb_show_reason(reason) \
	__print_symbolic(reason, { 0, "age" }, { 1, "watermark" }, { 2, "idle" }, \
			 { 3, "flush" }, { 4, "pressure" }, { 5, "teardown" })
#define wb_show_error(what) \
	__print_symbolic(what, { WB_TRACE_WRITE, "write" }, \
			 { WB_TRACE_FLUSH, "flush" }, { WB_TRACE_RANGE, "range" })
#define wb_show_mode(mode) \
	__print_symbolic(mode, { 0, "durable" }, { 1, "ordered" }, { 2, "volatile" })

/* A write was taken into RAM; fua: it ends as a flush does. */
TRACE_EVENT(wb_write,
	    TP_PROTO(dev_t dev, u64 sector, u32 bytes, bool fua),
	    TP_ARGS(dev, sector, bytes, fua),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, sector)
			     __field(u32, bytes)
			     __field(bool, fua)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->sector = sector;
			   __entry->bytes = bytes;
			   __entry->fua = fua;),
	    TP_printk("%d:%d sector=%llu bytes=%u fua=%d",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      __entry->sector,
		      __entry->bytes,
		      __entry->fua)
);

/* A read, or the part of one that is served from one place. */
TRACE_EVENT(wb_read,
	    TP_PROTO(dev_t dev, u64 sector, u32 bytes, bool hit),
	    TP_ARGS(dev, sector, bytes, hit),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, sector)
			     __field(u32, bytes)
			     __field(bool, hit)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->sector = sector;
			   __entry->bytes = bytes;
			   __entry->hit = hit;),
	    TP_printk("%d:%d sector=%llu bytes=%u %s",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      __entry->sector,
		      __entry->bytes,
		      __entry->hit ? "hit" : "miss")
);

/* FLUSH or FUA, in the context of whom it comes from; volatile has none. */
TRACE_EVENT(wb_flush,
	    TP_PROTO(dev_t dev, u32 mode, u64 epoch, bool waits),
	    TP_ARGS(dev, mode, epoch, waits),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u32, mode)
			     __field(u64, epoch)
			     __field(bool, waits)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->mode = mode;
			   __entry->epoch = epoch;
			   __entry->waits = waits;),
	    TP_printk("%d:%d mode=%s epoch=%llu %s",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      wb_show_mode(__entry->mode),
		      __entry->epoch,
		      __entry->waits ? "waits" : "done")
);

/* All up to an epoch is durable on the origin. */
TRACE_EVENT(wb_epoch,
	    TP_PROTO(dev_t dev, u64 durable, u64 acked),
	    TP_ARGS(dev, durable, acked),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, durable)
			     __field(u64, acked)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->durable = durable;
			   __entry->acked = acked;),
	    TP_printk("%d:%d durable=%llu acked=%llu",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      __entry->durable,
		      __entry->acked)
);

/* An I/O of writeback, and why. */
TRACE_EVENT(wb_writeback_submit,
	    TP_PROTO(dev_t dev, u64 sector, u32 bytes, u32 reason, u32 in_flight),
	    TP_ARGS(dev, sector, bytes, reason, in_flight),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, sector)
			     __field(u32, bytes)
			     __field(u32, reason)
			     __field(u32, in_flight)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->sector = sector;
			   __entry->bytes = bytes;
			   __entry->reason = reason;
			   __entry->in_flight = in_flight;),
	    TP_printk("%d:%d sector=%llu bytes=%u reason=%s in_flight=%u",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      __entry->sector,
		      __entry->bytes,
		      wb_show_reason(__entry->reason),
		      __entry->in_flight)
);

/* It has ended. */
TRACE_EVENT(wb_writeback_complete,
	    TP_PROTO(dev_t dev, u32 bytes, u64 ns, int error),
	    TP_ARGS(dev, bytes, ns, error),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u32, bytes)
			     __field(u64, ns)
			     __field(int, error)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->bytes = bytes;
			   __entry->ns = ns;
			   __entry->error = error;),
	    TP_printk("%d:%d bytes=%u ns=%llu error=%d",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      __entry->bytes,
		      __entry->ns,
		      __entry->error)
);

/* A writer is slowed down, or (full) waits for room. */
TRACE_EVENT(wb_throttle,
	    TP_PROTO(dev_t dev, u32 bytes, bool full),
	    TP_ARGS(dev, bytes, full),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u32, bytes)
			     __field(bool, full)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->bytes = bytes;
			   __entry->full = full;),
	    TP_printk("%d:%d bytes=%u %s",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      __entry->bytes,
		      __entry->full ? "full" : "brake")
);

/* A write, flush or range of the origin failed. */
TRACE_EVENT(wb_error,
	    TP_PROTO(dev_t dev, u32 what, u64 sector, int error),
	    TP_ARGS(dev, what, sector, error),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u32, what)
			     __field(u64, sector)
			     __field(int, error)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->what = what;
			   __entry->sector = sector;
			   __entry->error = error;),
	    TP_printk("%d:%d %s sector=%llu error=%d",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      wb_show_error(__entry->what),
		      __entry->sector,
		      __entry->error)
);

#endif /* WB_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
