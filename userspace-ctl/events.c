// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device.h"
#include "opts.h"
#include "signals.h"
#include "table.h"
#include "util.h"
#include "wbctl.h"

struct event {
	char time[40];
	char name[WB_NAME_LEN];
	char what[16];
	char value[16];
	char origin[WB_PATH_LEN];
};

#define TEXT(key, header, member) \
	{ key, header, COL_TEXT, get_text, offsetof(struct event, member) }

static const struct column event_columns[] = {
	TEXT("time", "TIME", time),
	TEXT("name", "NAME", name),
	TEXT("event", "EVENT", what),
	TEXT("value", "VALUE", value),
	TEXT("origin", "ORIGIN", origin),
	{ }
};

static bool follow;

static const struct opt events_opts[] = {
	{ "follow", 'f', NULL, "go on after the first one", OPT_FLAG, &follow },
	{ }
};

/*
 * From the kernel itself: udevd, where there is one, would send it on, later.
 */
static struct udev_monitor *listen_to_kernel(struct udev *udev)
{
	struct udev_monitor *monitor = udev_monitor_new_from_netlink(udev, "kernel");

	if (!monitor)
		return NULL;
	udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", "disk");
	udev_monitor_set_receive_buffer_size(monitor, 1 << 20);
	return udev_monitor_enable_receiving(monitor) < 0 ? NULL : monitor;
}

static void copy_property(char *to, size_t size, struct udev_device *device,
			  const char *property)
{
	const char *value = udev_device_get_property_value(device, property);

	snprintf(to, size, "%s", value ? value : "");
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(name, argv[i]))
			return true;
	return !argc;
}

/* Whether it is an event of ours.  WB_EVENT=HEALTH comes with WB_HEALTH. */
static bool read_event(struct udev_device *device, struct event *event)
{
	char property[sizeof(event->what) + sizeof("WB_")];
	struct timespec now;
	struct tm tm;
	size_t n;

	copy_property(event->what, sizeof(event->what), device, "WB_EVENT");
	if (!*event->what)
		return false;
	snprintf(property, sizeof(property), "WB_%s", event->what);
	copy_property(event->value, sizeof(event->value), device, property);
	copy_property(event->name, sizeof(event->name), device, "WB_NAME");
	copy_property(event->origin, sizeof(event->origin), device, "WB_ORIGIN");
	for (char *c = event->what; *c; c++)
		*c |= 'a' - 'A';

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(event->time, sizeof(event->time), "%Y-%m-%dT%H:%M:%S", &tm);
	n += sprintf(event->time + n, ".%03ld", now.tv_nsec / 1000000);
	strftime(event->time + n, sizeof(event->time) - n, "%z", &tm);
	return true;
}

/* With a heading above the first. */
static void show(const struct event *event)
{
	if (output.json)
		report_one(event_columns, event);
	else
		report_rows(&(struct rows){
			.columns = event_columns,
			.defaults = "TIME,NAME,EVENT,VALUE",
			.row = event, .nr = 1, .size = sizeof(*event),
		});
	output.noheadings = true;
	fflush(stdout);
}

/* Waits for one; NULL if a signal came. */
static struct udev_device *next_event(struct udev_monitor *monitor)
{
	struct pollfd fd = { udev_monitor_get_fd(monitor), POLLIN };
	struct udev_device *device;

	while (!interrupted) {
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			die(EXIT_FAILED, "cannot wait for events: %s", strerror(errno));
		device = udev_monitor_receive_device(monitor);
		if (device)
			return device;
		if (errno == ENOBUFS)
			fail(EXIT_FAILED, "events were lost: they came faster than they were read");
	}
	return NULL;
}

static int listen_for(struct udev_monitor *monitor, int argc, char **argv)
{
	struct udev_device *device;
	struct event event;
	bool shown = false;

	while (!(shown && !follow) && !ferror(stdout) && (device = next_event(monitor))) {
		if (read_event(device, &event) && is_wanted(event.name, argc, argv)) {
			show(&event);
			shown = true;
		}
		udev_device_unref(device);
	}
	return EXIT_DONE;
}

/* Names become those that events have, whatever form they were given in. */
static int events_run(int argc, char **argv)
{
	struct device *devs;
	struct udev_monitor *monitor;
	struct udev *udev = udev_new();
	size_t nr;
	int code;

	catch_signals();
	monitor = udev ? listen_to_kernel(udev) : NULL;
	if (!monitor)
		die(EXIT_FAILED, "cannot listen for events: %s", strerror(errno));
	code = device_select(argc, argv, &devs, &nr);
	for (size_t i = 0; !code && argc && i < nr; i++)
		argv[i] = (char *)devs[i].status.name;
	output.one_line = true;
	if (!code)
		code = listen_for(monitor, argc, argv);
	free(devs);
	udev_monitor_unref(monitor);
	udev_unref(udev);
	return code;
}

const struct verb events_verb = {
	.name = "events",
	.operands = "[NAME...]",
	.summary = "Wait for a change of health or mode, or for a drain, and show it.",
	.opts = events_opts,
	.columns = event_columns,
	.max_operands = ANY_NUMBER,
	.run = events_run,
};
