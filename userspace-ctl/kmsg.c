// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kmsg.h"

#define RECORD_MAX	8192

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * A record is "6,339,5140900,-;text", with further lines behind the text.  The
 * text is "device-mapper: table: 252:0: writebehind: reason (-EINVAL)".
 */
static bool reason_of(char *record, char *buf, size_t len)
{
	static const char mark[] = "writebehind: ";
	char *text = strchr(record, ';');
	char *end;

	if (!text || strncmp(text + 1, "device-mapper: ", 15))
		return false;
	text[strcspn(text, "\n")] = '\0';
	text = strstr(text, mark);
	if (!text)
		return false;
	end = strstr(text, " (-");
	if (end)
		*end = '\0';
	snprintf(buf, len, "%s", text + strlen(mark));
	return true;
}

bool kmsg_close(int fd, char *buf, size_t len)
{
	char record[RECORD_MAX];
	bool found = false;
	ssize_t got;

	if (fd < 0)
		return false;
	/* EPIPE: records were overwritten before they were read. */
	while ((got = read(fd, record, sizeof(record) - 1)) > 0 ||
	       (got < 0 && errno == EPIPE)) {
		record[got > 0 ? got : 0] = '\0';
		if (reason_of(record, buf, len))
			found = true;
	}
	close(fd);
	return found;
}
