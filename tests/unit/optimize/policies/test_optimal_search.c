/* SPDX-License-Identifier: Apache-2.0
 *
 * Branch and bound against the enumeration of all schedules, which knows nothing of its arguments:
 * every order of the jobs, every option, every set of single GPUs, each job at the earliest time at
 * which its GPUs (gaps included) and the power allow all of it.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "optimize/policies/optimal_search.h"

enum { JOBS = 3, GPUS_MAX = 5, OPTIONS = 2 };

struct case_of {
	struct optimal_problem p;
	struct optimal_job jobs[JOBS];
	struct optimal_option options[JOBS][OPTIONS];
	uint32_t node_gpus[3], node_group[3];
};

struct placed {
	uint64_t start, end, seen;
	uint32_t gpus; /* bits */
	double extra_w;
};

struct enumeration {
	const struct case_of *c;
	uint32_t gpu_node[GPUS_MAX], gpus;
	struct placed placed[JOBS];
	bool is_placed[JOBS];
	double best;
	uint64_t schedules;
};

static void draw(struct case_of *c, struct rng *rng, int kind)
{
	memset(c, 0, sizeof *c);
	uint32_t nodes = kind % 2 ? 2 : 3, groups = kind % 3 ? 1 : 2;
	for (uint32_t n = 0; n < nodes; n++) {
		c->node_group[n] = groups == 2 && n == nodes - 1;
		c->node_gpus[n] = nodes == 3 ? 1 : 2;
	}
	if (groups == 2)
		c->node_gpus[nodes - 1]++;
	for (uint32_t j = 0; j < JOBS; j++) {
		for (uint32_t o = 0; o < OPTIONS; o++) {
			struct optimal_option *one = &c->options[j][o];
			one->group = groups == 2 && rng_below(rng, 2);
			one->gpus = 1 + (uint32_t)rng_below(rng, 2);
			one->span_ns = (1 + rng_below(rng, 40)) * 1000000000;
			one->late = kind >= 10 && rng_below(rng, 4) == 0;
			one->extra_w = 20 + (double)(rng_below(rng, 60));
			one->extra_j = one->extra_w * (double)one->span_ns * 1e-9;
		}
		c->jobs[j] = (struct optimal_job){
			j ? c->jobs[j - 1].arrival_ns + rng_below(rng, 12) * 1000000000 : 0, j,
			OPTIONS, c->options[j]
		};
	}
	c->p = (struct optimal_problem){ .jobs = JOBS,
		                         .nodes = nodes,
		                         .job = c->jobs,
		                         .node_gpus = c->node_gpus,
		                         .node_group = c->node_group,
		                         .interval_ns = kind >= 10 ? 7000000000 : 0,
		                         .floor_w = 30,
		                         .budget_w = kind % 5 == 4 ? 130 : (double)INFINITY,
		                         .time_weight = kind % 4 == 1 ? 0 : 1,
		                         .energy_weight = kind % 4 == 2 ? 0 : 1,
		                         .tries_max = 1000000 };
}

static bool fits(const struct enumeration *e, uint32_t job, uint64_t start, uint64_t end,
                 uint32_t gpus, double extra_w)
{
	for (uint32_t k = 0; k < JOBS; k++) {
		const struct placed *a = &e->placed[k];
		if (k == job || !e->is_placed[k] || a->start >= end || a->seen <= start)
			continue;
		if (a->gpus & gpus)
			return false;
	}
	/* Power at the start, and at every later start of others within. */
	for (uint32_t k = 0; k <= JOBS; k++) {
		uint64_t at = k == JOBS ? start : e->placed[k].start;
		if (k < JOBS && (!e->is_placed[k] || k == job || at < start || at >= end))
			continue;
		double power_w = e->c->p.floor_w + extra_w;
		for (uint32_t m = 0; m < JOBS; m++)
			if (m != job && e->is_placed[m] && e->placed[m].start <= at &&
			    e->placed[m].seen > at)
				power_w += e->placed[m].extra_w;
		if (power_w > e->c->p.budget_w)
			return false;
	}
	return true;
}

static uint64_t next_round(const struct enumeration *e, uint64_t at)
{
	uint64_t interval = e->c->p.interval_ns;
	if (!interval)
		return at;
	uint64_t rounds = (at + interval - 1) / interval;
	return (rounds ? rounds : 1) * interval;
}

static void close_schedule(struct enumeration *e)
{
	const struct optimal_problem *p = &e->c->p;
	double stay_s = 0, energy_j = 0;
	uint64_t last = 0;
	for (uint32_t j = 0; j < JOBS; j++) {
		const struct placed *a = &e->placed[j];
		stay_s += (double)(a->end - p->job[j].arrival_ns) * 1e-9;
		energy_j += a->extra_w * (double)(a->end - a->start) * 1e-9;
		last = a->end > last ? a->end : last;
	}
	energy_j += p->floor_w * (double)last * 1e-9;
	double value = p->time_weight * log(stay_s / JOBS) + p->energy_weight * log(energy_j);
	e->best = fmin(e->best, value);
	e->schedules++;
}

static void place_next(struct enumeration *e);

static void try_gpus(struct enumeration *e, uint32_t j, const struct optimal_option *o,
                     uint32_t set)
{
	uint64_t best = UINT64_MAX;
	uint64_t candidates[JOBS + 1] = { e->c->jobs[j].arrival_ns };
	for (uint32_t k = 0; k < JOBS; k++)
		candidates[k + 1] = e->is_placed[k] ? e->placed[k].seen : 0;
	for (uint32_t k = 0; k <= JOBS; k++) {
		uint64_t at = candidates[k] > candidates[0] ? candidates[k] : candidates[0];
		at = next_round(e, at);
		if (at < best && fits(e, j, at, at + o->span_ns + o->late, set, o->extra_w))
			best = at;
	}
	assert_true(best != UINT64_MAX);
	e->placed[j] = (struct placed){ best, best + o->span_ns, best + o->span_ns + o->late, set,
		                        o->extra_w };
	e->is_placed[j] = true;
	place_next(e);
	e->is_placed[j] = false;
}

static void place_next(struct enumeration *e)
{
	bool all = true;
	for (uint32_t j = 0; j < JOBS; j++) {
		if (e->is_placed[j])
			continue;
		all = false;
		for (uint32_t o = 0; o < OPTIONS; o++) {
			const struct optimal_option *one = &e->c->options[j][o];
			for (uint32_t set = 1; set < 1u << e->gpus; set++) {
				uint32_t nodes = 0, group = UINT32_MAX, size = 0;
				for (uint32_t g = 0; g < e->gpus; g++)
					if (set >> g & 1) {
						nodes |= 1u << e->gpu_node[g];
						group = e->c->node_group[e->gpu_node[g]];
						size = e->c->node_gpus[e->gpu_node[g]];
						if (group != one->group)
							break;
					}
				uint32_t wanted = (one->gpus + size - 1) / size;
				if (group == one->group &&
				    (uint32_t)__builtin_popcount(set) == one->gpus &&
				    (uint32_t)__builtin_popcount(nodes) == wanted)
					try_gpus(e, j, one, set);
			}
		}
	}
	if (all)
		close_schedule(e);
}

static bool possible(const struct case_of *c)
{
	for (uint32_t j = 0; j < JOBS; j++)
		for (uint32_t o = 0; o < OPTIONS; o++) {
			const struct optimal_option *one = &c->options[j][o];
			uint32_t room = 0;
			for (uint32_t n = 0; n < c->p.nodes; n++)
				room += c->node_group[n] == one->group ? c->node_gpus[n] : 0;
			if (room < one->gpus || c->p.floor_w + one->extra_w > c->p.budget_w)
				return false;
		}
	return true;
}

static void test_against_enumeration(void **state)
{
	(void)state;
	struct rng rng;
	int compared = 0;
	rng_init(&rng, 11);
	for (int round = 0; round < 120; round++) {
		struct case_of c;
		draw(&c, &rng, round % 20);
		if (!possible(&c))
			continue;
		struct enumeration e = { .c = &c, .best = (double)INFINITY };
		for (uint32_t n = 0; n < c.p.nodes; n++)
			for (uint32_t g = 0; g < c.node_gpus[n]; g++)
				e.gpu_node[e.gpus++] = n;
		place_next(&e);
		struct arena arena;
		arena_init(&arena);
		struct optimal_answer answer;
		assert_true(optimal_search(&c.p, &arena, &answer));
		assert_true(answer.proven && answer.found);
		if (fabs(answer.objective - e.best) > 1e-9)
			fail_msg("case %d: %.12g, all schedules: %.12g", round, answer.objective,
			         e.best);
		assert_true(answer.tries < e.schedules);
		arena_fini(&arena);
		compared++;
	}
	assert_true(compared >= 60);
}

/* Two jobs of 10 s on one GPU, or of 6 s on both GPUs of a node: together on one each they stay
 * 10 s in the mean; one after the other on two, (6 + 12) / 2 = 9 s. */
static void test_by_hand(void **state)
{
	(void)state;
	const uint64_t second = 1000000000;
	const struct optimal_option options[] = {
		{ .gpus = 1, .span_ns = 10 * second, .extra_j = 100, .extra_w = 10 },
		{ .gpus = 2, .span_ns = 6 * second, .extra_j = 120, .extra_w = 20 },
	};
	const struct optimal_job jobs[] = { { 0, 0, 2, options }, { 0, 0, 2, options } };
	const uint32_t gpus[] = { 2 }, group[] = { 0 };
	struct optimal_problem p = { .jobs = 2,
		                     .nodes = 1,
		                     .job = jobs,
		                     .node_gpus = gpus,
		                     .node_group = group,
		                     .floor_w = 5,
		                     .budget_w = (double)INFINITY,
		                     .time_weight = 1,
		                     .tries_max = 1000 };
	struct arena arena;
	struct optimal_answer answer;
	arena_init(&arena);
	assert_true(optimal_search(&p, &arena, &answer));
	assert_close(answer.mean_s, 9, 1e-12);
	assert_close(answer.energy_j, 240 + 5 * 12, 1e-12);
	/* Least energy: on one GPU each, 200 J and 5 W for 10 s. */
	p.time_weight = 0;
	p.energy_weight = 1;
	assert_true(optimal_search(&p, &arena, &answer));
	assert_close(answer.energy_j, 250, 1e-12);
	assert_close(answer.mean_s, 10, 1e-12);
	/* Under 15 W only one job may run at a time, on one GPU. */
	p.budget_w = 15;
	assert_true(optimal_search(&p, &arena, &answer));
	assert_close(answer.mean_s, 15, 1e-12);
	assert_true(answer.proven);
	p.tries_max = 1;
	assert_true(optimal_search(&p, &arena, &answer));
	assert_false(answer.proven);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_against_enumeration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
