/* SPDX-License-Identifier: Apache-2.0
 *
 * Backfilling: jobs start in order of arrival; one that does not fit gets a reservation at the
 * earliest moment at which it will, and others may pass it if that delays no reservation. EASY
 * reserves for the first waiting job only, conservative backfilling for all.
 *
 * Ends are foreseen by what users stated (time limit), else by the oracle. A job that outlives its
 * time limit is expected to end at once, again and again.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_BACKFILL_H
#define ERGON_OPTIMIZE_POLICIES_BACKFILL_H

#include "optimize/policy.h"

/* Free GPUs over time, for one group: free[i] from time_s[i] to time_s[i + 1]. */
struct profile {
	double *time_s;
	int64_t *free;
	uint32_t count, capacity;
};

struct backfill {
	struct arena *arena;
	uint32_t reservations; /* at most so many */
	struct profile profiles[CLUSTER_GROUPS_MAX];
};

ERGON_MUST_USE enum ergon_code backfill_decide(struct backfill *backfill,
                                               const struct policy_call *call, struct plan *plan,
                                               struct ergon_error *err);

/* Exposed for tests: takes gpus from begin_s to end_s; false when memory is out. */
bool profile_take(struct profile *profile, struct arena *arena, double begin_s, double end_s,
                  uint32_t gpus);
/* The earliest moment from which gpus are free for span_s. */
double profile_earliest(const struct profile *profile, double span_s, uint32_t gpus);

#endif
