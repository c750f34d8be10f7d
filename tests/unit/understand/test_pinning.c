/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/pinning.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "understand/kernel_run.h"

enum { TEAM_MAX = 64 };

static struct ergon_env env;
static struct ergon_env_storage storage;

static void cores_come_before_hyper_threads(void **state)
{
	(void)state;
	/* Three cores: two with two hyper-threads, numbered as Linux does, one with three. */
	struct pinning_place places[] = { { 0, 0 }, { 4, 0 }, { 1, 1 }, { 5, 1 },
		                          { 2, 7 }, { 6, 7 }, { 3, 7 } };
	static const unsigned expected[] = { 0, 1, 2, 4, 5, 6, 3 };
	pinning_order(places, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(places[i].cpu, expected[i]);
	pinning_order(places, 0);
	assert_int_equal(places[0].cpu, 0);
}

/* What each thread of a team of so many may run on. */
static void look(cpu_set_t *sets, unsigned threads)
{
	memset(sets, 0, threads * sizeof *sets);
#pragma omp parallel num_threads(threads)
	sched_getaffinity(0, sizeof *sets, &sets[omp_get_thread_num()]);
}

static cpu_set_t allowed_now(void)
{
	cpu_set_t set;
	assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
	return set;
}

/* Every thread alone on an allowed processor while pinned, and where it was afterwards. */
static void pins_and_restores(unsigned threads)
{
	cpu_set_t before[TEAM_MAX], during[TEAM_MAX], after[TEAM_MAX], all, used;
	struct pinning p;
	all = allowed_now();
	look(before, threads);
	pinning_plan(&p, &env, threads);
	assert_string_equal(p.why, "");
	assert_int_equal(p.threads, threads);
	for (int round = 0; round < 2; round++) {
		assert_true(pinning_apply(&p));
		look(during, threads);
		CPU_ZERO(&used);
		for (unsigned t = 0; t < threads; t++) {
			assert_int_equal(CPU_COUNT(&during[t]), 1);
			assert_true(CPU_ISSET(p.cpus[t], &during[t]));
			assert_true(CPU_ISSET(p.cpus[t], &all));
			assert_false(CPU_ISSET(p.cpus[t], &used));
			CPU_SET(p.cpus[t], &used);
		}
		pinning_restore(&p);
		look(after, threads);
		assert_memory_equal(before, after, threads * sizeof *before);
	}
	/* Forgotten restores are made up for. */
	assert_true(pinning_apply(&p));
	pinning_fini(&p);
	look(after, threads);
	assert_memory_equal(before, after, threads * sizeof *before);
}

static bool has_hwloc(void)
{
	struct pinning p;
	pinning_plan(&p, &env, 1);
	bool has = p.threads == 1;
	if (!has)
		print_message("%s\n", p.why);
	pinning_fini(&p);
	return has;
}

static void stays_within_the_allowed_set(void **state)
{
	(void)state;
	if (!has_hwloc())
		skip();
	cpu_set_t all = allowed_now(), one;
	int count = CPU_COUNT(&all), last = CPU_SETSIZE - 1;
	pins_and_restores((unsigned)(count < TEAM_MAX ? count : TEAM_MAX));
	pins_and_restores(1);
	/* As under taskset: the last processor alone. */
	while (!CPU_ISSET(last, &all))
		last--;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	struct pinning p;
	pinning_plan(&p, &env, 1);
	assert_int_equal(p.threads, 1);
	assert_int_equal(p.cpus[0], last);
	pinning_fini(&p);
	pins_and_restores(1);
	/* Two threads have no processor each. */
	pinning_plan(&p, &env, 2);
	assert_int_equal(p.threads, 0);
	assert_string_equal(p.why, "2 threads, but 1 allowed processors");
	assert_false(pinning_apply(&p));
	pinning_fini(&p);
	assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void *opens_nothing(void *user, const char *soname, const char **why)
{
	(void)user;
	(void)soname;
	*why = "no such library";
	return NULL;
}

static struct kernel_run run_triad(const struct ergon_env *with, enum paradigm paradigm,
                                   unsigned threads)
{
	const struct kernel *kernel;
	struct kernel_run run;
	struct kernel_run_options options = { .repeat = 20 };
	assert_int_equal(kernel_find("triad", &kernel, NULL), ERGON_OK);
	struct kernel_config config = { .env = with,
		                        .size = 4096,
		                        .paradigm = paradigm,
		                        .threads = threads,
		                        .isa = kernel_isa() };
	assert_int_equal(kernel_run(kernel, &config, &options, &run, NULL), ERGON_OK);
	return run;
}

static void the_document_says_whether(void **state)
{
	(void)state;
	cpu_set_t before = allowed_now(), after;
	struct ergon_dl dl = { .open = opens_nothing };
	struct ergon_env without = env;
	without.dl = &dl;
	struct kernel_run run = run_triad(&without, PARADIGM_OPENMP, 1);
	json_t *json = kernel_run_to_json(&run);
	assert_true(json_is_false(json_object_get(json, "pinned")));
	assert_string_equal(json_string_value(json_object_get(json, "unpinned_because")),
	                    "no such library (package libhwloc15)");
	json_decref(json);
	run = run_triad(&env, PARADIGM_SIMD, 1);
	assert_false(run.pinned);
	if (!has_hwloc())
		skip();
	run = run_triad(&env, PARADIGM_OPENMP, (unsigned)CPU_COUNT(&before));
	json = kernel_run_to_json(&run);
	assert_true(json_is_true(json_object_get(json, "pinned")));
	assert_true(json_is_null(json_object_get(json, "unpinned_because")));
	json_decref(json);
	after = allowed_now();
	assert_memory_equal(&before, &after, sizeof before);
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cores_come_before_hyper_threads),
		cmocka_unit_test(stays_within_the_allowed_set),
		cmocka_unit_test(the_document_says_whether),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
