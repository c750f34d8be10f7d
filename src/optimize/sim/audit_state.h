/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the auditor: shared by audit.c (jobs, energy) and audit_nodes.c.
 */
#ifndef ERGON_OPTIMIZE_SIM_AUDIT_STATE_H
#define ERGON_OPTIMIZE_SIM_AUDIT_STATE_H

#include "optimize/sim/audit.h"

__attribute__((__format__(__printf__, 4, 5))) void audit_fault(struct audit *audit,
                                                               uint64_t time_ns, uint32_t job,
                                                               const char *format, ...);

/* Evaluates a law; audit and event are in scope. */
#define AUDIT_LAW(holds, ...)                                                                      \
	do {                                                                                       \
		audit->checks++;                                                                   \
		if (!(holds))                                                                      \
			audit_fault(audit, event->time_ns, event->job, __VA_ARGS__);               \
	} while (0)

bool audit_nodes_init(struct audit *audit, struct arena *arena);
void audit_node_event(struct audit *audit, const struct sim_event *event);
/* A node's draw beyond its jobs; and books a change of it, or of the GPUs used on it. */
int64_t audit_node_draw(const struct audit *audit, uint32_t node);
void audit_node_changed(struct audit *audit, uint32_t node, int64_t before_uw);
/* A job comes to hold nodes: when its last one is up. */
uint64_t audit_call_nodes(struct audit *audit, const struct sim_event *event);
/* A job works: all its nodes are up. */
void audit_all_up(struct audit *audit, const struct sim_event *event);

#endif
