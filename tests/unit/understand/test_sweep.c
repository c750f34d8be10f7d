/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "support/support.h"

static struct ergon_env env;
static struct ergon_env_storage storage;
static struct fake_clock fake;

/* An emulated machine: time (1 + 8 / n) s, power 20 + 10 n W on n threads, with noise. */
struct machine {
	struct rng rng;
	double noise;
	int fail_at;
	size_t calls, spike_at;
	uint32_t order[4096];
	bool no_energy;
};

static double machine_time(double n)
{
	return 1 + 8 / n;
}

static double machine_energy(double n)
{
	return (20 + 10 * n) * machine_time(n);
}

static enum ergon_code emulate(void *user, const struct sweep *sweep,
                               const struct sweep_point *point, struct sweep_sample *sample,
                               struct ergon_error *err)
{
	(void)err;
	struct machine *m = user;
	double n = sweep->levers[0].numbers[point->setting[0]];
	sample->time_s = machine_time(n);
	sample->energy_j = machine_energy(n) * (1 + m->noise * rng_normal(&m->rng));
	if (m->no_energy)
		sample->energy_j = (double)NAN;
	sample->provenance = PROVENANCE_MODELLED;
	if (m->spike_at && m->calls == m->spike_at)
		sample->energy_j *= 3;
	sample->status = (int)n == m->fail_at ? 3 : 0;
	fake.now_ns += 1000000000;
	if (m->calls < 4096)
		m->order[m->calls] = point->setting[0];
	m->calls++;
	return ERGON_OK;
}

static void start(struct sweep *sweep, struct machine *machine, struct sweep_options options)
{
	static const char *const specs[] = { "cpu.threads=1:8" };
	fake_clock_init(&fake);
	env.clock = &fake.clock;
	rng_init(&machine->rng, 3);
	options.slowdown = 0.3;
	assert_int_equal(sweep_init(sweep, &env, specs, 1, &options, NULL), ERGON_OK);
	assert_int_equal(sweep->count, 8);
}

static void finds_the_known_optimum(void **state)
{
	(void)state;
	struct sweep sweep;
	struct machine machine = { .noise = 0.01 };
	start(&sweep, &machine, (struct sweep_options){ .precision = 0.01 });
	assert_int_equal(sweep_run(&sweep, &env, emulate, &machine, NULL), ERGON_OK);
	size_t energy = 0, edp = 0;
	for (size_t i = 0; i < 8; i++) {
		double n = (double)i + 1, e = machine_energy((double)energy + 1);
		double d = machine_energy((double)edp + 1) * machine_time((double)edp + 1);
		energy = machine_energy(n) < e ? i : energy;
		edp = machine_energy(n) * machine_time(n) < d ? i : edp;
		const struct sweep_point *p = &sweep.points[i];
		assert_true(p->count >= 3);
		assert_true(p->precise || p->count == SWEEP_RUNS_MAX);
		if (p->precise)
			assert_true(sweep_half_width(&sweep, &p->energy) <= 0.01 * p->energy.mean);
		assert_close(p->energy.mean, machine_energy(n), 0.02);
	}
	assert_int_equal(sweep.best.min_energy, energy);
	assert_int_equal(sweep.best.min_edp, edp);
	assert_int_equal(sweep.baseline, 7);
	assert_int_equal(machine.calls, sweep.runs + 1); /* the warm-up does not count */
	json_t *root = sweep_to_json(&sweep);
	assert_string_equal(json_string_value(json_object_get(root, "kind")), "ergon.sweep");
	assert_int_equal(json_array_size(json_object_get(root, "points")), 8);
	assert_string_equal(json_string_value(json_object_get(root, "provenance")), "modelled");
	json_decref(root);
	sweep_fini(&sweep);
}

static void order_is_random_but_repeats(void **state)
{
	(void)state;
	struct sweep sweep;
	struct machine a = { 0 }, b = { 0 }, c = { 0 };
	struct machine *const machines[] = { &a, &b, &c };
	static const uint64_t seeds[] = { 5, 5, 6 };
	for (size_t i = 0; i < 3; i++) {
		struct sweep_options o = { .repeat = 2, .seed = seeds[i], .no_warm_up = true };
		start(&sweep, machines[i], o);
		assert_int_equal(sweep_run(&sweep, &env, emulate, machines[i], NULL), ERGON_OK);
		assert_int_equal(machines[i]->calls, 16);
		for (size_t p = 0; p < 8; p++)
			assert_int_equal(sweep.points[p].count, 2);
		sweep_fini(&sweep);
	}
	assert_memory_equal(a.order, b.order, 16 * sizeof *a.order);
	assert_memory_not_equal(a.order, c.order, 16 * sizeof *a.order);
	assert_memory_not_equal(a.order, a.order + 8, 8 * sizeof *a.order);
}

static void budget_ends_it(void **state)
{
	(void)state;
	struct sweep sweep;
	struct machine machine = { .noise = 0.2 };
	start(&sweep, &machine,
	      (struct sweep_options){ .budget_ns = UINT64_C(20000000000), .precision = 0.001 });
	assert_int_equal(sweep_run(&sweep, &env, emulate, &machine, NULL), ERGON_OK);
	assert_true(sweep.budget_spent);
	assert_true(machine.calls <= 20);
	sweep_fini(&sweep);
}

static void failures_are_kept_apart(void **state)
{
	(void)state;
	struct sweep sweep;
	struct machine machine = { .fail_at = 8 };
	start(&sweep, &machine, (struct sweep_options){ .repeat = 3 });
	assert_int_equal(sweep_run(&sweep, &env, emulate, &machine, NULL), ERGON_OK);
	assert_int_equal(sweep.points[7].count, 0);
	assert_int_equal(sweep.points[7].failed, 1);
	assert_int_equal(sweep.points[7].failed_status, 3);
	assert_int_equal(sweep.baseline, 6); /* the fastest that ran */
	assert_false(sweep.points[7].pareto);
	json_t *root = sweep_to_json(&sweep);
	assert_non_null(root);
	json_decref(root);
	sweep_fini(&sweep);
}

static void time_alone_where_no_energy_is(void **state)
{
	(void)state;
	struct sweep sweep;
	struct machine machine = { .no_energy = true };
	start(&sweep, &machine, (struct sweep_options){ 0 });
	assert_int_equal(sweep_run(&sweep, &env, emulate, &machine, NULL), ERGON_OK);
	assert_false(sweep.has_energy);
	assert_int_equal(sweep.best.min_edp, TRADEOFF_NONE);
	assert_int_equal(sweep.best.fastest, 7);
	char text[256];
	assert_non_null(strstr(sweep_sentence(&sweep, text, sizeof text), "only times"));
	sweep_fini(&sweep);
}

static void outliers_are_counted_not_dropped(void **state)
{
	(void)state;
	struct sweep sweep;
	struct machine machine = { .noise = 0.001, .spike_at = 20 };
	start(&sweep, &machine, (struct sweep_options){ .repeat = 9 });
	assert_int_equal(sweep_run(&sweep, &env, emulate, &machine, NULL), ERGON_OK);
	const struct sweep_point *p = &sweep.points[machine.order[20]];
	assert_int_equal(p->count, 9);
	assert_true(p->outliers >= 1);
	assert_true(p->energy.max > 2.5 * p->energy.min);
	sweep_fini(&sweep);
}

/* An emulated GPU: speed goes with the cube root of the power above 40 W, up to 220 W that it can
 * use. A second lever costs time and saves nothing beyond its middle value. */
struct gpu {
	struct rng rng;
	bool many_valleys;
	size_t calls;
};

static struct tradeoff_point gpu_at(const struct gpu *gpu, double cap_w, double depth)
{
	double power = cap_w < 220 ? cap_w : 220;
	double time = 10 / cbrt(power - 40) * (1 + 0.05 * (depth - 3) * (depth - 3));
	if (gpu->many_valleys) /* ups and downs wherever one looks */
		time *= 1 + 0.25 * sin(cap_w / 9);
	return (struct tradeoff_point){ time, time * power };
}

static enum ergon_code emulate_gpu(void *user, const struct sweep *sweep,
                                   const struct sweep_point *point, struct sweep_sample *sample,
                                   struct ergon_error *err)
{
	(void)err;
	struct gpu *gpu = user;
	double depth = 3;
	if (sweep->lever_count > 1)
		depth = strtod(sweep->levers[1].values[point->setting[1]], NULL);
	const char *cap = sweep->levers[0].values[point->setting[0]];
	struct tradeoff_point p = gpu_at(gpu, strtod(cap, NULL), depth);
	sample->time_s = p.time_s * (1 + 0.002 * rng_normal(&gpu->rng));
	sample->energy_j = p.energy_j * (1 + 0.005 * rng_normal(&gpu->rng));
	fake.now_ns += 1000000000;
	gpu->calls++;
	return ERGON_OK;
}

static double true_edp(const struct sweep *sweep, const struct gpu *gpu, size_t index)
{
	const uint32_t *at = sweep->points[index].setting;
	double depth = 3;
	if (sweep->lever_count > 1)
		depth = strtod(sweep->levers[1].values[at[1]], NULL);
	return tradeoff_edp(gpu_at(gpu, sweep->levers[0].numbers[at[0]], depth));
}

/* Neighbours may be closer than the noise: right is what is within 1% of the best. */
static bool found_best(const struct sweep *sweep, const struct gpu *gpu)
{
	double least = HUGE_VAL;
	for (size_t i = 0; i < sweep->count; i++)
		least = fmin(least, true_edp(sweep, gpu, i));
	return true_edp(sweep, gpu, sweep->best.min_edp) <= 1.01 * least;
}

static void adaptive(const char *const *specs, size_t count, bool many_valleys)
{
	size_t runs = 0, full = 0, right = 0, bayes = 0;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sweep sweep;
		struct gpu gpu = { .many_valleys = many_valleys };
		struct sweep_options o = { .repeat = 5, .adaptive = true, .seed = seed };
		fake_clock_init(&fake);
		env.clock = &fake.clock;
		rng_init(&gpu.rng, seed);
		assert_int_equal(sweep_init(&sweep, &env, specs, count, &o, NULL), ERGON_OK);
		assert_int_equal(sweep_run(&sweep, &env, emulate_gpu, &gpu, NULL), ERGON_OK);
		assert_true(sweep.searched);
		bayes += sweep.search == SEARCH_BAYES;
		right += found_best(&sweep, &gpu);
		runs += sweep.runs;
		full += sweep_full_runs(&sweep);
		sweep_fini(&sweep);
	}
	print_message("adaptive, %zu lever%s%s: right %zu of 20 times, %.0f%% of the grid's runs, "
	              "%zu by Bayes\n",
	              count, count == 1 ? "" : "s", many_valleys ? ", many valleys" : "", right,
	              100.0 * (double)runs / (double)full, bayes);
	assert_true(right >= 19);
	assert_true((double)runs <= 0.4 * (double)full);
	assert_true(many_valleys ? bayes >= 15 : bayes == 0);
}

static void adaptive_finds_it_with_few_runs(void **state)
{
	(void)state;
	static const char *const one[] = { "cpu.threads=50:300:25" };
	static const char *const two[] = { "cpu.threads=50:300:25", "arg:depth=1:5" };
	adaptive(one, 1, false);
	adaptive(two, 2, false);
	static const char *const ridged[] = { "cpu.threads=50:300:10" };
	static const char *const ridged_two[] = { "cpu.threads=50:300:10", "arg:depth=1:5" };
	adaptive(ridged, 1, true);
	adaptive(ridged_two, 2, true);
}

static void bad_grids(void **state)
{
	(void)state;
	struct sweep sweep;
	struct ergon_error err = { 0 };
	struct sweep_options o = { 0 };
	static const char *const twice[] = { "cpu.threads=1", "cpu.threads=2" };
	static const char *const large[] = { "arg:a=1:500", "arg:b=1:500" };
	assert_int_equal(sweep_init(&sweep, &env, twice, 2, &o, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "given twice"));
	sweep_fini(&sweep);
	assert_int_equal(sweep_init(&sweep, &env, large, 2, &o, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "over 10000 combinations"));
	sweep_fini(&sweep);
	assert_int_equal(sweep_init(&sweep, &env, NULL, 0, &o, &err), ERGON_BAD_INPUT);
	sweep_fini(&sweep);
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_known_optimum),
		cmocka_unit_test(order_is_random_but_repeats),
		cmocka_unit_test(budget_ends_it),
		cmocka_unit_test(failures_are_kept_apart),
		cmocka_unit_test(time_alone_where_no_energy_is),
		cmocka_unit_test(outliers_are_counted_not_dropped),
		cmocka_unit_test(adaptive_finds_it_with_few_runs),
		cmocka_unit_test(bad_grids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
