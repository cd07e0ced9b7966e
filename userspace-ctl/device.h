/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices by what a user calls them, and the calls of the control node. */
#ifndef WBCTL_DEVICE_H
#define WBCTL_DEVICE_H

#include <linux/dm-writebehind.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct device - one store
 * @status: as the kernel told
 * @name: of the mapped device now; of an orphan, the last one
 * @origin: its path
 * @number: "252:0"
 */
struct device {
	struct wb_ioc_status status;
	char name[WB_NAME_LEN];
	char origin[WB_PATH_LEN + sizeof("/dev/")];
	char number[24];
};

/* One ioctl.  Returns 0 or an errno; exits if there is no control node. */
int control_call(unsigned long request, void *arg);

/* The same on another file than all the others, which the caller closes. */
int control_call_on(int fd, unsigned long request, void *arg);
int control_open(void);

/* Is there a control node? */
bool control_present(void);

/* The exit code for @err as control_call() returned it. */
int exit_code_of(int err);

/*
 * Finds the device that @arg names: a name, a path, "major:minor" or "id:N".
 * Returns an exit code, the error printed.
 */
int device_find(const char *arg, struct device *dev);

/* Sets a tunable.  Returns 0 or an errno. */
int device_set(const struct device *dev, const char *name, const char *value);

/* Makes a call that takes struct wb_ioc_device.  Returns 0 or an errno. */
int device_call(const struct device *dev, unsigned long request);

/* Reads its state again.  Returns 0 or an errno. */
int device_refresh(struct device *dev);

/*
 * The devices that @argv names, all of them if it names none, as an array
 * for free(): of those that are there, if some are not.  Returns an exit code, the
 * errors printed.
 */
int device_select_found(int argc, char **argv, struct device **devs, size_t *nr);

/* The same, and if one is not there, none. */
int device_select(int argc, char **argv, struct device **devs, size_t *nr);

/*
 * Makes a call that takes struct wb_ioc_device on each device that @argv
 * names.  @what is for the message.  Returns an exit code.
 */
int device_command(int argc, char **argv, unsigned long request,
		   const char *what);

#endif
