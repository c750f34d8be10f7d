/* SPDX-License-Identifier: Apache-2.0
 *
 * How a job runs: segments of constant rate, ends of epochs, restarts, energy.
 */
#include <math.h>

#include "base/units.h"
#include "optimize/sim/crossing.h"
#include "optimize/sim/engine_state.h"

int64_t sim_idle_uw(const struct sim *sim)
{
	int64_t idle = sim->host_uw;
	for (uint32_t g = 0; g < sim->pool.group_count; g++) {
		uint32_t awake = sim->pool.groups[g].free_gpus - sim->nodes.asleep_gpus[g];
		idle += sim->idle_uw[g] * awake;
	}
	return idle;
}

static uint32_t held_gpus(const struct sim *sim)
{
	uint32_t held = sim->pool.gpus - sim->pool.free_gpus;
	for (uint32_t g = 0; sim->nodes.on && g < sim->pool.group_count; g++)
		held -= sim->pool.groups[g].down_gpus;
	return held;
}

/* Halves the timeline's resolution until at_ns lies within it. */
static void timeline_widen(struct sim_timeline *line, uint64_t at_ns)
{
	while ((at_ns - line->begin_ns) / line->width_ns >= SIM_TIMELINE_POINTS) {
		for (uint32_t i = 0; i < SIM_TIMELINE_POINTS / 2; i++) {
			line->energy_j[i] = line->energy_j[2 * i] + line->energy_j[2 * i + 1];
			line->busy_gpu_s[i] = line->busy_gpu_s[2 * i] + line->busy_gpu_s[2 * i + 1];
		}
		for (uint32_t i = SIM_TIMELINE_POINTS / 2; i < SIM_TIMELINE_POINTS; i++)
			line->energy_j[i] = line->busy_gpu_s[i] = 0;
		line->width_ns *= 2;
	}
}

static void timeline_add(struct sim_timeline *line, uint64_t from_ns, uint64_t to_ns,
                         double power_w, uint32_t gpus)
{
	timeline_widen(line, to_ns);
	while (from_ns < to_ns) {
		uint64_t i = (from_ns - line->begin_ns) / line->width_ns;
		uint64_t edge = line->begin_ns + (i + 1) * line->width_ns;
		uint64_t until = edge < to_ns ? edge : to_ns;
		double span_s = (double)(until - from_ns) * 1e-9;
		line->energy_j[i] += power_w * span_s;
		line->busy_gpu_s[i] += gpus * span_s;
		if (line->count < i + 1)
			line->count = (uint32_t)i + 1;
		from_ns = until;
	}
}

void sim_settle_energy(struct sim *sim)
{
	uint64_t span = sim->now_ns - sim->settled_ns;
	if (span == 0)
		return;
	struct sim_outcome *out = sim->outcome;
	/* Between events the GPUs that are not free in the pool are the ones that jobs hold. */
	int64_t idle = sim_idle_uw(sim), power = idle + sim->jobs_uw;
	out->energy += (unsigned __int128)power * span;
	out->idle_energy += (unsigned __int128)idle * span;
	out->host_energy += (unsigned __int128)sim->host_uw * span;
	if (power > out->peak_uw)
		out->peak_uw = power;
	if (power > sim->budget_uw)
		out->over_budget_ns += span;
	timeline_add(&out->timeline, sim->settled_ns, sim->now_ns, (double)power * 1e-6,
	             held_gpus(sim));
	if (sim->setup->carbon || sim->setup->price)
		supply_settle(sim, power, sim->settled_ns, sim->now_ns);
	sim->settled_ns = sim->now_ns;
}

static void tell(struct sim *sim, const struct sim_event *event)
{
	for (uint32_t i = 0; i < sim->setup->listener_count; i++)
		sim->setup->listeners[i].hear(sim->setup->listeners[i].user, event);
}

void sim_emit_node(struct sim *sim, enum sim_event_kind kind, uint32_t node)
{
	if (sim->setup->listener_count == 0)
		return;
	const struct sim_event event = {
		.time_ns = sim->now_ns,
		.kind = kind,
		.job = JOB_NONE,
		.node = node,
		.cluster_power_uw = sim->jobs_uw + sim_idle_uw(sim),
	};
	tell(sim, &event);
}

void sim_emit(struct sim *sim, enum sim_event_kind kind, uint32_t job)
{
	if (sim->setup->listener_count == 0)
		return;
	const struct job_state *state = &sim->state[job];
	struct sim_event event = {
		.time_ns = sim->now_ns,
		.debt_until_ns = state->debt_until_ns,
		.kind = kind,
		.job = job,
		.node = UINT32_MAX,
		.group = state->group,
		.gpus = state->gpus,
		.share_count = state->share_count,
		.epoch = state->epoch,
		.shares = state->shares,
		.estimate = state->estimate,
		.progress = state->progress,
		.job_power_uw = state->power_uw,
		.cluster_power_uw = sim->jobs_uw + sim_idle_uw(sim),
	};
	tell(sim, &event);
}

/* Keeps the last checkpoint within the segment that ends now. */
static void save_checkpoint(struct sim *sim, uint32_t job, const struct estimate *estimate)
{
	struct job_state *state = &sim->state[job];
	const struct job_facts *facts = &sim->facts[job];
	uint64_t period =
	    facts->checkpoint_ns ? facts->checkpoint_ns : sim->setup->options.checkpoint_ns;
	if (!sim->nodes.on || !period || state->in_debt || sim->now_ns < state->saved_ns + period)
		return;
	state->saved_ns += (sim->now_ns - state->saved_ns) / period * period;
	double mark = job_mark(facts, state->epoch + 1);
	double span_s = (double)(state->saved_ns - state->segment_ns) / 1e9;
	state->saved_progress = fmin(mark, state->progress + estimate->rate[state->epoch] * span_s);
	state->saved_epoch = state->epoch;
}

/* Brings the job's GPU time and energy up to now. */
static void settle_held(struct sim *sim, struct job_state *state, uint32_t group, uint32_t gpus)
{
	uint64_t span = sim->now_ns - state->held_since_ns;
	unsigned __int128 gpu_ns = (unsigned __int128)span * gpus;
	sim->outcome->held_gpu_ns[group] += gpu_ns;
	if (state->in_debt)
		sim->outcome->restart_gpu_ns[group] += gpu_ns;
	state->ran_ns += span;
	state->attained_gpu_ns += span * gpus;
	if (state->in_debt)
		state->restart_gpu_ns += span * gpus;
	state->energy += (unsigned __int128)state->power_uw * span;
	state->held_since_ns = sim->now_ns;
}

static void set_power(struct sim *sim, struct job_state *state, int64_t power_uw)
{
	sim->jobs_uw += power_uw - state->power_uw;
	state->power_uw = power_uw;
}

/* Brings the job's progress up to now, at the given estimate. */
static void settle_progress(struct sim *sim, uint32_t job, const struct estimate *estimate)
{
	struct job_state *state = &sim->state[job];
	if (sim->now_ns <= state->segment_ns)
		return;
	double mark = job_mark(&sim->facts[job], state->epoch + 1);
	double span_s = (double)(sim->now_ns - state->segment_ns) / 1e9;
	double progress = state->progress + estimate->rate[state->epoch] * span_s;
	state->progress = progress < mark ? progress : mark;
	state->segment_ns = sim->now_ns;
}

static void foresee(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	if (state->in_debt) {
		heap_set(&sim->heap, job, state->debt_until_ns * 2);
		return;
	}
	double mark = job_mark(&sim->facts[job], state->epoch + 1);
	double need_s = (mark - state->progress) / state->estimate->rate[state->epoch];
	if (!(need_s > 0))
		need_s = 0;
	/* Beyond 10^9 s nothing is foreseen exactly; such a job does not end within any trace. */
	uint64_t key = crossing_key(sim->oracle->quantum_ns, sim->interval_ns, state->segment_ns,
	                            fmin(need_s, 4e9));
	heap_set(&sim->heap, job, key);
}

void run_start(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	sim_settle_energy(sim);
	list_pending_remove(sim, job);
	state->status = JOB_RUNNING;
	if (state->started)
		state->restarts++;
	else
		state->start_ns = sim->now_ns;
	state->started = true;
	state->held_since_ns = sim->now_ns;
	uint64_t up_ns = nodes_begin(sim, state->shares, state->share_count);
	state->debt_until_ns = up_ns + job_restart_ns(&sim->facts[job], &sim->setup->options);
	state->in_debt = state->debt_until_ns > sim->now_ns;
	state->segment_ns = state->saved_ns = state->debt_until_ns;
	state->saved_progress = state->progress;
	state->saved_epoch = state->epoch;
	/* A restarting job loads its state: its GPUs are held and draw their idle power. */
	set_power(sim, state,
	          state->in_debt ? sim->idle_uw[state->group] * state->gpus
	                         : llrint(state->estimate->power_w * 1e6));
	sim->running++;
	sim->outcome->placements++;
	foresee(sim, job);
	sim_emit(sim, SIM_PLACE, job);
}

void run_stop(struct sim *sim, const struct plan_entry *held)
{
	struct job_state *state = &sim->state[held->job];
	sim_settle_energy(sim);
	settle_held(sim, state, held->group, held->gpus);
	settle_progress(sim, held->job, held->estimate);
	nodes_end(sim, held->shares, held->share_count);
	set_power(sim, state, 0);
	state->in_debt = false;
	state->status = JOB_PENDING;
	list_pending_add(sim, held->job);
	sim->running--;
	heap_remove(&sim->heap, held->job);
}

void run_lose(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	sim_settle_energy(sim);
	settle_held(sim, state, state->group, state->gpus);
	save_checkpoint(sim, job, state->estimate);
	if (sim->now_ns > state->saved_ns)
		state->lost_gpu_ns += (sim->now_ns - state->saved_ns) * state->gpus;
	state->progress = state->saved_progress;
	state->epoch = state->saved_epoch;
	state->segment_ns = sim->now_ns;
	state->in_debt = false;
	state->failures++;
	set_power(sim, state, 0);
	sim->plan.work_uw -= llrint(state->estimate->power_w * 1e6);
	for (uint32_t i = 0; i < state->share_count; i++)
		nodes_give(sim, state->shares[i].node, state->shares[i].gpus);
	nodes_end(sim, state->shares, state->share_count);
	state->status = JOB_PENDING;
	list_pending_add(sim, job);
	sim->running--;
	heap_remove(&sim->heap, job);
	sim_emit(sim, SIM_LOSE, job);
	share_release(&sim->store, state->shares, state->share_class);
	state->shares = NULL;
	state->share_count = state->gpus = 0;
}

void run_retune(struct sim *sim, uint32_t job, const struct estimate *estimate, uint32_t batch)
{
	struct job_state *state = &sim->state[job];
	sim_settle_energy(sim);
	settle_held(sim, state, state->group, state->gpus);
	if (!state->in_debt) {
		save_checkpoint(sim, job, state->estimate);
		settle_progress(sim, job, state->estimate);
	}
	state->estimate = estimate;
	state->batch = batch;
	if (!state->in_debt)
		set_power(sim, state, llrint(estimate->power_w * 1e6));
	foresee(sim, job);
	sim_emit(sim, SIM_RETUNE, job);
}

static void finish(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	set_power(sim, state, 0);
	nodes_give_all(sim, state->shares, state->share_count);
	nodes_end(sim, state->shares, state->share_count);
	sim->plan.work_uw -= llrint(state->estimate->power_w * 1e6);
	state->status = JOB_DONE;
	state->end_ns = sim->now_ns;
	if (sim->now_ns > sim->outcome->end_ns)
		sim->outcome->end_ns = sim->now_ns;
	sim->running--;
	sim->outcome->done++;
	sim->wakeups |= WAKEUP_END;
	list_remove(sim, job);
	sim_emit(sim, SIM_END, job);
	share_release(&sim->store, state->shares, state->share_class);
	state->shares = NULL;
	state->share_count = state->gpus = 0;
}

static void retune_for_epoch(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	uint32_t batch = sim->policy->retune(sim->policy_state, &sim->call, job);
	if (batch == state->batch)
		return;
	struct job_config config = { .group = state->group,
		                     .batch = batch,
		                     .gpus = state->gpus,
		                     .setting = state->setting,
		                     .node_count = state->share_count,
		                     .shares = state->shares };
	const struct estimate *estimate = oracle_estimate(sim->oracle, &sim->facts[job], &config);
	if (!estimate->rate) /* it goes on as it has so far */
		return;
	double now_w = plan_power_w(&sim->plan);
	double then_w = now_w + estimate->power_w - state->estimate->power_w;
	if (sim->policy->minds_budget && then_w > now_w && then_w > sim->cluster.budget_w)
		return; /* nor does it leave the budget between two decisions */
	sim_settle_energy(sim);
	settle_held(sim, state, state->group, state->gpus);
	sim->plan.work_uw +=
	    llrint(estimate->power_w * 1e6) - llrint(state->estimate->power_w * 1e6);
	state->estimate = estimate;
	state->batch = batch;
	set_power(sim, state, llrint(estimate->power_w * 1e6));
}

void run_event(struct sim *sim, uint32_t job)
{
	struct job_state *state = &sim->state[job];
	sim->outcome->events++;
	if (state->in_debt) {
		sim_settle_energy(sim);
		settle_held(sim, state, state->group, state->gpus);
		state->in_debt = false;
		set_power(sim, state, llrint(state->estimate->power_w * 1e6));
		foresee(sim, job);
		sim_emit(sim, SIM_WORK, job);
		return;
	}
	save_checkpoint(sim, job, state->estimate);
	state->epoch++;
	state->progress = job_mark(&sim->facts[job], state->epoch);
	state->segment_ns = sim->now_ns;
	if (state->epoch >= sim->facts[job].epochs) {
		sim_settle_energy(sim);
		settle_held(sim, state, state->group, state->gpus);
		finish(sim, job);
		return;
	}
	sim->wakeups |= WAKEUP_EPOCH;
	if (sim->policy->retune)
		retune_for_epoch(sim, job);
	foresee(sim, job);
	sim_emit(sim, SIM_EPOCH, job);
}
