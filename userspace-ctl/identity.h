/* SPDX-License-Identifier: GPL-2.0-only */
/* What tells one block device from another, though its name may have changed. */
#ifndef WBCTL_IDENTITY_H
#define WBCTL_IDENTITY_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum likeness {
	UNKNOWN,	/* nothing that both sides know */
	ALIKE,
	DIFFERENT,
};

/*
 * The numbers of the hardware, the mapped device or the partition, as udev and
 * sysfs tell them: an object of strings, maybe empty.
 */
json_object *identity_ids(dev_t dev);

/* Two of these: one number that both know and that differs decides. */
enum likeness identity_compare_ids(json_object *a, json_object *b);

/*
 * What is on the device at @path as libblkid sees it: an array of strings
 * "ext4:UUID", "gpt:UUID", empty for a blank one; NULL if it cannot be read.
 */
json_object *identity_contents(const char *path);

/* The same, and NULL after @ms, or a signal, if the device does not answer. */
json_object *identity_contents_soon(const char *path, uint64_t ms);

/* What udev knew to be on it, for a device that cannot be read; maybe empty. */
json_object *identity_remembered(dev_t dev);

/* Adds to the array @to what it has not got of @from, which is freed. */
void identity_merge(json_object *to, json_object *from);

/* Is a string of array @a in array @b? */
bool identity_overlap(json_object *a, json_object *b);

/* The strings, separated by commas, or "-"; to be freed. */
char *identity_text(json_object *array);

#endif
