/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/sweep.h"

#include <math.h>
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
		cmocka_unit_test(bad_grids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
