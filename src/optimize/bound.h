/* SPDX-License-Identifier: Apache-2.0
 *
 * What no policy can beat: a lower bound on the energy of a trace and on its mean completion time.
 *
 * Energy: the nodes' floor (asleep where they can sleep, else idle) over the shortest possible run,
 * and each job's least energy beyond it over all configurations that the oracle knows, a GPU that
 * is held counting for its part of a node that is up. Completion time: the larger of two
 * relaxations, each job alone at its fastest, and all jobs on one machine as fast as all GPUs
 * together that serves the shortest remaining one first (which is optimal for it). Starts wait for
 * the policy's round; the first start of each job pays its restart.
 *
 * Neither is reached as a rule: the cheapest configuration is not the fastest. Counts beyond 64 are
 * tried in powers of two, and spread placements of the analytical model not at all: by its laws
 * they are never faster or cheaper.
 */
#ifndef ERGON_OPTIMIZE_BOUND_H
#define ERGON_OPTIMIZE_BOUND_H

#include "optimize/sim/engine.h"

struct bound {
	double energy_j, jct_mean_s, makespan_s;
	double gpu_s;      /* the least that the jobs must hold */
	bool jct_by_queue; /* the second relaxation is the larger one */
};

/* NaN where the oracle cannot tell (a job that runs nowhere). */
ERGON_MUST_USE enum ergon_code bound_of(const struct sim_setup *setup, struct arena *arena,
                                        struct bound *bound, struct ergon_error *err);

#endif
