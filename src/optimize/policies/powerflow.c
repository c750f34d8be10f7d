/* SPDX-License-Identifier: Apache-2.0
 *
 * PowerFlow (Gu et al., arXiv 2304.06381): the least completion time under an energy budget, by the
 * number of GPUs and their clock (or cap) together.
 *
 * The budget is a mean power (--power-budget, also one that varies): what was not used since the
 * first arrival may be used later, spread over an hour; it is no hard cap. At every decision each
 * job, shortest first, gets the fewest GPUs that it can run on at its most frugal setting, while
 * GPUs and power last. Then the step that saves most remaining time per watt is taken again and
 * again: twice the GPUs, or the next faster setting, of any job. Without a budget only time counts.
 * A job moves to another number of GPUs only where that saves more than a tenth of its time after
 * the restart; a setting changes at no cost.
 */
#include <math.h>
#include <stdlib.h>

#include "optimize/policies/rigid.h"

static const double horizon_s = 3600, least_saving = 0.1;

/* What a job could have: settings of one number of GPUs, slowest and most frugal first. */
struct level {
	double time_s, power_w;
	uint32_t setting;
};

struct choice {
	uint32_t job, group, gpus, rank, level_count;
	struct level levels[POWER_SETTINGS_MAX];
	bool admitted;
};

struct powerflow {
	struct choice *choices; /* [jobs], of those active */
	uint32_t count;
	const struct policy_options *options;
	double budget_w, used_j, base_w;
	uint64_t first_ns, last_ns;
	bool begun;
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct powerflow *p = state;
	p->choices = ARENA_ARRAY(setup->arena, struct choice, setup->jobs->count);
	p->options = setup->options;
	p->budget_w = setup->options->power_budget_w;
	return p->choices ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

static int by_time(const void *a, const void *b)
{
	const struct level *x = a, *y = b;
	if (x->time_s != y->time_s)
		return x->time_s > y->time_s ? -1 : 1;
	return (x->power_w > y->power_w) - (x->power_w < y->power_w);
}

/* The settings at so many GPUs of a group; those that are slower at no less power are left out. */
static uint32_t list_levels(const struct policy_call *call, uint32_t job, uint32_t group,
                            uint32_t gpus, struct level *out)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	struct power_setting settings[POWER_SETTINGS_MAX];
	uint32_t count = oracle_settings(call->oracle, facts, group, settings, POWER_SETTINGS_MAX);
	uint32_t found = 0, kept = 0;
	double progress = job_progress_now(facts, state, call->now_ns);
	for (uint32_t s = 0; s < count; s++) {
		const struct job_config config = { .group = group, .gpus = gpus, .setting = s };
		const struct estimate *e = oracle_estimate(call->oracle, facts, &config);
		if (e->rate)
			out[found++] =
			    (struct level){ estimate_remaining_s(e, facts, state->epoch, progress),
				            e->power_w, s };
	}
	qsort(out, found, sizeof *out, by_time);
	/* From the fastest down, keep what draws less than all that are faster. */
	double least_w = (double)INFINITY;
	struct level frugal[POWER_SETTINGS_MAX] = { 0 };
	for (uint32_t i = found; i-- > 0;)
		if (out[i].power_w < least_w) {
			least_w = out[i].power_w;
			frugal[kept++] = out[i];
		}
	for (uint32_t i = 0; i < kept; i++)
		out[i] = frugal[kept - 1 - i];
	return kept;
}

/* What a job's part of the cluster's power grows by. */
static double extra_w(const struct policy_call *call, const struct choice *c,
                      const struct level *level)
{
	return level->power_w - call->cluster->gpu_idle_w[c->group] * c->gpus;
}

/* The power that may be used now. */
static double allowance(struct powerflow *p, const struct policy_call *call)
{
	if (!p->begun)
		p->first_ns = p->last_ns = call->now_ns;
	p->begun = true;
	p->used_j += p->base_w * (double)(call->now_ns - p->last_ns) * 1e-9;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct choice *c = &p->choices[i];
		const struct job_state *state = &call->jobs->state[c->job];
		uint64_t until = state->status == JOB_DONE ? state->end_ns : call->now_ns;
		if (c->admitted && until > p->last_ns)
			p->used_j += extra_w(call, c, &c->levels[c->rank]) *
			             (double)(until - p->last_ns) * 1e-9;
	}
	p->last_ns = call->now_ns;
	const struct series *budget = call->cluster->budget;
	double now_w = budget ? series_at(budget, call->now_ns) : p->budget_w;
	double due_j = budget ? series_integral(budget, p->first_ns, call->now_ns)
	                      : p->budget_w * (double)(call->now_ns - p->first_ns) * 1e-9;
	return fmax(0, now_w + (due_j - p->used_j) / horizon_s);
}

/* Shortest first, the least that each can run on. */
static int by_left(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;
	double tx = x->level_count ? x->levels[0].time_s : (double)INFINITY;
	double ty = y->level_count ? y->levels[0].time_s : (double)INFINITY;
	if (tx != ty)
		return tx < ty ? -1 : 1;
	return (x->job > y->job) - (x->job < y->job);
}

static void list_jobs(struct powerflow *p, const struct policy_call *call)
{
	const struct jobs_view *jobs = call->jobs;
	p->count = 0;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		struct choice *c = &p->choices[p->count++];
		const struct job_facts *facts = &jobs->facts[j];
		const struct job_state *state = &jobs->state[j];
		*c = (struct choice){ .job = j };
		/* The type that it runs on, else the first where it can. */
		for (uint32_t g = 0; g < call->cluster->pool->group_count && !c->level_count; g++) {
			if (state->gpus && g != state->group)
				continue;
			uint32_t least = facts->malleable && facts->gpus_min ? facts->gpus_min
			                 : facts->malleable                  ? 1
			                                                     : facts->gpus;
			uint32_t most = pool_capacity(call->cluster->pool, g);
			for (; least <= most && !c->level_count; least *= 2) {
				c->group = g;
				c->gpus = least;
				c->level_count = list_levels(call, j, g, least, c->levels);
				if (!facts->malleable)
					break;
			}
		}
	}
	qsort(p->choices, p->count, sizeof *p->choices, by_left);
}

/* The best step of one job: seconds saved per watt, 0: none. */
static double best_step(const struct powerflow *p, const struct policy_call *call,
                        const struct choice *c, const uint32_t *left, double spare_w,
                        struct choice *next)
{
	const struct job_facts *facts = &call->jobs->facts[c->job];
	const struct level *now = &c->levels[c->rank];
	double best = 0, restart_s = (double)job_restart_ns(facts, p->options) * 1e-9;
	if (c->rank + 1 < c->level_count) {
		const struct level *faster = &c->levels[c->rank + 1];
		double more_w = faster->power_w - now->power_w;
		if (more_w <= spare_w && faster->time_s < now->time_s) {
			best = (now->time_s - faster->time_s) / fmax(more_w, 1e-3);
			*next = *c;
			next->rank++;
		}
	}
	if (!facts->malleable || 2 * c->gpus > facts->gpus_max || c->gpus > left[c->group])
		return best;
	struct choice twice = *c;
	twice.gpus = 2 * c->gpus;
	twice.level_count = list_levels(call, c->job, c->group, twice.gpus, twice.levels);
	for (uint32_t r = 0; r < twice.level_count; r++) {
		double more_w = extra_w(call, &twice, &twice.levels[r]) - extra_w(call, c, now);
		double saved_s = now->time_s - twice.levels[r].time_s;
		if (more_w > spare_w || saved_s <= least_saving * now->time_s + restart_s)
			continue;
		if (saved_s / fmax(more_w, 1e-3) > best) {
			best = saved_s / fmax(more_w, 1e-3);
			*next = twice;
			next->rank = r;
		}
	}
	return best;
}

static void share_out(struct powerflow *p, const struct policy_call *call, double spare_w)
{
	uint32_t left[CLUSTER_GROUPS_MAX];
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		left[g] = pool_capacity(call->cluster->pool, g);
	bool any = false;
	for (uint32_t i = 0; i < p->count; i++) {
		struct choice *c = &p->choices[i];
		if (!c->level_count || c->gpus > left[c->group])
			continue;
		double more_w = extra_w(call, c, &c->levels[0]);
		/* One job runs whatever the budget, or nothing would ever end. */
		if (more_w > spare_w && any)
			continue;
		any = c->admitted = true;
		spare_w -= more_w;
		left[c->group] -= c->gpus;
	}
	for (;;) {
		struct choice next, best_next = { 0 };
		uint32_t who = p->count;
		double best = 0;
		for (uint32_t i = 0; i < p->count; i++) {
			if (!p->choices[i].admitted)
				continue;
			double gain = best_step(p, call, &p->choices[i], left, spare_w, &next);
			if (gain > best) {
				best = gain;
				best_next = next;
				who = i;
			}
		}
		if (who == p->count)
			return;
		struct choice *c = &p->choices[who];
		spare_w -= extra_w(call, &best_next, &best_next.levels[best_next.rank]) -
		           extra_w(call, c, &c->levels[c->rank]);
		left[c->group] -= best_next.gpus - c->gpus;
		*c = best_next;
	}
}

static enum ergon_code apply(struct powerflow *p, const struct policy_call *call, struct plan *plan,
                             struct ergon_error *err)
{
	const struct job_state *state = call->jobs->state;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct choice *c = &p->choices[i];
		if (state[c->job].gpus && (!c->admitted || state[c->job].gpus != c->gpus))
			plan_preempt(plan, c->job);
	}
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < p->count; i++) {
			const struct choice *c = &p->choices[i];
			bool holds = state[c->job].gpus > 0;
			/* First those that stay, so that they find their place. */
			if (!c->admitted || holds != (pass == 0))
				continue;
			const struct wish wish = { .group = c->group,
				                   .gpus = c->gpus,
				                   .setting = c->levels[c->rank].setting,
				                   .spread = SPREAD_PACKED,
				                   .shares = holds ? state[c->job].shares : NULL,
				                   .share_count =
				                       holds ? state[c->job].share_count : 0 };
			if (holds && state[c->job].setting == wish.setting)
				continue;
			enum ergon_code code = plan_wish(plan, c->job, &wish, err);
			/* Nothing is known of the place that is left: it waits. */
			if (code && code != ERGON_INFEASIBLE)
				return code;
		}
	return ERGON_OK;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct powerflow *p = state;
	double now_w = plan_power_w(plan), jobs_w = 0;
	bool limited = isfinite(p->budget_w) || call->cluster->budget;
	double allowed_w = limited ? allowance(p, call) : (double)INFINITY;
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next) {
		const struct job_state *job = &call->jobs->state[j];
		if (job->gpus)
			jobs_w += job->estimate->power_w -
			          call->cluster->gpu_idle_w[job->group] * job->gpus;
	}
	/* What is drawn whatever runs: hosts and idle GPUs. */
	p->base_w = now_w - jobs_w;
	list_jobs(p, call);
	share_out(p, call, allowed_w - p->base_w);
	return apply(p, call, plan, err);
}

const struct scheduling_policy policy_powerflow = {
	.name = "powerflow",
	.summary = "least completion time under an energy budget, by GPU count and clock together",
	.source = "Gu et al., arXiv 2304.06381",
	.state_size = sizeof(struct powerflow),
	.init = init,
	.decide = decide,
};
