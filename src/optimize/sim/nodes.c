/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that sleep, wake up, fail and come back.
 *
 * A node that falls asleep, sleeps or wakes is in the pool as free, in the level that is taken
 * last. While a plan is written, a sleeping node of which GPUs were taken is counted at its power
 * when up; it really wakes when the plan is applied. One that is called while it falls asleep falls
 * on, and is counted as waking from then on.
 */
#include <math.h>

#include "base/units.h"
#include "optimize/sim/engine_state.h"

static struct node_kind *kind_of(struct sim *sim, uint32_t node)
{
	return &sim->nodes.kind[sim->pool.group_of[node]];
}

static uint32_t gpus_of(const struct sim *sim, uint32_t node)
{
	return sim->pool.groups[sim->pool.group_of[node]].gpus_per_node;
}

static void set_event(struct sim *sim, uint32_t node, uint64_t time_ns)
{
	heap_set(&sim->heap, id_of_node(sim, node), time_ns * 2);
}

static void read_kinds(struct sim *sim)
{
	const struct sim_setup *setup = sim->setup;
	for (size_t g = 0; g < setup->cluster->group_count; g++) {
		const struct cluster_group *group = &setup->cluster->groups[g];
		struct node_kind *kind = &sim->nodes.kind[g];
		*kind = (struct node_kind){ .host_uw = llrint(setup->host_w[g] * 1e6),
			                    .sleeps = cluster_group_sleeps(group),
			                    .sleep_ns = ns_from_seconds(group->sleep_s),
			                    .wake_ns = ns_from_seconds(group->wake_s),
			                    .repair_ns = ns_from_seconds(group->repair_s) };
		kind->wake_uw = isnan(group->wake_w) ? kind->host_uw : llrint(group->wake_w * 1e6);
		if (kind->sleeps)
			kind->sleep_uw = llrint(group->sleep_w * 1e6);
		if (group->mtbf_s > 0 && setup->random_failures)
			sim->nodes.failures_per_s += group->nodes / group->mtbf_s;
		sim->nodes.on = sim->nodes.on || kind->sleeps;
	}
	sim->nodes.on = sim->nodes.on || setup->failure_count > 0 || sim->nodes.failures_per_s > 0;
}

/* The same failures whatever the policy does. */
static void foresee_failure(struct sim *sim)
{
	const struct sim_setup *setup = sim->setup;
	uint64_t next = sim->nodes.random_ns;
	if (sim->nodes.next_known < setup->failure_count &&
	    setup->failures[sim->nodes.next_known].time_ns < next)
		next = setup->failures[sim->nodes.next_known].time_ns;
	if (next != UINT64_MAX)
		heap_set(&sim->heap, id_of(sim, ID_FAILURE), next * 2);
}

static void draw_failure(struct sim *sim, uint64_t from_ns)
{
	struct nodes *nodes = &sim->nodes;
	nodes->random_ns = UINT64_MAX;
	if (!(nodes->failures_per_s > 0))
		return;
	double span_s = rng_exponential(&nodes->rng, 1 / nodes->failures_per_s);
	if (span_s < 4e9)
		nodes->random_ns = from_ns + ns_from_seconds(span_s);
}

bool nodes_init(struct sim *sim)
{
	struct nodes *nodes = &sim->nodes;
	uint32_t count = sim->pool.nodes;
	read_kinds(sim);
	if (!nodes->on)
		return true;
	nodes->state = ARENA_ARRAY(sim->arena, uint8_t, count);
	nodes->called = ARENA_ARRAY(sim->arena, bool, count);
	nodes->held = ARENA_ARRAY(sim->arena, uint32_t, count);
	nodes->until_ns = ARENA_ARRAY(sim->arena, uint64_t, count);
	nodes->since_ns = ARENA_ARRAY(sim->arena, uint64_t, count);
	sim->plan.sleeping = ARENA_ARRAY(sim->arena, uint32_t, count);
	if (!nodes->state || !nodes->called || !nodes->held || !nodes->until_ns ||
	    !nodes->since_ns || !sim->plan.sleeping)
		return false;
	/* Another stream than the policies': they start from the seed itself. */
	rng_init(&nodes->rng, sim->setup->options.seed ^ UINT64_C(0x6e6f646573));
	uint64_t after = sim->setup->options.sleep_after_ns;
	for (uint32_t n = 0; after && n < count; n++)
		if (kind_of(sim, n)->sleeps)
			set_event(sim, n, sim->now_ns + after);
	while (nodes->next_known < sim->setup->failure_count &&
	       sim->setup->failures[nodes->next_known].time_ns < sim->now_ns)
		nodes->next_known++;
	draw_failure(sim, sim->now_ns);
	foresee_failure(sim);
	return true;
}

/* A sleeping node counts as one that is up, or no longer does. */
static void count_as_up(struct sim *sim, uint32_t node, bool up)
{
	const struct node_kind *kind = kind_of(sim, node);
	uint32_t group = sim->pool.group_of[node], gpus = gpus_of(sim, node);
	int64_t more_uw = kind->wake_uw - kind->sleep_uw;
	sim->host_uw += up ? more_uw : -more_uw;
	sim->nodes.asleep_gpus[group] += up ? -gpus : gpus;
}

static void call_up(struct sim *sim, uint32_t node, bool up)
{
	const struct node_kind *kind = kind_of(sim, node);
	int64_t more_uw = kind->wake_uw - kind->host_uw;
	if (sim->nodes.state[node] == NODE_ASLEEP)
		count_as_up(sim, node, up);
	else if (sim->nodes.state[node] == NODE_FALLING && !sim->nodes.called[node])
		sim->host_uw += up ? more_uw : -more_uw;
}

void nodes_take(struct sim *sim, uint32_t node, uint32_t gpus)
{
	if (sim->nodes.on && sim->pool.free[node] == gpus_of(sim, node))
		call_up(sim, node, true);
	pool_take(&sim->pool, node, gpus);
}

void nodes_give(struct sim *sim, uint32_t node, uint32_t gpus)
{
	pool_give(&sim->pool, node, gpus);
	if (sim->nodes.on && sim->pool.free[node] == gpus_of(sim, node))
		call_up(sim, node, false);
}

void nodes_give_all(struct sim *sim, const struct share *shares, uint32_t count)
{
	if (!sim->nodes.on)
		pool_give_all(&sim->pool, shares, count);
	for (uint32_t i = 0; sim->nodes.on && i < count; i++)
		nodes_give(sim, shares[i].node, shares[i].gpus);
}

/* From asleep, counted as up already. */
static void begin_waking(struct sim *sim, uint32_t node)
{
	struct nodes *nodes = &sim->nodes;
	nodes->state[node] = NODE_WAKING;
	nodes->called[node] = false;
	sim->outcome->asleep_node_ns += sim->now_ns - nodes->since_ns[node];
	sim->outcome->wakes++;
	pool_wake(&sim->pool, node);
	nodes->until_ns[node] = sim->now_ns + kind_of(sim, node)->wake_ns;
	set_event(sim, node, nodes->until_ns[node]);
	sim_emit_node(sim, SIM_WAKE, node);
}

uint64_t nodes_begin(struct sim *sim, const struct share *shares, uint32_t count)
{
	struct nodes *nodes = &sim->nodes;
	uint64_t up_ns = sim->now_ns;
	for (uint32_t i = 0; nodes->on && i < count; i++) {
		uint32_t node = shares[i].node;
		uint64_t ready_ns = sim->now_ns;
		if (nodes->state[node] == NODE_ASLEEP)
			begin_waking(sim, node);
		if (nodes->state[node] == NODE_FALLING) {
			nodes->called[node] = true;
			ready_ns = nodes->until_ns[node] + kind_of(sim, node)->wake_ns;
		} else if (nodes->state[node] == NODE_WAKING) {
			ready_ns = nodes->until_ns[node];
		} else if (nodes->held[node] == 0) {
			heap_remove(&sim->heap, id_of_node(sim, node));
		}
		if (ready_ns > up_ns)
			up_ns = ready_ns;
		nodes->held[node] += shares[i].gpus;
	}
	return up_ns;
}

static void begin_idling(struct sim *sim, uint32_t node)
{
	uint64_t after = sim->setup->options.sleep_after_ns;
	if (after && sim->nodes.state[node] == NODE_UP && !sim->nodes.held[node] &&
	    kind_of(sim, node)->sleeps)
		set_event(sim, node, sim->now_ns + after);
}

void nodes_end(struct sim *sim, const struct share *shares, uint32_t count)
{
	for (uint32_t i = 0; sim->nodes.on && i < count; i++) {
		sim->nodes.held[shares[i].node] -= shares[i].gpus;
		begin_idling(sim, shares[i].node);
	}
}

bool nodes_can_sleep(const struct sim *sim, uint32_t node)
{
	return sim->nodes.on && sim->nodes.kind[sim->pool.group_of[node]].sleeps &&
	       sim->nodes.state[node] == NODE_UP && sim->pool.free[node] == gpus_of(sim, node);
}

void nodes_sleep(struct sim *sim, uint32_t node)
{
	struct nodes *nodes = &sim->nodes;
	sim_settle_energy(sim);
	nodes->state[node] = NODE_FALLING;
	nodes->until_ns[node] = sim->now_ns + kind_of(sim, node)->sleep_ns;
	pool_sleep(&sim->pool, node);
	set_event(sim, node, nodes->until_ns[node]);
	sim->outcome->sleeps++;
	sim_emit_node(sim, SIM_FALL, node);
}

void nodes_wake(struct sim *sim, uint32_t node)
{
	if (!sim->nodes.on || sim->nodes.state[node] != NODE_ASLEEP)
		return;
	sim_settle_energy(sim);
	if (sim->pool.free[node] == gpus_of(sim, node))
		call_up(sim, node, true);
	begin_waking(sim, node);
}

static void fall_asleep(struct sim *sim, uint32_t node)
{
	struct nodes *nodes = &sim->nodes;
	const struct node_kind *kind = kind_of(sim, node);
	nodes->state[node] = NODE_ASLEEP;
	nodes->since_ns[node] = sim->now_ns;
	if (nodes->called[node]) { /* it turns round at once; its power is counted so already */
		begin_waking(sim, node);
		return;
	}
	sim->host_uw += kind->sleep_uw - kind->host_uw;
	sim->nodes.asleep_gpus[sim->pool.group_of[node]] += gpus_of(sim, node);
	sim_emit_node(sim, SIM_ASLEEP, node);
}

void nodes_event(struct sim *sim, uint32_t node)
{
	struct nodes *nodes = &sim->nodes;
	const struct node_kind *kind = kind_of(sim, node);
	sim_settle_energy(sim);
	sim->outcome->events++;
	switch ((enum node_state)nodes->state[node]) {
	case NODE_UP: /* it has been idle long enough */
		if (nodes_can_sleep(sim, node))
			nodes_sleep(sim, node);
		break;
	case NODE_FALLING:
		fall_asleep(sim, node);
		break;
	case NODE_WAKING:
		nodes->state[node] = NODE_UP;
		sim->host_uw += kind->host_uw - kind->wake_uw;
		sim_emit_node(sim, SIM_UP, node);
		begin_idling(sim, node);
		break;
	case NODE_DOWN:
		nodes->state[node] = NODE_UP;
		sim->outcome->down_node_ns += sim->now_ns - nodes->since_ns[node];
		pool_up(&sim->pool, node);
		/* It drew the power of an idle node, which its GPUs now count again. */
		sim->host_uw -= sim->idle_uw[sim->pool.group_of[node]] * gpus_of(sim, node);
		sim->wakeups |= WAKEUP_REPAIR;
		sim_emit_node(sim, SIM_REPAIR, node);
		begin_idling(sim, node);
		break;
	case NODE_ASLEEP:
		break;
	}
}

static bool is_on(const struct job_state *state, uint32_t node)
{
	for (uint32_t i = 0; i < state->share_count; i++)
		if (state->shares[i].node == node)
			return true;
	return false;
}

static void fail(struct sim *sim, uint32_t node, uint64_t repair_ns)
{
	struct nodes *nodes = &sim->nodes;
	const struct node_kind *kind = kind_of(sim, node);
	uint32_t group = sim->pool.group_of[node], next;
	if (nodes->state[node] == NODE_DOWN)
		return;
	sim_settle_energy(sim);
	for (uint32_t j = sim->jobs.first; j != JOB_NONE && nodes->held[node]; j = next) {
		next = sim->state[j].next;
		if (sim->state[j].status == JOB_RUNNING && is_on(&sim->state[j], node))
			run_lose(sim, j);
	}
	if (nodes->state[node] == NODE_ASLEEP) {
		sim->outcome->asleep_node_ns += sim->now_ns - nodes->since_ns[node];
		sim->host_uw += kind->host_uw - kind->sleep_uw;
		nodes->asleep_gpus[group] -= gpus_of(sim, node);
	} else if (nodes->state[node] == NODE_WAKING || nodes->called[node]) {
		sim->host_uw += kind->host_uw - kind->wake_uw;
	}
	if (sim->pool.asleep[node])
		pool_wake(&sim->pool, node);
	sim->host_uw += sim->idle_uw[group] * gpus_of(sim, node);
	pool_down(&sim->pool, node);
	nodes->state[node] = NODE_DOWN;
	nodes->called[node] = false;
	nodes->since_ns[node] = sim->now_ns;
	nodes->until_ns[node] = sim->now_ns + repair_ns;
	set_event(sim, node, nodes->until_ns[node]);
	sim->outcome->failures++;
	sim->wakeups |= WAKEUP_FAILURE;
	sim_emit_node(sim, SIM_FAIL, node);
}

/* A node of a group that fails, in proportion to how often its nodes do. */
static uint32_t draw_node(struct sim *sim)
{
	const struct cluster *cluster = sim->setup->cluster;
	double at = rng_uniform(&sim->nodes.rng) * sim->nodes.failures_per_s;
	uint32_t first = 0, last = 0;
	for (size_t g = 0; g < cluster->group_count; g++) {
		const struct cluster_group *group = &cluster->groups[g];
		if (group->mtbf_s > 0) {
			double rate = group->nodes / group->mtbf_s;
			last = first + (uint32_t)rng_below(&sim->nodes.rng, group->nodes);
			if (at < rate)
				return last;
			at -= rate;
		}
		first += group->nodes;
	}
	return last;
}

void nodes_fail_next(struct sim *sim)
{
	struct nodes *nodes = &sim->nodes;
	const struct sim_setup *setup = sim->setup;
	sim->outcome->events++;
	while (nodes->next_known < setup->failure_count &&
	       setup->failures[nodes->next_known].time_ns <= sim->now_ns) {
		const struct node_failure *known = &setup->failures[nodes->next_known++];
		fail(sim, known->node, known->repair_ns);
	}
	if (nodes->random_ns <= sim->now_ns) {
		uint32_t node = draw_node(sim);
		draw_failure(sim, sim->now_ns);
		fail(sim, node, kind_of(sim, node)->repair_ns);
	}
	foresee_failure(sim);
}

void nodes_close(struct sim *sim)
{
	const struct nodes *nodes = &sim->nodes;
	for (uint32_t n = 0; nodes->on && n < sim->pool.nodes; n++) {
		uint64_t span = sim->outcome->end_ns - nodes->since_ns[n];
		if (nodes->state[n] == NODE_ASLEEP)
			sim->outcome->asleep_node_ns += span;
		else if (nodes->state[n] == NODE_DOWN)
			sim->outcome->down_node_ns += span;
	}
}
