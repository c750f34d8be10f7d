/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"

static const uint64_t check_interval_ns = 50 * NS_PER_MS;

bool sysfs_number_open(struct sysfs_number *number, const char *path)
{
	number->last = UINT64_MAX;
	number->checked_ns = 0;
	if ((size_t)snprintf(number->path, sizeof number->path, "%s", path) >=
	    sizeof number->path) {
		number->fd = -1;
		errno = ENAMETOOLONG;
		return false;
	}
	number->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return number->fd >= 0;
}

void sysfs_number_close(struct sysfs_number *number)
{
	if (number->fd >= 0)
		close(number->fd);
	number->fd = -1;
}

/* Decimal digits and white space behind them, nothing else. */
static bool parse_number(const char *text, size_t length, uint64_t *value)
{
	uint64_t sum = 0;
	size_t i = 0;
	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');
		if (sum > (UINT64_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (i == 0)
		return false;
	for (size_t k = i; k < length; k++)
		if (text[k] != '\n' && text[k] != ' ' && text[k] != '\0')
			return false;
	*value = sum;
	return true;
}

static bool replaced(const struct sysfs_number *number)
{
	struct stat st;
	return number->fd < 0 || fstat(number->fd, &st) != 0 || st.st_nlink == 0;
}

static bool read_once(struct sysfs_number *number, struct reading *reading)
{
	char text[32];
	ssize_t length = number->fd < 0 ? -1 : pread(number->fd, text, sizeof text, 0);
	if (length < 0) {
		reading->error = number->fd < 0 ? ENOENT : errno;
		return false;
	}
	reading->error = 0;
	return parse_number(text, (size_t)length, &reading->raw);
}

void sysfs_number_read(struct sysfs_number *number, const struct ergon_clock *clock,
                       struct reading *reading)
{
	reading->raw = 0;
	reading->valid = read_once(number, reading);
	reading->time_ns = clock->monotonic_ns(clock->user);
	/* A value that moves needs no second look; one that stands may be a file long gone. */
	if ((!reading->valid || reading->raw == number->last) &&
	    reading->time_ns - number->checked_ns >= check_interval_ns) {
		number->checked_ns = reading->time_ns;
		/* A node that sysfs has removed still has a link, and every read of it fails. */
		if (!reading->valid || replaced(number)) {
			sysfs_number_close(number);
			number->fd = open(number->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
			reading->valid = read_once(number, reading);
			reading->time_ns = clock->monotonic_ns(clock->user);
		}
	}
	number->last = reading->valid ? reading->raw : UINT64_MAX;
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

int sysfs_list(const char *folder, const char *prefix, char ***names)
{
	enum { ENTRIES_MAX = 4096 };
	*names = NULL;
	DIR *dir = opendir(folder);
	if (!dir)
		return -1;
	int count = 0;
	size_t length = strlen(prefix);
	struct dirent *entry;
	while ((entry = readdir(dir)) && count < ENTRIES_MAX) {
		if (strncmp(entry->d_name, prefix, length) != 0 || entry->d_name[0] == '.')
			continue;
		char **more = realloc(*names, (size_t)(count + 1) * sizeof *more);
		if (!more)
			break;
		*names = more;
		if (!(more[count] = strdup(entry->d_name)))
			break;
		count++;
	}
	closedir(dir);
	if (count)
		qsort(*names, (size_t)count, sizeof **names, by_version);
	return count;
}

void sysfs_list_free(char **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

bool sysfs_path(char *path, size_t size, const char *root, const char *relative)
{
	int length = snprintf(path, size, "%s/%s", root, relative);
	return length > 0 && (size_t)length < size;
}

bool machine_is_virtual(const struct ergon_env *env)
{
	char path[SYSFS_PATH_SIZE], line[8192];
	bool found = false;
	if (!sysfs_path(path, sizeof path, env->procfs_root, "cpuinfo"))
		return false;
	FILE *file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof line, file))
		found = strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
	if (file)
		fclose(file);
	return found;
}
