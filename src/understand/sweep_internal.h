/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the sweep share; nobody else includes this.
 */
#ifndef ERGON_UNDERSTAND_SWEEP_INTERNAL_H
#define ERGON_UNDERSTAND_SWEEP_INTERNAL_H

#include "base/rng.h"
#include "understand/gpu_temperature.h"
#include "understand/sweep.h"

enum { SWEEP_RUNS_LEAST = 3 };

struct sweep_runner {
	struct sweep *sweep;
	const struct ergon_env *env;
	sweep_measure measure;
	void *user;
	struct ergon_error *err;
	struct rng rng;
	uint64_t begin_ns;
	struct gpu_thermometer thermometer; /* open where the sweep cools down */
	bool stop;                          /* budget spent, or told to end */
};

/* One more run of a point, unless the budget forbids it (then runner->stop). */
ERGON_MUST_USE enum ergon_code sweep_run_point(struct sweep_runner *runner, struct sweep_point *p);
/* Has a point all the runs that the options ask for? */
bool sweep_point_done(const struct sweep *sweep, const struct sweep_point *p);
/* Index of the point at which levers are as by default: the baseline. */
size_t sweep_default_point(const struct sweep *sweep);

/* sweep_adaptive.c: measures only what the search for the least EDP needs. *complete is false where
 * the search cannot be trusted (more than one valley): then the full grid must be measured. */
ERGON_MUST_USE enum ergon_code sweep_adaptive(struct sweep_runner *runner, bool *complete);

/* sweep_bayes.c: the same where there may be several valleys, for one or two levers.
 * *complete is false where it does not apply. */
ERGON_MUST_USE enum ergon_code sweep_bayes(struct sweep_runner *runner, bool *complete);

/* Mean EDP; infinite where nothing was measured. */
double sweep_cost(const struct sweep_point *p);
/* Relative standard deviation of one run's EDP, pooled over the points that have several. */
double sweep_noise(const struct sweep *sweep);
/* Is a better than b? Runs both until that is clear or each has all its runs. */
ERGON_MUST_USE enum ergon_code sweep_better(struct sweep_runner *r, struct sweep_point *a,
                                            struct sweep_point *b, bool *answer);
/* Runs a point until it has all its runs. */
ERGON_MUST_USE enum ergon_code sweep_finish(struct sweep_runner *r, struct sweep_point *p);

#endif
