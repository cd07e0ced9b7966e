// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_init DEVICE... - what systemd-shutdown does, as process 1: removes the mapped
 * devices that are left, whatever comes of it, and reboots.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <linux/dm-ioctl.h>

static void say(const char *what, const char *name, int err)
{
	FILE *log = fopen("/dev/kmsg", "w");

	if (!log)
		return;
	fprintf(log, "wb-test: %s%s%s%s\n", what, name, *name ? ": " : "",
		*name ? strerror(err) : "");
	fclose(log);
}

static int remove_device(const char *name)
{
	struct dm_ioctl arg = {
		.version = { DM_VERSION_MAJOR }, .data_size = sizeof(arg),
	};
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return errno;
	snprintf(arg.name, sizeof(arg.name), "%s", name);
	if (ioctl(fd, DM_DEV_REMOVE, &arg))
		err = errno;
	close(fd);
	return err;
}

int main(int argc, char **argv)
{
	say("reboot", "", 0);
	for (int i = 1; i < argc; i++)
		say("remove ", argv[i], remove_device(argv[i]));
	reboot(RB_AUTOBOOT);
	return 1;
}
