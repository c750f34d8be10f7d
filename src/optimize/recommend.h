/* SPDX-License-Identifier: Apache-2.0
 *
 * Which policy to use: the decision tree of the EAS-Sim paper, checked on the user's own trace.
 *
 * The tree: a hard power budget -> charon; else strict deadlines -> aurachronos; else fairness
 * first -> hades; else zeus. A branch whose policy this build lacks is passed over, and the steps
 * say so. The check simulates every policy that can keep what was demanded, and ranks them by what
 * the branch is about: budget and the rest by the objective T^a E^b (mean completion time, energy
 * of the whole run), deadlines by misses first, fairness by the worst finish-time fairness. Where
 * another policy is better than the tree's by more than 1%, the tree is called wrong.
 */
#ifndef ERGON_OPTIMIZE_RECOMMEND_H
#define ERGON_OPTIMIZE_RECOMMEND_H

#include "optimize/simulate.h"

struct recommend_wishes {
	bool strict_deadlines, fairness_first; /* a hard budget is experiment_options' */
	/* Results of this experiment that exist already, and need not be simulated again: borrowed,
	 * without their charts. Those of policies that mind the budget must not be among them where
	 * they had another one. */
	const struct policy_result *known;
	size_t known_count;
};

enum { RECOMMEND_POLICIES_MAX = 32, RECOMMEND_STEPS_MAX = 8 };

struct recommendation {
	char steps[RECOMMEND_STEPS_MAX][160]; /* of the walk down the tree */
	size_t step_count;
	const char *goal;                                     /* what policies are ranked by */
	struct policy_result results[RECOMMEND_POLICIES_MAX]; /* best first */
	double score[RECOMMEND_POLICIES_MAX];                 /* the less, the better */
	size_t count;
	size_t tree; /* index of the tree's policy */
	bool tree_is_right;
	char verdict[320];
};

ERGON_MUST_USE enum ergon_code recommend(struct experiment *experiment,
                                         const struct recommend_wishes *wishes,
                                         struct recommendation *recommendation,
                                         struct ergon_error *err);
void recommendation_fini(struct recommendation *recommendation);

/* kind "ergon.recommend", with the simulations as "simulate". NULL when memory is out. */
json_t *recommendation_to_json(const struct experiment *experiment,
                               const struct recommendation *recommendation);

#endif
