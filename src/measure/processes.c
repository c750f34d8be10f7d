/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/units.h"
#include "measure/sensors/activity.h"
#include "measure/sensors/sysfs.h"

enum { TEXT_SIZE = 4096 };

enum ergon_code processes_init(struct process_table *table, const struct ergon_env *env,
                               struct ergon_error *err)
{
	*table = (struct process_table){ .env = env };
	table->tick_s = 1.0 / (double)sysconf(_SC_CLK_TCK);
	table->activity = malloc(sizeof *table->activity);
	table->cpu_ticks = calloc(ACTIVITY_CPUS_MAX, sizeof *table->cpu_ticks);
	table->cpu_khz = calloc(ACTIVITY_CPUS_MAX, sizeof *table->cpu_khz);
	bool groups = GROW(table->groups, table->group_capacity, 16);
	if (!table->activity || !table->cpu_ticks || !table->cpu_khz || !groups) {
		free(table->activity);
		table->activity = NULL;
		processes_fini(table);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	table->group_count = 1;
	char path[SYSFS_PATH_SIZE];
	uint64_t khz;
	table->by_clock = sysfs_path(path, sizeof path, env->sysfs_root,
	                             "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq") &&
	                  file_read_u64(path, &khz) && khz > 0;
	if (!activity_open(table->activity, env)) {
		int failed = errno;
		free(table->activity);
		table->activity = NULL;
		processes_fini(table);
		return ergon_fail(err, ERGON_IO, "%s/stat: %s", env->procfs_root, strerror(failed));
	}
	return ERGON_OK;
}

void processes_fini(struct process_table *table)
{
	if (table->activity)
		activity_close(table->activity);
	free(table->activity);
	free(table->processes);
	free(table->index);
	free(table->groups);
	free(table->cpu_ticks);
	free(table->cpu_khz);
	*table = (struct process_table){ 0 };
}

/* --- the index --------------------------------------------------------------------- */

static size_t slot_of(const struct process_table *table, int pid)
{
	size_t slot = ((size_t)(unsigned)pid * 2654435761u) & (table->index_size - 1);
	while (table->index[slot] && table->processes[table->index[slot] - 1].pid != pid)
		slot = (slot + 1) & (table->index_size - 1);
	return slot;
}

static bool rebuild_index(struct process_table *table, size_t need)
{
	size_t size = 256;
	while (size < 2 * need)
		size *= 2;
	uint32_t *index = calloc(size, sizeof *index);
	if (!index)
		return false;
	free(table->index);
	table->index = index;
	table->index_size = size;
	/* Of two processes of one number the later one stands in the index. */
	for (size_t i = 0; i < table->count; i++)
		index[slot_of(table, table->processes[i].pid)] = (uint32_t)i + 1;
	return true;
}

struct process *processes_find(const struct process_table *table, int pid)
{
	if (!table->index_size)
		return NULL;
	uint32_t at = table->index[slot_of(table, pid)];
	return at ? &table->processes[at - 1] : NULL;
}

static struct process *add(struct process_table *table, const struct procfs_stat *stat)
{
	if (table->count == PROCESSES_MAX ||
	    !GROW(table->processes, table->capacity, table->count + 1) ||
	    (2 * (table->count + 1) > table->index_size && !rebuild_index(table, table->count + 1)))
		return NULL;
	struct process *process = &table->processes[table->count++];
	*process = (struct process){ .pid = stat->pid, .start_ticks = stat->start_ticks };
	table->index[slot_of(table, stat->pid)] = (uint32_t)table->count;
	return process;
}

/* --- one look ------------------------------------------------------------------------ */

static uint32_t clock_khz(struct process_table *table, int cpu)
{
	char name[96], path[SYSFS_PATH_SIZE];
	uint64_t khz = 0;
	if (!table->by_clock || cpu < 0 || cpu >= ACTIVITY_CPUS_MAX)
		return 1;
	if (table->cpu_khz[cpu])
		return table->cpu_khz[cpu];
	snprintf(name, sizeof name, "devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
	if (!sysfs_path(path, sizeof path, table->env->sysfs_root, name) ||
	    !file_read_u64(path, &khz) || khz == 0 || khz > UINT32_MAX)
		khz = 1000000; /* a processor that went offline: some clock */
	table->cpu_khz[cpu] = (uint32_t)khz;
	return table->cpu_khz[cpu];
}

static void look_at_machine(struct process_table *table)
{
	struct activity *activity = table->activity;
	int error;
	if (!activity_read(activity, &error))
		return;
	for (int i = 0; i < activity->count; i++) {
		int cpu = activity->number[i];
		if (cpu >= ACTIVITY_CPUS_MAX)
			continue;
		uint64_t busy = activity->busy_ticks[i], before = table->cpu_ticks[cpu];
		table->cpu_ticks[cpu] = busy;
		if (table->look == 1 || busy <= before)
			continue;
		table->machine_ticks += busy - before;
		table->machine_weight += (busy - before) * clock_khz(table, cpu);
	}
}

static ssize_t read_text(int folder, int pid, const char *file, char *text)
{
	char path[64];
	snprintf(path, sizeof path, "%d/%s", pid, file);
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t length = read(fd, text, TEXT_SIZE);
	close(fd);
	return length;
}

static bool same_group(const struct procfs_cgroup *a, const struct procfs_cgroup *b)
{
	return strcmp(a->path, b->path) == 0 && strcmp(a->container, b->container) == 0 &&
	       strcmp(a->job, b->job) == 0;
}

static uint32_t group_of(struct process_table *table, int folder, int pid)
{
	char text[TEXT_SIZE];
	struct procfs_cgroup group;
	ssize_t length = read_text(folder, pid, "cgroup", text);
	if (length <= 0 || !procfs_parse_cgroup(text, (size_t)length, &group))
		return 0;
	for (size_t i = table->group_count; i-- > 1;) /* the newest are the likeliest */
		if (same_group(&table->groups[i], &group))
			return (uint32_t)i;
	if (table->group_count == GROUPS_MAX ||
	    !GROW(table->groups, table->group_capacity, table->group_count + 1))
		return 0;
	table->groups[table->group_count] = group;
	return (uint32_t)table->group_count++;
}

static bool look_at(struct process_table *table, int folder, int pid)
{
	char text[TEXT_SIZE];
	struct procfs_stat stat;
	ssize_t length = read_text(folder, pid, "stat", text);
	if (length <= 0 || !procfs_parse_stat(text, (size_t)length, &stat) || stat.pid != pid)
		return true; /* it has ended meanwhile */
	struct process *process = processes_find(table, pid);
	bool fresh = !process || process->start_ticks != stat.start_ticks;
	if (fresh && !(process = add(table, &stat)))
		return false;
	/* Whoever was there at the first look has a past that is none of ours. */
	uint64_t before = fresh ? (table->look == 1 ? stat.busy_ticks : 0) : process->seen_ticks;
	uint64_t ticks = stat.busy_ticks > before ? stat.busy_ticks - before : 0;
	process->busy_ticks += ticks;
	process->weight += ticks ? ticks * clock_khz(table, stat.cpu) : 0;
	process->seen_ticks = stat.busy_ticks;
	process->ppid = stat.ppid;
	memcpy(process->name, stat.name, sizeof process->name); /* exec changes it */
	/* A launcher moves what it starts: look again at the second sight, and now and then. */
	if (process->sights < 2 || table->look % 16 == 0)
		process->group = group_of(table, folder, pid);
	process->sights += process->sights < 2;
	process->look = table->look;
	return true;
}

/* A parent may have a greater number than its child: as many rounds as the tree is deep. */
static void mark_tree(struct process_table *table)
{
	bool more = table->root > 0;
	for (int round = 0; more && round < 64; round++) {
		more = false;
		for (size_t i = 0; i < table->count; i++) {
			struct process *process = &table->processes[i];
			if (process->in_tree || process->look != table->look)
				continue;
			const struct process *parent = processes_find(table, process->ppid);
			if (process->pid == table->root || (parent && parent->in_tree))
				process->in_tree = more = true;
		}
	}
}

enum ergon_code processes_look(struct process_table *table, struct ergon_error *err)
{
	DIR *folder = opendir(table->env->procfs_root);
	if (!folder)
		return ergon_fail(err, ERGON_IO, "%s: %s", table->env->procfs_root,
		                  strerror(errno));
	table->look++;
	memset(table->cpu_khz, 0, ACTIVITY_CPUS_MAX * sizeof *table->cpu_khz);
	look_at_machine(table);
	enum ergon_code code = ERGON_OK;
	struct dirent *entry;
	while (!code && (entry = readdir(folder))) {
		uint64_t pid;
		if (parse_u64(entry->d_name, &pid) && pid > 0 && pid <= INT32_MAX &&
		    !look_at(table, dirfd(folder), (int)pid))
			code = ergon_fail(err, ERGON_NO_MEMORY, "too many processes, or no memory");
	}
	closedir(folder);
	mark_tree(table);
	return code;
}

void processes_reset(struct process_table *table)
{
	size_t kept = 0;
	for (size_t i = 0; i < table->count; i++) {
		struct process *process = &table->processes[i];
		if (process->look != table->look)
			continue;
		process->busy_ticks = process->weight = process->gpu_weight = 0;
		table->processes[kept++] = *process;
	}
	table->count = kept;
	table->machine_ticks = table->machine_weight = 0;
	if (table->index_size) {
		memset(table->index, 0, table->index_size * sizeof *table->index);
		for (size_t i = 0; i < table->count; i++)
			table->index[slot_of(table, table->processes[i].pid)] = (uint32_t)i + 1;
	}
}
