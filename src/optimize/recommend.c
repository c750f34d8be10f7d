/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/recommend.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static const double clearly_better = 0.01;

enum branch { BRANCH_BUDGET, BRANCH_DEADLINES, BRANCH_FAIRNESS, BRANCH_REST };

__attribute__((__format__(__printf__, 2, 3))) static void step(struct recommendation *r,
                                                               const char *format, ...)
{
	if (r->step_count == RECOMMEND_STEPS_MAX)
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(r->steps[r->step_count++], sizeof r->steps[0], format, arguments);
	va_end(arguments);
}

static const struct scheduling_policy *existing(const char *name)
{
	for (const struct scheduling_policy *const *p = scheduling_policies; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}

static const struct scheduling_policy *walk(const struct experiment *x,
                                            const struct recommend_wishes *wishes,
                                            struct recommendation *r, enum branch *branch)
{
	const struct {
		const char *question, *policy;
		bool yes;
	} tree[] = {
		[BRANCH_BUDGET] = { "a hard power budget", "charon", experiment_has_budget(x) },
		[BRANCH_DEADLINES] = { "strict deadlines", "aurachronos",
		                       wishes->strict_deadlines },
		[BRANCH_FAIRNESS] = { "fairness first", "hades", wishes->fairness_first },
		[BRANCH_REST] = { "none of these", "zeus", true },
	};
	/* The branch decides what matters, even where its policy does not exist here. */
	bool decided = false;
	for (size_t i = 0; i < sizeof tree / sizeof *tree; i++) {
		if (!tree[i].yes) {
			step(r, "%s: no", tree[i].question);
			continue;
		}
		if (!decided)
			*branch = (enum branch)i;
		decided = true;
		const struct scheduling_policy *policy = existing(tree[i].policy);
		step(r, "%s: yes, so %s%s", tree[i].question, tree[i].policy,
		     policy ? "" : " (not in this build)");
		if (policy)
			return policy;
	}
	return NULL;
}

/* The E of the objective: joules, or what they cost or emitted. */
static double spent(const struct experiment *x, const struct metrics *m)
{
	switch (x->energy_measure) {
	case ENERGY_COST:
		return m->cost;
	case ENERGY_CARBON:
		return m->carbon_g;
	case ENERGY_JOULES:
		break;
	}
	return m->energy_j;
}

static const char *spent_name(const struct experiment *x)
{
	switch (x->energy_measure) {
	case ENERGY_COST:
		return "cost";
	case ENERGY_CARBON:
		return "CO2";
	case ENERGY_JOULES:
		break;
	}
	return "energy";
}

static double score_of(const struct experiment *x, const struct metrics *m, enum branch branch)
{
	double objective =
	    x->time_weight * log(m->jct_mean_s) + x->energy_weight * log(spent(x, m));
	switch (branch) {
	case BRANCH_DEADLINES:
		return (double)m->deadline_misses * 1e6 + objective;
	case BRANCH_FAIRNESS:
		return isnan(m->rho_max) ? objective : log(m->rho_max);
	case BRANCH_BUDGET:
	case BRANCH_REST:
		break;
	}
	return objective;
}

static const char *goal_of(const struct experiment *x, enum branch branch)
{
	switch (branch) {
	case BRANCH_BUDGET:
		return "objective, among those that stay within the budget";
	case BRANCH_DEADLINES:
		return "deadline misses, then objective";
	case BRANCH_FAIRNESS:
		return "worst finish-time fairness";
	case BRANCH_REST:
		break;
	}
	switch (x->energy_measure) {
	case ENERGY_COST:
		return "objective (cost and mean completion time)";
	case ENERGY_CARBON:
		return "objective (CO2 and mean completion time)";
	case ENERGY_JOULES:
		break;
	}
	return "objective (energy and mean completion time)";
}

static void swap(struct recommendation *r, size_t a, size_t b)
{
	struct policy_result result = r->results[a];
	double score = r->score[a];
	r->results[a] = r->results[b];
	r->score[a] = r->score[b];
	r->results[b] = result;
	r->score[b] = score;
}

/* From what is known, or by simulating it. */
static enum ergon_code result_of(struct experiment *x, const struct recommend_wishes *wishes,
                                 const struct scheduling_policy *policy,
                                 struct policy_result *result, struct ergon_error *err)
{
	for (size_t i = 0; i < wishes->known_count; i++)
		if (wishes->known[i].policy == policy) {
			*result = wishes->known[i];
			result->gantt = NULL; /* its owner frees it */
			result->gantt_count = 0;
			result->explained = NULL;
			return ERGON_OK;
		}
	return experiment_run(x, policy, result, err);
}

static enum ergon_code simulate_all(struct experiment *x, const struct recommend_wishes *wishes,
                                    struct recommendation *r, enum branch branch,
                                    struct ergon_error *err)
{
	for (const struct scheduling_policy *const *p = scheduling_policies; *p; p++) {
		if (r->count == RECOMMEND_POLICIES_MAX)
			break;
		if (((*p)->needs_budget && !experiment_has_budget(x)) ||
		    ((*p)->needs_external && !x->options.external))
			continue;
		struct policy_result *result = &r->results[r->count];
		struct ergon_error why = { 0 };
		enum ergon_code code = result_of(x, wishes, *p, result, &why);
		bool fits =
		    !code && (branch != BRANCH_BUDGET || result->metrics.over_budget_s <= 0);
		if (code && code != ERGON_INFEASIBLE && code != ERGON_NOT_SUPPORTED) {
			if (err)
				*err = why;
			return code;
		}
		if (!fits) {
			policy_result_fini(result);
			continue;
		}
		r->score[r->count] = score_of(x, &result->metrics, branch);
		for (size_t i = r->count++; i > 0 && r->score[i] < r->score[i - 1]; i--)
			swap(r, i, i - 1);
	}
	return r->count ? ERGON_OK
	                : ergon_fail(err, ERGON_INFEASIBLE,
	                             "no policy can run this trace within what was demanded");
}

static void judge(const struct experiment *x, struct recommendation *r,
                  const struct scheduling_policy *tree)
{
	const struct metrics *best = &r->results[0].metrics;
	const char *name = r->results[0].policy->name;
	r->tree = r->count;
	for (size_t i = 0; i < r->count; i++)
		if (r->results[i].policy == tree)
			r->tree = i;
	if (r->tree == r->count) {
		snprintf(r->verdict, sizeof r->verdict,
		         "the tree's choice %s could not run this trace: use %s",
		         tree ? tree->name : "(none)", name);
		return;
	}
	const struct metrics *own = &r->results[r->tree].metrics;
	r->tree_is_right = r->score[r->tree] - r->score[0] <= log(1 + clearly_better);
	double energy = (spent(x, best) / spent(x, own) - 1) * 100;
	double jct = (best->jct_mean_s / own->jct_mean_s - 1) * 100;
	if (r->tree_is_right)
		snprintf(r->verdict, sizeof r->verdict,
		         "use %s: the tree says so, and on your trace nothing does clearly better",
		         tree->name);
	else
		snprintf(
		    r->verdict, sizeof r->verdict,
		    "use %s: the tree says %s, but on your trace it is wrong: %s takes %.1f%% %s "
		    "%s and %.1f%% %s time per job, worst fairness %.2f against %.2f",
		    name, tree->name, name, fabs(energy), energy < 0 ? "less" : "more",
		    spent_name(x), fabs(jct), jct < 0 ? "less" : "more", best->rho_max,
		    own->rho_max);
}

enum ergon_code recommend(struct experiment *x, const struct recommend_wishes *wishes,
                          struct recommendation *r, struct ergon_error *err)
{
	enum branch branch = BRANCH_REST;
	*r = (struct recommendation){ 0 };
	const struct scheduling_policy *tree = walk(x, wishes, r, &branch);
	r->goal = goal_of(x, branch);
	enum ergon_code code = simulate_all(x, wishes, r, branch, err);
	if (!code)
		judge(x, r, tree);
	return code;
}

void recommendation_fini(struct recommendation *r)
{
	for (size_t i = 0; i < RECOMMEND_POLICIES_MAX; i++)
		policy_result_fini(&r->results[i]);
}

json_t *recommendation_to_json(const struct experiment *x, const struct recommendation *r)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < r->step_count; i++)
		json_array_append_new(steps, json_string(r->steps[i]));
	const struct policy_result *chosen = &r->results[r->tree_is_right ? r->tree : 0];
	return json_pack("{s:s, s:i, s:s, s:s, s:o, s:s, s:s?, s:b, s:s, s:o}", "kind",
	                 "ergon.recommend", "version", 1, "provenance", "modelled", "policy",
	                 chosen->policy->name, "tree", steps, "goal", r->goal, "tree_policy",
	                 r->tree < r->count ? r->results[r->tree].policy->name : NULL,
	                 "tree_is_right", (int)r->tree_is_right, "verdict", r->verdict, "simulate",
	                 experiment_to_json(x, r->results, r->count));
}
