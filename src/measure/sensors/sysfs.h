/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers in sysfs files, read over and over on an open descriptor: one pread a value, no
 * allocation, no stdio. Used by the drivers; a failed read says why and never gives a number.
 */
#ifndef ERGON_MEASURE_SENSORS_SYSFS_H
#define ERGON_MEASURE_SENSORS_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure/sensor.h"

enum { SYSFS_PATH_SIZE = 384 };

struct sysfs_number {
	int fd;
	uint64_t last;       /* the value seen last, to notice a file that was replaced */
	uint64_t checked_ns; /* when it was last looked whether it was */
	char path[SYSFS_PATH_SIZE];
};

/* Opens path for reading; false with errno set. */
bool sysfs_number_open(struct sysfs_number *number, const char *path);
void sysfs_number_close(struct sysfs_number *number);

/* Reads once and notes the time right behind. A text that is no unsigned number is invalid with
 * error 0. A file that has been unlinked or replaced (hot plug, recordings) is opened anew: looked
 * for when a value fails or stands still, twenty times a second at most. */
void sysfs_number_read(struct sysfs_number *number, const struct ergon_clock *clock,
                       struct reading *reading);

/* Entries of a folder whose name begins with prefix, in version order ("hwmon2" before "hwmon10").
 * malloc'd names in a malloc'd array; -1 with errno set where the folder cannot be read. */
int sysfs_list(const char *folder, const char *prefix, char ***names);
void sysfs_list_free(char **names, int count);

/* "root/relative" into path; false when too long. */
bool sysfs_path(char *path, size_t size, const char *root, const char *relative);

/* Is this a virtual machine? (The hypervisor flag of /proc/cpuinfo.) */
bool machine_is_virtual(const struct ergon_env *env);

#endif
