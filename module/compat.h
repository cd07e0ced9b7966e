/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ.
 */
#ifndef WB_COMPAT_H
#define WB_COMPAT_H

#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/shrinker.h>

/* Opens a disk once more.  Sleeps.  Return: for wb_compat_close_disk(), or an ERR_PTR. */
static inline void *wb_compat_open_disk(dev_t dev)
{
#ifdef WB_OPEN_DISK	/* see Kbuild */
	return WB_OPEN_DISK(dev, BLK_OPEN_READ, NULL, NULL);
#elif defined(BLK_OPEN_READ)
	return blkdev_get_by_dev(dev, BLK_OPEN_READ, NULL, NULL);
#else
	return blkdev_get_by_dev(dev, FMODE_READ, NULL);
#endif
}

/* @disk may be NULL.  Sleeps. */
static inline void wb_compat_close_disk(void *disk)
{
	if (!disk)
		return;
#ifdef WB_OPEN_DISK
	WB_CLOSE_DISK(disk);
#elif defined(BLK_OPEN_READ)
	blkdev_put(disk, NULL);
#else
	blkdev_put(disk, FMODE_READ);
#endif
}

/* A shrinker: in 6.7 they came to be allocated by the kernel. */
typedef unsigned long wb_compat_shrink(struct shrinker *shrinker,
				       struct shrink_control *sc);

#ifdef WB_SHRINKER_ALLOC	/* see Kbuild */
struct wb_compat_shrinker {
	struct shrinker *shrinker;
};

static inline struct wb_compat_shrinker *
wb_compat_shrinker_of(const struct shrinker *shrinker)
{
	return shrinker->private_data;
}

/* Sleeps.  Return: 0 or -ENOMEM. */
static inline int wb_compat_shrinker_init(struct wb_compat_shrinker *c,
					  wb_compat_shrink *count,
					  wb_compat_shrink *scan, long batch, u64 id)
{
	c->shrinker = shrinker_alloc(0, "dm-writebehind:%llu", id);
	if (!c->shrinker)
		return -ENOMEM;
	c->shrinker->count_objects = count;
	c->shrinker->scan_objects = scan;
	c->shrinker->batch = batch;
	c->shrinker->private_data = c;
	shrinker_register(c->shrinker);
	return 0;
}

/* Waits for who is in it; does nothing for one that was not initialized. */
static inline void wb_compat_shrinker_exit(struct wb_compat_shrinker *c)
{
	shrinker_free(c->shrinker);
}
#else
struct wb_compat_shrinker {
	struct shrinker shrinker;
};

static inline struct wb_compat_shrinker *
wb_compat_shrinker_of(struct shrinker *shrinker)
{
	return container_of(shrinker, struct wb_compat_shrinker, shrinker);
}

/* Sleeps.  Return: 0 or -ENOMEM. */
static inline int wb_compat_shrinker_init(struct wb_compat_shrinker *c,
					  wb_compat_shrink *count,
					  wb_compat_shrink *scan, long batch, u64 id)
{
	c->shrinker.count_objects = count;
	c->shrinker.scan_objects = scan;
	c->shrinker.batch = batch;
	c->shrinker.seeks = DEFAULT_SEEKS;
	return register_shrinker(&c->shrinker, "dm-writebehind:%llu", id);
}

/* Waits for who is in it; does nothing for one that was not initialized. */
static inline void wb_compat_shrinker_exit(struct wb_compat_shrinker *c)
{
	unregister_shrinker(&c->shrinker);
}
#endif

#endif /* WB_COMPAT_H */
