/* SPDX-License-Identifier: Apache-2.0
 *
 * The oracle that rests on measurements alone: epoch time and mean board power of training runs on
 * one GPU, by batch and power cap, as the Zeus project published them (You et al., NSDI 2023).
 *
 * The file is a table of measurements in the long form (one metric a row) with the columns gpu,
 * gpu_count, model, batch_size_per_gpu, power_limit_w, metric, value; epoch_time_s and avg_power_w
 * are read, other rows and runs on several GPUs are not looked at. A job runs one GPU at its own
 * batch, which must have been measured; caps are the lever. Its work is its duration on what it
 * asked for, at the highest cap, on the first type of the cluster where that was measured.
 */
#ifndef ERGON_OPTIMIZE_ORACLES_ZEUS_TRACES_H
#define ERGON_OPTIMIZE_ORACLES_ZEUS_TRACES_H

#include "ergon/env.h"
#include "optimize/oracle.h"
#include "spec/cluster.h"

ERGON_MUST_USE enum ergon_code zeus_oracle(const struct ergon_env *env, const char *path,
                                           struct arena *arena, const struct cluster *cluster,
                                           const char *trace_file, struct job_facts *jobs,
                                           uint32_t count, struct oracle **oracle,
                                           struct ergon_error *err);

#endif
