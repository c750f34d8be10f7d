/* SPDX-License-Identifier: Apache-2.0
 *
 * The analytical model as an oracle, and as the source of power for measured step times.
 *
 * A job trains its application (a model of the zoo) with a fixed total batch, data-parallel over
 * any number of GPUs that divides the samples reasonably; where a GPU's part does not fit in its
 * memory, it takes more micro-steps. Work is counted in samples: what the trace states as steps x
 * batch, or else duration x the modelled rate on what the job asked for, on the first type of the
 * cluster where it runs.
 */
#ifndef ERGON_OPTIMIZE_ORACLES_MODEL_H
#define ERGON_OPTIMIZE_ORACLES_MODEL_H

#include "ergon/env.h"
#include "model/predict.h"
#include "optimize/oracle.h"
#include "optimize/traces/trace.h"
#include "spec/cluster.h"

/* The devices of a cluster's groups and the models that its jobs train, read once. */
struct model_library {
	const struct ergon_env *env;
	struct arena *arena;
	const struct cluster *cluster;
	struct calibration calibration;
	struct device devices[CLUSTER_GROUPS_MAX];
	bool has_device[CLUSTER_GROUPS_MAX];
	const char **names; /* [count]: as the trace calls them */
	const struct workload **workloads;
	size_t count, capacity;
	char missing[256]; /* the last reason why a device or a model was not found */
};

/* Groups without a device file are left out: has_device is false. */
ERGON_MUST_USE enum ergon_code model_library_init(struct model_library *library,
                                                  const struct ergon_env *env, struct arena *arena,
                                                  const struct cluster *cluster,
                                                  struct ergon_error *err);
/* The model that an application trains; names of the published traces are translated. */
ERGON_MUST_USE enum ergon_code model_library_find(struct model_library *library,
                                                  const char *application,
                                                  const struct workload **workload,
                                                  struct ergon_error *err);

/* Power of one GPU while it computes a micro-batch, and while it waits for others; false where the
 * group has no device file. */
bool model_power(const struct model_library *library, const struct workload *workload,
                 uint32_t group, double local_batch, double *busy_w, double *wait_w);

/* trace: the jobs' steps. Fills application_id, work, batch, GPU range. */
ERGON_MUST_USE enum ergon_code model_oracle(struct arena *arena, struct model_library *library,
                                            const struct trace *trace, struct job_facts *jobs,
                                            uint32_t count, struct oracle **oracle,
                                            struct ergon_error *err);

#endif
