/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/cpuinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "measure/sensors/sysfs.h"

/* "key : value" of /proc/cpuinfo; NULL for another line. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);
	if (strncmp(line, key, length) != 0)
		return NULL;
	const char *at = line + length;
	at += strspn(at, " \t");
	if (*at != ':')
		return NULL;
	return at + 1 + strspn(at + 1, " \t");
}

/* Physical ids need not be dense. */
static uint16_t socket_number(long *ids, int *count, long id)
{
	for (int i = 0; i < *count; i++)
		if (ids[i] == id)
			return (uint16_t)i;
	if (*count == CPUINFO_SOCKETS_MAX)
		return CPUINFO_SOCKETS_MAX - 1;
	ids[*count] = id;
	return (uint16_t)(*count)++;
}

int cpuinfo_read(const struct ergon_env *env, struct cpu_identity *cpu, uint16_t *socket_of)
{
	char path[SYSFS_PATH_SIZE], line[8192];
	long ids[CPUINFO_SOCKETS_MAX], processor = -1;
	const char *value;
	int sockets = 0;
	*cpu = (struct cpu_identity){ .family = -1, .model = -1 };
	FILE *file = NULL;
	if (sysfs_path(path, sizeof path, env->procfs_root, "cpuinfo"))
		file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if ((value = value_of(line, "processor"))) {
			processor = strtol(value, NULL, 10);
		} else if ((value = value_of(line, "vendor_id")) ||
		           (value = value_of(line, "CPU implementer"))) {
			snprintf(cpu->vendor, sizeof cpu->vendor, "%s", value);
		} else if ((value = value_of(line, "cpu family"))) {
			cpu->family = strtol(value, NULL, 10);
		} else if ((value = value_of(line, "model")) ||
		           (value = value_of(line, "CPU part"))) {
			cpu->model = strtol(value, NULL, 0);
		} else if ((value = value_of(line, "physical id"))) {
			uint16_t socket = socket_number(ids, &sockets, strtol(value, NULL, 10));
			if (socket_of && processor >= 0 && processor < CPUINFO_CPUS_MAX)
				socket_of[processor] = socket;
		}
	}
	fclose(file);
	return sockets ? sockets : 1;
}

long cpu_topology(const struct ergon_env *env, unsigned cpu, const char *file)
{
	char path[SYSFS_PATH_SIZE], name[128];
	uint64_t value;
	snprintf(name, sizeof name, "devices/system/cpu/cpu%u/%s", cpu, file);
	if (!sysfs_path(path, sizeof path, env->sysfs_root, name) || !file_read_u64(path, &value) ||
	    value > 65535)
		return -1;
	return (long)value;
}

int cpu_list_parse(const char *text, unsigned *numbers, int max)
{
	int count = 0;
	while (*text >= '0' && *text <= '9' && count < max) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && last < CPUINFO_CPUS_MAX && count < max; first++)
			numbers[count++] = (unsigned)first;
		text = *end == ',' ? end + 1 : end;
	}
	return count;
}
