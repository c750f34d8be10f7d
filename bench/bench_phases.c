/* SPDX-License-Identifier: Apache-2.0
 *
 * How well phases are found in a series that this machine records, with changes that are known:
 * one thread runs kernels of different nature in turn, for a random number of slices each, and what
 * it achieved in each slice (logarithm of bytes and FLOPs per CPU second) is the series. Working
 * sets stay in the core's own caches. Prints precision and recall at a tolerance of 1% of the
 * series, offline and online, at the defaults, the delay of the online detector, and what a sample
 * costs.
 *
 * Others on the machine make it faster and slower, which are changes of the series, too, that
 * nobody wrote down. So each slice begins with a control: always the same arithmetic. Recordings
 * whose control stayed within 15% are judged by themselves ("steady"), beside all of them; which
 * these are does not depend on any detector.
 *
 *     bench_phases [ROUNDS [SEED]]
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "base/stats.h"
#include "understand/kernels/kernel.h"
#include "understand/phases.h"

enum { SLICES = 800, PHASES = 8, DIMS = 2, KINDS = 8, HALF = 4, NEAR = 8 };
static const double SLICE_S = 0.0005, STEADY = 0.15, CONTROL_SHARE = 0.125, MOVED = 0.1;

struct kind {
	const char *name;
	uint64_t size;
	enum precision precision;
	const struct kernel *kernel;
	struct kernel_config config;
	void *state;
	uint64_t passes; /* of a slice */
};

struct recording {
	double samples[SLICES * DIMS];
	size_t changes[PHASES];
	size_t change_count;
	double control[SLICES]; /* logarithm of its speed */
};

struct score {
	size_t hit, found, real;
	size_t moved; /* found, of no known change, where the same kernel's speed moved */
};

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool prepare(struct kind *k, const struct ergon_env *env)
{
	if (kernel_find(k->name, &k->kernel, NULL))
		return false;
	k->config =
	    (struct kernel_config){ env, k->size, k->precision, PARADIGM_SCALAR, 1, kernel_isa() };
	k->state = aligned_alloc(64, (k->kernel->state_size + 63) / 64 * 64);
	if (!k->state || k->kernel->init(k->state, &k->config, NULL))
		return false;
	k->kernel->run(k->state, 1);
	double begin = seconds(CLOCK_PROCESS_CPUTIME_ID), spent;
	uint64_t passes = 0;
	do {
		k->kernel->run(k->state, 1);
		passes++;
		spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
	} while (spent < 5 * SLICE_S);
	k->passes = (uint64_t)fmax(1, (double)passes * SLICE_S / spent);
	return true;
}

/* Passes of one kernel a second, as a logarithm; others' time on the processor does not count. */
static double speed(const struct kind *k, uint64_t passes)
{
	double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
	k->kernel->run(k->state, passes);
	return log((double)passes / (seconds(CLOCK_PROCESS_CPUTIME_ID) - begin));
}

static void record(struct recording *r, struct kind *kinds, const struct kind *control,
                   struct rng *rng)
{
	size_t next = 0, kind = rng_below(rng, KINDS);
	r->change_count = 0;
	for (size_t i = 0; i < SLICES; i++) {
		if (i == next) {
			if (i > 0)
				r->changes[r->change_count++] = i;
			kind = (kind + 1 + rng_below(rng, KINDS - 1)) % KINDS;
			next += SLICES / PHASES / 2 + rng_below(rng, SLICES / PHASES);
			if (r->change_count == PHASES - 1 || next + SLICES / PHASES / 2 > SLICES)
				next = SLICES;
		}
		const struct kind *k = &kinds[kind];
		uint64_t few = (uint64_t)(CONTROL_SHARE * (double)control->passes) + 1;
		r->control[i] = speed(control, few);
		double log_passes = speed(k, k->passes);
		r->samples[i * DIMS] = log_passes + log(k->kernel->bytes(&k->config));
		r->samples[i * DIMS + 1] = log(1 + exp(log_passes) * k->kernel->flops(&k->config));
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Did the control keep its speed? Single slow slices are bursts, not levels. */
static bool is_steady(const struct recording *r)
{
	double level[SLICES], window[2 * HALF + 1];
	size_t n = 0;
	for (size_t i = HALF; i + HALF < SLICES; i++) {
		for (size_t k = 0; k < 2 * HALF + 1; k++)
			window[k] = r->control[i - HALF + k];
		level[n++] = stats_median(window, 2 * HALF + 1);
	}
	qsort(level, n, sizeof *level, by_value);
	return level[n * 98 / 100] - level[n * 2 / 100] < STEADY;
}

static double level(const struct recording *r, size_t begin, size_t end)
{
	double values[NEAR];
	size_t n = 0;
	for (size_t i = begin; i < end && n < NEAR; i++)
		values[n++] = r->samples[i * DIMS];
	return stats_median(values, n);
}

/* Between the known changes beside it. */
static bool speed_moved(const struct recording *r, size_t at)
{
	size_t begin = 0, end = SLICES;
	for (size_t c = 0; c < r->change_count; c++) {
		if (r->changes[c] <= at)
			begin = r->changes[c];
		else if (end == SLICES)
			end = r->changes[c];
	}
	if (at == begin)
		return false;
	begin = at - begin > NEAR ? at - NEAR : begin;
	return fabs(level(r, at, end) - level(r, begin, at)) > MOVED;
}

static void add_score(struct score *s, const struct recording *r, const size_t *found, size_t n)
{
	bool taken[PHASES] = { false };
	s->found += n;
	s->real += r->change_count;
	for (size_t i = 0; i < n; i++) {
		size_t c = 0;
		while (c < r->change_count &&
		       (taken[c] || fabs((double)found[i] - (double)r->changes[c]) > 0.01 * SLICES))
			c++;
		if (c < r->change_count) {
			taken[c] = true;
			s->hit++;
		} else {
			s->moved += speed_moved(r, found[i]);
		}
	}
}

struct verdict {
	struct score offline, online;
	double offline_s, online_s, delay;
	size_t recordings;
};

static void print_score(const char *name, const struct score *s, double ns)
{
	printf("%-8s precision %.3f  recall %.3f  (%zu changes)  %.0f ns a sample\n", name,
	       (double)s->hit / (double)s->found, (double)s->hit / (double)s->real, s->real, ns);
	if (s->found > s->hit)
		printf("         %zu of no known change; at %zu of them the same kernel's speed "
		       "moved\n",
		       s->found - s->hit, s->moved);
}

static double offline(const struct recording *r, struct score *score)
{
	struct phases phases;
	size_t found[SLICES], n = 0;
	double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
	if (phases_find(r->samples, SLICES, DIMS, &(struct phase_options){ 0 }, &phases, NULL))
		exit(1);
	double spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
	for (size_t i = 1; i < phases.count; i++)
		found[n++] = phases.items[i].begin;
	phases_fini(&phases);
	add_score(score, r, found, n);
	return spent;
}

static double online(const struct recording *r, struct score *score, double *delay)
{
	struct phase_watch watch;
	size_t found[SLICES], n = 0;
	phase_watch_init(&watch, DIMS, 0, 0);
	double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (size_t i = 0; i < SLICES; i++) {
		uint64_t at;
		if (phase_watch_add(&watch, r->samples + i * DIMS, &at)) {
			*delay += (double)(i - at);
			found[n++] = at;
		}
	}
	double spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
	add_score(score, r, found, n);
	return spent;
}

static void judge(const struct recording *r, struct verdict *v)
{
	v->recordings++;
	v->offline_s += offline(r, &v->offline);
	v->online_s += online(r, &v->online, &v->delay);
}

static void print_verdict(const char *name, const struct verdict *v)
{
	double count = (double)v->recordings * SLICES;
	printf("%s: %zu recordings of %d samples\n", name, v->recordings, SLICES);
	if (v->recordings == 0)
		return;
	print_score("offline", &v->offline, v->offline_s * 1e9 / count);
	print_score("online", &v->online, v->online_s * 1e9 / count);
	printf("online: told %.1f samples after the change\n", v->delay / (double)v->online.found);
}

int main(int argc, char **argv)
{
	struct kind kinds[KINDS] = {
		{ .name = "fma", .size = 1 << 10 },       { .name = "triad", .size = 1 << 9 },
		{ .name = "dist", .size = 32 },           { .name = "chase", .size = 1 << 9 },
		{ .name = "stencil", .size = 16 },        { .name = "softmax", .size = 32 },
		{ .name = "reduction", .size = 1 << 10 }, { .name = "montecarlo", .size = 1 << 10 },
	};
	struct kind control = { .name = "fma", .size = 1 << 10 };
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct rng rng;
	struct verdict all = { 0 }, steady = { 0 };
	struct recording *r = calloc(1, sizeof *r);
	int rounds = argc > 1 ? atoi(argv[1]) : 100;
	rng_init(&rng, argc > 2 ? (uint64_t)atoi(argv[2]) : 5);
	ergon_env_init(&env, &storage);
	if (!r || !prepare(&control, &env))
		return 1;
	for (size_t i = 0; i < KINDS; i++)
		if (!prepare(&kinds[i], &env))
			return 1;
	for (int i = 0; i < rounds; i++) {
		record(r, kinds, &control, &rng);
		judge(r, &all);
		if (is_steady(r))
			judge(r, &steady);
	}
	print_verdict("steady machine", &steady);
	print_verdict("all", &all);
	free(r);
	for (size_t i = 0; i < KINDS; i++) {
		kinds[i].kernel->fini(kinds[i].state);
		free(kinds[i].state);
	}
	control.kernel->fini(control.state);
	free(control.state);
	return 0;
}
