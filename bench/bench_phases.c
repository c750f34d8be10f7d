/* SPDX-License-Identifier: Apache-2.0
 *
 * How well phases are found in a series that this machine records, with changes that are known:
 * one thread runs kernels of different nature in turn, for a random number of slices each, and what
 * it achieved in each slice (logarithm of bytes and FLOPs per CPU second) is the series. Prints
 * precision and recall at a tolerance of 1% of the series, offline and online, the delay of the
 * online detector, and what a sample costs.
 *
 *     bench_phases [ROUNDS]
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "understand/kernels/kernel.h"
#include "understand/phases.h"

enum { SLICES = 800, PHASES = 8, DIMS = 2, KINDS = 4 };
static const double SLICE_S = 0.002;

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
};

struct score {
	size_t hit, found, real;
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

static void record(struct recording *r, struct kind *kinds, struct rng *rng)
{
	size_t next = 0, kind = rng_below(rng, KINDS);
	r->change_count = 0;
	for (size_t i = 0; i < SLICES; i++) {
		if (i == next) {
			if (i > 0)
				r->changes[r->change_count++] = i;
			kind = (kind + 1 + rng_below(rng, KINDS - 1)) % KINDS;
			next += SLICES / PHASES / 2 + rng_below(rng, SLICES / PHASES);
			if (r->change_count == PHASES - 1 || SLICES - i < SLICES / PHASES)
				next = SLICES;
		}
		const struct kind *k = &kinds[kind];
		double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
		k->kernel->run(k->state, k->passes);
		double spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
		double passes = (double)k->passes / spent;
		r->samples[i * DIMS] = log(passes * k->kernel->bytes(&k->config));
		r->samples[i * DIMS + 1] = log(1 + passes * k->kernel->flops(&k->config));
	}
}

static void add_score(struct score *s, const struct recording *r, const size_t *found, size_t n)
{
	bool taken[PHASES] = { false };
	s->found += n;
	s->real += r->change_count;
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < r->change_count; c++)
			if (!taken[c] &&
			    fabs((double)found[i] - (double)r->changes[c]) <= 0.01 * SLICES) {
				taken[c] = true;
				s->hit++;
				break;
			}
}

static void print_score(const char *name, const struct score *s, double ns)
{
	printf("%-8s precision %.3f  recall %.3f  (%zu changes)  %.0f ns a sample\n", name,
	       (double)s->hit / (double)s->found, (double)s->hit / (double)s->real, s->real, ns);
}

static double offline(const struct recording *r, double effect, struct score *score)
{
	struct phases phases;
	size_t found[SLICES], n = 0;
	double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
	if (phases_find(r->samples, SLICES, DIMS, &(struct phase_options){ .effect = effect },
	                &phases, NULL))
		exit(1);
	double spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
	for (size_t i = 1; i < phases.count; i++)
		found[n++] = phases.items[i].begin;
	phases_fini(&phases);
	add_score(score, r, found, n);
	return spent;
}

static double online(const struct recording *r, double effect, struct score *score, double *delay)
{
	struct phase_watch watch;
	size_t found[SLICES], n = 0;
	phase_watch_init(&watch, DIMS, effect, 10 * effect);
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

/* Offline and online on the same recordings, changes of at least so many spreads. */
static void judge(struct kind *kinds, int rounds, double effect)
{
	struct recording *r = calloc(1, sizeof *r);
	struct score off = { 0 }, on = { 0 };
	double off_s = 0, on_s = 0, delay = 0;
	struct rng rng;
	rng_init(&rng, 5);
	for (int i = 0; r && i < rounds; i++) {
		record(r, kinds, &rng);
		off_s += offline(r, effect, &off);
		on_s += online(r, effect, &on, &delay);
	}
	free(r);
	double count = (double)rounds * SLICES;
	printf("changes of at least %g times the spread inside phases:\n", effect);
	print_score("offline", &off, off_s * 1e9 / count);
	print_score("online", &on, on_s * 1e9 / count);
	printf("online: told %.1f samples after the change\n", delay / (double)on.found);
}

int main(int argc, char **argv)
{
	struct kind kinds[KINDS] = { { .name = "fma", .size = 1 << 12 },
		                     { .name = "triad", .size = 1 << 16 },
		                     { .name = "dist", .size = 128 },
		                     { .name = "chase", .size = 1 << 16 } };
	struct ergon_env env;
	struct ergon_env_storage storage;
	int rounds = argc > 1 ? atoi(argv[1]) : 10;
	ergon_env_init(&env, &storage);
	for (size_t i = 0; i < KINDS; i++)
		if (!prepare(&kinds[i], &env))
			return 1;
	judge(kinds, rounds, 2);
	judge(kinds, rounds, 6);
	for (size_t i = 0; i < KINDS; i++) {
		kinds[i].kernel->fini(kinds[i].state);
		free(kinds[i].state);
	}
	return 0;
}
