/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan: a policy's wishes, checked as they are written and applied at the end.
 */
#include <math.h>
#include <string.h>

#include "optimize/sim/engine_state.h"

struct share *share_block(struct share_store *store, uint32_t count, uint8_t *share_class)
{
	uint8_t k = 0;
	while ((UINT32_C(1) << k) < count)
		k++;
	*share_class = k;
	void *block = store->free[k];
	if (block) {
		memcpy(&store->free[k], block, sizeof(void *));
		return block;
	}
	return arena_alloc(store->arena, (size_t)1 << k, sizeof(struct share));
}

void share_release(struct share_store *store, struct share *block, uint8_t share_class)
{
	if (!block)
		return;
	memcpy(block, &store->free[share_class], sizeof(void *));
	store->free[share_class] = block;
}

static enum ergon_code refuse(const struct plan *plan, uint32_t job, struct ergon_error *err,
                              const char *why)
{
	const struct sim *sim = plan->sim;
	return ergon_fail(err, ERGON_INFEASIBLE, "policy %s: job %s: %s", sim->policy->name,
	                  sim->facts[job].name, why);
}

/* Remembers what the job holds before its first change in this plan, and frees it in the pool. */
static void release(struct plan *plan, uint32_t job)
{
	struct sim *sim = plan->sim;
	struct job_state *state = &sim->state[job];
	if (state->gpus) {
		nodes_give_all(sim, state->shares, state->share_count);
		plan->work_uw -= llrint(state->estimate->power_w * 1e6);
	}
	if (plan->entry_of[job] == JOB_NONE) {
		plan->entry_of[job] = plan->count;
		plan->entries[plan->count++] = (struct plan_entry){
			.job = job,
			.group = state->group,
			.gpus = state->gpus,
			.share_count = state->share_count,
			.batch = state->batch,
			.setting = state->setting,
			.share_class = state->share_class,
			.shares = state->shares,
			.estimate = state->estimate,
		};
	} else {
		share_release(&sim->store, state->shares, state->share_class);
	}
	state->shares = NULL;
	state->share_count = state->gpus = 0;
}

void plan_preempt(struct plan *plan, uint32_t job)
{
	if (plan->sim->state[job].gpus) {
		sim_settle_energy(plan->sim);
		release(plan, job);
	}
}

/* Undoes a placement that turned out to be impossible. */
static void hand_back(struct sim *sim, struct job_state *state)
{
	nodes_give_all(sim, state->shares, state->share_count);
	share_release(&sim->store, state->shares, state->share_class);
	state->shares = NULL;
	state->share_count = state->gpus = 0;
}

/* The state holds the shares; asks the oracle and books the power. */
static enum ergon_code take_on(struct plan *plan, uint32_t job, const struct wish *wish,
                               struct ergon_error *err)
{
	struct sim *sim = plan->sim;
	struct job_state *state = &sim->state[job];
	state->batch = wish->batch;
	state->setting = wish->setting;
	if (sim->policy->retune)
		state->batch = sim->policy->retune(sim->policy_state, &sim->call, job);
	struct job_config config = { .group = state->group,
		                     .batch = state->batch,
		                     .gpus = state->gpus,
		                     .setting = state->setting,
		                     .node_count = state->share_count,
		                     .shares = state->shares };
	state->estimate = oracle_estimate(sim->oracle, &sim->facts[job], &config);
	if (!state->estimate->rate) {
		char text[300];
		snprintf(text, sizeof text, "%u %s at batch %u: %s", state->gpus,
		         sim->cluster.spec->groups[state->group].type,
		         state->batch ? state->batch : sim->facts[job].batch, state->estimate->why);
		hand_back(sim, state);
		return refuse(plan, job, err, text);
	}
	plan->work_uw += llrint(state->estimate->power_w * 1e6);
	return ERGON_OK;
}

/* Upper bound of the nodes that the wish will take. */
static uint32_t nodes_bound(const struct pool_group *group, uint32_t gpus)
{
	return gpus < group->nodes ? gpus : group->nodes;
}

static enum ergon_code check_wish(const struct plan *plan, uint32_t job, uint32_t group,
                                  uint32_t gpus, struct ergon_error *err)
{
	const struct sim *sim = plan->sim;
	char text[160];
	if (job >= sim->jobs.arrived || sim->state[job].status == JOB_DONE)
		return refuse(plan, job < sim->count ? job : 0, err, "has not arrived or is done");
	if (group >= sim->pool.group_count || gpus == 0)
		return refuse(plan, job, err, "no such group of nodes, or no GPU wanted");
	if (gpus <= sim->pool.groups[group].free_gpus)
		return ERGON_OK;
	snprintf(text, sizeof text, "wants %u %s, only %u are free", gpus,
	         sim->cluster.spec->groups[group].type, sim->pool.groups[group].free_gpus);
	return refuse(plan, job, err, text);
}

/* The node to take next of those `left` GPUs; there is a free one. */
static uint32_t next_node(const struct pool *pool, const struct wish *wish, uint32_t left)
{
	uint32_t node =
	    wish->spread == SPREAD_PACKED ? pool_best_fit(pool, wish->group, left) : POOL_NONE;
	return node == POOL_NONE ? pool_emptiest(pool, wish->group, left) : node;
}

static enum ergon_code place(struct plan *plan, uint32_t job, const struct wish *wish,
                             struct ergon_error *err)
{
	struct sim *sim = plan->sim;
	struct pool *pool = &sim->pool;
	uint32_t group = wish->group, gpus = wish->gpus;
	sim_settle_energy(sim);
	if (job < sim->count)
		release(plan, job);
	enum ergon_code code = check_wish(plan, job, group, gpus, err);
	if (code)
		return code;
	struct job_state *state = &sim->state[job];
	uint32_t bound = nodes_bound(&pool->groups[group], gpus), count = 0, left = gpus;
	/* Most jobs fit in one node: then one share is enough. */
	if (pool_top_level(pool, group) >= left)
		bound = 1;
	struct share *shares = share_block(&sim->store, bound, &state->share_class);
	if (!shares)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	while (left) {
		uint32_t level = pool_top_level(pool, group);
		/* Whole nodes at one stroke while even the emptiest holds less than what is left.
		 */
		if (left > level && level && !sim->nodes.on) {
			uint32_t taken = pool_take_emptiest(pool, group, (left - 1) / level,
			                                    shares + count, &level);
			count += taken;
			left -= taken * level;
			continue;
		}
		uint32_t node = next_node(pool, wish, left);
		uint32_t part = pool->free[node] < left ? pool->free[node] : left;
		shares[count++] = (struct share){ node, part };
		nodes_take(sim, node, part);
		left -= part;
	}
	state->group = group;
	state->gpus = gpus;
	state->shares = shares;
	state->share_count = count;
	return take_on(plan, job, wish, err);
}

static enum ergon_code place_on(struct plan *plan, uint32_t job, const struct wish *wish,
                                struct ergon_error *err)
{
	const struct share *wanted = wish->shares;
	uint32_t count = wish->share_count;
	struct sim *sim = plan->sim;
	struct pool *pool = &sim->pool;
	sim_settle_energy(sim);
	if (job < sim->count)
		release(plan, job);
	uint32_t gpus = 0;
	for (uint32_t i = 0; i < count; i++)
		gpus += wanted[i].gpus;
	if (count == 0 || wanted[0].node >= pool->nodes)
		return refuse(plan, job < sim->count ? job : 0, err, "no such node");
	uint32_t group = pool->group_of[wanted[0].node];
	enum ergon_code code = check_wish(plan, job, group, gpus, err);
	if (code)
		return code;
	struct job_state *state = &sim->state[job];
	struct share *shares = share_block(&sim->store, count, &state->share_class);
	if (!shares)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		uint32_t node = wanted[i].node;
		if (node >= pool->nodes || pool->group_of[node] != group || !wanted[i].gpus ||
		    wanted[i].gpus > pool->free[node])
			break;
		nodes_take(sim, node, wanted[i].gpus);
		shares[i] = wanted[i];
		state->share_count = i + 1;
	}
	state->group = group;
	state->gpus = gpus;
	state->shares = shares;
	if (state->share_count < count) {
		hand_back(sim, state);
		return refuse(plan, job, err, "wants GPUs of a node that are not free");
	}
	return take_on(plan, job, wish, err);
}

enum ergon_code plan_wish(struct plan *plan, uint32_t job, const struct wish *wish,
                          struct ergon_error *err)
{
	return wish->shares ? place_on(plan, job, wish, err) : place(plan, job, wish, err);
}

enum ergon_code plan_place(struct plan *plan, uint32_t job, uint32_t group, uint32_t gpus,
                           uint32_t batch, enum spread spread, struct ergon_error *err)
{
	const struct wish wish = { .group = group, .gpus = gpus, .batch = batch, .spread = spread };
	return place(plan, job, &wish, err);
}

enum ergon_code plan_place_on(struct plan *plan, uint32_t job, const struct share *shares,
                              uint32_t count, uint32_t batch, struct ergon_error *err)
{
	const struct wish wish = { .shares = shares, .share_count = count, .batch = batch };
	return place_on(plan, job, &wish, err);
}

enum ergon_code plan_sleep(struct plan *plan, uint32_t node, struct ergon_error *err)
{
	struct sim *sim = plan->sim;
	if (node >= sim->pool.nodes || !nodes_can_sleep(sim, node))
		return ergon_fail(err, ERGON_INFEASIBLE,
		                  "policy %s: node %u cannot sleep: it is not up and idle, or its "
		                  "group states no sleep_w",
		                  sim->policy->name, node);
	for (uint32_t i = 0; i < plan->sleep_count; i++)
		if (plan->sleeping[i] == node)
			return ERGON_OK;
	plan->sleeping[plan->sleep_count++] = node;
	return ERGON_OK;
}

void plan_wake(struct plan *plan, uint32_t node)
{
	if (node < plan->sim->pool.nodes)
		nodes_wake(plan->sim, node);
}

enum ergon_code plan_keep(struct plan *plan, uint32_t job, struct ergon_error *err)
{
	uint32_t at = plan->entry_of[job];
	if (at == JOB_NONE)
		return ERGON_OK;
	const struct plan_entry *old = &plan->entries[at];
	if (!old->gpus) {
		plan_preempt(plan, job);
		return ERGON_OK;
	}
	const struct wish wish = { .shares = old->shares,
		                   .share_count = old->share_count,
		                   .batch = old->batch,
		                   .setting = old->setting };
	return place_on(plan, job, &wish, err);
}

void plan_wake_at(struct plan *plan, uint64_t time_ns)
{
	if (time_ns < plan->wake_at_ns)
		plan->wake_at_ns = time_ns;
}

double plan_power_w(const struct plan *plan)
{
	return (double)(plan->work_uw + sim_idle_uw(plan->sim)) * 1e-6;
}

double plan_power_with_w(const struct plan *plan, uint32_t group, uint32_t gpus,
                         const struct estimate *estimate)
{
	return (double)(plan->work_uw + sim_idle_uw(plan->sim) - plan->sim->idle_uw[group] * gpus +
	                llrint(estimate->power_w * 1e6)) *
	       1e-6;
}

uint32_t plan_gpus(const struct plan *plan, uint32_t job)
{
	return plan->sim->state[job].gpus;
}

static bool same_place(const struct plan_entry *old, const struct job_state *state)
{
	return old->gpus == state->gpus && old->share_count == state->share_count &&
	       old->group == state->group &&
	       memcmp(old->shares, state->shares, sizeof *old->shares * old->share_count) == 0;
}

/* run_stop reports what was held: the state is given back its old shape for that moment. */
static void stop(struct sim *sim, const struct plan_entry *old)
{
	run_stop(sim, old);
	if (sim->setup->listener_count == 0)
		return;
	struct job_state *state = &sim->state[old->job], now = *state;
	state->group = old->group;
	state->gpus = old->gpus;
	state->shares = old->shares;
	state->share_count = old->share_count;
	state->estimate = old->estimate;
	sim_emit(sim, SIM_STOP, old->job);
	*state = now;
}

static void apply(struct sim *sim, const struct plan_entry *old)
{
	struct job_state *state = &sim->state[old->job];
	if (old->gpus && state->gpus && same_place(old, state)) {
		if (old->estimate != state->estimate) {
			const struct estimate *wanted = state->estimate;
			state->estimate = old->estimate;
			run_retune(sim, old->job, wanted, state->batch);
		}
	} else {
		if (old->gpus)
			stop(sim, old);
		if (state->gpus)
			run_start(sim, old->job);
	}
	share_release(&sim->store, old->shares, old->share_class);
}

enum ergon_code plan_commit(struct plan *plan, struct ergon_error *err)
{
	struct sim *sim = plan->sim;
	/* First all stops, then all starts: a listener never sees GPUs held twice. */
	for (uint32_t i = 0; i < plan->count; i++) {
		struct plan_entry *old = &plan->entries[i];
		struct job_state *state = &sim->state[old->job];
		plan->entry_of[old->job] = JOB_NONE;
		if (old->gpus && !(state->gpus && same_place(old, state))) {
			stop(sim, old);
			state->preemptions += !state->gpus;
			share_release(&sim->store, old->shares, old->share_class);
			old->shares = NULL;
			old->gpus = old->share_count = 0;
		}
	}
	for (uint32_t i = 0; i < plan->count; i++)
		apply(sim, &plan->entries[i]);
	plan->count = 0;
	for (uint32_t i = 0; i < plan->sleep_count; i++)
		if (nodes_can_sleep(sim, plan->sleeping[i]))
			nodes_sleep(sim, plan->sleeping[i]);
	plan->sleep_count = 0;
	if (sim->policy->needs_budget && plan_power_w(plan) > sim->cluster.budget_w + 1e-6)
		return ergon_fail(err, ERGON_INTERNAL,
		                  "policy %s: its plan draws %.1f W, over the budget of %.1f W",
		                  sim->policy->name, plan_power_w(plan), sim->cluster.budget_w);
	return ERGON_OK;
}
