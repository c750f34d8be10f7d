/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "optimize/policies/explain.h"
#include "optimize/policies/search.h"

const char *const fate_texts[FATES] = { "chosen", "worse objective", "not enough free GPUs",
	                                "over the power budget", "misses the deadline" };

static enum fate fate_of(const struct search *search, const struct policy_call *call,
                         const struct plan *plan, const struct candidate *c, const uint32_t *free,
                         double time_s, double due_s)
{
	if (c->gpus > free[c->group])
		return FATE_NO_ROOM;
	if (search->obey_budget &&
	    plan_power_with_w(plan, c->group, c->gpus, c->estimate) > call->cluster->budget_w)
		return FATE_OVER_BUDGET;
	return time_s > due_s ? FATE_LATE : FATE_WORSE;
}

void search_explain(struct search *search, const struct policy_call *call, const struct plan *plan,
                    uint32_t job, const struct candidate *won, const uint32_t *free, double due_s)
{
	const struct policy_services *services = search->services;
	if (!services || !services->explain || services->explain_job != job)
		return;
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	struct candidate chosen = won ? *won : (struct candidate){ 0 };
	uint32_t count = search_list_all(search, call, job);
	struct explained *rows = ARENA_ARRAY(search->arena, struct explained, count + 1);
	struct explanation what = { .time_ns = call->now_ns,
		                    .job = job,
		                    .count = count,
		                    .candidates = rows,
		                    .chosen = -1 };
	if (!rows)
		return;
	for (uint32_t i = 0; i < count; i++) {
		const struct candidate *c = &search->scratch[i];
		double time_s = estimate_remaining_s(c->estimate, facts, state->epoch,
		                                     job_progress_now(facts, state, call->now_ns));
		rows[i] = (struct explained){ c->group,
			                      c->gpus,
			                      c->batch,
			                      time_s,
			                      c->estimate->power_w,
			                      search_score(search, time_s, c->estimate->power_w),
			                      fate_of(search, call, plan, c, free, time_s, due_s) };
		if (won && c->group == chosen.group && c->gpus == chosen.gpus &&
		    c->batch == chosen.batch) {
			rows[i].fate = FATE_CHOSEN;
			what.chosen = (int)i;
		}
	}
	services->explain(services->explain_user, &what);
}
