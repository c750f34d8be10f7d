/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/external/external.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "optimize/policies/rigid.h"

static const uint64_t default_patience_ns = 30 * NS_PER_S;

static bool is_library(const char *what)
{
	size_t length = strlen(what);
	return length > 3 && strcmp(what + length - 3, ".so") == 0 && !strchr(what, ' ');
}

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct external *x = state;
	const struct policy_services *services = setup->services;
	const struct cluster *cluster = setup->cluster->spec;
	if (!services->external || !services->env)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "policy external needs --external COMMAND or LIBRARY.so");
	if (setup->options->energy_measure != ENERGY_JOULES)
		return ergon_fail(err, ERGON_INFEASIBLE,
		                  "policy external is told of energy in joules; --objective cost "
		                  "and co2 are not in its protocol");
	x->what = services->external;
	x->env = services->env;
	x->patience_ns =
	    services->external_patience_ns ? services->external_patience_ns : default_patience_ns;
	x->arena = setup->arena;
	x->groups = ARENA_ARRAY(x->arena, struct ergon_policy_group, cluster->group_count);
	x->shares = ARENA_ARRAY(x->arena, struct share, cluster->nodes);
	if (!x->groups || !x->shares)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t g = 0; g < cluster->group_count; g++)
		x->groups[g] =
		    (struct ergon_policy_group){ cluster->groups[g].type, cluster->groups[g].nodes,
			                         cluster->groups[g].gpus_per_node,
			                         setup->cluster->gpu_idle_w[g] };
	const struct policy_options *options = setup->options;
	const struct ergon_policy_run run = {
		.seed = options->seed,
		.interval_s = (double)options->interval_ns * 1e-9,
		.restart_s = (double)options->restart_ns * 1e-9,
		.power_budget_w = options->power_budget_w,
		.time_weight = options->time_weight,
		.energy_weight = options->energy_weight,
		.group_count = (uint32_t)cluster->group_count,
		.groups = x->groups,
		.job_count = setup->jobs->count,
	};
	x->carrier = is_library(x->what) ? &external_library : &external_process;
	return x->carrier->open(x, &run, err);
}

static void fini(void *state)
{
	struct external *x = state;
	if (x->carrier)
		x->carrier->close(x);
	x->carrier = NULL;
}

static bool make_room(struct external *x, uint32_t jobs)
{
	if (jobs <= x->capacity)
		return true;
	uint32_t capacity = x->capacity ? x->capacity : 64;
	while (capacity < jobs)
		capacity *= 2;
	x->jobs = ARENA_ARRAY(x->arena, struct ergon_policy_job, capacity);
	x->capacity = x->jobs ? capacity : 0;
	return x->jobs != NULL;
}

static struct ergon_policy_job describe(const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	return (struct ergon_policy_job){
		.id = job,
		.gpus = facts->gpus,
		.batch = facts->batch,
		.gpus_min = facts->gpus_min,
		.gpus_max = facts->gpus_max,
		.malleable = facts->malleable,
		.running = state->gpus > 0,
		.held_group = state->gpus ? state->group : 0,
		.held_gpus = state->gpus,
		.held_batch = state->gpus ? state->batch : 0,
		.arrival_s = (double)facts->arrival_ns * 1e-9,
		.deadline_s = (double)facts->deadline_ns * 1e-9,
		.remaining_s = rigid_left_s(call, job),
		.attained_gpu_s = (double)job_served_gpu_ns(state, call->now_ns) * 1e-9,
		.name = facts->name,
		.application = facts->application ? facts->application : "",
		.user = facts->user ? facts->user : "",
	};
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct external *x = state;
	if (!make_room(x, call->jobs->active))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	struct ergon_policy_state now = { .time_s = (double)call->now_ns * 1e-9,
		                          .wakeups = call->wakeups,
		                          .jobs = x->jobs,
		                          .free_gpus = x->free_gpus,
		                          .power_w = plan_power_w(plan) };
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		x->free_gpus[g] = call->cluster->pool->groups[g].free_gpus;
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next)
		x->jobs[now.job_count++] = describe(call, j);
	x->call = call;
	x->plan = plan;
	x->broken = false;
	enum ergon_code code = x->carrier->decide(x, &now, err);
	x->call = NULL;
	x->plan = NULL;
	if (!code && x->broken) {
		if (err)
			*err = x->refusal;
		code = x->refusal.code;
	}
	return code;
}

static bool is_there(const struct external *x, uint32_t job)
{
	return job < x->call->jobs->arrived && x->call->jobs->state[job].status != JOB_DONE;
}

/* Keeps why a wish was refused; what is no refusal ends the run. */
static int granted(struct external *x, enum ergon_code code)
{
	if (code && code != ERGON_INFEASIBLE)
		x->broken = true;
	return code != ERGON_OK;
}

static int refuse(struct external *x, const char *why, uint32_t job)
{
	return granted(x, ergon_fail(&x->refusal, ERGON_INFEASIBLE, "job %u: %s", job, why));
}

static int estimate(void *context, uint32_t job, uint32_t group, uint32_t gpus, uint32_t batch,
                    double *time_s, double *power_w)
{
	struct external *x = context;
	if (!is_there(x, job) || group >= x->call->cluster->pool->group_count || gpus == 0 ||
	    gpus > pool_capacity(x->call->cluster->pool, group))
		return 0;
	const struct job_facts *facts = &x->call->jobs->facts[job];
	const struct job_state *state = &x->call->jobs->state[job];
	const struct estimate *e = oracle_packed(x->call->oracle, facts, group, gpus, batch);
	if (!e->rate)
		return 0;
	*time_s = estimate_remaining_s(e, facts, state->epoch,
	                               job_progress_now(facts, state, x->call->now_ns));
	*power_w = e->power_w;
	return 1;
}

static int place(void *context, uint32_t job, uint32_t group, uint32_t gpus, uint32_t batch,
                 enum ergon_policy_spread spread)
{
	struct external *x = context;
	if (!is_there(x, job))
		return refuse(x, "has not arrived or is done", job);
	return granted(x,
	               plan_place(x->plan, job, group, gpus, batch,
	                          spread == ERGON_POLICY_PACKED ? SPREAD_PACKED : SPREAD_EMPTIEST,
	                          &x->refusal));
}

static int place_on(void *context, uint32_t job, const uint32_t *nodes, const uint32_t *gpus,
                    uint32_t count, uint32_t batch)
{
	struct external *x = context;
	if (!is_there(x, job) || count > x->call->cluster->spec->nodes)
		return refuse(x, "has not arrived or is done, or too many nodes", job);
	for (uint32_t i = 0; i < count; i++)
		x->shares[i] = (struct share){ nodes[i], gpus[i] };
	return granted(x, plan_place_on(x->plan, job, x->shares, count, batch, &x->refusal));
}

static void preempt(void *context, uint32_t job)
{
	struct external *x = context;
	if (is_there(x, job))
		plan_preempt(x->plan, job);
}

static void wake_at(void *context, double time_s)
{
	struct external *x = context;
	if (time_s >= 0 && time_s < 4e9 && ns_from_seconds(time_s) > x->call->now_ns)
		plan_wake_at(x->plan, ns_from_seconds(time_s));
}

static const char *why(void *context)
{
	return ((struct external *)context)->refusal.text;
}

const struct ergon_policy_calls external_calls = { .estimate = estimate,
	                                           .place = place,
	                                           .place_on = place_on,
	                                           .preempt = preempt,
	                                           .wake_at = wake_at,
	                                           .why = why };

extern const struct scheduling_policy policy_external;
const struct scheduling_policy policy_external = {
	.name = "external",
	.summary = "a policy of your own, a process or a shared library (--external)",
	.source = "docs/external-policy.md",
	.state_size = sizeof(struct external),
	.every_round = true,
	.needs_external = true,
	.init = init,
	.decide = decide,
	.fini = fini,
};
