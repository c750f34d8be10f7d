/* SPDX-License-Identifier: Apache-2.0
 *
 * Energy shared out among the processes of a made-up /proc.
 */
#include "support/support.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../fixtures/fake_gpu.h"
#include "base/rng.h"
#include "base/units.h"
#include "measure/shares.h"

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void stat_lines(void **state)
{
	(void)state;
	static const char tail[] =
	    " 1 2 3 0 -1 4194560 1 2 3 4 12 34 5 6 20 0 7 0 98765 1 2 3 4 5 6 7 8 9 "
	    "10 11 12 13 14 15 16 3 19 20\n";
	static const struct {
		const char *head, *name;
		bool good;
	} rows[] = {
		{ "42 (sh) S", "sh", true },
		{ "42 (a b) S", "a b", true },
		{ "42 (x) R 9 (y) S", "x) R 9 (y", true },
		{ "42 (()) S", "()", true },
		{ "42 () S", "", true },
		{ "42 (\x1b[2J) S", "?[2J", true },
		{ "42 (a name beyond fifteen) S", "a name beyond f", true },
		{ "42 sh S", "", false },
		{ "(sh) S", "", false },
		{ "x (sh) S", "", false },
		{ "42 )sh( S", "", false },
		{ "99999999999 (sh) S", "", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[512];
		struct procfs_stat stat;
		size_t length = (size_t)snprintf(text, sizeof text, "%s%s", rows[i].head, tail);
		print_message("stat %s\n", rows[i].head);
		assert_int_equal(procfs_parse_stat(text, length, &stat), rows[i].good);
		if (!rows[i].good)
			continue;
		assert_string_equal(stat.name, rows[i].name);
		assert_int_equal(stat.pid, 42);
		assert_int_equal(stat.ppid, 1);
		assert_int_equal(stat.busy_ticks, 46);
		assert_int_equal(stat.start_ticks, 98765);
		assert_int_equal(stat.cpu, 3);
		for (size_t cut = 0; cut + 7 < length; cut++) /* field 39 is needed */
			assert_false(procfs_parse_stat(text, cut, &stat));
	}
}

static void cgroup_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path, *container, *job;
		bool found;
	} rows[] = {
		{ "0::/user.slice/session-1.scope\n", "/user.slice/session-1.scope", "", "", true },
		{ "0::/system.slice/docker-" CONTAINER ".scope\n",
		  "/system.slice/docker-" CONTAINER ".scope", "0123456789ab", "", true },
		{ "0::/kubepods/burstable/pod1/" CONTAINER, "/kubepods/burstable/pod1/" CONTAINER,
		  "0123456789ab", "", true },
		{ "0::/system.slice/slurmstepd.scope/job_77/step_0/user\n",
		  "/system.slice/slurmstepd.scope/job_77/step_0/user", "", "77", true },
		{ "4:cpu,cpuacct:/slurm/uid_5/job_9/step_1\n1:name=systemd:/x\n0::/\n",
		  "/slurm/uid_5/job_9/step_1", "", "9", true },
		{ "4:memory:/a\n0::/b\n", "/b", "", "", true },
		{ "0::/x/job_/y\n", "/x/job_/y", "", "", true },
		{ "0::/x/job_12x/y\n", "/x/job_12x/y", "", "", true },
		{ "0::/a/" CONTAINER "0\n", "/a/" CONTAINER "0", "", "", true },
		{ "0::/\n", "/", "", "", true },
		{ "", "", "", "", false },
		{ "nonsense\n", "", "", "", false },
		{ "0::relative\n", "", "", "", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct procfs_cgroup cgroup = { 0 };
		print_message("cgroup %s\n", rows[i].text);
		assert_int_equal(procfs_parse_cgroup(rows[i].text, strlen(rows[i].text), &cgroup),
		                 rows[i].found);
		assert_string_equal(cgroup.path, rows[i].path);
		assert_string_equal(cgroup.container, rows[i].container);
		assert_string_equal(cgroup.job, rows[i].job);
	}
}

/* --- a made-up machine ---------------------------------------------------------------- */

struct machine {
	char root[128];
	struct fake_clock clock;
	struct ergon_env env;
	struct share_watch watch;
};

static void show(const struct machine *m, int pid, int ppid, const char *name, unsigned ticks,
                 unsigned start, int cpu)
{
	char file[64], text[256];
	snprintf(file, sizeof file, "%d/stat", pid);
	snprintf(
	    text, sizeof text,
	    "%d (%s) S %d 1 1 0 -1 0 0 0 0 0 %u 0 0 0 20 0 1 0 %u 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 "
	    "%d 0 0\n",
	    pid, name, ppid, ticks, start, cpu);
	put_file(m->root, file, text);
}

static void show_cpus(const struct machine *m, unsigned cpu0, unsigned cpu1)
{
	char text[256];
	snprintf(text, sizeof text, "cpu 0\ncpu0 %u 0 0 0 0 0 0 0\ncpu1 %u 0 0 0 0 0 0 0\nintr 0\n",
	         cpu0, cpu1);
	put_file(m->root, "stat", text);
}

static void machine_init(struct machine *m)
{
	memset(m, 0, sizeof *m);
	scratch_make(m->root, sizeof m->root);
	fake_clock_init(&m->clock);
	m->env = (struct ergon_env){ .sysfs_root = m->root,
		                     .procfs_root = m->root,
		                     .devfs_root = m->root,
		                     .clock = &m->clock.clock };
	show_cpus(m, 1000, 1000);
}

static void machine_fini(struct machine *m)
{
	shares_fini(&m->watch);
	scratch_remove(m->root);
}

static uint64_t share_of(const struct share_watch *w, int pid)
{
	const struct process *process = processes_find(&w->table, pid);
	return process ? w->energy_uj[process - w->table.processes] : 0;
}

static uint64_t sum_of(const struct share_watch *w)
{
	uint64_t sum = w->idle_uj + w->unseen_uj + w->command_unseen_uj + w->unattributed_uj;
	for (size_t i = 0; i < w->processes; i++)
		sum += w->energy_uj[i];
	return sum;
}

/* By hand: two clocks, a tree, a process that ends, a number used again, the unseen rest. */
static void known_machine(void **state)
{
	(void)state;
	struct machine m;
	struct ergon_error err = { 0 };
	machine_init(&m);
	put_file(m.root, "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1000000\n");
	put_file(m.root, "devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "3000000\n");
	show(&m, 10, 1, "shell", 50, 5, 0);
	show(&m, 20, 1, "other", 70, 6, 1);
	put_file(m.root, "20/cgroup", "0::/slurm/job_8\n");
	if (shares_init(&m.watch, &m.env, &err) || shares_begin(&m.watch, 10, &err))
		fail_msg("%s", err.text);
	assert_true(m.watch.table.by_clock);
	show(&m, 10, 1, "shell", 60, 5, 0);   /* 10 ticks at 1 GHz */
	show(&m, 11, 10, "child", 20, 90, 1); /* 20 at 3 GHz, in the tree */
	show(&m, 20, 1, "other", 100, 6, 1);  /* 30 at 3 GHz */
	show_cpus(&m, 1040, 1050); /* 40 ticks at 1 GHz, 50 at 3 GHz: 30 at 1 GHz unseen */
	struct domain_energy domains[] = {
		{ .name = "package-0", .in_total = true, .energy_j = 190 },
		{ .name = "gpu-0", .in_total = true, .energy_j = 100, .average_power_w = 10 },
	};
	struct measurement window = { .domains = domains, .count = 2, .duration_s = 10 };
	if (shares_end(&m.watch, &window, NULL, 0.30, &err))
		fail_msg("%s", err.text);
	/* weights: 10, 60, 90, 30 unseen: 190 in all */
	assert_int_equal(share_of(&m.watch, 10), 10000000);
	assert_int_equal(share_of(&m.watch, 11), 60000000);
	assert_int_equal(share_of(&m.watch, 20), 90000000);
	assert_int_equal(m.watch.unseen_uj, 30000000);
	assert_int_equal(m.watch.unattributed_uj, 100000000);
	assert_true(processes_find(&m.watch.table, 11)->in_tree);
	assert_false(processes_find(&m.watch.table, 20)->in_tree);
	json_t *document = shares_to_json(&m.watch, (double)NAN);
	assert_close(json_number_value(json_object_get(document, "command_j")), 70, 1e-9);
	const json_t *job = json_array_get(json_object_get(document, "jobs"), 0);
	assert_string_equal(json_string_value(json_object_get(job, "name")), "8");
	json_decref(document);

	/* The next window: 11 has ended and its number is used again; the GPU has a user. */
	shares_next(&m.watch);
	show(&m, 11, 1, "again", 7, 500, 0);
	m.watch.gpus.uses[0] = (struct gpu_use){ 0, 20, 300 };
	m.watch.gpus.uses[1] = (struct gpu_use){ 0, 4444, 100 }; /* of another namespace */
	m.watch.gpus.use_count = 2;
	show_cpus(&m, 1047, 1050);
	if (shares_end(&m.watch, &window, NULL, 0, &err))
		fail_msg("%s", err.text);
	assert_int_equal(share_of(&m.watch, 11), 190000000);
	assert_int_equal(share_of(&m.watch, 20), 75000000);
	assert_int_equal(m.watch.unseen_uj, 25000000);
	assert_false(processes_find(&m.watch.table, 11)->in_tree);
	assert_int_equal(sum_of(&m.watch), m.watch.pools.total_uj);
	machine_fini(&m);
}

static void lists_sum(const json_t *document)
{
	static const char *const lists[] = { "processes", "cgroups", "containers", "jobs" };
	json_int_t total = json_integer_value(json_object_get(document, "total_uj"));
	for (size_t k = 0; k < 4; k++) {
		json_int_t sum = 0;
		const json_t *row;
		size_t i;
		json_array_foreach(json_object_get(document, lists[k]), i, row) sum +=
		    json_integer_value(json_object_get(row, "energy_uj"));
		json_array_foreach(json_object_get(document, "rest"), i, row) sum +=
		    json_integer_value(json_object_get(row, "energy_uj"));
		assert_true(sum == total);
	}
}

/* Processes come, work and go; whatever they do, every microjoule is somebody's, once. */
static void random_machines(void **state)
{
	(void)state;
	enum { PROCESSES = 80, WINDOWS = 300 };
	struct machine m;
	struct rng rng;
	struct ergon_error err = { 0 };
	unsigned ticks[PROCESSES] = { 0 }, start[PROCESSES] = { 0 }, busy[2] = { 1000, 1000 };
	rng_init(&rng, 77);
	machine_init(&m);
	if (shares_init(&m.watch, &m.env, &err) || shares_begin(&m.watch, 100, &err))
		fail_msg("%s", err.text);
	for (int window = 0; window < WINDOWS; window++) {
		for (int p = 0; p < PROCESSES; p++) {
			if (rng_uniform(&rng) > 0.1)
				continue;
			int pid = 100 + p;
			char folder[64], text[200];
			snprintf(folder, sizeof folder, "%d/cgroup", pid);
			if (start[p] && rng_uniform(&rng) < 0.3) { /* it ends */
				snprintf(text, sizeof text, "%s/%d/stat", m.root, pid);
				unlink(text);
				start[p] = 0;
				continue;
			}
			if (!start[p]) {
				start[p] = 1 + (unsigned)(rng_u64(&rng) % 1000000);
				ticks[p] = 0;
				snprintf(text, sizeof text, "0::/g%d/job_%d/%.*s\n", p % 7, p % 5,
				         p % 3 ? 0 : 64, CONTAINER);
				put_file(m.root, folder, text);
			}
			unsigned more = (unsigned)(rng_u64(&rng) % 200);
			ticks[p] += more;
			busy[p % 2] += rng_uniform(&rng) < 0.9 ? more : 0; /* kernel's sums lag */
			show(&m, pid, 100 + (int)(rng_u64(&rng) % PROCESSES), "p", ticks[p],
			     start[p], p % 2);
		}
		show_cpus(&m, busy[0], busy[1]);
		m.watch.gpus.use_count = (uint32_t)(rng_u64(&rng) % 10);
		for (uint32_t u = 0; u < m.watch.gpus.use_count; u++)
			m.watch.gpus.uses[u] =
			    (struct gpu_use){ (int)(rng_u64(&rng) % 3),
				              95 + (int)(rng_u64(&rng) % PROCESSES),
				              rng_u64(&rng) >> (20 + rng_u64(&rng) % 40) };
		struct domain_energy domains[5], idle_domains[5];
		static const char *const names[] = { "package-0", "gpu-0", "gpu-1", "dram",
			                             "module-0" };
		struct measurement w = { .domains = domains, .count = 5 };
		struct measurement idle = { .domains = idle_domains, .count = 5 };
		w.duration_s = 100 * rng_uniform(&rng);
		for (int i = 0; i < 5; i++) {
			domains[i] = (struct domain_energy){ .in_total = rng_uniform(&rng) < 0.8 };
			snprintf(domains[i].name, sizeof domains[i].name, "%s", names[i]);
			domains[i].energy_j = pow(10, 8 * rng_uniform(&rng) - 3);
			idle_domains[i] = domains[i];
			idle_domains[i].average_power_w = 100 * rng_uniform(&rng);
		}
		if (shares_end(&m.watch, &w, window % 2 ? &idle : NULL, 10 * rng_uniform(&rng),
		               &err))
			fail_msg("%s", err.text);
		assert_true(sum_of(&m.watch) == m.watch.pools.total_uj);
		json_t *document = shares_to_json(&m.watch, 5);
		lists_sum(document);
		json_decref(document);
		shares_next(&m.watch);
	}
	machine_fini(&m);
}

/* --- GPU processes through a made-up NVML ------------------------------------------------- */

static void *open_fake(void *user, const char *soname, const char **why)
{
	(void)user;
	(void)soname;
	*why = "no such library";
	return dlopen(ERGON_FAKE_NVML, RTLD_NOW | RTLD_LOCAL);
}
static void *symbol_of(void *user, void *handle, const char *name)
{
	(void)user;
	return dlsym(handle, name);
}
static void close_fake(void *user, void *handle)
{
	(void)user;
	dlclose(handle);
}

static void gpu_users(void **state)
{
	(void)state;
	static struct gpu_processes gpus;
	static const struct ergon_dl dl = { open_fake, symbol_of, close_fake, NULL };
	struct ergon_env env;
	struct ergon_env_storage storage;
	void *library = dlopen(ERGON_FAKE_NVML, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(library);
	struct fake_gpu *fake = dlsym(library, "fake_gpu_state");
	ergon_env_init(&env, &storage);
	env.dl = &dl;
	gpu_processes_init(&gpus, &env);
	assert_non_null(gpus.library);
	fake->uses[0] = (struct fake_gpu_use){ 0, 11, 75 };
	fake->uses[1] = (struct fake_gpu_use){ 0, 12, 25 };
	fake->uses[2] = (struct fake_gpu_use){ 1, 11, 50 };
	usleep(20000);
	gpu_processes_look(&gpus);
	assert_int_equal(gpus.use_count, 3);
	assert_true(gpus.uses[0].weight == 3 * gpus.uses[1].weight && gpus.uses[1].weight > 0);
	assert_int_equal(gpus.uses[2].gpu, 1);
	gpu_processes_reset(&gpus);
	/* Who is alone on a GPU has used it, even where utilisation is not told; of two is not
	 * known. */
	fake->no_utilization = 1;
	usleep(20000);
	gpu_processes_look(&gpus);
	assert_int_equal(gpus.use_count, 1);
	assert_int_equal(gpus.uses[0].gpu, 1);
	assert_int_equal(gpus.uses[0].pid, 11);
	memset(fake->uses, 0, sizeof fake->uses);
	fake->no_utilization = 0;
	gpu_processes_fini(&gpus);
	dlclose(library);
	/* without any library nothing is asked */
	env.dl = NULL;
	gpu_processes_init(&gpus, &env);
	gpu_processes_look(&gpus);
	assert_int_equal(gpus.use_count, 0);
	gpu_processes_fini(&gpus);
}

static void keys(void **state)
{
	(void)state;
	enum share_key key;
	struct ergon_error err = { 0 };
	assert_int_equal(share_key_find("container", &key, &err), 0);
	assert_int_equal(key, SHARE_CONTAINER);
	assert_int_equal(share_key_find("cgrup", &key, &err), ERGON_NOT_FOUND);
	assert_non_null(strstr(err.text, "'cgroup'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_lines),    cmocka_unit_test(cgroup_lines),
		cmocka_unit_test(known_machine), cmocka_unit_test(random_machines),
		cmocka_unit_test(gpu_users),     cmocka_unit_test(keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
