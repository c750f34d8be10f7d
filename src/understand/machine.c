/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"

enum { INDEXES = 16 };

/* Counts the processors of a list such as "0-3,8". */
static unsigned count_list(const char *text)
{
	unsigned count = 0;
	while (*text) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;
		if (end == text)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (last >= first && last - first < 1u << 20)
			count += (unsigned)(last - first) + 1;
		text = *end == ',' ? end + 1 : end;
	}
	return count ? count : 1;
}

static bool read_cache(const struct ergon_env *env, int index, struct machine_cache *cache,
                       unsigned *level)
{
	char path[512], text[128];
	uint64_t number;
	const char *format = "%s/devices/system/cpu/cpu0/cache/index%d/%s";
	snprintf(path, sizeof path, format, env->sysfs_root, index, "level");
	if (!file_read_u64(path, &number) || number < 1 || number > MACHINE_LEVELS_MAX)
		return false;
	*level = (unsigned)number;
	snprintf(path, sizeof path, format, env->sysfs_root, index, "type");
	if (!file_read_small(path, text, sizeof text) || strcmp(text, "Instruction") == 0)
		return false;
	snprintf(path, sizeof path, format, env->sysfs_root, index, "size");
	if (!file_read_small(path, text, sizeof text) || !parse_bytes(text, &cache->bytes) ||
	    cache->bytes == 0)
		return false;
	snprintf(path, sizeof path, format, env->sysfs_root, index, "shared_cpu_list");
	cache->shared = file_read_small(path, text, sizeof text) ? count_list(text) : 1;
	snprintf(cache->name, sizeof cache->name, "L%u", *level);
	return true;
}

static void read_caches(struct machine *machine, const struct ergon_env *env)
{
	for (unsigned wanted = 1; wanted <= MACHINE_LEVELS_MAX; wanted++)
		for (int i = 0; i < INDEXES && machine->cache_count < MACHINE_LEVELS_MAX; i++) {
			struct machine_cache cache;
			unsigned level;
			if (!read_cache(env, i, &cache, &level) || level != wanted)
				continue;
			machine->caches[machine->cache_count++] = cache;
			break;
		}
}

/* The text behind "KEY :" in a file of procfs. */
static bool read_field(const struct ergon_env *env, const char *name, const char *key, char *out,
                       size_t size)
{
	char path[512], line[512];
	bool found = false;
	snprintf(path, sizeof path, "%s/%s", env->procfs_root, name);
	FILE *file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof line, file)) {
		char *colon = strchr(line, ':');
		if (!colon || strncmp(line, key, strlen(key)) != 0)
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(out, size, "%s", colon);
		found = true;
	}
	if (file)
		fclose(file);
	return found;
}

static uint64_t read_memory(const struct ergon_env *env, const char *key)
{
	char text[64];
	if (!read_field(env, "meminfo", key, text, sizeof text))
		return 0;
	return strtoull(text, NULL, 10) * 1024;
}

void machine_describe(struct machine *machine, const struct ergon_env *env)
{
	*machine = (struct machine){ .processors = 1 };
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		machine->processors = (unsigned)CPU_COUNT(&set);
	(void)read_field(env, "cpuinfo", "model name", machine->cpu, sizeof machine->cpu);
	if (gethostname(machine->host, sizeof machine->host) != 0)
		machine->host[0] = '\0';
	machine->host[sizeof machine->host - 1] = '\0';
	machine->memory_bytes = read_memory(env, "MemTotal");
	machine->memory_available_bytes = read_memory(env, "MemAvailable");
	read_caches(machine, env);
}

json_t *machine_to_json(const struct machine *machine)
{
	json_t *caches = json_array();
	for (size_t i = 0; i < machine->cache_count; i++)
		json_array_append_new(caches,
		                      json_pack("{s:s, s:I, s:i}", "name", machine->caches[i].name,
		                                "bytes", (json_int_t)machine->caches[i].bytes,
		                                "shared_by", (int)machine->caches[i].shared));
	return json_pack("{s:s, s:s, s:i, s:I, s:o}", "host", machine->host, "cpu", machine->cpu,
	                 "processors", (int)machine->processors, "memory_bytes",
	                 (json_int_t)machine->memory_bytes, "caches", caches);
}
