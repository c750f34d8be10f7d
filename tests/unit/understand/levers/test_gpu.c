/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../fixtures/emulated_gpu.h"
#include "support/support.h"
#include "understand/levers/guard.h"
#include "understand/sweep.h"

static struct ergon_env env;
static struct ergon_env_storage storage;
static struct fake_clock fake;
static char root[256];
static struct emulated_gpu *gpus;
static int lock_fd;

/* The made-up NVML in the place of the real one; every other library is as ever. */
static void *open_fake(void *user, const char *soname, const char **why)
{
	const struct ergon_dl *real = user;
	bool nvml = strcmp(soname, "libnvidia-ml.so.1") == 0;
	return real->open(real->user, nvml ? ERGON_FAKE_NVML : soname, why);
}

static struct ergon_dl dl;

static int set_up(void **state)
{
	char path[300];
	(void)state;
	scratch_make(root, sizeof root);
	snprintf(path, sizeof path, "%s/gpu", root);
	setenv("EMULATED_GPU", path, 1);
	gpus = emulated_gpu_open(&lock_fd);
	assert_non_null(gpus);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(lock_fd);
	scratch_remove(root);
	return 0;
}

static void is_as_found(void)
{
	for (int i = 0; i < EMULATED_GPU_COUNT; i++) {
		assert_int_equal(gpus[i].limit_mw, EMULATED_GPU_LIMIT_MW);
		assert_int_equal(gpus[i].clock_mhz, 0);
		assert_int_equal(gpus[i].memory_mhz, 0);
	}
}

static void set(const char *name, const char *value)
{
	const struct lever *lever;
	const char *member;
	struct ergon_error err = { 0 };
	assert_int_equal(lever_find(name, &lever, &member, NULL), ERGON_OK);
	if (lever->set(&env, member, value, &err))
		fail_msg("%s: %s", name, err.text);
}

static void the_guard_puts_a_gpu_back(void **state)
{
	(void)state;
	static const char *const names[][2] = { { "gpu0.power", "200" },
		                                { "gpu1.clock", "700" },
		                                { "gpu0.memclock", "800" } };
	for (int killed = 0; killed < 2; killed++) {
		struct lever_saved saved = { 0 };
		struct guard guard;
		struct ergon_error err = { 0 };
		for (size_t i = 0; i < 3; i++) {
			const struct lever *lever;
			const char *member;
			assert_int_equal(lever_find(names[i][0], &lever, &member, NULL), ERGON_OK);
			assert_int_equal(lever->save(&env, member, &saved, &err), ERGON_OK);
		}
		assert_int_equal(guard_start(&guard, &saved, &err), ERGON_OK);
		for (size_t i = 0; i < 3; i++)
			set(names[i][0], names[i][1]);
		assert_int_equal(gpus[0].limit_mw, 200000);
		assert_int_equal(gpus[1].clock_mhz, 700);
		assert_int_equal(gpus[0].memory_mhz, 800);
		if (killed)
			kill(guard.pid, SIGKILL);
		assert_int_equal(guard_release(&guard, &err), ERGON_OK);
		is_as_found();
		lever_saved_fini(&saved);
	}
}

static void ranges_and_clocks(void **state)
{
	(void)state;
	const struct lever *lever;
	const char *member;
	struct lever_range range;
	struct ergon_error err = { 0 };
	assert_int_equal(lever_find("gpu1.power", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->range(&env, member, &range, NULL), ERGON_OK);
	assert_close(range.min, 104, 1e-12);
	assert_close(range.max, 500, 1e-12);
	assert_int_equal(lever_find("gpu9.power", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->range(&env, member, &range, &err), ERGON_NOT_FOUND);
	assert_int_equal(lever_find("gpu0.clock", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->range(&env, member, &range, NULL), ERGON_OK);
	assert_close(range.min, 350, 0);
	assert_close(range.max, 1400, 0);
	assert_close(lever->nearest(&env, member, 971), 950, 0);
	assert_int_equal(lever->check(&env, member, "971", &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "the nearest is 950"));
	assert_int_equal(lever_find("gpu.power", &lever, &member, &err), ERGON_NOT_FOUND);
	assert_int_equal(lever_find("gpu00000.power", &lever, &member, &err), ERGON_NOT_FOUND);
	setenv("FAKE_NVML_REFUSES", "1", 1);
	struct lever_saved saved = { 0 };
	assert_int_equal(lever_find("gpu0.power", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->save(&env, member, &saved, &err), ERGON_NO_PERMISSION);
	unsetenv("FAKE_NVML_REFUSES");
	lever_saved_fini(&saved);
}

/* A run on the emulated GPU in simulated time: the lever is set through NVML, time and energy are
 * the physics of what is set then. */
static enum ergon_code emulate(void *user, const struct sweep *sweep,
                               const struct sweep_point *point, struct sweep_sample *sample,
                               struct ergon_error *err)
{
	(void)user;
	const struct lever_setting *l = &sweep->levers[0];
	enum ergon_code code = l->lever->set(&env, l->member, l->values[point->setting[0]], err);
	sample->time_s = emulated_gpu_unit_s(&gpus[0], 1);
	sample->energy_j = emulated_gpu_power_w(&gpus[0]) * sample->time_s;
	sample->provenance = PROVENANCE_MEASURED;
	fake.now_ns += (uint64_t)(sample->time_s * 1e9);
	return code;
}

/* P (P - 100)^(-1/3) is least at 150 W; of these limits that is 150 by arithmetic. */
static void adaptive_takes_few_runs(void **state)
{
	(void)state;
	static const char *const specs[] = { "gpu0.power=110:490:20" };
	size_t runs[2];
	for (int adaptive = 0; adaptive < 2; adaptive++) {
		struct sweep sweep;
		struct sweep_options options = { .adaptive = adaptive == 1, .repeat = 3 };
		fake_clock_init(&fake);
		env.clock = &fake.clock;
		assert_int_equal(sweep_init(&sweep, &env, specs, 1, &options, NULL), ERGON_OK);
		assert_int_equal(sweep_run(&sweep, &env, emulate, NULL, NULL), ERGON_OK);
		const struct sweep_point *best = &sweep.points[sweep.best.min_edp];
		assert_close(sweep.levers[0].numbers[best->setting[0]], 150, 0);
		runs[adaptive] = sweep.runs;
		sweep_fini(&sweep);
	}
	print_message("least EDP at 150 W: full grid %zu runs, adaptive %zu (%.0f%%)\n", runs[0],
	              runs[1], 100.0 * (double)runs[1] / (double)runs[0]);
	assert_true((double)runs[1] <= 0.4 * (double)runs[0]);
	set("gpu0.power", "500");
}

/* GPU 1 is 30 degrees hotter after every run and cools by one a quarter of a second. */
static void cool(void *user, uint64_t now_ns)
{
	(void)user;
	(void)now_ns;
	gpus[1].temperature_c--;
}

static enum ergon_code heat(void *user, const struct sweep *sweep, const struct sweep_point *point,
                            struct sweep_sample *sample, struct ergon_error *err)
{
	(void)sweep;
	(void)point;
	(void)err;
	uint32_t *hottest_start = user;
	if (gpus[1].temperature_c > *hottest_start)
		*hottest_start = gpus[1].temperature_c;
	gpus[1].temperature_c += 30;
	*sample = (struct sweep_sample){ .time_s = 1,
		                         .energy_j = 100,
		                         .provenance = PROVENANCE_MEASURED };
	return ERGON_OK;
}

/* Every run starts at most two degrees above the start; what another GPU does is not waited for. */
static void a_sweep_waits_for_the_gpu_that_it_sets(void **state)
{
	(void)state;
	static const char *const specs[] = { "gpu1.power=200,300", "gpu0.power=200,300" };
	env.sysfs_root = root; /* which shows no temperature of the machine */
	env.clock = &fake.clock;
	gpus[0].temperature_c = 0;
	for (int set_one = 1; set_one >= 0; set_one--) {
		struct sweep sweep;
		struct sweep_options options = { .repeat = 2,
			                         .no_warm_up = true,
			                         .cool_ns = UINT64_C(60000000000) };
		uint32_t hottest_start = 0;
		fake_clock_init(&fake);
		fake.on_sleep = cool;
		gpus[1].temperature_c = 40;
		assert_int_equal(sweep_init(&sweep, &env, specs + !set_one, 1, &options, NULL),
		                 ERGON_OK);
		assert_int_equal(sweep_run(&sweep, &env, heat, &hottest_start, NULL), ERGON_OK);
		assert_int_equal(sweep.runs, 4);
		assert_true(isnan(sweep.baseline_c));
		assert_true(set_one ? sweep.baseline_gpu_c == 40 : isnan(sweep.baseline_gpu_c));
		/* Down to 42: 28 looks after the first run, 30 after the other two. */
		assert_int_equal(hottest_start, set_one ? 42 : 40 + 3 * 30);
		assert_close(sweep.cooled_s, set_one ? 0.25 * (28 + 30 + 30) : 0, 1e-6);
		sweep_fini(&sweep);
	}
	gpus[1].temperature_c = 0;
	env.sysfs_root = "/sys";
}

int main(void)
{
	ergon_env_init(&env, &storage);
	dl = *env.dl;
	dl.open = open_fake;
	const struct ergon_dl *real = env.dl;
	dl.user = (void *)(uintptr_t)real;
	env.dl = &dl;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guard_puts_a_gpu_back),
		cmocka_unit_test(ranges_and_clocks),
		cmocka_unit_test(adaptive_takes_few_runs),
		cmocka_unit_test(a_sweep_waits_for_the_gpu_that_it_sets),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
