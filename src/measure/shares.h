/* SPDX-License-Identifier: Apache-2.0
 *
 * Watches who uses the machine during a window, and shares the window's energy out among all its
 * processes: attribute.h has the arithmetic, processes.h and gpu_processes.h the observations.
 *
 *     shares_begin(watch, pid)   just before the command goes
 *     shares_look(watch)         now and then: looks at most once a second, and so rarely that
 *                                looking takes less than half a percent of one core
 *     shares_end(watch, ...)     the last look, and the energy's parts
 *
 * One thread. A struct share_watch owns its memory.
 */
#ifndef ERGON_MEASURE_SHARES_H
#define ERGON_MEASURE_SHARES_H

#include "measure/attribute.h"
#include "measure/gpu_processes.h"
#include "measure/processes.h"

struct share_watch {
	struct process_table table;
	struct gpu_processes gpus;
	uint64_t looked_ns, cost_ns;  /* when, and what a look takes */
	uint64_t *weights, *shares;   /* [capacity], for one pool at a time */
	uint64_t *energy_uj, *gpu_uj; /* [capacity], of each process; gpu_uj is part of energy_uj */
	size_t capacity, processes;
	struct energy_pools pools;
	uint64_t idle_uj, unseen_uj, unattributed_uj;
	uint64_t
	    command_unseen_uj; /* of the command's processes that came and went between looks */
};

ERGON_MUST_USE enum ergon_code shares_init(struct share_watch *watch, const struct ergon_env *env,
                                           struct ergon_error *err);
void shares_fini(struct share_watch *watch);

/* root: the process whose descendants are the command; 0: none. */
ERGON_MUST_USE enum ergon_code shares_begin(struct share_watch *watch, int root,
                                            struct ergon_error *err);
/* A look that fails is one fewer. */
void shares_look(struct share_watch *watch);
/* Looks once more and shares out. command_cpu_s: CPU time of the command's processes as the kernel
 * sums it up at their end, which knows those that no look has seen; 0: unknown. idle: may be NULL.
 */
ERGON_MUST_USE enum ergon_code shares_end(struct share_watch *watch,
                                          const struct measurement *measurement,
                                          const struct measurement *idle, double command_cpu_s,
                                          struct ergon_error *err);
/* Counting goes on for the next window, from the latest look. */
void shares_next(struct share_watch *watch);

/* What a share can be asked for by. */
enum share_key { SHARE_PROCESS, SHARE_CGROUP, SHARE_CONTAINER, SHARE_JOB, SHARE_KEYS };
/* NOT_FOUND with the nearest name. */
ERGON_MUST_USE enum ergon_code share_key_find(const char *name, enum share_key *key,
                                              struct ergon_error *err);

/* The fields of "attribution" (attribute.h) with "processes" (the greatest 50), "cgroups",
 * "containers", "jobs": rows {"name", "energy_j", "energy_uj", "cpu_s"?, ...}, and "rest": parts
 * that are no process's. All energy_uj of one list and of "rest" add up to "total_uj". NULL: out of
 * memory. */
json_t *shares_to_json(const struct share_watch *watch, double baseline_w);

#endif
