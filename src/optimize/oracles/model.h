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
	struct power_setting settings[CLUSTER_GROUPS_MAX][POWER_SETTINGS_MAX];
	uint32_t setting_count[CLUSTER_GROUPS_MAX]; /* at least 1: free */
	struct model_answer *answers;               /* hash table of what was asked before */
	uint32_t answer_count, answer_capacity;
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

/* One GPU that computes micro-batches of a size. */
struct model_power {
	double busy_w, wait_w; /* while it computes, and while it waits for others */
	double slower;         /* time of a micro-step over that at the free setting */
};

/* False where the group has no device file. Answers are kept, so asking again is O(1); a library is
 * private to one thread. Settings: caps in tenths of the device's limit, down to the lowest that it
 * takes; or clocks in tenths of its boost clock, where caps reach less than 30% down. */
bool model_power(struct model_library *library, const struct workload *workload, uint32_t group,
                 double local_batch, uint32_t setting, struct model_power *power);
/* An oracle's callback settings() over the library. */
uint32_t model_settings(const struct model_library *library, uint32_t group,
                        struct power_setting *out, uint32_t max);

/* trace: the jobs' steps. Fills application_id, work, batch, GPU range. */
ERGON_MUST_USE enum ergon_code model_oracle(struct arena *arena, struct model_library *library,
                                            const struct trace *trace, struct job_facts *jobs,
                                            uint32_t count, struct oracle **oracle,
                                            struct ergon_error *err);

#endif
