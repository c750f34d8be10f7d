/* SPDX-License-Identifier: Apache-2.0
 *
 * Finish-time fairness with leases: what Themis and Hades share.
 *
 * rho of a job is the time that it will have been in the system over the time that it would have
 * taken alone on what it asked for. A job holds its GPUs for a lease; once that is over they are
 * offered again, together with the free ones, to the waiting jobs and to the job itself. Among
 * these contenders the one with the least score goes next, in its best configuration within what is
 * left; a job that wins again stays where it is unless another configuration is clearly better.
 * What the best configuration is, and the score, are the policy's rules.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_FAIR_H
#define ERGON_OPTIMIZE_POLICIES_FAIR_H

#include "optimize/policies/search.h"

struct fair;

struct fair_rules {
	/* The best configuration of a job within left[group]; false: none fits. */
	bool (*best)(struct fair *fair, const struct policy_call *call, const struct plan *plan,
	             uint32_t job, const uint32_t *left, struct candidate *how);
	/* From ln(T^a E^b) of what is left of the job, and its rho. Least goes first. */
	double (*score)(const struct fair *fair, double objective, double rho);
	/* A job that fits nowhere now, though it could, keeps others from starting where it waits.
	 */
	bool reserve;
};

struct contender {
	uint32_t job;
	bool fits, stays, settled;
	bool offered; /* it stays, but what it holds is on offer again at the next decision */
	double score;
	struct candidate how;
};

struct fair {
	const struct fair_rules *rules;
	struct search search;
	double *alone_s;                  /* [jobs]; 0: not asked yet */
	uint64_t *lease_end_ns, lease_ns; /* [jobs] */
	struct contender *contenders;     /* [jobs] */
	uint32_t count;
};

ERGON_MUST_USE enum ergon_code fair_init(struct fair *fair, const struct policy_setup *setup,
                                         const struct fair_rules *rules, double time_weight,
                                         double energy_weight, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code fair_decide(struct fair *fair, const struct policy_call *call,
                                           struct plan *plan, struct ergon_error *err);

/* For rules and auctions. */
double fair_rho(struct fair *fair, const struct policy_call *call, uint32_t job, double left_s);
/* The least time within left[group] on at most what the job asked for, at its own batch. */
bool fair_best_as_asked(struct fair *fair, const struct policy_call *call, const struct plan *plan,
                        uint32_t job, const uint32_t *left, struct candidate *how);
/* Fills contenders with waiting jobs and those whose lease is over; left with what is on offer. */
void fair_gather(struct fair *fair, const struct policy_call *call, uint32_t *left);
/* Lets those who are settled have what they won, the others lose what they held. */
ERGON_MUST_USE enum ergon_code fair_apply(struct fair *fair, const struct policy_call *call,
                                          struct plan *plan, struct ergon_error *err);
/* Settles the contenders that are not yet, least score first, in what is left. */
void fair_share_out(struct fair *fair, const struct policy_call *call, const struct plan *plan,
                    uint32_t *left);

#endif
