/* SPDX-License-Identifier: Apache-2.0
 *
 * Optimal: what could have been done at best, for a few jobs. No scheduler but a reference: it
 * knows every job before it arrives, tries all schedules (optimal_search.h) at the first decision
 * and then carries out the best. The least T^a E^b of the whole run over all schedules in which a
 * job, once placed, keeps its GPUs, batch and power setting until it ends, packed in as few nodes
 * as can be. A policy that re-places jobs, or changes their batch, may go below that; every other
 * one may not.
 */
#include <math.h>
#include <string.h>

#include "optimize/policies/optimal_search.h"
#include "optimize/policy.h"
#include "optimize/sim/crossing.h"

enum { BATCHES_MAX = 64, OPTIONS_MAX = 8192 };
static const uint64_t tries_max = 4000000;

struct optimal {
	struct arena *arena;
	const struct policy_options *options;
	double budget_w;
	struct optimal_job jobs[OPTIMAL_JOBS_MAX];
	uint32_t node_gpus[OPTIMAL_NODES_MAX], node_group[OPTIMAL_NODES_MAX];
	struct optimal_option *scratch; /* [OPTIONS_MAX] */
	struct optimal_answer answer;
	bool solved;
};

static enum ergon_code refuse(const struct policy_setup *setup, struct ergon_error *err)
{
	const struct cluster *cluster = setup->cluster->spec;
	uint32_t jobs = setup->jobs->count, widest = 0;
	for (size_t g = 0; g < cluster->group_count; g++)
		if (cluster->groups[g].gpus_per_node > widest)
			widest = cluster->groups[g].gpus_per_node;
	if (jobs > OPTIMAL_JOBS_MAX || cluster->nodes > OPTIMAL_NODES_MAX ||
	    widest > OPTIMAL_NODE_GPUS_MAX)
		return ergon_fail(
		    err, ERGON_INFEASIBLE,
		    "policy optimal tries all schedules, which it can for up to %d jobs "
		    "on %d nodes of %d GPUs; here are %u jobs on %u nodes of up to %u "
		    "(ergon trace sample takes a part of a trace)",
		    OPTIMAL_JOBS_MAX, OPTIMAL_NODES_MAX, OPTIMAL_NODE_GPUS_MAX, jobs,
		    cluster->nodes, widest);
	if (setup->cluster->node_state)
		return ergon_fail(
		    err, ERGON_INFEASIBLE,
		    "policy optimal knows neither nodes that sleep nor nodes that fail");
	if (setup->cluster->budget || setup->options->energy_measure != ENERGY_JOULES)
		return ergon_fail(
		    err, ERGON_INFEASIBLE,
		    "policy optimal knows one power budget for all times, and energy in "
		    "joules");
	return ERGON_OK;
}

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct optimal *o = state;
	const struct cluster *cluster = setup->cluster->spec;
	enum ergon_code code = refuse(setup, err);
	if (code)
		return code;
	o->arena = setup->arena;
	o->options = setup->options;
	o->budget_w = setup->options->power_budget_w;
	for (uint32_t g = 0, node = 0; g < cluster->group_count; g++)
		for (uint32_t n = 0; n < cluster->groups[g].nodes; n++, node++) {
			o->node_gpus[node] = cluster->groups[g].gpus_per_node;
			o->node_group[node] = g;
		}
	o->scratch = ARENA_ARRAY(o->arena, struct optimal_option, OPTIONS_MAX);
	return o->scratch ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

/* How long the engine will take over it, to the nanosecond: jobs start at multiples of the
 * interval.
 */
static void foresee(const struct optimal *o, const struct policy_call *call,
                    const struct job_facts *job, const struct estimate *e,
                    struct optimal_option *out)
{
	uint64_t restart_ns = job_restart_ns(job, o->options), key = restart_ns * 2;
	for (uint32_t epoch = 0; epoch < job->epochs; epoch++) {
		double need_s = (job_mark(job, epoch + 1) - job_mark(job, epoch)) / e->rate[epoch];
		key = crossing_key(call->oracle->quantum_ns, o->options->interval_ns, key / 2,
		                   fmin(fmax(need_s, 0), 4e9));
	}
	out->span_ns = key / 2;
	out->late = key % 2;
	out->extra_w = e->power_w - out->gpus * call->cluster->gpu_idle_w[out->group];
	out->extra_j = out->extra_w * (double)(out->span_ns - restart_ns) * 1e-9;
}

/* Needs no more of anything and is as good in all respects: whatever the other can do, it can. */
static bool beats(const struct optimal_option *a, const struct optimal_option *b)
{
	return a->group == b->group && a->gpus <= b->gpus &&
	       a->span_ns + a->late <= b->span_ns + b->late && a->span_ns <= b->span_ns &&
	       a->extra_j <= b->extra_j && a->extra_w <= b->extra_w;
}

static void consider(struct optimal *o, uint32_t *count, const struct optimal_option *one)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < *count; i++)
		if (beats(&o->scratch[i], one))
			return;
	for (uint32_t i = 0; i < *count; i++)
		if (!beats(one, &o->scratch[i]))
			o->scratch[kept++] = o->scratch[i];
	if (kept < OPTIONS_MAX)
		o->scratch[kept++] = *one;
	*count = kept;
}

static double floor_of(const struct policy_call *call)
{
	const struct cluster *cluster = call->cluster->spec;
	double floor_w = 0;
	for (size_t g = 0; g < cluster->group_count; g++)
		floor_w += cluster->groups[g].nodes *
		           (call->cluster->host_w[g] +
		            cluster->groups[g].gpus_per_node * call->cluster->gpu_idle_w[g]);
	return floor_w;
}

static void list_group(struct optimal *o, const struct policy_call *call,
                       const struct job_facts *job, uint32_t group, uint32_t *count)
{
	const struct cluster_group *spec = &call->cluster->spec->groups[group];
	struct power_setting settings[POWER_SETTINGS_MAX];
	uint32_t batch[BATCHES_MAX] = { 0 }, batches = 1, most = spec->nodes * spec->gpus_per_node;
	uint32_t levels = oracle_settings(call->oracle, job, group, settings, POWER_SETTINGS_MAX);
	uint32_t least = job->malleable ? (job->gpus_min ? job->gpus_min : 1) : job->gpus;
	if (job->malleable)
		batches = call->oracle->ops->batches(call->oracle, job, batch, BATCHES_MAX);
	uint32_t limit = job->malleable ? job->gpus_max : job->gpus;
	most = limit < most ? limit : most;
	double floor_w = floor_of(call);
	for (uint32_t gpus = least; gpus <= most; gpus++)
		for (uint32_t k = 0; k < batches * levels; k++) {
			struct optimal_option one = { .group = group,
				                      .gpus = gpus,
				                      .batch = batch[k / levels],
				                      .setting = k % levels };
			const struct job_config config = { .group = group,
				                           .gpus = gpus,
				                           .batch = one.batch,
				                           .setting = one.setting };
			const struct estimate *e = oracle_estimate(call->oracle, job, &config);
			if (!e->rate)
				continue;
			foresee(o, call, job, e, &one);
			if (floor_w + one.extra_w <= o->budget_w)
				consider(o, count, &one);
		}
}

static bool same_options(const struct optimal_job *a, const struct optimal_job *b)
{
	return a->arrival_ns == b->arrival_ns && a->count == b->count &&
	       memcmp(a->options, b->options, a->count * sizeof *a->options) == 0;
}

static enum ergon_code list_options(struct optimal *o, const struct policy_call *call,
                                    struct ergon_error *err)
{
	for (uint32_t j = 0; j < call->jobs->count; j++) {
		const struct job_facts *job = &call->jobs->facts[j];
		uint32_t count = 0;
		memset(o->scratch, 0, OPTIONS_MAX * sizeof *o->scratch);
		for (uint32_t g = 0; g < call->cluster->spec->group_count; g++)
			list_group(o, call, job, g, &count);
		struct optimal_option *own =
		    ARENA_ARRAY(o->arena, struct optimal_option, count + 1);
		if (!own)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		if (!count)
			return ergon_fail(err, ERGON_INFEASIBLE,
			                  "policy optimal: job %s runs nowhere (within the budget)",
			                  job->name);
		memcpy(own, o->scratch, count * sizeof *own);
		o->jobs[j] = (struct optimal_job){ job->arrival_ns, j, count, own };
		for (uint32_t k = 0; k < j; k++)
			if (same_options(&o->jobs[k], &o->jobs[j]))
				o->jobs[j].twin = k;
	}
	return ERGON_OK;
}

static enum ergon_code solve(struct optimal *o, const struct policy_call *call,
                             struct ergon_error *err)
{
	enum ergon_code code = list_options(o, call, err);
	if (code)
		return code;
	const struct optimal_problem problem = {
		.jobs = call->jobs->count,
		.nodes = call->cluster->spec->nodes,
		.job = o->jobs,
		.node_gpus = o->node_gpus,
		.node_group = o->node_group,
		.interval_ns = o->options->interval_ns,
		.begin_ns = call->jobs->facts[0].arrival_ns,
		.floor_w = floor_of(call),
		.budget_w = o->budget_w,
		.time_weight = o->options->time_weight,
		.energy_weight = o->options->energy_weight,
		.tries_max = tries_max,
	};
	if (!optimal_search(&problem, o->arena, &o->answer))
		return ergon_fail(err, ERGON_INFEASIBLE,
		                  "policy optimal: a choice has more than %d branches; fewer jobs, "
		                  "GPUs or power settings are needed",
		                  OPTIMAL_CHILDREN_MAX);
	if (!o->answer.proven)
		return ergon_fail(
		    err, ERGON_INFEASIBLE,
		    "policy optimal: not proven after %llu partial schedules; fewer jobs "
		    "or GPUs are needed",
		    (unsigned long long)tries_max);
	o->solved = true;
	return ERGON_OK;
}

static enum ergon_code start_job(struct optimal *o, uint32_t job, struct plan *plan,
                                 struct ergon_error *err)
{
	const struct optimal_start *start = &o->answer.start[job];
	const struct optimal_option *option = &o->jobs[job].options[start->option];
	struct share shares[OPTIMAL_NODES_MAX];
	struct wish wish = { .batch = option->batch, .setting = option->setting, .shares = shares };
	/* Full nodes first, as the estimate has it. */
	for (int whole = 1; whole >= 0; whole--)
		for (uint32_t n = 0; n < OPTIMAL_NODES_MAX; n++)
			if (start->gpus[n] && (start->gpus[n] == o->node_gpus[n]) == whole)
				shares[wish.share_count++] = (struct share){ n, start->gpus[n] };
	return plan_wish(plan, job, &wish, err);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct optimal *o = state;
	enum ergon_code code = o->solved ? ERGON_OK : solve(o, call, err);
	for (uint32_t j = 0; j < call->jobs->count && !code; j++) {
		uint64_t start_ns = o->answer.start[j].start_ns;
		if (start_ns > call->now_ns)
			plan_wake_at(plan, start_ns);
		else if (call->jobs->state[j].status == JOB_PENDING)
			code = start_job(o, j, plan, err);
	}
	return code;
}

const struct scheduling_policy policy_optimal = {
	.name = "optimal",
	.summary = "the least T^a E^b of all schedules without re-placement, for a few jobs",
	.source = "branch and bound",
	.state_size = sizeof(struct optimal),
	.init = init,
	.decide = decide,
};
