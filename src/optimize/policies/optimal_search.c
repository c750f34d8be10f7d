/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/optimal_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

enum { TABLE = 1 << 18, NODES = OPTIMAL_NODES_MAX, WIDTH = OPTIMAL_NODE_GPUS_MAX };

/* Where a partial schedule stands. */
struct place {
	uint64_t free_ns[NODES]
			[WIDTH]; /* of each GPU, ascending within a node, never before last_ns */
	uint64_t last_ns;        /* the latest start */
	uint64_t end_ns;         /* the latest end */
	uint32_t last_job, done; /* done: bits of the jobs that have a start */
	double stay_s, extra_j;  /* summed over them */
};

struct child {
	double bound;
	uint64_t start_ns;
	uint32_t option;
	uint8_t job, gpus[NODES];
};

/* A state that was looked into. */
struct seen {
	uint64_t hash[2], end_ns;
	double stay_s, extra_j;
};

struct search {
	const struct optimal_problem *p;
	struct optimal_answer *answer;
	struct optimal_start now[OPTIMAL_JOBS_MAX];
	struct child *children; /* [OPTIMAL_JOBS_MAX][OPTIMAL_CHILDREN_MAX] */
	struct seen *table;     /* [TABLE] */
	double least_j[OPTIMAL_JOBS_MAX], least_gpu_ns[OPTIMAL_JOBS_MAX];
	uint64_t least_ns[OPTIMAL_JOBS_MAX];
	uint32_t by_gpu_ns[OPTIMAL_JOBS_MAX]; /* jobs, the smallest first */
	uint32_t gpus;
	bool overflow;
};

static uint64_t round_up(const struct search *s, uint64_t time_ns)
{
	uint64_t interval = s->p->interval_ns;
	if (!interval)
		return time_ns;
	uint64_t rounds = (time_ns + interval - 1) / interval;
	return (rounds ? rounds : 1) * interval;
}

static double objective(const struct search *s, double stay_s, double energy_j)
{
	return s->p->time_weight * log(fmax(stay_s / s->p->jobs, 1e-12)) +
	       s->p->energy_weight * log(fmax(energy_j, 1e-12));
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* The earliest time by which the GPUs, free from `from` on, can have given that many GPU ns. */
static double time_for(const uint64_t *from, uint32_t count, double work)
{
	double sum = 0;
	for (uint32_t k = 0; k < count; k++) {
		sum += (double)from[k];
		double end = (work + sum) / (k + 1);
		if (k + 1 == count || end <= (double)from[k + 1])
			return end;
	}
	return 0;
}

static double bound_of(const struct search *s, const struct place *at)
{
	const struct optimal_problem *p = s->p;
	double alone_s = 0, queued_s = 0, extra_j = at->extra_j;
	double end = (double)at->end_ns, work = 0;
	uint64_t from[NODES * WIDTH] = { 0 };
	uint32_t count = 0;
	for (uint32_t n = 0; n < p->nodes; n++)
		for (uint32_t g = 0; g < p->node_gpus[n]; g++)
			from[count++] = at->free_ns[n][g];
	qsort(from, count, sizeof *from, ascending);
	for (uint32_t k = 0; k < p->jobs; k++) {
		uint32_t j = s->by_gpu_ns[k];
		if (at->done >> j & 1)
			continue;
		uint64_t start =
		    p->job[j].arrival_ns > at->last_ns ? p->job[j].arrival_ns : at->last_ns;
		double arrival = (double)p->job[j].arrival_ns;
		double own_end = (double)(round_up(s, start) + s->least_ns[j]);
		work += s->least_gpu_ns[j];
		double queue_end = time_for(from, count, work);
		alone_s += (own_end - arrival) * 1e-9;
		queued_s += (queue_end - arrival) * 1e-9;
		extra_j += s->least_j[j];
		end = fmax(end, fmax(own_end, queue_end));
	}
	return objective(s, at->stay_s + fmax(alone_s, queued_s),
	                 extra_j + p->floor_w * (end - (double)p->begin_ns) * 1e-9);
}

static void put(struct search *s, struct place *at, const struct child *c)
{
	const struct optimal_option *o = &s->p->job[c->job].options[c->option];
	uint64_t end = c->start_ns + o->span_ns, seen = end + o->late;
	for (uint32_t n = 0; n < s->p->nodes; n++) {
		uint64_t *free = at->free_ns[n];
		uint32_t width = s->p->node_gpus[n];
		for (uint32_t g = 0; g < width; g++) {
			uint64_t then = g < c->gpus[n] ? seen : free[g];
			free[g] = then > c->start_ns ? then : c->start_ns;
		}
		qsort(free, width, sizeof *free, ascending);
	}
	at->last_ns = c->start_ns;
	at->last_job = c->job;
	at->done |= 1u << c->job;
	at->end_ns = end > at->end_ns ? end : at->end_ns;
	at->stay_s += (double)(end - s->p->job[c->job].arrival_ns) * 1e-9;
	at->extra_j += o->extra_j;
}

/* The earliest time from start on at which the option's power fits the budget. */
static uint64_t within_budget(const struct search *s, const struct place *at,
                              const struct optimal_option *o, uint64_t start)
{
	if (isinf(s->p->budget_w))
		return start;
	for (;;) {
		double power_w = s->p->floor_w + o->extra_w;
		uint64_t next = UINT64_MAX;
		for (uint32_t j = 0; j < s->p->jobs; j++) {
			if (!(at->done >> j & 1))
				continue;
			const struct optimal_option *other =
			    &s->p->job[j].options[s->now[j].option];
			uint64_t end = s->now[j].start_ns + other->span_ns + other->late;
			if (end <= start)
				continue;
			power_w += other->extra_w;
			next = end < next ? end : next;
		}
		if (power_w <= s->p->budget_w || next == UINT64_MAX)
			return start;
		start = round_up(s, next);
	}
}

/* A job with an option on chosen nodes becomes a branch, if it may be any good. */
static void add_child(struct search *s, const struct place *at, uint32_t *count, struct child *c)
{
	const struct optimal_job *job = &s->p->job[c->job];
	uint64_t start = job->arrival_ns > at->last_ns ? job->arrival_ns : at->last_ns;
	for (uint32_t n = 0; n < s->p->nodes; n++)
		if (c->gpus[n] && at->free_ns[n][c->gpus[n] - 1] > start)
			start = at->free_ns[n][c->gpus[n] - 1];
	c->start_ns = within_budget(s, at, &job->options[c->option], round_up(s, start));
	/* Of two that start at once, the one with the lower number was placed first. */
	if (at->done && c->start_ns == at->last_ns && c->job < at->last_job)
		return;
	struct place next = *at;
	put(s, &next, c);
	c->bound = bound_of(s, &next);
	if (s->answer->found && c->bound >= s->answer->objective - 1e-12)
		return;
	if (*count == OPTIMAL_CHILDREN_MAX) {
		s->overflow = true;
		return;
	}
	s->children[(size_t)__builtin_popcount(at->done) * OPTIMAL_CHILDREN_MAX + (*count)++] = *c;
}

static bool same_node(const struct search *s, const struct place *at, uint32_t a, uint32_t b)
{
	return s->p->node_group[a] == s->p->node_group[b] &&
	       memcmp(at->free_ns[a], at->free_ns[b],
	              s->p->node_gpus[a] * sizeof at->free_ns[a][0]) == 0;
}

/* Is there an earlier node just like n of which c takes nothing? Then that one is taken instead. */
static bool is_repeated(const struct search *s, const struct place *at, const struct child *c,
                        uint32_t n)
{
	for (uint32_t m = 0; m < n; m++)
		if (!c->gpus[m] && same_node(s, at, m, n))
			return true;
	return false;
}

/* All sets of nodes: `whole` full ones from `from` on, then one with the rest. */
static void choose_nodes(struct search *s, const struct place *at, uint32_t *count, struct child *c,
                         uint32_t from, uint32_t whole, uint32_t rest)
{
	const struct optimal_option *o = &s->p->job[c->job].options[c->option];
	if (!whole && !rest) {
		add_child(s, at, count, c);
		return;
	}
	for (uint32_t n = whole ? from : 0; n < s->p->nodes; n++) {
		if (s->p->node_group[n] != o->group || c->gpus[n] || is_repeated(s, at, c, n))
			continue;
		c->gpus[n] = (uint8_t)(whole ? s->p->node_gpus[n] : rest);
		if (whole)
			choose_nodes(s, at, count, c, n + 1, whole - 1, rest);
		else
			choose_nodes(s, at, count, c, 0, 0, 0);
		c->gpus[n] = 0;
	}
}

static uint32_t node_size(const struct search *s, uint32_t group)
{
	for (uint32_t n = 0; n < s->p->nodes; n++)
		if (s->p->node_group[n] == group)
			return s->p->node_gpus[n];
	return 1;
}

static int by_bound(const void *a, const void *b)
{
	const struct child *x = a, *y = b;
	if (x->bound != y->bound)
		return x->bound < y->bound ? -1 : 1;
	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	if (x->option != y->option)
		return x->option < y->option ? -1 : 1;
	return memcmp(x->gpus, y->gpus, sizeof x->gpus);
}

static uint32_t list_children(struct search *s, const struct place *at)
{
	uint32_t count = 0, depth = (uint32_t)__builtin_popcount(at->done);
	for (uint32_t j = 0; j < s->p->jobs; j++) {
		const struct optimal_job *job = &s->p->job[j];
		if (at->done >> j & 1 || (job->twin != j && !(at->done >> job->twin & 1)))
			continue;
		for (uint32_t o = 0; o < job->count; o++) {
			struct child c = { .option = o, .job = (uint8_t)j };
			uint32_t size = node_size(s, job->options[o].group),
				 gpus = job->options[o].gpus;
			choose_nodes(s, at, &count, &c, 0, gpus / size, gpus % size);
		}
	}
	struct child *list = s->children + (size_t)depth * OPTIMAL_CHILDREN_MAX;
	qsort(list, count, sizeof *list, by_bound);
	return count;
}

static void mix(uint64_t *hash, uint64_t word)
{
	hash[0] = (hash[0] ^ word) * UINT64_C(0xff51afd7ed558ccd);
	hash[0] ^= hash[0] >> 32;
	hash[1] = (hash[1] + word) * UINT64_C(0x9e3779b97f4a7c15);
	hash[1] ^= hash[1] >> 29;
}

static int by_times(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(uint64_t) * WIDTH);
}

/* Was this state, or one as good in all respects, looked into before? Budgets need more to tell. */
static bool is_known(struct search *s, const struct place *at)
{
	uint64_t nodes[NODES][WIDTH], hash[2] = { at->done, at->last_ns };
	if (!isinf(s->p->budget_w))
		return false;
	memset(nodes, 0, sizeof nodes);
	for (uint32_t n = 0; n < s->p->nodes; n++)
		memcpy(nodes[n], at->free_ns[n], s->p->node_gpus[n] * sizeof nodes[n][0]);
	for (uint32_t n = 0, end; n < s->p->nodes; n = end) {
		for (end = n; end < s->p->nodes && s->p->node_group[end] == s->p->node_group[n];)
			end++;
		qsort(nodes[n], end - n, sizeof nodes[n], by_times);
	}
	for (uint32_t n = 0; n < s->p->nodes; n++)
		for (uint32_t g = 0; g < s->p->node_gpus[n]; g++)
			mix(hash, nodes[n][g]);
	mix(hash, at->last_job);
	struct seen *seen = &s->table[hash[0] % TABLE];
	bool same = seen->hash[0] == hash[0] && seen->hash[1] == hash[1];
	if (same && seen->end_ns <= at->end_ns && seen->stay_s <= at->stay_s &&
	    seen->extra_j <= at->extra_j)
		return true;
	*seen = (struct seen){ { hash[0], hash[1] }, at->end_ns, at->stay_s, at->extra_j };
	return false;
}

static void look_into(struct search *s, const struct place *at)
{
	const struct optimal_problem *p = s->p;
	struct optimal_answer *best = s->answer;
	uint32_t depth = (uint32_t)__builtin_popcount(at->done);
	if (depth == p->jobs) {
		double energy_j =
		    at->extra_j + p->floor_w * (double)(at->end_ns - p->begin_ns) * 1e-9;
		double value = objective(s, at->stay_s, energy_j);
		if (best->found && value >= best->objective)
			return;
		best->found = true;
		best->objective = value;
		best->mean_s = at->stay_s / p->jobs;
		best->energy_j = energy_j;
		memcpy(best->start, s->now, sizeof s->now);
		return;
	}
	if (depth && is_known(s, at))
		return;
	uint32_t count = list_children(s, at);
	for (uint32_t i = 0; i < count && !s->overflow && best->proven; i++) {
		const struct child *c = &s->children[(size_t)depth * OPTIMAL_CHILDREN_MAX + i];
		if (best->found && c->bound >= best->objective - 1e-12)
			return;
		if (best->tries++ >= p->tries_max) {
			best->proven = false;
			return;
		}
		struct place next = *at;
		put(s, &next, c);
		s->now[c->job] = (struct optimal_start){ c->start_ns, c->option, { 0 } };
		memcpy(s->now[c->job].gpus, c->gpus, sizeof c->gpus);
		look_into(s, &next);
	}
}

static void prepare(struct search *s)
{
	for (uint32_t j = 0; j < s->p->jobs; j++) {
		const struct optimal_job *job = &s->p->job[j];
		s->least_ns[j] = UINT64_MAX;
		s->least_j[j] = s->least_gpu_ns[j] = (double)INFINITY;
		for (uint32_t o = 0; o < job->count; o++) {
			const struct optimal_option *one = &job->options[o];
			double gpu_ns = (double)one->span_ns * one->gpus;
			s->least_ns[j] =
			    one->span_ns < s->least_ns[j] ? one->span_ns : s->least_ns[j];
			s->least_j[j] = fmin(s->least_j[j], one->extra_j);
			s->least_gpu_ns[j] = fmin(s->least_gpu_ns[j], gpu_ns);
		}
		uint32_t at = j;
		for (; at && s->least_gpu_ns[s->by_gpu_ns[at - 1]] > s->least_gpu_ns[j]; at--)
			s->by_gpu_ns[at] = s->by_gpu_ns[at - 1];
		s->by_gpu_ns[at] = j;
	}
}

bool optimal_search(const struct optimal_problem *problem, struct arena *arena,
                    struct optimal_answer *answer)
{
	struct search *s = ARENA_NEW(arena, struct search);
	struct place begin = { .last_ns = problem->begin_ns, .end_ns = problem->begin_ns };
	*answer = (struct optimal_answer){ .proven = true };
	if (!s)
		return false;
	s->p = problem;
	s->answer = answer;
	s->children = ARENA_ARRAY(arena, struct child, OPTIMAL_JOBS_MAX * OPTIMAL_CHILDREN_MAX);
	s->table = ARENA_ARRAY(arena, struct seen, TABLE);
	if (!s->children || !s->table)
		return false;
	for (uint32_t n = 0; n < problem->nodes; n++)
		for (uint32_t g = 0; g < problem->node_gpus[n]; g++)
			begin.free_ns[n][g] = problem->begin_ns;
	prepare(s);
	look_into(s, &begin);
	if (s->overflow)
		answer->tries = 0;
	return !s->overflow;
}
