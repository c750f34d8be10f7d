/* SPDX-License-Identifier: Apache-2.0
 *
 * Gavel (Narayanan et al., OSDI 2020): a linear program says which part of the time each job should
 * spend on each type of GPU; rounds (of --interval, else 360 s) follow it by priority, which is the
 * part that a job should have had over the part that it has had.
 *
 *   gavel        max-min fairness aware of the types: maximise the least, over jobs, of
 *                weight x GPUs x (throughput by the plan / throughput on equal shares of all types)
 *   gavel-blind  the same with every throughput 1: blind to types, which take turns in being first
 *   gavel-fifo   in order of arrival, one type each until the end; the last type of the cluster
 *                fills last
 *
 * As in its simulator: time is counted from half a round per job and type; the program is solved
 * anew when jobs have come or gone, but (from the second time on) at most every 1920 s; a job that
 * it does not know yet has no priority, and GPUs left for such a job stay idle for the round; jobs
 * with no time on a type fill what is left of it; ties go by the time that a job is short of, then
 * by its part.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"
#include "optimize/policies/rigid.h"
#include "optimize/solver/linear.h"

enum share_rule { SHARE_AWARE, SHARE_BLIND, SHARE_FIFO };

static const uint64_t least_reset_ns = 1920 * NS_PER_S;
static const uint64_t default_round_ns = 360 * NS_PER_S;

/* What is kept for a job and a type. */
struct part {
	double share;   /* of its time that it should spend there */
	double time_s;  /* that it has spent there since the last reset, and half a round */
	double short_s; /* time that it is short of from before the last reset */
};

struct entry {
	double priority, short_s, share;
	uint32_t job;
};

struct gavel {
	enum share_rule rule;
	struct arena *arena;
	struct linear_solver *linear;
	struct rng rng;
	uint32_t groups, seen;
	uint32_t by_name[CLUSTER_GROUPS_MAX],
	    place[CLUSTER_GROUPS_MAX]; /* types in order of name */
	struct part *parts;            /* [jobs * groups] */
	bool *known;                   /* [jobs]: to the last program */
	uint32_t *held, *ran; /* [jobs]: group in the last round; the jobs that ran, ran_count */
	uint32_t *wanted;     /* [jobs]: group in this round, or POOL_NONE */
	struct entry *entries;
	uint32_t *order; /* [jobs]: active */
	uint32_t ran_count, active;
	double group_s[CLUSTER_GROUPS_MAX]; /* spent there by all since the last reset */
	double round_s;
	uint64_t interval_ns, last_ns, reset_ns, round_end_ns;
	uint64_t solved; /* programs */
	bool changed;
	/* The program, grown as needed. */
	struct linear_program lp;
	int *start, *index;
	double *value, *lower, *upper, *objective, *row_lower, *row_upper, *solution, *equal;
	uint32_t capacity;
};

/* Where several plans are best, the one that the simplex finds depends on the order of the columns:
 * by the names of the types, as in its authors' program, but for the blind one as the cluster has
 * them. */
static void sort_types(struct gavel *v, const struct cluster *cluster)
{
	for (uint32_t g = 0; g < v->groups; g++) {
		uint32_t at = g;
		for (;
		     at && v->rule != SHARE_BLIND &&
		     strcmp(cluster->groups[v->by_name[at - 1]].type, cluster->groups[g].type) > 0;
		     at--)
			v->by_name[at] = v->by_name[at - 1];
		v->by_name[at] = g;
	}
	for (uint32_t i = 0; i < v->groups; i++)
		v->place[v->by_name[i]] = i;
}

static enum ergon_code init(struct gavel *v, const struct policy_setup *setup, enum share_rule rule,
                            struct ergon_error *err)
{
	uint32_t count = setup->jobs->count;
	uint64_t round_ns = setup->options->interval_ns;
	v->rule = rule;
	v->arena = setup->arena;
	v->linear = setup->services->linear;
	v->groups = (uint32_t)setup->cluster->spec->group_count;
	v->interval_ns = round_ns;
	v->round_s = (double)(round_ns ? round_ns : default_round_ns) * 1e-9;
	sort_types(v, setup->cluster->spec);
	rng_init(&v->rng, setup->options->seed);
	v->parts = ARENA_ARRAY(v->arena, struct part, (size_t)count * v->groups);
	v->known = ARENA_ARRAY(v->arena, bool, count);
	v->held = ARENA_ARRAY(v->arena, uint32_t, count);
	v->ran = ARENA_ARRAY(v->arena, uint32_t, count);
	v->wanted = ARENA_ARRAY(v->arena, uint32_t, count);
	v->order = ARENA_ARRAY(v->arena, uint32_t, count);
	v->entries = ARENA_ARRAY(v->arena, struct entry, count);
	if (!v->parts || !v->known || !v->held || !v->ran || !v->wanted || !v->order || !v->entries)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (rule == SHARE_FIFO)
		return ERGON_OK;
	if (!v->linear)
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "policy gavel needs a linear solver");
	return linear_solver_open(v->linear, false, err);
}

static enum ergon_code init_aware(void *state, const struct policy_setup *setup,
                                  struct ergon_error *err)
{
	return init(state, setup, SHARE_AWARE, err);
}

static enum ergon_code init_blind(void *state, const struct policy_setup *setup,
                                  struct ergon_error *err)
{
	return init(state, setup, SHARE_BLIND, err);
}

static enum ergon_code init_fifo(void *state, const struct policy_setup *setup,
                                 struct ergon_error *err)
{
	return init(state, setup, SHARE_FIFO, err);
}

static struct part *part_of(const struct gavel *v, uint32_t job, uint32_t group)
{
	return &v->parts[(size_t)job * v->groups + group];
}

/* Progress a second of the job as asked on a type; 0 where it does not run. */
static double rate_of(const struct gavel *v, const struct policy_call *call, uint32_t job,
                      uint32_t group)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct pool_group *g = &call->cluster->pool->groups[group];
	if (facts->gpus > g->nodes * g->gpus_per_node)
		return 0;
	const struct estimate *e = oracle_packed(call->oracle, facts, group, facts->gpus, 0);
	if (!e->rate)
		return 0;
	return v->rule == SHARE_AWARE ? e->rate[call->jobs->state[job].epoch] : 1;
}

static uint32_t gpus_of(const struct policy_call *call, uint32_t group)
{
	const struct pool_group *g = &call->cluster->pool->groups[group];
	return g->nodes * g->gpus_per_node;
}

/* How long a job works in a round: a step that the end would cut is not begun. */
static double work_s(const struct gavel *v, const struct estimate *e)
{
	if (!(e->iteration_s > 0) || e->iteration_s > v->round_s)
		return v->round_s;
	return floor(v->round_s / e->iteration_s + 1e-9) * e->iteration_s;
}

/* Books the round that is over; says whether jobs have come or gone since the last look. */
static void account(struct gavel *v, const struct policy_call *call)
{
	const struct jobs_view *jobs = call->jobs;
	for (uint32_t i = 0; i < v->ran_count; i++) {
		uint32_t j = v->ran[i];
		const struct job_state *state = &jobs->state[j];
		uint64_t until = state->status == JOB_DONE ? state->end_ns : call->now_ns;
		double span_s = (double)(until - v->last_ns) * 1e-9;
		if (state->status != JOB_DONE)
			span_s = fmin(span_s, work_s(v, state->estimate));
		part_of(v, j, v->held[j])->time_s += span_s;
		v->group_s[v->held[j]] += span_s;
		v->changed = v->changed || state->status == JOB_DONE;
	}
	v->changed = v->changed || v->seen < jobs->arrived;
	for (; v->seen < jobs->arrived; v->seen++)
		for (uint32_t g = 0; g < v->groups; g++)
			part_of(v, v->seen, g)->time_s = 0.5 * v->round_s;
	v->active = 0;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next)
		v->order[v->active++] = j;
	v->last_ns = call->now_ns;
}

static void reset_times(struct gavel *v, const struct policy_call *call)
{
	double elapsed_s = (double)(call->now_ns - v->reset_ns) * 1e-9;
	for (uint32_t g = 0; g < v->groups; g++) {
		v->group_s[g] = 0.5 * v->round_s * v->active;
		for (uint32_t i = 0; i < v->active; i++) {
			struct part *p = part_of(v, v->order[i], g);
			double due_s = v->known[v->order[i]] ? p->share * elapsed_s : 0;
			p->short_s += due_s - (p->time_s - 0.5 * v->round_s);
			p->time_s = 0.5 * v->round_s;
		}
	}
	v->reset_ns = call->now_ns;
}

static bool make_room(struct gavel *v, uint32_t jobs)
{
	if (jobs <= v->capacity)
		return true;
	uint32_t capacity = v->capacity ? v->capacity : 64;
	while (capacity < jobs)
		capacity *= 2;
	size_t columns = (size_t)capacity * v->groups + 1, rows = 2 * (size_t)capacity + v->groups;
	v->start = ARENA_ARRAY(v->arena, int, columns + 1);
	v->index = ARENA_ARRAY(v->arena, int, 3 * columns + capacity);
	v->value = ARENA_ARRAY(v->arena, double, 3 * columns + capacity);
	v->lower = ARENA_ARRAY(v->arena, double, columns);
	v->upper = ARENA_ARRAY(v->arena, double, columns);
	v->objective = ARENA_ARRAY(v->arena, double, columns);
	v->solution = ARENA_ARRAY(v->arena, double, columns);
	v->equal = ARENA_ARRAY(v->arena, double, capacity);
	v->row_lower = ARENA_ARRAY(v->arena, double, rows);
	v->row_upper = ARENA_ARRAY(v->arena, double, rows);
	v->capacity = v->solution && v->row_upper && v->row_lower && v->index && v->value &&
	                      v->start && v->lower && v->upper && v->objective && v->equal
	                  ? capacity
	                  : 0;
	return v->capacity > 0;
}

/* Rows: one a job (its throughput is at least t), one a job (its time is at most all), one a type
 * (its GPUs). Columns: t, then type by type the part of each job's time. */
static void write_column(struct gavel *v, const struct policy_call *call, int i, uint32_t g,
                         int *at)
{
	const struct job_facts *facts = &call->jobs->facts[v->order[i]];
	int n = (int)v->active, column = 1 + (int)v->place[g] * n + i;
	double rate = rate_of(v, call, v->order[i], g);
	v->start[column] = *at;
	if (v->equal[i] > 0) {
		v->index[*at] = i;
		v->value[(*at)++] = rate / v->equal[i] * facts->gpus / facts->criticality;
	}
	v->index[*at] = n + i;
	v->value[(*at)++] = 1;
	v->index[*at] = 2 * n + (int)g;
	v->value[(*at)++] = facts->gpus;
	v->lower[column] = 0;
	v->upper[column] = rate > 0 ? 1 : 0;
	v->objective[column] = 0;
}

static void write_program(struct gavel *v, const struct policy_call *call)
{
	int n = (int)v->active, at = 0;
	double all = 0;
	for (uint32_t g = 0; g < v->groups; g++)
		all += gpus_of(call, g);
	v->start[0] = 0;
	v->lower[0] = -HUGE_VAL;
	v->upper[0] = HUGE_VAL;
	v->objective[0] = 1;
	for (int i = 0; i < n; i++) {
		v->index[at] = i;
		v->value[at++] = -1;
		v->row_lower[i] = 0;
		v->row_upper[i] = HUGE_VAL;
		v->row_lower[n + i] = -HUGE_VAL;
		v->row_upper[n + i] = 1;
		v->equal[i] = 0;
		for (uint32_t g = 0; g < v->groups; g++)
			v->equal[i] += rate_of(v, call, v->order[i], g) * gpus_of(call, g) / all;
	}
	for (uint32_t g = 0; g < v->groups; g++) {
		v->row_lower[2 * n + (int)g] = -HUGE_VAL;
		v->row_upper[2 * n + (int)g] = gpus_of(call, g);
	}
	for (uint32_t k = 0; k < v->groups; k++)
		for (int i = 0; i < n; i++)
			write_column(v, call, i, v->by_name[k], &at);
	int columns = 1 + n * (int)v->groups;
	v->start[columns] = at;
	v->lp = (struct linear_program){ .columns = columns,
		                         .rows = 2 * n + (int)v->groups,
		                         .start = v->start,
		                         .index = v->index,
		                         .value = v->value,
		                         .lower = v->lower,
		                         .upper = v->upper,
		                         .objective = v->objective,
		                         .row_lower = v->row_lower,
		                         .row_upper = v->row_upper,
		                         .maximise = true };
}

static enum ergon_code share_by_program(struct gavel *v, const struct policy_call *call,
                                        struct ergon_error *err)
{
	if (!make_room(v, v->active))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	write_program(v, call);
	enum ergon_code code = linear_solve(v->linear, &v->lp, v->solution, err);
	for (uint32_t i = 0; i < v->active && !code; i++)
		for (uint32_t g = 0; g < v->groups; g++) {
			double share = v->solution[1 + (size_t)v->place[g] * v->active + i];
			/* A simplex answers to about 1e-9; what is smaller is no share. */
			part_of(v, v->order[i], g)->share = share > 1e-9 ? fmin(share, 1) : 0;
		}
	return code;
}

/* In order of arrival, each the first type with room; a job keeps its type. */
static void share_in_order(struct gavel *v, const struct policy_call *call)
{
	uint32_t left[CLUSTER_GROUPS_MAX];
	for (uint32_t g = 0; g < v->groups; g++)
		left[g] = gpus_of(call, g);
	for (uint32_t i = 0; i < v->active; i++)
		for (uint32_t g = 0; g < v->groups; g++)
			if (part_of(v, v->order[i], g)->share > 0)
				left[g] -= call->jobs->facts[v->order[i]].gpus;
	for (uint32_t i = 0; i < v->active; i++) {
		uint32_t job = v->order[i], gpus = call->jobs->facts[job].gpus, g = 0;
		bool has = false;
		for (g = 0; g < v->groups; g++)
			has = has || part_of(v, job, g)->share > 0;
		if (has)
			continue;
		for (g = 0; g < v->groups; g++)
			if (gpus <= left[g] && rate_of(v, call, job, g) > 0)
				break;
		if (g == v->groups)
			return;
		part_of(v, job, g)->share = 1;
		left[g] -= gpus;
	}
}

static int by_priority(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (x->short_s != y->short_s)
		return x->short_s > y->short_s ? -1 : 1;
	if (x->share != y->share)
		return x->share > y->share ? -1 : 1;
	return (x->job > y->job) - (x->job < y->job);
}

static double priority_of(const struct gavel *v, uint32_t job, uint32_t group)
{
	const struct part *p = part_of(v, job, group);
	if (!v->known[job] || !(p->share > 0))
		return 0;
	double had = v->group_s[group] > 0 ? p->time_s / v->group_s[group] : 0;
	return had > 0 ? p->share / had : p->share * 1e9;
}

/* Jobs for one type, by priority. */
static void fill_group(struct gavel *v, const struct policy_call *call, uint32_t group)
{
	uint32_t left = gpus_of(call, group), count = 0;
	for (uint32_t i = 0; i < v->active; i++) {
		uint32_t job = v->order[i];
		const struct part *p = part_of(v, job, group);
		double priority = priority_of(v, job, group);
		if (v->wanted[job] != POOL_NONE || (v->rule == SHARE_FIFO && !(priority > 0)) ||
		    !(rate_of(v, call, job, group) > 0))
			continue;
		v->entries[count++] =
		    (struct entry){ priority, p->short_s, v->known[job] ? p->share : 0, job };
	}
	qsort(v->entries, count, sizeof *v->entries, by_priority);
	for (uint32_t i = 0; i < count && left; i++) {
		uint32_t job = v->entries[i].job, gpus = call->jobs->facts[job].gpus;
		if (gpus > left)
			continue;
		left -= gpus;
		v->wanted[job] = group;
	}
}

static int by_size(const void *a, const void *b, void *user)
{
	const struct job_facts *facts = user;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	if (facts[x].gpus != facts[y].gpus)
		return facts[x].gpus > facts[y].gpus ? -1 : 1;
	return (x > y) - (x < y);
}

static enum ergon_code apply(struct gavel *v, const struct policy_call *call, struct plan *plan,
                             struct ergon_error *err)
{
	const struct job_state *state = call->jobs->state;
	v->ran_count = 0;
	for (uint32_t i = 0; i < v->active; i++) {
		uint32_t job = v->order[i];
		if (!v->known[job])
			v->wanted[job] = POOL_NONE;
		if (state[job].gpus && state[job].group != v->wanted[job])
			plan_preempt(plan, job);
		if (v->wanted[job] != POOL_NONE)
			v->ran[v->ran_count++] = job;
	}
	/* Large jobs first, so that they find whole nodes. */
	qsort_r(v->ran, v->ran_count, sizeof *v->ran, by_size,
	        (void *)(uintptr_t)call->jobs->facts);
	uint32_t ran = 0;
	for (uint32_t i = 0; i < v->ran_count; i++) {
		uint32_t job = v->ran[i];
		enum ergon_code code = ERGON_OK;
		if (!state[job].gpus)
			code = plan_place(plan, job, v->wanted[job], call->jobs->facts[job].gpus, 0,
			                  SPREAD_PACKED, err);
		if (code && code != ERGON_INFEASIBLE)
			return code;
		v->held[job] = v->wanted[job];
		if (!code)
			v->ran[ran++] = job;
	}
	v->ran_count = ran;
	return ERGON_OK;
}

/* Without an interval the policy keeps its own rounds: from when there is something to run until
 * the last job of the round has done its steps. */
static bool round_is_on(struct gavel *v, const struct policy_call *call, struct plan *plan)
{
	if (v->interval_ns || call->now_ns >= v->round_end_ns)
		return false;
	for (uint32_t i = 0; i < v->ran_count; i++)
		if (call->jobs->state[v->ran[i]].status != JOB_DONE) {
			plan_wake_at(plan, v->round_end_ns);
			return true;
		}
	return false;
}

static void begin_round(struct gavel *v, const struct policy_call *call, struct plan *plan)
{
	double longest_s = 0;
	if (v->interval_ns || !v->ran_count)
		return;
	for (uint32_t i = 0; i < v->ran_count; i++)
		longest_s = fmax(longest_s, work_s(v, call->jobs->state[v->ran[i]].estimate));
	v->round_end_ns = call->now_ns + ns_from_seconds(longest_s);
	plan_wake_at(plan, v->round_end_ns);
}

static bool plan_is_due(const struct gavel *v, const struct policy_call *call)
{
	if (!v->changed || v->solved < 2 || call->now_ns - v->reset_ns >= least_reset_ns)
		return v->changed;
	for (uint32_t i = 0; i < v->active; i++)
		if (call->jobs->state[v->order[i]].gpus)
			return false;
	return true; /* nothing runs: there is nothing to wait for */
}

static enum ergon_code share_anew(struct gavel *v, const struct policy_call *call,
                                  struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	reset_times(v, call);
	if (v->rule == SHARE_FIFO)
		share_in_order(v, call);
	else
		code = share_by_program(v, call, err);
	for (uint32_t i = 0; i < v->active; i++)
		v->known[v->order[i]] = true;
	v->solved++;
	v->changed = false;
	return code;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct gavel *v = state;
	if (round_is_on(v, call, plan))
		return ERGON_OK;
	account(v, call);
	enum ergon_code code = plan_is_due(v, call) ? share_anew(v, call, err) : ERGON_OK;
	if (code)
		return code;
	uint32_t groups[CLUSTER_GROUPS_MAX];
	for (uint32_t g = 0; g < v->groups; g++)
		groups[g] = g;
	if (v->rule == SHARE_BLIND)
		rng_shuffle(&v->rng, groups, v->groups);
	for (uint32_t i = 0; i < v->active; i++)
		v->wanted[v->order[i]] = POOL_NONE;
	for (uint32_t g = 0; g < v->groups; g++)
		fill_group(v, call, groups[g]);
	code = apply(v, call, plan, err);
	if (!code)
		begin_round(v, call, plan);
	return code;
}

const struct scheduling_policy policy_gavel = {
	.name = "gavel",
	.summary = "max-min fairness aware of GPU types, by a linear program, in rounds of 6 min",
	.source = "Narayanan et al., OSDI 2020",
	.state_size = sizeof(struct gavel),
	.every_round = true,
	.init = init_aware,
	.decide = decide,
};

const struct scheduling_policy policy_gavel_blind = {
	.name = "gavel-blind",
	.summary = "gavel blind to GPU types",
	.source = "Narayanan et al., OSDI 2020",
	.state_size = sizeof(struct gavel),
	.every_round = true,
	.init = init_blind,
	.decide = decide,
};

const struct scheduling_policy policy_gavel_fifo = {
	.name = "gavel-fifo",
	.summary = "first come, first served in gavel's rounds",
	.source = "Narayanan et al., OSDI 2020",
	.state_size = sizeof(struct gavel),
	.every_round = true,
	.init = init_fifo,
	.decide = decide,
};
