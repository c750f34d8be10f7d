/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/suggest.h"
#include "base/units.h"

static const uint64_t look_ns = NS_PER_S;
enum { COST_FACTOR = 200, ROWS_MAX = 50 };

static uint64_t now_ns(const struct share_watch *watch)
{
	const struct ergon_clock *clock = watch->table.env->clock;
	return clock->monotonic_ns(clock->user);
}

enum ergon_code shares_init(struct share_watch *watch, const struct ergon_env *env,
                            struct ergon_error *err)
{
	memset(watch, 0, sizeof *watch);
	enum ergon_code code = processes_init(&watch->table, env, err);
	if (!code)
		gpu_processes_init(&watch->gpus, env);
	return code;
}

void shares_fini(struct share_watch *watch)
{
	gpu_processes_fini(&watch->gpus);
	processes_fini(&watch->table);
	free(watch->weights);
	free(watch->shares);
	free(watch->energy_uj);
	free(watch->gpu_uj);
	memset(watch, 0, sizeof *watch);
}

static enum ergon_code look(struct share_watch *watch, struct ergon_error *err)
{
	uint64_t begin_ns = now_ns(watch);
	enum ergon_code code = processes_look(&watch->table, err);
	gpu_processes_look(&watch->gpus);
	watch->looked_ns = now_ns(watch);
	watch->cost_ns = watch->looked_ns - begin_ns;
	return code;
}

enum ergon_code shares_begin(struct share_watch *watch, int root, struct ergon_error *err)
{
	watch->table.root = root;
	enum ergon_code code = look(watch, err);
	shares_next(watch);
	return code;
}

void shares_next(struct share_watch *watch)
{
	processes_reset(&watch->table);
	gpu_processes_reset(&watch->gpus);
}

void shares_look(struct share_watch *watch)
{
	uint64_t wait_ns = watch->cost_ns * COST_FACTOR;
	if (wait_ns < look_ns)
		wait_ns = look_ns;
	if (now_ns(watch) - watch->looked_ns >= wait_ns)
		(void)!look(watch, NULL);
}

static enum ergon_code make_room(struct share_watch *watch, size_t count, struct ergon_error *err)
{
	size_t need = count + 2;
	if (need <= watch->capacity)
		return ERGON_OK;
	uint64_t **arrays[] = { &watch->weights, &watch->shares, &watch->energy_uj,
		                &watch->gpu_uj };
	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
		uint64_t *more = realloc(*arrays[i], need * sizeof *more);
		if (!more)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		*arrays[i] = more;
	}
	watch->capacity = need;
	return ERGON_OK;
}

/* The processors' pool: every process by its weight, the command's unseen ones as one more, and
 * whatever else made the processors busy as "unseen". */
static void share_cpu(struct share_watch *watch, double command_cpu_s)
{
	const struct process_table *table = &watch->table;
	const struct energy_pool *pool = &watch->pools.pools[0];
	size_t n = table->count;
	uint64_t seen = 0, tree_ticks = 0;
	for (size_t i = 0; i < n; i++) {
		watch->weights[i] = table->processes[i].weight;
		seen += watch->weights[i];
		tree_ticks += table->processes[i].in_tree ? table->processes[i].busy_ticks : 0;
	}
	/* Of the command's processes that came and went unseen the CPU time is known; their clock
	 * is taken to be the machine's mean. */
	double missed = command_cpu_s / table->tick_s - (double)tree_ticks;
	double mean_khz =
	    table->machine_ticks ? (double)table->machine_weight / (double)table->machine_ticks : 1;
	watch->weights[n] = missed > 0 ? (uint64_t)(missed * mean_khz) : 0;
	seen += watch->weights[n];
	uint64_t unseen = table->machine_weight > seen ? table->machine_weight - seen : 0;
	watch->unseen_uj += apportion(pool->energy_uj - pool->idle_uj, watch->weights, n + 1,
	                              unseen, watch->shares);
	for (size_t i = 0; i < n; i++)
		watch->energy_uj[i] += watch->shares[i];
	watch->command_unseen_uj += watch->shares[n];
}

/* A GPU's pool: its processes by their utilisation. What nobody is known to have used is
 * unattributed. */
static void share_gpu(struct share_watch *watch, const struct energy_pool *pool)
{
	const struct process_table *table = &watch->table;
	uint64_t unseen = 0, all = 0;
	memset(watch->weights, 0, table->count * sizeof *watch->weights);
	for (uint32_t u = 0; u < watch->gpus.use_count; u++) {
		const struct gpu_use *use = &watch->gpus.uses[u];
		if (use->gpu != pool->gpu)
			continue;
		const struct process *process = processes_find(table, use->pid);
		if (process)
			watch->weights[process - table->processes] += use->weight;
		else
			unseen += use->weight;
		all += use->weight;
	}
	uint64_t dynamic_uj = pool->energy_uj - pool->idle_uj;
	if (all == 0) {
		watch->unattributed_uj += dynamic_uj;
		return;
	}
	watch->unseen_uj +=
	    apportion(dynamic_uj, watch->weights, table->count, unseen, watch->shares);
	for (size_t i = 0; i < table->count; i++) {
		watch->energy_uj[i] += watch->shares[i];
		watch->gpu_uj[i] += watch->shares[i];
	}
}

enum ergon_code shares_end(struct share_watch *watch, const struct measurement *measurement,
                           const struct measurement *idle, double command_cpu_s,
                           struct ergon_error *err)
{
	enum ergon_code code = look(watch, err);
	if (!code)
		code = make_room(watch, watch->table.count, err);
	if (code)
		return code;
	size_t n = watch->processes = watch->table.count;
	memset(watch->energy_uj, 0, (n + 1) * sizeof *watch->energy_uj);
	memset(watch->gpu_uj, 0, (n + 1) * sizeof *watch->gpu_uj);
	attribute_pools(measurement, idle, &watch->pools);
	watch->idle_uj = watch->unseen_uj = watch->command_unseen_uj = 0;
	watch->unattributed_uj = watch->pools.unattributed_uj;
	for (size_t i = 0; i < watch->pools.count; i++) {
		watch->idle_uj += watch->pools.pools[i].idle_uj;
		if (i == 0)
			share_cpu(watch, command_cpu_s);
		else
			share_gpu(watch, &watch->pools.pools[i]);
	}
	return ERGON_OK;
}

/* --- documents --------------------------------------------------------------------- */

static const char *const key_names[] = { "process", "cgroup", "container", "job" };

enum ergon_code share_key_find(const char *name, enum share_key *key, struct ergon_error *err)
{
	char hint[256];
	for (int i = 0; i < SHARE_KEYS; i++)
		if (strcmp(name, key_names[i]) == 0) {
			*key = (enum share_key)i;
			return ERGON_OK;
		}
	return ergon_fail(err, ERGON_NOT_FOUND, "nothing is shared out by '%.40s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, key_names, SHARE_KEYS));
}

struct row {
	uint64_t energy_uj, gpu_uj, busy_ticks;
	size_t index, processes;
};

static int by_energy(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->energy_uj != y->energy_uj)
		return x->energy_uj > y->energy_uj ? -1 : 1;
	if (x->busy_ticks != y->busy_ticks)
		return x->busy_ticks > y->busy_ticks ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static json_t *row_to_json(const struct share_watch *watch, const char *name, const struct row *row)
{
	return json_pack("{s:s, s:f, s:I, s:f, s:f}", "name", name, "energy_j",
	                 (double)row->energy_uj / 1e6, "energy_uj", (json_int_t)row->energy_uj,
	                 "gpu_j", (double)row->gpu_uj / 1e6, "cpu_s",
	                 (double)row->busy_ticks * watch->table.tick_s);
}

static void add_process(const struct share_watch *watch, json_t *list, const struct row *row)
{
	const struct process *process = &watch->table.processes[row->index];
	const struct procfs_cgroup *group = &watch->table.groups[process->group];
	json_t *object = row_to_json(watch, process->name, row);
	json_object_set_new(object, "pid", json_integer(process->pid));
	json_object_set_new(object, "in_command", json_boolean(process->in_tree));
	if (group->path[0])
		json_object_set_new(object, "cgroup", json_string(group->path));
	if (group->container[0])
		json_object_set_new(object, "container", json_string(group->container));
	if (group->job[0])
		json_object_set_new(object, "job", json_string(group->job));
	json_array_append_new(list, object);
}

/* The greatest rows, and one for all others. */
static json_t *list_of(const struct share_watch *watch, struct row *rows, size_t count,
                       void (*add)(const struct share_watch *, json_t *, const struct row *),
                       const char *const *names)
{
	json_t *list = json_array();
	struct row more = { 0 };
	qsort(rows, count, sizeof *rows, by_energy);
	for (size_t i = 0; i < count; i++) {
		if (i < ROWS_MAX && (rows[i].energy_uj || rows[i].busy_ticks)) {
			if (add)
				add(watch, list, &rows[i]);
			else
				json_array_append_new(
				    list, row_to_json(watch, names[rows[i].index], &rows[i]));
			continue;
		}
		more.energy_uj += rows[i].energy_uj;
		more.gpu_uj += rows[i].gpu_uj;
		more.busy_ticks += rows[i].busy_ticks;
		more.processes++;
	}
	if (more.energy_uj || more.busy_ticks) {
		json_t *object = row_to_json(watch, "(others)", &more);
		json_object_set_new(object, "count", json_integer((json_int_t)more.processes));
		json_array_append_new(list, object);
	}
	return list;
}

static const char *group_name(const struct procfs_cgroup *group, enum share_key key)
{
	const char *name = key == SHARE_CGROUP      ? group->path
	                   : key == SHARE_CONTAINER ? group->container
	                                            : group->job;
	return name[0] ? name : "(none)";
}

static json_t *groups_to_json(const struct share_watch *watch, enum share_key key)
{
	const struct process_table *table = &watch->table;
	struct row *rows = calloc(table->group_count + 1, sizeof *rows);
	size_t *row_of = calloc(table->group_count + 1, sizeof *row_of);
	const char **names = calloc(table->group_count + 1, sizeof *names);
	json_t *list = NULL;
	size_t count = 0;
	for (size_t g = 0; rows && row_of && names && g < table->group_count; g++) {
		const char *name = group_name(&table->groups[g], key);
		size_t i = 0;
		while (i < count && strcmp(names[i], name) != 0)
			i++;
		if (i == count) {
			rows[count].index = count;
			names[count++] = name;
		}
		row_of[g] = i;
	}
	if (rows && row_of && names) {
		for (size_t i = 0; i < watch->processes; i++) {
			const struct process *process = &table->processes[i];
			struct row *row = &rows[row_of[process->group]];
			row->energy_uj += watch->energy_uj[i];
			row->gpu_uj += watch->gpu_uj[i];
			row->busy_ticks += process->busy_ticks;
			row->processes++;
		}
		list = list_of(watch, rows, count, NULL, names);
	}
	free(rows);
	free(row_of);
	free(names);
	return list;
}

static json_t *processes_to_json(const struct share_watch *watch)
{
	struct row *rows = calloc(watch->processes + 1, sizeof *rows);
	if (!rows)
		return NULL;
	for (size_t i = 0; i < watch->processes; i++)
		rows[i] = (struct row){ watch->energy_uj[i], watch->gpu_uj[i],
			                watch->table.processes[i].busy_ticks, i, 1 };
	json_t *list = list_of(watch, rows, watch->processes, add_process, NULL);
	free(rows);
	return list;
}

static void add_rest(json_t *list, const char *name, uint64_t energy_uj)
{
	json_array_append_new(list, json_pack("{s:s, s:f, s:I}", "name", name, "energy_j",
	                                      (double)energy_uj / 1e6, "energy_uj",
	                                      (json_int_t)energy_uj));
}

json_t *shares_to_json(const struct share_watch *watch, double baseline_w)
{
	uint64_t command_uj = watch->command_unseen_uj, others_uj = watch->unseen_uj, ticks = 0;
	for (size_t i = 0; i < watch->processes; i++) {
		bool ours = watch->table.processes[i].in_tree;
		*(ours ? &command_uj : &others_uj) += watch->energy_uj[i];
		ticks += ours ? watch->table.processes[i].busy_ticks : 0;
	}
	const char *by = watch->gpus.library     ? watch->table.by_clock
	                                               ? "CPU time x frequency, GPU utilisation"
	                                               : "CPU time, GPU utilisation"
	                 : watch->table.by_clock ? "CPU time x frequency"
	                                         : "CPU time";
	json_t *rest = json_array();
	add_rest(rest, "(command, ended unseen)", watch->command_unseen_uj);
	add_rest(rest, "(kernel, ended unseen)", watch->unseen_uj);
	add_rest(rest, "(idle)", watch->idle_uj);
	add_rest(rest, "(unattributed)", watch->unattributed_uj);
	return json_pack(
	    "{s:f, s:f, s:f, s:f, s:I, s:s, s:s, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "command_j", (double)command_uj / 1e6, "idle_j", (double)watch->idle_uj / 1e6,
	    "others_j", (double)others_uj / 1e6, "unattributed_j",
	    (double)watch->unattributed_uj / 1e6, "total_uj", (json_int_t)watch->pools.total_uj,
	    "provenance", provenance_name(PROVENANCE_ATTRIBUTED), "by", by, "command_cpu_s",
	    (double)ticks * watch->table.tick_s, "machine_cpu_s",
	    (double)watch->table.machine_ticks * watch->table.tick_s, "baseline_w",
	    json_number(baseline_w), "processes", processes_to_json(watch), "cgroups",
	    groups_to_json(watch, SHARE_CGROUP), "containers",
	    groups_to_json(watch, SHARE_CONTAINER), "jobs", groups_to_json(watch, SHARE_JOB),
	    "rest", rest);
}
