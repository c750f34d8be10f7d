/* SPDX-License-Identifier: Apache-2.0
 *
 * What no policy can beat: lower bounds on the energy of a trace and on its mean completion time.
 *
 * Completion time: the larger of two relaxations, each job alone at its fastest, and all jobs on
 * one machine as fast as all GPUs together that serves the shortest remaining one first (which is
 * optimal for it). Starts wait for the policy's round; the first start of each job pays its
 * restart.
 *
 * Energy: the nodes' floor (asleep where they can sleep, else idle) over the run, and of each job
 * the least beyond it over all configurations that the oracle knows, a GPU that is held counting
 * for its part of a node that is up. The longer the run, the more frugal jobs can be and the longer
 * the floor is paid: the bound is the least over all lengths of the run, where each job must fit
 * between its arrival and the end, and all of them into the GPUs' time. At a pace, it is what a
 * policy must spend that is as fast: whose run is no longer and whose mean completion time is at
 * most that. Both are Lagrangian relaxations: prices on each job's time and on GPU time, of which
 * any are valid, and the best of a grid are taken; jobs may change their configuration at any time,
 * at no cost.
 *
 * Neither is reached as a rule: queueing and restarts cost more. Traces of more than BOUND_JOBS_MAX
 * jobs get a weaker one on energy (the shortest run, each job at its most frugal) and none at a
 * pace. Without an oracle's own search, counts beyond 16 are tried in powers of two, and spread
 * placements of the analytical model not at all: by its laws they are never faster or cheaper.
 */
#ifndef ERGON_OPTIMIZE_BOUND_H
#define ERGON_OPTIMIZE_BOUND_H

#include "optimize/sim/engine.h"

enum { BOUND_JOBS_MAX = 5000 };

struct bound {
	double energy_j, jct_mean_s, makespan_s;
	double gpu_s;      /* the least that the jobs must hold */
	double jobs_j;     /* the least that working GPUs must draw beyond their idle power; NaN
	                      where nodes can sleep */
	bool jct_by_queue; /* the second relaxation is the larger one */
	struct bound_pace *pace; /* of bound_at_pace; NULL: too many jobs */
};

/* NaN where the oracle cannot tell (a job that runs nowhere). bound->pace lives in the arena. */
ERGON_MUST_USE enum ergon_code bound_of(const struct sim_setup *setup, struct arena *arena,
                                        struct bound *bound, struct ergon_error *err);

/* The least energy of any policy whose run is no longer than makespan_s and whose mean completion
 * time is at most jct_mean_s (infinite: any). NaN where it is not known. */
double bound_at_pace(const struct bound *bound, double makespan_s, double jct_mean_s);

#endif
