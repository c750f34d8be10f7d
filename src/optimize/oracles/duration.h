/* SPDX-License-Identifier: Apache-2.0
 *
 * The trace's own durations: a job runs for as long as the trace says, on what it asked for, and in
 * no other way. Its GPUs draw their group's full power.
 */
#ifndef ERGON_OPTIMIZE_ORACLES_DURATION_H
#define ERGON_OPTIMIZE_ORACLES_DURATION_H

#include "base/arena.h"
#include "optimize/oracle.h"
#include "spec/cluster.h"

/* gpu_max_w: [groups]. Makes every job rigid: work in seconds, one epoch. A job without a duration
 * is BAD_INPUT (file names the trace). */
ERGON_MUST_USE enum ergon_code duration_oracle(struct arena *arena, const struct cluster *cluster,
                                               const double *gpu_max_w, const char *file,
                                               struct job_facts *jobs, uint32_t count,
                                               struct oracle **oracle, struct ergon_error *err);

#endif
