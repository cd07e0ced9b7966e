// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "creation.h"
#include "device.h"
#include "kmsg.h"
#include "mapper.h"
#include "users.h"
#include "util.h"
#include "wbctl.h"

#define ARGS_LEN	1024
#define WHY_LEN		256
/* As device-mapper and systemd both take it unquoted. */
#define DIGITS		"0123456789"
#define NAME_CHARS	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#+.:=@_-" DIGITS

struct origin {
	unsigned int major;
	unsigned int minor;
	uint64_t sectors;
};

static int origin_open(const char *path, struct origin *origin)
{
	uint64_t bytes;
	struct stat st;
	int fd, err;

	if (stat(path, &st))
		return fail(EXIT_FAILED, "%s: cannot use as origin: %s", path,
			    strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail(EXIT_FAILED, "%s: cannot use as origin: not a block device",
			    path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(EXIT_FAILED, "%s: cannot open: %s", path, strerror(errno));
	err = ioctl(fd, BLKGETSIZE64, &bytes) ? errno : 0;
	close(fd);
	if (err || !bytes)
		return fail(EXIT_FAILED, "%s: cannot use as origin: %s", path,
			    err ? strerror(err) : "it is empty");
	*origin = (struct origin){
		major(st.st_rdev), minor(st.st_rdev), bytes / SECTOR_SIZE
	};
	return EXIT_DONE;
}

static int check_use(const struct creation *c, const struct origin *origin)
{
	char why[WHY_LEN];

	if (mapper_exists(c->name))
		return fail(EXIT_FAILED,
			    "%s: cannot create: a mapped device has that name: dmsetup info shows it",
			    c->name);
	if (!c->force && device_in_use(origin->major, origin->minor, why, sizeof(why)))
		return fail(EXIT_FAILED,
			    "%s: cannot use as origin: %s: --force tries all the same",
			    c->origin, why);
	return EXIT_DONE;
}

struct args {
	char text[ARGS_LEN];
	size_t len;
	unsigned int nr;
};

static void add_arg(struct args *args, const char *word)
{
	args->len += snprintf(args->text + args->len, ARGS_LEN - args->len, " %s",
			      word);
	args->nr++;
}

/* The optional arguments of the table line, each checked: none is long. */
static int make_args(const struct creation *c, struct args *args)
{
	for (size_t i = 0; i < NR_TUNABLES; i++) {
		if (!c->values[i])
			continue;
		if (!tunable_takes(tunables + i, c->values[i]))
			return tunable_refuse(tunables + i, c->name, c->values[i]);
		add_arg(args, tunables[i].name);
		add_arg(args, c->values[i]);
	}
	if (c->read_cache)
		add_arg(args, "read_cache");
	if (c->no_read_cache)
		add_arg(args, "no_read_cache");
	return EXIT_DONE;
}

static int make_device(const char *name, const struct origin *origin,
		       uint64_t mib, const struct args *args)
{
	char params[ARGS_LEN + 128], why[WHY_LEN];
	int err, kmsg = kmsg_open();

	snprintf(params, sizeof(params), "%u:%u %" PRIu64 " %u%s", origin->major,
		 origin->minor, mib, args->nr, args->text);
	err = mapper_create(name, origin->sectors, params);
	if (!kmsg_close(kmsg, why, sizeof(why)))
		snprintf(why, sizeof(why), "%s", mapper_complaint());
	if (!err)
		return EXIT_DONE;
	if (!control_present())
		return fail(EXIT_FAILED,
			    "%s: cannot create: no target writebehind: try modprobe dm-writebehind",
			    name);
	return fail(EXIT_FAILED, "%s: cannot create: %s", name, why);
}

/* Where a device is named, these are its number and its store. */
static bool is_number(const char *name)
{
	const char *rest = !strncmp(name, "id:", 3) ? name + 2 :
						      name + strspn(name, DIGITS);

	return rest != name && *rest == ':' && rest[1] &&
	       !rest[1 + strspn(rest + 1, DIGITS)];
}

int creation_check_name(const char *where, const char *name)
{
	if (is_number(name))
		return fail(EXIT_FAILED,
			    "%s: name %s: it would be taken for a number: not allowed are MAJOR:MINOR and id:N",
			    where, name);
	if (name[0] && name[0] != '-' && strspn(name, NAME_CHARS) == strlen(name) &&
	    strlen(name) < WB_NAME_LEN)
		return EXIT_DONE;
	return fail(EXIT_FAILED,
		    "%s: name %s: allowed are letters, digits and #+.:=@_-, no - first, %d at most",
		    where, name, WB_NAME_LEN - 1);
}

int creation_run(const struct creation *c)
{
	struct args args = { .len = 0 };
	struct origin origin = { .sectors = 0 };
	int code = make_args(c, &args);

	if (!code)
		code = origin_open(c->origin, &origin);
	if (!code)
		code = check_use(c, &origin);
	if (!code)
		code = make_device(c->name, &origin, c->mib, &args);
	return code;
}
