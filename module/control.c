// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/writebehind.
 */
#define DM_MSG_PREFIX "writebehind"

#include <linux/capability.h>
#include <linux/device-mapper.h>
#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "blocks.h"
#include "control.h"
#include "state.h"
#include "store.h"
#include "target.h"

/* The part that all arguments but that of VERSION begin with. */
struct wb_head {
	u32 size;
	u32 flags;
	u64 id;
};

union wb_arg {
	u32 size;
	struct wb_head head;
	struct wb_ioc_version version;
	struct wb_ioc_status status;
	struct wb_ioc_stats stats;
	struct wb_ioc_latency latency;
	struct wb_ioc_flush flush;
	struct wb_ioc_option option;
	struct wb_ioc_device device;
	struct wb_ioc_blocks blocks;
	struct wb_ioc_hold hold;
};

/**
 * struct wb_file - an open control node
 * @lock: guards @held
 * @held: NULL, or the store whose writeback it holds, with a reference
 */
struct wb_file {
	struct mutex lock;	/* guards @held */
	struct wb_store *held;
};

struct wb_command {
	unsigned int cmd;
	size_t least;		/* the size it had in ABI version 1 */
	size_t dev_offset;	/* of major and minor; zero: names no device */
	u32 flags;		/* those that are known */
	bool admin;
	int (*fn)(struct wb_file *file, struct wb_store *store, union wb_arg *arg);
};

static int wb_ioctl_version(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	arg->version.abi = WB_ABI_VERSION;
	arg->version.target[0] = WB_VERSION_MAJOR;
	arg->version.target[1] = WB_VERSION_MINOR;
	arg->version.target[2] = WB_VERSION_PATCH;
	return 0;
}

static int wb_ioctl_status(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	if (arg->status.reserved)
		return -EINVAL;
	wb_state_read(store, &arg->status);
	return 0;
}

static int wb_ioctl_list(struct wb_file *file, struct wb_store *unused, union wb_arg *arg)
{
	struct wb_store *store;

	if (arg->status.reserved)
		return -EINVAL;
	store = wb_store_next(arg->status.id);
	if (!store)
		return -ENODEV;
	wb_state_read(store, &arg->status);
	wb_store_release(store);
	return 0;
}

static int wb_ioctl_stats(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	struct wb_ioc_stats *st = &arg->stats;
	struct wb_stat_values sum;
	int i;

	mutex_lock(&store->lock);
	wb_stats_read(&store->stats, &sum);
	mutex_unlock(&store->lock);
	st->id = store->id;
	st->major = MAJOR(store->dev);
	st->minor = MINOR(store->dev);
	st->read_hit_bytes = sum.v[WB_STAT_READ_HIT];
	st->read_miss_bytes = sum.v[WB_STAT_READ_MISS];
	st->write_bytes = sum.v[WB_STAT_WRITE];
	st->absorbed_bytes = sum.v[WB_STAT_ABSORBED];
	st->discard_bytes = sum.v[WB_STAT_DISCARD];
	st->zero_bytes = sum.v[WB_STAT_ZERO];
	st->writeback_ios = sum.v[WB_STAT_WRITEBACK_IOS];
	st->origin_flushes = sum.v[WB_STAT_ORIGIN_FLUSHES];
	st->reads = sum.v[WB_STAT_READS];
	st->writes = sum.v[WB_STAT_WRITES];
	st->flushes = sum.v[WB_STAT_FLUSHES];
	st->throttled_ios = sum.v[WB_STAT_THROTTLED];
	st->errors = sum.v[WB_STAT_ERRORS];
	st->writeback_bytes = 0;
	for (i = 0; i < WB_NR_REASONS; i++) {
		st->writeback_reason[i] = sum.v[WB_STAT_REASON + i];
		st->writeback_bytes += sum.v[WB_STAT_REASON + i];
	}
	return 0;
}

static int wb_ioctl_latency(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	struct wb_ioc_latency *l = &arg->latency;
	struct wb_histogram sum;

	if (l->which >= WB_NR_LATENCIES || l->reserved)
		return -EINVAL;
	mutex_lock(&store->lock);
	wb_latencies_read(&store->latencies, l->which, &sum);
	mutex_unlock(&store->lock);
	l->id = store->id;
	l->major = MAJOR(store->dev);
	l->minor = MINOR(store->dev);
	l->sum_ns = sum.sum;
	memcpy(l->count, sum.count, sizeof(l->count));
	return 0;
}

static int wb_ioctl_flush(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	struct wb_ioc_flush *fl = &arg->flush;

	if (fl->epoch >= wb_epoch_open(&store->epochs))
		return -EINVAL;
	if (!fl->epoch) {
		fl->attempts = wb_flush_attempts(store);
		wb_health_hurry(store);
		fl->epoch = wb_flush_drain(store);
	}
	if (fl->flags & WB_FLUSH_ASYNC)
		return READ_ONCE(store->orphan) ? -ENXIO : 0;
	return wb_flush_wait(store, fl->epoch, fl->attempts, fl->timeout_ms);
}

static bool wb_terminated(const u8 *s, size_t size)
{
	return memchr(s, 0, size);
}

static int wb_ioctl_set(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	char *name = (char *)arg->option.name;
	char *value = (char *)arg->option.value;
	const char *why;
	int r;

	if (!wb_terminated(arg->option.name, WB_OPTION_LEN) ||
	    !wb_terminated(arg->option.value, WB_VALUE_LEN))
		return -EINVAL;
	r = wb_store_set(store, name, value, &why);
	if (r)
		DMWARN("%s: set %s %s: %s", store->name, name, value, why);
	return r;
}

static int wb_ioctl_get(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	struct wb_options opt;

	if (!wb_terminated(arg->option.name, WB_OPTION_LEN))
		return -EINVAL;
	memset(arg->option.value, 0, WB_VALUE_LEN);
	mutex_lock(&store->lock);
	opt = store->opt;
	mutex_unlock(&store->lock);
	return wb_option_get(&opt, (char *)arg->option.name,
			     (char *)arg->option.value, WB_VALUE_LEN);
}

static int wb_ioctl_freeze(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	wb_store_freeze(store, true);
	return 0;
}

static int wb_ioctl_thaw(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	wb_store_freeze(store, false);
	return 0;
}

static int wb_ioctl_clear_stats(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	wb_store_clear_stats(store);
	return 0;
}

static int wb_ioctl_blocks(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	return wb_blocks_read(store, &arg->blocks);
}

/* The epoch is closed when nothing is collected any more: then all of it is kept. */
static int wb_ioctl_hold(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	int r = mutex_lock_interruptible(&file->lock);

	if (r)
		return r;
	r = file->held ? -EBUSY : wb_writeback_hold(store);
	if (!r) {
		file->held = wb_store_ref(store);
		arg->hold.epoch = wb_epoch_close(&store->epochs);
	}
	mutex_unlock(&file->lock);
	return r;
}

static int wb_ioctl_discard(struct wb_file *file, struct wb_store *store, union wb_arg *arg)
{
	return wb_store_discard(store);
}

#define WB_NAMES_DEVICE(type)	offsetof(struct type, major)

static const struct wb_command wb_commands[] = {
	{ WB_IOC_VERSION, 24, 0, 0, false, wb_ioctl_version },
	{ WB_IOC_LIST, 376, 0, 0, false, wb_ioctl_list },
	{ WB_IOC_STATUS, 376, WB_NAMES_DEVICE(wb_ioc_status), 0, false,
	  wb_ioctl_status },
	{ WB_IOC_STATS, 184, WB_NAMES_DEVICE(wb_ioc_stats), 0, false,
	  wb_ioctl_stats },
	{ WB_IOC_FLUSH, 48, WB_NAMES_DEVICE(wb_ioc_flush), WB_FLUSH_ASYNC, true,
	  wb_ioctl_flush },
	{ WB_IOC_SET, 120, WB_NAMES_DEVICE(wb_ioc_option), 0, true, wb_ioctl_set },
	{ WB_IOC_GET, 120, WB_NAMES_DEVICE(wb_ioc_option), 0, false, wb_ioctl_get },
	{ WB_IOC_FREEZE, 24, WB_NAMES_DEVICE(wb_ioc_device), 0, true,
	  wb_ioctl_freeze },
	{ WB_IOC_THAW, 24, WB_NAMES_DEVICE(wb_ioc_device), 0, true,
	  wb_ioctl_thaw },
	{ WB_IOC_CLEAR_STATS, 24, WB_NAMES_DEVICE(wb_ioc_device), 0, true,
	  wb_ioctl_clear_stats },
	{ WB_IOC_BLOCKS, 56, WB_NAMES_DEVICE(wb_ioc_blocks), 0, false,
	  wb_ioctl_blocks },
	{ WB_IOC_HOLD, 32, WB_NAMES_DEVICE(wb_ioc_hold), 0, true, wb_ioctl_hold },
	{ WB_IOC_DISCARD, 24, WB_NAMES_DEVICE(wb_ioc_device), 0, true,
	  wb_ioctl_discard },
	{ WB_IOC_LATENCY, 296, WB_NAMES_DEVICE(wb_ioc_latency), 0, false,
	  wb_ioctl_latency },
};

/* The number alone tells the command: the size in it may be another version's. */
static const struct wb_command *wb_command_find(unsigned int cmd)
{
	unsigned int i;

	if (_IOC_TYPE(cmd) != WB_IOC_MAGIC ||
	    _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(wb_commands); i++)
		if (_IOC_NR(wb_commands[i].cmd) == _IOC_NR(cmd))
			return &wb_commands[i];
	return NULL;
}

static int wb_arg_copy(const struct wb_command *c, union wb_arg *arg,
		       void __user *user, size_t *size)
{
	u32 usize;
	int r;

	if (get_user(usize, (u32 __user *)user))
		return -EFAULT;
	if (usize < c->least || usize > PAGE_SIZE)
		return -EINVAL;
	memset(arg, 0, sizeof(*arg));
	r = copy_struct_from_user(arg, _IOC_SIZE(c->cmd), user, usize);
	if (r)
		return r;
	*size = min_t(size_t, usize, _IOC_SIZE(c->cmd));
	/* What was read first is what was checked. */
	arg->size = *size;
	return arg->head.flags & ~c->flags ? -EINVAL : 0;
}

static struct wb_store *wb_arg_store(const struct wb_command *c,
				     const union wb_arg *arg)
{
	const u32 *dev = (const void *)arg + c->dev_offset;
	dev_t number = MKDEV(dev[0], dev[1]);

	/* one that no device can have must not become another's */
	if (!arg->head.id && (MAJOR(number) != dev[0] || MINOR(number) != dev[1]))
		return NULL;
	return wb_store_lookup(arg->head.id, number);
}

static long wb_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	const struct wb_command *c = wb_command_find(cmd);
	struct wb_store *store = NULL;
	union wb_arg arg;
	size_t size;
	long r;

	if (!c)
		return -ENOTTY;
	if (c->admin && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	r = wb_arg_copy(c, &arg, (void __user *)user, &size);
	if (r)
		return r;
	if (c->dev_offset) {
		store = wb_arg_store(c, &arg);
		if (!store)
			return -ENODEV;
	}
	r = c->fn(file->private_data, store, &arg);
	if (store)
		wb_store_release(store);
	/* A flush that was not waited for to the end tells its epoch, too. */
	if ((!r || c->cmd == WB_IOC_FLUSH) &&
	    copy_to_user((void __user *)user, &arg, size))
		return -EFAULT;
	return r == -ERESTARTSYS ? -EINTR : r;
}

static int wb_open(struct inode *inode, struct file *file)
{
	struct wb_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	mutex_init(&f->lock);
	file->private_data = f;
	return nonseekable_open(inode, file);
}

static int wb_release(struct inode *inode, struct file *file)
{
	struct wb_file *f = file->private_data;

	if (f->held) {
		wb_writeback_unhold(f->held);
		wb_store_release(f->held);
	}
	mutex_destroy(&f->lock);
	kfree(f);
	return 0;
}

static const struct file_operations wb_control_fops = {
	.owner = THIS_MODULE,
	.open = wb_open,
	.release = wb_release,
	.unlocked_ioctl = wb_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice wb_control = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = WB_CONTROL_NODE,
	.nodename = WB_CONTROL_NODE,
	.mode = 0644,
	.fops = &wb_control_fops,
};

int wb_control_init(void)
{
	return misc_register(&wb_control);
}

void wb_control_exit(void)
{
	misc_deregister(&wb_control);
}
