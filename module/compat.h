/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ.
 */
#ifndef WB_COMPAT_H
#define WB_COMPAT_H

#include <linux/blkdev.h>
#include <linux/err.h>

/* Opens a disk once more, and never closes it.  Sleeps.  Return: 0 or an error. */
static inline int wb_compat_pin_disk(dev_t dev)
{
#ifdef WB_OPEN_DISK	/* see Kbuild */
	return PTR_ERR_OR_ZERO(WB_OPEN_DISK(dev, BLK_OPEN_READ, NULL, NULL));
#elif defined(BLK_OPEN_READ)
	return PTR_ERR_OR_ZERO(blkdev_get_by_dev(dev, BLK_OPEN_READ, NULL, NULL));
#else
	return PTR_ERR_OR_ZERO(blkdev_get_by_dev(dev, FMODE_READ, NULL));
#endif
}

#endif /* WB_COMPAT_H */
