/* SPDX-License-Identifier: Apache-2.0
 *
 * A policy from outside: in a process that speaks lines of JSON, or in a shared library
 * (ergon/policy.h). Both see the same state and have the same wishes; external.c makes the one and
 * grants the others, process.c and library.c carry them.
 */
#ifndef ERGON_OPTIMIZE_EXTERNAL_EXTERNAL_H
#define ERGON_OPTIMIZE_EXTERNAL_EXTERNAL_H

#include "ergon/env.h"
#include "ergon/policy.h"
#include "optimize/policy.h"

struct external;

/* How a policy from outside is reached. */
struct external_carrier {
	enum ergon_code (*open)(struct external *external, const struct ergon_policy_run *run,
	                        struct ergon_error *err);
	enum ergon_code (*decide)(struct external *external, const struct ergon_policy_state *state,
	                          struct ergon_error *err);
	void (*close)(struct external *external);
};
extern const struct external_carrier external_process, external_library;

struct external {
	const struct external_carrier *carrier;
	const char *what; /* the command or the library's path */
	const struct ergon_env *env;
	uint64_t patience_ns; /* for an answer */
	struct arena *arena;
	struct ergon_policy_group *groups;
	struct ergon_policy_job *jobs; /* [capacity] */
	uint32_t capacity;
	uint32_t free_gpus[CLUSTER_GROUPS_MAX];
	void *link; /* the carrier's */
	/* While decide() runs. */
	const struct policy_call *call;
	struct plan *plan;
	struct share *shares; /* [nodes] */
	struct ergon_error refusal;
	bool broken; /* a wish failed for another reason than the cluster: refusal says why */
};

/* The wishes, as in struct ergon_policy_calls; context is the struct external. */
extern const struct ergon_policy_calls external_calls;

#endif
