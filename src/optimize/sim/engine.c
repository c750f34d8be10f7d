/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/sim/engine.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "optimize/sim/engine_state.h"

enum {
	PROGRESS_EVERY = 8192,
	IDLE_ROUNDS_MAX = 100000, /* without a running job, and jobs waiting */
};

void list_pending_add(struct sim *sim, uint32_t job)
{
	/* By arrival: a job that lost its GPUs goes before those that came later. */
	uint32_t after = sim->pending_last;
	if (after != JOB_NONE && after > job) {
		uint32_t at = sim->jobs.pending_first;
		after = JOB_NONE;
		while (at != JOB_NONE && at < job) {
			after = at;
			at = sim->state[at].pending_next;
		}
	}
	uint32_t next =
	    after == JOB_NONE ? sim->jobs.pending_first : sim->state[after].pending_next;
	sim->state[job].pending_previous = after;
	sim->state[job].pending_next = next;
	if (after == JOB_NONE)
		sim->jobs.pending_first = job;
	else
		sim->state[after].pending_next = job;
	if (next == JOB_NONE)
		sim->pending_last = job;
	else
		sim->state[next].pending_previous = job;
	sim->jobs.pending++;
}

void list_pending_remove(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	if (state->pending_previous == JOB_NONE)
		sim->jobs.pending_first = state->pending_next;
	else
		sim->state[state->pending_previous].pending_next = state->pending_next;
	if (state->pending_next == JOB_NONE)
		sim->pending_last = state->pending_previous;
	else
		sim->state[state->pending_next].pending_previous = state->pending_previous;
	sim->jobs.pending--;
}

void list_remove(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	if (state->previous == JOB_NONE)
		sim->jobs.first = state->next;
	else
		sim->state[state->previous].next = state->next;
	if (state->next == JOB_NONE)
		sim->last = state->previous;
	else
		sim->state[state->next].previous = state->previous;
	sim->jobs.active--;
}

static void arrive(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	state->status = JOB_PENDING;
	state->previous = sim->last;
	state->next = JOB_NONE;
	if (sim->last == JOB_NONE)
		sim->jobs.first = job;
	else
		sim->state[sim->last].next = job;
	sim->last = job;
	sim->jobs.active++;
	list_pending_add(sim, job);
	sim->wakeups |= WAKEUP_ARRIVAL;
	sim->outcome->events++;
	sim_emit(sim, SIM_ARRIVE, job);
}

static bool init_powers(struct sim *sim)
{
	const struct sim_setup *setup = sim->setup;
	sim->idle_uw = ARENA_ARRAY(sim->arena, int64_t, setup->cluster->group_count);
	if (!sim->idle_uw)
		return false;
	for (size_t g = 0; g < setup->cluster->group_count; g++) {
		sim->idle_uw[g] = llrint(setup->gpu_idle_w[g] * 1e6);
		sim->host_uw += llrint(setup->host_w[g] * 1e6) * setup->cluster->groups[g].nodes;
	}
	sim->outcome->floor_uw = sim_idle_uw(sim);
	return true;
}

static bool init_arrays(struct sim *sim)
{
	uint32_t count = sim->count;
	sim->state = ARENA_ARRAY(sim->arena, struct job_state, count);
	sim->plan.entries = ARENA_ARRAY(sim->arena, struct plan_entry, count);
	sim->plan.entry_of = ARENA_ARRAY(sim->arena, uint32_t, count);
	if (!sim->state || !sim->plan.entries || !sim->plan.entry_of ||
	    !heap_init(&sim->heap, sim->arena, count + sim->setup->cluster->nodes + IDS_MORE) ||
	    !pool_init(&sim->pool, sim->arena, sim->setup->cluster) || !init_powers(sim) ||
	    !nodes_init(sim))
		return false;
	memset(sim->plan.entry_of, 0xff, sizeof *sim->plan.entry_of * count);
	sim->plan.sim = sim;
	sim->store.arena = sim->arena;
	size_t state_size = sim->policy->state_size;
	sim->policy_state = state_size ? arena_alloc(sim->arena, 1, state_size) : NULL;
	return state_size == 0 || sim->policy_state;
}

static enum ergon_code init(struct sim *sim, struct ergon_error *err)
{
	const struct sim_setup *setup = sim->setup;
	sim->oracle = setup->oracle;
	sim->policy = setup->policy;
	sim->facts = setup->jobs;
	sim->count = setup->count;
	sim->interval_ns = setup->options.interval_ns;
	sim->last = sim->pending_last = JOB_NONE;
	sim->now_ns = sim->settled_ns = sim->facts[0].arrival_ns;
	if (!init_arrays(sim))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	sim->jobs = (struct jobs_view){ .facts = sim->facts,
		                        .state = sim->state,
		                        .count = sim->count,
		                        .first = JOB_NONE,
		                        .pending_first = JOB_NONE };
	sim->cluster = (struct cluster_view){ .spec = setup->cluster,
		                              .pool = &sim->pool,
		                              .gpu_idle_w = setup->gpu_idle_w,
		                              .host_w = setup->host_w,
		                              .node_state = sim->nodes.state,
		                              .budget = setup->budget,
		                              .carbon = setup->carbon,
		                              .price = setup->price };
	sim->call = (struct policy_call){ .cluster = &sim->cluster,
		                          .jobs = &sim->jobs,
		                          .oracle = sim->oracle };
	supply_init(sim);
	sim->cluster.budget_w = supply_budget_w(sim);
	sim->outcome->begin_ns = sim->now_ns;
	sim->outcome->timeline =
	    (struct sim_timeline){ .begin_ns = sim->now_ns, .width_ns = NS_PER_S };
	if (sim->policy->needs_budget &&
	    supply_least_budget_w(sim) * 1e6 <= (double)sim->outcome->floor_uw)
		return ergon_fail(err, ERGON_INFEASIBLE,
		                  "power budget: the idle cluster alone draws %.0f W",
		                  (double)sim->outcome->floor_uw * 1e-6);
	struct policy_setup policy = { &setup->options, &sim->cluster, &sim->jobs,
		                       sim->oracle,     sim->arena,    &setup->services };
	return sim->policy->init ? sim->policy->init(sim->policy_state, &policy, err) : ERGON_OK;
}

static uint64_t round_from(const struct sim *sim, uint64_t time_ns)
{
	uint64_t rounds = (time_ns + sim->interval_ns - 1) / sim->interval_ns;
	return (rounds ? rounds : 1) * sim->interval_ns;
}

/* When the policy is asked next, by rounds; UINT64_MAX: not before something happens. */
static uint64_t next_round(const struct sim *sim)
{
	uint64_t next = UINT64_MAX;
	if (sim->jobs.arrived < sim->count) {
		next = round_from(sim, sim->facts[sim->jobs.arrived].arrival_ns);
		if (next <= sim->last_round_ns)
			next = sim->last_round_ns + sim->interval_ns;
	}
	bool due =
	    sim->jobs.active && (sim->wakeups || sim->policy->every_round || sim->setup->budget);
	if (!due && sim->plan.wake_at_ns == UINT64_MAX)
		return next;
	uint64_t earliest = due ? sim->now_ns : sim->plan.wake_at_ns;
	uint64_t soon = round_from(sim, earliest);
	if (soon <= sim->last_round_ns)
		soon = sim->last_round_ns + sim->interval_ns;
	return soon < next ? soon : next;
}

static uint64_t next_time(const struct sim *sim)
{
	uint64_t next = sim->heap.count ? sim->heap.items[0].key / 2 : UINT64_MAX, other;
	if (sim->interval_ns) {
		other = next_round(sim);
	} else {
		other = sim->jobs.arrived < sim->count ? sim->facts[sim->jobs.arrived].arrival_ns
		                                       : UINT64_MAX;
		if (sim->plan.wake_at_ns < other && sim->jobs.active)
			other = sim->plan.wake_at_ns;
	}
	return next < other ? next : other;
}

static void run_events(struct sim *sim, bool late)
{
	while (sim->heap.count && sim->heap.items[0].key <= sim->now_ns * 2 + late) {
		uint32_t id = heap_pop(&sim->heap);
		if (id < sim->count)
			run_event(sim, id);
		else if (id < id_of(sim, 0))
			nodes_event(sim, id - sim->count);
		else if (id == id_of(sim, ID_BUDGET))
			supply_event(sim);
		else
			nodes_fail_next(sim);
	}
}

static void arrivals(struct sim *sim)
{
	while (sim->jobs.arrived < sim->count &&
	       sim->facts[sim->jobs.arrived].arrival_ns <= sim->now_ns) {
		uint32_t job = sim->jobs.arrived++;
		arrive(sim, job);
	}
}

static enum ergon_code left_for_ever(const struct sim *sim, struct ergon_error *err)
{
	const struct job_facts *job = &sim->facts[sim->jobs.pending_first];
	return ergon_fail(err, ERGON_INFEASIBLE,
	                  "policy %s leaves %u jobs waiting for ever; the first is %s (%u GPUs, "
	                  "line %u of the trace)",
	                  sim->policy->name, sim->jobs.pending, job->name, job->gpus, job->line);
}

static enum ergon_code decide(struct sim *sim, struct ergon_error *err)
{
	sim->call.now_ns = sim->now_ns;
	sim->call.wakeups = sim->wakeups;
	if (sim->setup->budget)
		sim->cluster.budget_w = supply_budget_w(sim);
	if (sim->plan.wake_at_ns <= sim->now_ns) {
		sim->call.wakeups |= WAKEUP_ASKED;
		sim->plan.wake_at_ns = UINT64_MAX;
	}
	if (!sim->call.wakeups)
		sim->call.wakeups = WAKEUP_INTERVAL;
	sim->wakeups = 0;
	sim->last_round_ns = sim->now_ns;
	sim->outcome->decisions++;
	enum ergon_code code = sim->policy->decide(sim->policy_state, &sim->call, &sim->plan, err);
	if (!code)
		code = plan_commit(&sim->plan, err);
	if (code)
		return code;
	sim->idle_rounds = sim->running || !sim->jobs.pending ? 0 : sim->idle_rounds + 1;
	return sim->idle_rounds > IDLE_ROUNDS_MAX ? left_for_ever(sim, err) : ERGON_OK;
}

static bool decision_is_due(const struct sim *sim)
{
	if (sim->interval_ns == 0)
		return sim->jobs.active && ((sim->wakeups & ~(unsigned)WAKEUP_EPOCH) ||
		                            sim->plan.wake_at_ns <= sim->now_ns);
	/* The instant is a round; one that is already over does not come again. */
	return sim->jobs.active && sim->now_ns % sim->interval_ns == 0 &&
	       sim->now_ns > sim->last_round_ns &&
	       (sim->wakeups || sim->policy->every_round || sim->setup->budget ||
	        sim->plan.wake_at_ns <= sim->now_ns);
}

static enum ergon_code step(struct sim *sim, struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	run_events(sim, false);
	if (sim->interval_ns == 0 || sim->now_ns % sim->interval_ns == 0)
		arrivals(sim);
	if (decision_is_due(sim))
		code = decide(sim, err);
	if (!code)
		run_events(sim, true);
	if (sim->interval_ns && sim->now_ns % sim->interval_ns == 0)
		sim->last_round_ns = sim->now_ns;
	return code;
}

static void report_progress(const struct sim *sim)
{
	if (sim->setup->progress)
		sim->setup->progress(sim->setup->progress_user,
		                     (double)sim->outcome->done / sim->count);
}

enum ergon_code sim_run(const struct sim_setup *setup, struct arena *arena,
                        struct sim_outcome *outcome, struct ergon_error *err)
{
	struct sim sim = { .setup = setup, .arena = arena, .outcome = outcome };
	*outcome = (struct sim_outcome){ 0 };
	if (setup->count == 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "no job to simulate");
	enum ergon_code code = init(&sim, err);
	sim.plan.wake_at_ns = UINT64_MAX;
	/* Nodes go on to sleep and fail when all jobs are done; nobody asks. */
	for (uint64_t steps = 0; !code && outcome->done < sim.count; steps++) {
		uint64_t next = next_time(&sim);
		if (next == UINT64_MAX)
			break;
		sim.now_ns = next;
		code = step(&sim, err);
		if (steps % PROGRESS_EVERY == 0)
			report_progress(&sim);
	}
	if (!code && sim.jobs.active)
		code = left_for_ever(&sim, err);
	report_progress(&sim);
	if (setup->policy->fini && sim.policy_state)
		setup->policy->fini(sim.policy_state);
	if (!code)
		nodes_close(&sim);
	/* Energy is counted from the first arrival to the last end. */
	outcome->jobs = sim.state;
	return code;
}
