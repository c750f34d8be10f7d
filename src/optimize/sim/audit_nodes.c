/* SPDX-License-Identifier: Apache-2.0
 *
 * The auditor's books on nodes: who sleeps, wakes, is down, and what that draws.
 */
#include <math.h>

#include "base/units.h"
#include "optimize/sim/audit_state.h"

bool audit_nodes_init(struct audit *audit, struct arena *arena)
{
	const struct sim_setup *setup = audit->setup;
	bool any = setup->failure_count > 0;
	for (size_t g = 0; g < setup->cluster->group_count; g++)
		any = any || cluster_group_sleeps(&setup->cluster->groups[g]) ||
		      (setup->random_failures && setup->cluster->groups[g].mtbf_s > 0);
	if (!any)
		return true;
	audit->nodes = ARENA_ARRAY(arena, struct audit_node, setup->cluster->nodes);
	return audit->nodes != NULL;
}

static const struct cluster_group *group_of(const struct audit *audit, uint32_t node)
{
	return &audit->setup->cluster->groups[audit->node_group[node]];
}

/* A node without its GPUs, and whether its free GPUs draw their idle power. */
static int64_t node_power(const struct audit *audit, uint32_t node, bool *gpus_draw)
{
	const struct audit_node *n = &audit->nodes[node];
	const struct cluster_group *group = group_of(audit, node);
	uint32_t g = audit->node_group[node];
	int64_t host_uw = llrint(audit->setup->host_w[g] * 1e6);
	int64_t wake_uw = isnan(group->wake_w) ? host_uw : llrint(group->wake_w * 1e6);
	*gpus_draw = n->state != NODE_ASLEEP;
	switch ((enum node_state)n->state) {
	case NODE_ASLEEP:
		return llrint(group->sleep_w * 1e6);
	case NODE_WAKING:
		return wake_uw;
	case NODE_FALLING:
		return n->called ? wake_uw : host_uw;
	case NODE_UP:
	case NODE_DOWN:
		break;
	}
	return host_uw;
}

/* What a node draws beyond the jobs on it. */
static int64_t draw_of(const struct audit *audit, uint32_t node)
{
	bool gpus_draw;
	int64_t power = node_power(audit, node, &gpus_draw);
	uint32_t idle = group_of(audit, node)->gpus_per_node - audit->used[node];
	return power + (gpus_draw ? audit->idle_uw[audit->node_group[node]] * idle : 0);
}

void audit_node_changed(struct audit *audit, uint32_t node, int64_t before_uw)
{
	audit->nodes_uw += draw_of(audit, node) - before_uw;
}

int64_t audit_node_draw(const struct audit *audit, uint32_t node)
{
	return draw_of(audit, node);
}

/* The change is from `from` and, where it takes a time, comes exactly at its end. */
static void turn(struct audit *audit, const struct sim_event *event, enum node_state from,
                 enum node_state to, double lasts_s, bool at_end)
{
	struct audit_node *node = &audit->nodes[event->node];
	AUDIT_LAW(node->state == from, "node %u changes to state %d from %d", event->node, (int)to,
	          (int)node->state);
	if (at_end)
		AUDIT_LAW(event->time_ns == node->until_ns,
		          "node %u: its change lasts until %.9g s", event->node,
		          (double)node->until_ns * 1e-9);
	node->state = (uint8_t)to;
	node->until_ns = event->time_ns + ns_from_seconds(lasts_s);
}

void audit_node_event(struct audit *audit, const struct sim_event *event)
{
	if (event->kind == SIM_BUDGET) {
		AUDIT_LAW(audit->setup->budget != NULL, "a budget that is not there changes");
		return;
	}
	if (!audit->nodes || event->node >= audit->setup->cluster->nodes) {
		AUDIT_LAW(false, "node %u sleeps or fails, which it cannot", event->node);
		return;
	}
	struct audit_node *node = &audit->nodes[event->node];
	const struct cluster_group *group = group_of(audit, event->node);
	uint32_t used = audit->used[event->node];
	int64_t before_uw = draw_of(audit, event->node);
	switch (event->kind) {
	case SIM_FALL:
		AUDIT_LAW(used == 0, "node %u falls asleep under its jobs", event->node);
		AUDIT_LAW(cluster_group_sleeps(group), "node %u cannot sleep", event->node);
		turn(audit, event, NODE_UP, NODE_FALLING, group->sleep_s, false);
		break;
	case SIM_ASLEEP:
		AUDIT_LAW(used == 0, "node %u sleeps under its jobs", event->node);
		turn(audit, event, NODE_FALLING, NODE_ASLEEP, 0, true);
		break;
	case SIM_WAKE:
		if (node->state == NODE_FALLING)
			turn(audit, event, NODE_FALLING, NODE_WAKING, group->wake_s, true);
		else
			turn(audit, event, NODE_ASLEEP, NODE_WAKING, group->wake_s, false);
		node->called = false;
		break;
	case SIM_UP:
		turn(audit, event, NODE_WAKING, NODE_UP, 0, true);
		break;
	case SIM_FAIL:
		AUDIT_LAW(used == 0, "node %u fails, its jobs run on", event->node);
		AUDIT_LAW(node->state != NODE_DOWN, "node %u fails twice", event->node);
		node->state = NODE_DOWN;
		node->called = false;
		audit->failures++;
		break;
	case SIM_REPAIR:
		turn(audit, event, NODE_DOWN, NODE_UP, 0, false);
		break;
	default:
		break;
	}
	audit_node_changed(audit, event->node, before_uw);
}

uint64_t audit_call_nodes(struct audit *audit, const struct sim_event *event)
{
	uint64_t up_ns = event->time_ns;
	for (uint32_t i = 0; audit->nodes && i < event->share_count; i++) {
		uint32_t n = event->shares[i].node;
		if (n >= audit->setup->cluster->nodes)
			continue;
		struct audit_node *node = &audit->nodes[n];
		uint64_t ready_ns = event->time_ns;
		AUDIT_LAW(node->state != NODE_DOWN, "holds node %u, which is down", n);
		AUDIT_LAW(node->state != NODE_ASLEEP, "holds node %u, which sleeps on", n);
		if (node->state == NODE_WAKING)
			ready_ns = node->until_ns;
		if (node->state == NODE_FALLING) {
			int64_t before_uw = audit_node_draw(audit, n);
			node->called = true;
			audit_node_changed(audit, n, before_uw);
			ready_ns = node->until_ns + ns_from_seconds(group_of(audit, n)->wake_s);
		}
		if (ready_ns > up_ns)
			up_ns = ready_ns;
	}
	return up_ns;
}

void audit_all_up(struct audit *audit, const struct sim_event *event)
{
	for (uint32_t i = 0; audit->nodes && i < event->share_count; i++) {
		uint32_t n = event->shares[i].node;
		if (n < audit->setup->cluster->nodes)
			AUDIT_LAW(audit->nodes[n].state == NODE_UP,
			          "works on node %u, which is not up", n);
	}
}
