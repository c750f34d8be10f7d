/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/traces/generate.h"

#include <math.h>
#include <string.h>

#include "optimize/traces/ergon_csv.h"
#include "optimize/traces/summary.h"
#include "support/support.h"

static struct generate_options options_of(uint64_t jobs, uint64_t seed)
{
	struct generate_options o = generate_defaults();
	o.jobs = jobs;
	o.seed = seed;
	o.cluster_gpus = 64;
	return o;
}

static void make(const struct generate_options *o, struct arena *arena, struct trace *trace)
{
	struct ergon_error err = { 0 };
	if (trace_generate(o, arena, trace, &err))
		fail_msg("%s", err.text);
}

static void load_is_exact(void **state)
{
	(void)state;
	for (int process = 0; process < ARRIVALS_COUNT; process++)
		for (int law = 0; law < DURATIONS_COUNT; law++) {
			struct arena arena;
			arena_init(&arena);
			struct generate_options o = options_of(300, 7);
			o.load = 0.75;
			o.arrivals = (enum arrival_process)process;
			o.durations = (enum duration_law)law;
			struct trace trace;
			make(&o, &arena, &trace);
			struct trace_summary s;
			struct ergon_error err = { 0 };
			assert_int_equal(trace_summarise(&trace, &arena, &s, &err), ERGON_OK);
			assert_close(trace_offered_load(&s, 64), 0.75, 1e-6);
			assert_true(s.width_max <= 64);
			assert_int_equal(trace.jobs[0].arrival_ns, 0);
			for (size_t i = 1; i < trace.count; i++)
				assert_true(trace.jobs[i].arrival_ns >=
				            trace.jobs[i - 1].arrival_ns);
			arena_fini(&arena);
		}
}

static void same_seed_same_bytes(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct text text[3] = { { 0 } };
	for (int i = 0; i < 3; i++) {
		struct generate_options o = options_of(200, i == 2 ? 4 : 3);
		o.urgent = 0.3;
		o.malleable = 0.5;
		struct trace trace;
		make(&o, &arena, &trace);
		trace_write_csv(&trace, &text[i]);
	}
	assert_string_equal(text[0].data, text[1].data);
	assert_string_not_equal(text[0].data, text[2].data);
	for (int i = 0; i < 3; i++)
		text_fini(&text[i]);
	arena_fini(&arena);
}

/* Another arrival process leaves the jobs themselves as they were. */
static void streams_are_apart(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct trace a, b;
	struct generate_options o = options_of(500, 11);
	make(&o, &arena, &a);
	o.arrivals = ARRIVALS_BURSTY;
	o.urgent = 0.5;
	make(&o, &arena, &b);
	for (size_t i = 0; i < a.count; i++) {
		assert_int_equal(a.jobs[i].gpus, b.jobs[i].gpus);
		assert_int_equal(a.jobs[i].duration_ns, b.jobs[i].duration_ns);
		assert_string_equal(a.jobs[i].application, b.jobs[i].application);
		assert_string_equal(a.jobs[i].user, b.jobs[i].user);
	}
	arena_fini(&arena);
}

static double variation_of(enum arrival_process process)
{
	struct arena arena;
	arena_init(&arena);
	struct generate_options o = options_of(20000, 5);
	o.arrivals = process;
	o.cluster_gpus = 10000;
	struct trace trace;
	make(&o, &arena, &trace);
	struct trace_summary s;
	struct ergon_error err = { 0 };
	assert_int_equal(trace_summarise(&trace, &arena, &s, &err), ERGON_OK);
	arena_fini(&arena);
	return s.gap_variation;
}

/* The gaps vary as each law says: 1 for Poisson, more for the others. */
static void arrivals_follow_their_law(void **state)
{
	(void)state;
	assert_close(variation_of(ARRIVALS_POISSON), 1, 0.03);
	double diurnal = variation_of(ARRIVALS_DIURNAL);
	assert_true(diurnal > 1.0 && diurnal < 1.15);
	assert_true(variation_of(ARRIVALS_BURSTY) > 1.15);
	assert_true(variation_of(ARRIVALS_HEAVY) > 2);
}

/* Philly law: 70% of jobs on one GPU; the median of ln(duration) of these is its mean. */
static void jobs_follow_their_law(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct generate_options o = options_of(20000, 2);
	struct trace trace;
	make(&o, &arena, &trace);
	size_t ones = 0;
	double sum = 0;
	for (size_t i = 0; i < trace.count; i++)
		if (trace.jobs[i].gpus == 1) {
			ones++;
			sum += log((double)trace.jobs[i].duration_ns * 1e-9);
		}
	assert_close((double)ones / 20000, 0.7013, 0.02);
	assert_close(sum / (double)ones, 9.116, 0.01);
	arena_fini(&arena);
}

static void options_are_checked(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct trace trace;
	struct ergon_error err = { 0 };
	struct generate_options o = options_of(0, 1);
	assert_int_equal(trace_generate(&o, &arena, &trace, &err), ERGON_BAD_INPUT);
	o = options_of(10, 1);
	o.load = NAN;
	assert_int_equal(trace_generate(&o, &arena, &trace, &err), ERGON_BAD_INPUT);
	o = options_of(10, 1);
	o.cluster_gpus = 0;
	assert_int_equal(trace_generate(&o, &arena, &trace, &err), ERGON_BAD_INPUT);
	o = options_of(10, 1);
	o.applications = "resnet50:0";
	assert_int_equal(trace_generate(&o, &arena, &trace, &err), ERGON_BAD_INPUT);
	o.applications = "a:1:x";
	assert_int_equal(trace_generate(&o, &arena, &trace, &err), ERGON_BAD_INPUT);
	o = options_of(10000, 1);
	o.cluster_gpus = 1;
	o.load = 0.001;
	assert_int_equal(trace_generate(&o, &arena, &trace, &err), ERGON_INFEASIBLE);
	o = options_of(1, 1);
	assert_int_equal(trace_generate(&o, &arena, &trace, &err), ERGON_OK);
	arena_fini(&arena);
}

static void mixes(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct generate_options o = options_of(2000, 9);
	struct trace trace;
	o.applications = "a:3:8,b";
	make(&o, &arena, &trace);
	size_t first = 0;
	for (size_t i = 0; i < trace.count; i++) {
		bool is_a = !strcmp(trace.jobs[i].application, "a");
		first += is_a;
		assert_int_equal(trace.jobs[i].batch, (is_a ? 8 : 32) * trace.jobs[i].gpus);
	}
	assert_close((double)first / 2000, 0.75, 0.05);
	o.applications = "pollux";
	make(&o, &arena, &trace);
	for (size_t i = 0; i < trace.count; i++) {
		const struct trace_job *job = &trace.jobs[i];
		double hours = job->gpus * (double)job->duration_ns / 3.6e12;
		assert_int_equal(hours >= 100, !strcmp(job->application, "imagenet"));
	}
	arena_fini(&arena);
}

static void options_in_one_text(void **state)
{
	(void)state;
	struct generate_options o = generate_defaults();
	struct ergon_error err = { 0 };
	assert_int_equal(generate_parse("jobs=500,seed=3,load=0.8,arrivals=bursty,durations=gavel,"
	                                "max-gpus=16,urgent=10%,malleable=1,users=5",
	                                &o, &err),
	                 ERGON_OK);
	assert_int_equal(o.jobs, 500);
	assert_int_equal(o.seed, 3);
	assert_int_equal(o.arrivals, ARRIVALS_BURSTY);
	assert_int_equal(o.durations, DURATIONS_GAVEL);
	assert_int_equal(o.gpus_max, 16);
	assert_int_equal(o.users, 5);
	assert_true(o.load == 0.8 && o.urgent == 0.1 && o.malleable == 1);
	static const char *const bad[] = { "jobs",        "job=5",     "jobs=x",   "=5",
		                           "arrivals=no", "load=nan",  "users=-1", ",",
		                           "jobs=5,,",    "durations=" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (generate_parse(bad[i], &o, &err) != ERGON_BAD_INPUT)
			fail_msg("'%s' was taken", bad[i]);
}

static void default_trace(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct trace trace;
	struct ergon_error err = { 0 };
	for (uint64_t gpus = 1; gpus <= 1024; gpus *= 32) {
		assert_int_equal(trace_default(gpus, &arena, &trace, &err), ERGON_OK);
		assert_int_equal(trace.count, 160);
		for (size_t i = 0; i < trace.count; i++) {
			assert_true(trace.jobs[i].gpus_max <= gpus);
			assert_true(trace.jobs[i].gpus >= trace.jobs[i].gpus_min);
			assert_true(trace.jobs[i].gpus <= trace.jobs[i].gpus_max);
		}
	}
	arena_fini(&arena);
}

static void traces_from_traces(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct generate_options o = options_of(1000, 1);
	o.urgent = 1;
	struct trace trace;
	make(&o, &arena, &trace);
	uint64_t margin = trace.jobs[500].deadline_ns - trace.jobs[500].arrival_ns;
	uint64_t last = trace.jobs[999].arrival_ns;
	assert_true(trace_stretch(&trace, 0.5));
	assert_int_equal(trace.jobs[500].deadline_ns - trace.jobs[500].arrival_ns, margin);
	assert_close((double)trace.jobs[999].arrival_ns, (double)last / 2, 1e-6);
	assert_false(trace_stretch(&trace, 1e12));
	trace_sample(&trace, 100, 3);
	assert_int_equal(trace.count, 100);
	for (size_t i = 1; i < 100; i++)
		assert_true(trace.jobs[i].line > trace.jobs[i - 1].line);
	uint64_t from = trace.jobs[10].arrival_ns, to = trace.jobs[20].arrival_ns;
	trace_window(&trace, from, to);
	assert_int_equal(trace.count, 10);
	assert_int_equal(trace.jobs[0].arrival_ns, 0);
	assert_true(trace_limit_width(&trace, 1) + trace.count == 10);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_is_exact),
		cmocka_unit_test(same_seed_same_bytes),
		cmocka_unit_test(streams_are_apart),
		cmocka_unit_test(arrivals_follow_their_law),
		cmocka_unit_test(jobs_follow_their_law),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(mixes),
		cmocka_unit_test(options_in_one_text),
		cmocka_unit_test(default_trace),
		cmocka_unit_test(traces_from_traces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
