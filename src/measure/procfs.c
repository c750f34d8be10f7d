/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/procfs.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CONTAINER_ID_DIGITS = 64, CONTAINER_ID_SHOWN = 12 };

/* An unsigned decimal and the blank or end behind it. */
static const char *number(const char *at, const char *end, uint64_t *value)
{
	if (at == end || !isdigit((unsigned char)*at))
		return NULL;
	uint64_t sum = 0;
	for (; at < end && isdigit((unsigned char)*at); at++) {
		if (sum > (UINT64_MAX - 9) / 10)
			return NULL;
		sum = sum * 10 + (uint64_t)(*at - '0');
	}
	*value = sum;
	if (at < end && *at != ' ' && *at != '\n')
		return NULL;
	return at < end ? at + 1 : at;
}

static const char *skip_word(const char *at, const char *end)
{
	const char *blank = memchr(at, ' ', (size_t)(end - at));
	return blank ? blank + 1 : NULL;
}

static void copy_name(char *out, size_t size, const char *from, size_t length)
{
	size_t n = length < size - 1 ? length : size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	out[n] = '\0';
}

bool procfs_parse_stat(const char *text, size_t length, struct procfs_stat *stat)
{
	const char *end = text + length, *open = memchr(text, '(', length);
	const char *shut = memrchr(text, ')', length);
	uint64_t pid, fields[53] = { 0 };
	if (!open || !shut || shut < open || open == text || end - shut < 4 ||
	    !number(text, open, &pid) || pid > INT_MAX)
		return false;
	copy_name(stat->name, sizeof stat->name, open + 1, (size_t)(shut - open - 1));
	const char *at = skip_word(shut + 2, end); /* behind the state, field 3 */
	for (int i = 4; at && i <= 39; i++) {
		bool wanted = i == 4 || i == 14 || i == 15 || i == 22 || i == 39;
		at = wanted ? number(at, end, &fields[i]) : skip_word(at, end);
	}
	if (!at || fields[4] > INT_MAX || fields[39] > INT_MAX || fields[14] > UINT64_MAX / 2 ||
	    fields[15] > UINT64_MAX / 2)
		return false;
	stat->pid = (int)pid;
	stat->ppid = (int)fields[4];
	stat->busy_ticks = fields[14] + fields[15];
	stat->start_ticks = fields[22];
	stat->cpu = (int)fields[39];
	return true;
}

/* Somewhere in the component: 64 hexadecimal digits with none beside them. */
static void find_container(const char *component, size_t length, char *out)
{
	size_t run = 0;
	for (size_t i = 0; i <= length; i++) {
		if (i < length && isxdigit((unsigned char)component[i])) {
			run++;
			continue;
		}
		if (run == CONTAINER_ID_DIGITS) {
			memcpy(out, component + i - run, CONTAINER_ID_SHOWN);
			out[CONTAINER_ID_SHOWN] = '\0';
		}
		run = 0;
	}
}

static void find_job(const char *component, size_t length, char *out)
{
	size_t digits = 0;
	if (length <= 4 || length - 4 >= CGROUP_ID_SIZE || memcmp(component, "job_", 4) != 0)
		return;
	while (4 + digits < length && isdigit((unsigned char)component[4 + digits]))
		digits++;
	if (4 + digits == length)
		copy_name(out, CGROUP_ID_SIZE, component + 4, digits);
}

static void take_path(const char *path, size_t length, struct procfs_cgroup *cgroup)
{
	*cgroup = (struct procfs_cgroup){ 0 };
	copy_name(cgroup->path, sizeof cgroup->path, path, length);
	for (size_t i = 0; i < length;) {
		const char *slash = memchr(path + i, '/', length - i);
		size_t n = slash ? (size_t)(slash - path) - i : length - i;
		find_container(path + i, n, cgroup->container);
		if (!cgroup->job[0])
			find_job(path + i, n, cgroup->job);
		i += n + 1;
	}
}

/* Is "cpu" among the comma-separated controllers? */
static bool has_cpu(const char *list, size_t length)
{
	for (size_t i = 0; i < length;) {
		const char *comma = memchr(list + i, ',', length - i);
		size_t n = comma ? (size_t)(comma - list) - i : length - i;
		if (n == 3 && memcmp(list + i, "cpu", 3) == 0)
			return true;
		i += n + 1;
	}
	return false;
}

bool procfs_parse_cgroup(const char *text, size_t length, struct procfs_cgroup *cgroup)
{
	bool found = false;
	for (size_t i = 0; i < length;) {
		const char *line = text + i, *newline = memchr(line, '\n', length - i);
		size_t n = newline ? (size_t)(newline - line) : length - i;
		const char *first = memchr(line, ':', n);
		const char *second =
		    first ? memchr(first + 1, ':', n - (size_t)(first + 1 - line)) : NULL;
		i += n + 1;
		if (!second || second + 1 >= line + n || second[1] != '/')
			continue;
		size_t path = (size_t)(line + n - second - 1);
		bool v1 = has_cpu(first + 1, (size_t)(second - first - 1));
		bool v2 = second == first + 1;
		/* v1's cpu controller holds the groups where both are mounted and v2 is empty */
		if ((v2 && (!found || path > 1)) || (v1 && (!found || !cgroup->path[1]))) {
			take_path(second + 1, path, cgroup);
			found = true;
		}
	}
	return found;
}
