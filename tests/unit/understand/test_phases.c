/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/phases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "support/support.h"

enum { SAMPLES_MAX = 60000, CHANGES_MAX = 256 };

struct series {
	double *samples;
	size_t count, dims;
	size_t changes[CHANGES_MAX], change_count;
};

/* Levels that differ by `jump` sigma or more from one phase to the next, in noise of variance 1
 * whose samples correlate with the ones before by `memory`. */
static void synthesize_noise(struct series *s, struct rng *rng, size_t dims, size_t count,
                             size_t phases, double jump, double memory)
{
	double level[PHASE_DIMS_MAX], noise[PHASE_DIMS_MAX] = { 0 };
	*s = (struct series){ .count = count, .dims = dims };
	s->samples = calloc(count * dims, sizeof *s->samples);
	for (size_t d = 0; d < dims; d++)
		level[d] = 100;
	size_t next = count / phases, made = 0;
	for (size_t i = 0; i < count; i++) {
		if (i == next && made + 1 < phases) {
			s->changes[s->change_count++] = i;
			made++;
			next = (made + 1) * count / phases +
			       (size_t)rng_below(rng, count / phases / 3);
			for (size_t d = 0; d < dims; d++)
				level[d] +=
				    (rng_u64(rng) >> 63 ? 1 : -1) * jump * (1 + rng_uniform(rng));
		}
		for (size_t d = 0; d < dims; d++) {
			double fresh = i == 0 ? 1 : sqrt(1 - memory * memory);
			noise[d] = memory * noise[d] + fresh * rng_normal(rng);
			s->samples[i * dims + d] = level[d] + noise[d];
		}
	}
}

static void synthesize(struct series *s, struct rng *rng, size_t dims, size_t count, size_t phases,
                       double jump)
{
	synthesize_noise(s, rng, dims, count, phases, jump, 0);
}

struct score {
	size_t hit, found, real;
	double delay; /* sum over hits of the distance */
};

static void add_score(struct score *score, const struct series *s, const size_t *found, size_t n)
{
	double tolerance = fmax(1, 0.01 * (double)s->count);
	bool taken[CHANGES_MAX] = { false };
	score->found += n;
	score->real += s->change_count;
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < s->change_count; c++) {
			double distance = fabs((double)found[i] - (double)s->changes[c]);
			if (taken[c] || distance > tolerance)
				continue;
			taken[c] = true;
			score->hit++;
			score->delay += distance;
			break;
		}
}

static void judge(const char *name, const struct score *score)
{
	double precision = (double)score->hit / (double)score->found;
	double recall = (double)score->hit / (double)score->real;
	print_message("%s: precision %.3f, recall %.3f, mean distance %.2f samples\n", name,
	              precision, recall, score->delay / (double)score->hit);
	assert_true(precision >= 0.95);
	assert_true(recall >= 0.95);
}

static void find_offline(const char *name, double jump, double effect)
{
	struct rng rng;
	rng_init(&rng, 11);
	struct score score = { 0 };
	for (int round = 0; round < 60; round++) {
		struct series s;
		struct phases phases;
		size_t found[CHANGES_MAX], n = 0;
		synthesize(&s, &rng, 1 + round % 3, 600 + (size_t)rng_below(&rng, 1500),
		           1 + round % 9, jump);
		assert_int_equal(phases_find(s.samples, s.count, s.dims,
		                             &(struct phase_options){ .effect = effect }, &phases,
		                             NULL),
		                 ERGON_OK);
		assert_int_equal(phases.items[0].begin, 0);
		assert_int_equal(phases.items[phases.count - 1].end, s.count);
		for (size_t i = 1; i < phases.count && n < CHANGES_MAX; i++) {
			assert_int_equal(phases.items[i].begin, phases.items[i - 1].end);
			found[n++] = phases.items[i].begin;
		}
		for (size_t d = 0; d < s.dims; d++)
			assert_close(phases.noise[d], 1, 0.25);
		add_score(&score, &s, found, n);
		phases_fini(&phases);
		free(s.samples);
	}
	judge(name, &score);
}

static void offline_finds_known_changes(void **state)
{
	(void)state;
	find_offline("PELT", 3, 0);
}

/* Changes of 3 to 6 times the noise are lost at --effect 6. */
static void a_larger_effect_keeps_larger_changes(void **state)
{
	(void)state;
	find_offline("PELT, effect 6, jumps of 8 or more", 8, 6);
}

static void find_in_noise_with_memory(const char *name, double memory, double jump, size_t most)
{
	struct rng rng;
	rng_init(&rng, 31);
	struct score score = { 0 };
	for (size_t round = 0; round < most; round++) {
		struct series s;
		struct phases phases;
		size_t found[CHANGES_MAX], n = 0;
		synthesize_noise(&s, &rng, 1 + round % 3, 800 + (size_t)rng_below(&rng, 800),
		                 1 + round % most, jump, memory);
		assert_int_equal(phases_find(s.samples, s.count, s.dims,
		                             &(struct phase_options){ 0 }, &phases, NULL),
		                 ERGON_OK);
		for (size_t i = 1; i < phases.count && n < CHANGES_MAX; i++)
			found[n++] = phases.items[i].begin;
		add_score(&score, &s, found, n);
		phases_fini(&phases);
		free(s.samples);
	}
	judge(name, &score);
}

static void levels_that_wander_are_no_phases(void **state)
{
	(void)state;
	find_in_noise_with_memory("noise with memory 0.7", 0.7, 6, 12);
	find_in_noise_with_memory("noise with memory 0.9", 0.9, 8, 8);
}

/* The wander is estimated between the changes, however many there are. */
static void many_phases_do_not_hide_each_other(void **state)
{
	(void)state;
	find_in_noise_with_memory("up to 30 phases", 0, 4, 30);
}

static void a_small_share_of_the_range_is_no_phase(void **state)
{
	(void)state;
	double x[300];
	struct phases p;
	for (size_t i = 0; i < 300; i++)
		x[i] = (i < 100 ? 0 : i < 200 ? 100 : 103) + 0.1 * (double)(i % 2);
	assert_int_equal(phases_find(x, 300, 1, &(struct phase_options){ 0 }, &p, NULL), ERGON_OK);
	assert_int_equal(p.count, 2);
	phases_fini(&p);
	assert_int_equal(phases_find(x, 300, 1, &(struct phase_options){ .share = -1 }, &p, NULL),
	                 ERGON_OK);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.items[2].begin, 200);
	phases_fini(&p);
}

/* PELT prunes, but finds what the full dynamic programme finds. */
static double segmentation_cost(const double *x, const size_t *begin, size_t segments, size_t n,
                                double sigma, double penalty)
{
	double total = -penalty;
	for (size_t s = 0; s < segments; s++) {
		size_t a = begin[s], b = s + 1 < segments ? begin[s + 1] : n;
		double mean = 0;
		for (size_t i = a; i < b; i++)
			mean += x[i] / (double)(b - a);
		for (size_t i = a; i < b; i++)
			total += (x[i] - mean) * (x[i] - mean) / sigma / sigma;
		total += penalty;
	}
	return total;
}

static double full_search(const double *x, size_t n, size_t least, double sigma, double penalty)
{
	double best[128];
	best[0] = -penalty;
	for (size_t t = 1; t <= n; t++) {
		best[t] = HUGE_VAL;
		for (size_t s = 0; s + least <= t; s++) {
			double mean = 0, c = 0;
			for (size_t i = s; i < t; i++)
				mean += x[i] / (double)(t - s);
			for (size_t i = s; i < t; i++)
				c += (x[i] - mean) * (x[i] - mean) / sigma / sigma;
			c += best[s] + penalty;
			best[t] = c < best[t] ? c : best[t];
		}
	}
	return best[n];
}

static void pruning_loses_nothing(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 5);
	for (int round = 0; round < 200; round++) {
		double x[100];
		size_t begin[100], n = 30 + (size_t)rng_below(&rng, 70);
		double level = 0;
		for (size_t i = 0; i < n; i++) {
			if (rng_below(&rng, 12) == 0)
				level = 6 * rng_normal(&rng);
			x[i] = level + rng_normal(&rng);
		}
		struct phases p;
		assert_int_equal(
		    phases_find(x, n, 1, &(struct phase_options){ .effect = -1 }, &p, NULL),
		    ERGON_OK);
		for (size_t i = 0; i < p.count; i++)
			begin[i] = p.items[i].begin;
		double penalty = 2 * 2 * log((double)n);
		assert_close(segmentation_cost(x, begin, p.count, n, p.noise[0], penalty),
		             full_search(x, n, 3, p.noise[0], penalty), 1e-9);
		phases_fini(&p);
	}
}

static void long_series_are_binned_and_refined(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 2);
	struct series s;
	struct phases p;
	synthesize(&s, &rng, 2, SAMPLES_MAX, 7, 4);
	assert_int_equal(phases_find(s.samples, s.count, 2, &(struct phase_options){ 0 }, &p, NULL),
	                 ERGON_OK);
	assert_int_equal(p.count, s.change_count + 1);
	for (size_t i = 0; i < s.change_count; i++)
		assert_true(fabs((double)p.items[i + 1].begin - (double)s.changes[i]) <= 2);
	phases_fini(&p);
	free(s.samples);
}

static void online_finds_them_soon(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 23);
	struct score score = { 0 };
	double delay = 0, spent_ns = 0;
	size_t alarms = 0, samples = 0;
	for (int round = 0; round < 60; round++) {
		struct series s;
		struct phase_watch watch;
		size_t found[CHANGES_MAX], n = 0;
		synthesize(&s, &rng, 1 + round % 3, 600 + (size_t)rng_below(&rng, 1500),
		           1 + round % 9, 4);
		phase_watch_init(&watch, s.dims, 0, 0);
		struct timespec a, b;
		clock_gettime(CLOCK_MONOTONIC, &a);
		for (size_t i = 0; i < s.count; i++) {
			uint64_t at;
			if (!phase_watch_add(&watch, s.samples + i * s.dims, &at))
				continue;
			delay += (double)(i - at);
			alarms++;
			if (n < CHANGES_MAX)
				found[n++] = (size_t)at;
		}
		clock_gettime(CLOCK_MONOTONIC, &b);
		spent_ns += (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
		samples += s.count;
		add_score(&score, &s, found, n);
		free(s.samples);
	}
	judge("online", &score);
	print_message("online: told %.2f samples after the change, %.0f ns a sample\n",
	              delay / (double)alarms, spent_ns / (double)samples);
	assert_true(delay / (double)alarms < 8);
}

static void loops_have_periods(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 1);
	double loop[600], noise[600];
	for (size_t i = 0; i < 600; i++) {
		loop[i] = (i % 37 < 12 ? 200 : 90) + 5 * rng_normal(&rng);
		noise[i] = rng_normal(&rng);
	}
	assert_int_equal(phases_period(loop, 600, 1, 0.5), 37);
	assert_int_equal(phases_period(noise, 600, 1, 0.5), 0);
	double flat[10] = { 0 };
	assert_int_equal(phases_period(flat, 10, 1, 0.5), 0);
}

static void edges(void **state)
{
	(void)state;
	struct phases p;
	struct ergon_error err = { 0 };
	const struct phase_options o = { 0 };
	double flat[50] = { 0 }, step[50], bad[3] = { 1, (double)NAN, 2 };
	for (size_t i = 0; i < 50; i++)
		step[i] = i < 20 ? 1 : 2;
	assert_int_equal(phases_find(flat, 50, 1, &o, &p, NULL), ERGON_OK);
	assert_int_equal(p.count, 1);
	phases_fini(&p);
	assert_int_equal(phases_find(step, 50, 1, &o, &p, NULL), ERGON_OK);
	assert_int_equal(p.count, 2);
	assert_int_equal(p.items[1].begin, 20);
	assert_close(p.items[1].mean[0], 2, 1e-12);
	phases_fini(&p);
	assert_int_equal(phases_find(step, 1, 1, &o, &p, NULL), ERGON_OK);
	assert_int_equal(p.count, 1);
	phases_fini(&p);
	assert_int_equal(phases_find(bad, 3, 1, &o, &p, &err), ERGON_BAD_INPUT);
	assert_int_equal(phases_find(bad, 0, 1, &o, &p, &err), ERGON_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offline_finds_known_changes),
		cmocka_unit_test(a_larger_effect_keeps_larger_changes),
		cmocka_unit_test(levels_that_wander_are_no_phases),
		cmocka_unit_test(many_phases_do_not_hide_each_other),
		cmocka_unit_test(a_small_share_of_the_range_is_no_phase),
		cmocka_unit_test(pruning_loses_nothing),
		cmocka_unit_test(long_series_are_binned_and_refined),
		cmocka_unit_test(online_finds_them_soon),
		cmocka_unit_test(loops_have_periods),
		cmocka_unit_test(edges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
