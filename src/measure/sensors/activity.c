/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/activity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "measure/sensors/sysfs.h"

bool activity_open(struct activity *activity, const struct ergon_env *env)
{
	char path[SYSFS_PATH_SIZE];
	int error = ENAMETOOLONG;
	activity->fd = -1;
	activity->tick_s = 1.0 / (double)sysconf(_SC_CLK_TCK);
	if (sysfs_path(path, sizeof path, env->procfs_root, "stat"))
		activity->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (activity->fd < 0)
		return false;
	if (activity_read(activity, &error))
		return true;
	activity_close(activity);
	errno = error ? error : EINVAL;
	return false;
}

void activity_close(struct activity *activity)
{
	if (activity->fd >= 0)
		close(activity->fd);
	activity->fd = -1;
}

static const char *number_at(const char *at, const char *end, uint64_t *value)
{
	while (at < end && *at == ' ')
		at++;
	if (at == end || *at < '0' || *at > '9')
		return NULL;
	uint64_t sum = 0;
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		sum = sum * 10 + (uint64_t)(*at - '0'); /* modulo 2^64 on nonsense: harmless */
	*value = sum;
	return at;
}

/* "cpu3 user nice system idle iowait irq softirq ..." */
static bool parse_line(const char *at, const char *end, uint64_t *cpu, uint64_t *busy_ticks)
{
	uint64_t fields[7];
	at = number_at(at + 3, end, cpu);
	for (int i = 0; at && i < 7; i++)
		at = number_at(at, end, &fields[i]);
	if (!at)
		return false;
	*busy_ticks = fields[0] + fields[1] + fields[2] + fields[5] + fields[6];
	return true;
}

bool activity_parse(struct activity *activity, const char *text, size_t length)
{
	const char *at = text, *end = text + length;
	activity->count = 0;
	while (at < end && activity->count < ACTIVITY_CPUS_MAX) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		uint64_t cpu, busy_ticks;
		if (stop - at < 4 || memcmp(at, "cpu", 3) != 0)
			break; /* the lines of CPUs come first */
		if (at[3] != ' ' && newline && parse_line(at, stop, &cpu, &busy_ticks) &&
		    cpu < 65536) {
			activity->number[activity->count] = (uint16_t)cpu;
			activity->busy_ticks[activity->count++] = busy_ticks;
		}
		at = newline ? newline + 1 : end;
	}
	return activity->count > 0;
}

bool activity_read(struct activity *activity, int *error)
{
	ssize_t length = pread(activity->fd, activity->text, sizeof activity->text, 0);
	*error = length < 0 ? errno : 0;
	return length > 0 && activity_parse(activity, activity->text, (size_t)length);
}
