/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optimize/policies/budget.h"
#include "optimize/policies/energy.h"

enum { BATCHES_MAX = 64, EVERY_COUNT_TO = 64, SCRATCH = 65536 };

/* A running job moves only for more than this part of its objective. */
static const double least_gain = 0.05;

enum ergon_code search_init(struct search *search, const struct policy_setup *setup,
                            double time_weight, double energy_weight, struct ergon_error *err)
{
	search->arena = setup->arena;
	search->services = setup->services;
	search->time_weight = time_weight;
	search->energy_weight = energy_weight;
	search->options = setup->options;
	search->grow = true;
	search->weight = energy_series(setup);
	if (search->obey_budget && setup->cluster->budget) {
		search->order = ARENA_ARRAY(setup->arena, uint32_t, setup->jobs->count);
		if (!search->order)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	search->scratch = ARENA_ARRAY(setup->arena, struct candidate, SCRATCH);
	if (!jobset_init(&search->hungry, setup->arena, setup->jobs->count))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return search->scratch ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

double search_score(const struct search *search, double time_s, double power_w)
{
	double energy = energy_counted(search->weight, search->now_ns, time_s, power_w);
	return search->time_weight * log(fmax(time_s, 1e-12)) + search->energy_weight * log(energy);
}

static int by_score(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	if (x->gpus != y->gpus)
		return x->gpus < y->gpus ? -1 : 1;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->batch > y->batch) - (x->batch < y->batch);
}

static void try_candidate(struct search *search, const struct policy_call *call,
                          const struct job_facts *job, uint32_t epoch, struct candidate c)
{
	if (search->scratch_count == SCRATCH)
		return;
	c.estimate = oracle_packed(call->oracle, job, c.group, c.gpus, c.batch);
	if (!c.estimate->rate)
		return;
	double time_s = estimate_remaining_s(c.estimate, job, epoch, job_mark(job, epoch));
	c.score = search_score(search, time_s, c.estimate->power_w);
	search->scratch[search->scratch_count++] = c;
}

static uint32_t next_count(uint32_t gpus, uint32_t most)
{
	if (gpus < EVERY_COUNT_TO)
		return gpus + 1;
	return gpus < most && gpus * 2 > most ? most : gpus * 2;
}

static void list_all(struct search *search, const struct policy_call *call,
                     const struct job_facts *job, uint32_t epoch)
{
	const struct pool *pool = call->cluster->pool;
	uint32_t batch[BATCHES_MAX];
	uint32_t batches = call->oracle->ops->batches(call->oracle, job, batch, BATCHES_MAX);
	search->scratch_count = 0;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		uint32_t most = pool->groups[g].nodes * pool->groups[g].gpus_per_node;
		if (most > job->gpus_max)
			most = job->gpus_max;
		for (uint32_t n = job->gpus_min ? job->gpus_min : 1; n <= most;
		     n = next_count(n, most))
			for (uint32_t b = 0; b < batches; b++)
				try_candidate(
				    search, call, job, epoch,
				    (struct candidate){ .group = g, .gpus = n, .batch = batch[b] });
	}
	qsort(search->scratch, search->scratch_count, sizeof *search->scratch, by_score);
}

uint32_t search_list_all(struct search *search, const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	uint32_t epoch = call->jobs->state[job].epoch;
	search->now_ns = call->now_ns;
	if (facts->malleable) {
		list_all(search, call, facts, epoch);
		return search->scratch_count;
	}
	search->scratch_count = 0;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		if (facts->gpus <= pool_capacity(call->cluster->pool, g))
			try_candidate(search, call, facts, epoch,
			              (struct candidate){ .group = g, .gpus = facts->gpus });
	qsort(search->scratch, search->scratch_count, sizeof *search->scratch, by_score);
	return search->scratch_count;
}

/* Without a budget, a candidate is useless if a better one needs no more GPUs of the same type. */
static uint32_t drop_dominated(const struct search *search)
{
	uint32_t least[CLUSTER_GROUPS_MAX], kept = 0;
	if (search->obey_budget || search->keep_all)
		return search->scratch_count;
	memset(least, 0xff, sizeof least);
	for (uint32_t i = 0; i < search->scratch_count; i++) {
		const struct candidate *c = &search->scratch[i];
		if (c->gpus >= least[c->group])
			continue;
		least[c->group] = c->gpus;
		search->scratch[kept++] = *c;
	}
	return kept;
}

static const struct candidate_list *candidates(struct search *search,
                                               const struct policy_call *call,
                                               const struct job_facts *job, uint32_t epoch)
{
	if (search->weight) {
		search->now_ns = call->now_ns;
		list_all(search, call, job, epoch);
		search->at_once = (struct candidate_list){ .count = drop_dominated(search),
			                                   .items = search->scratch };
		return &search->at_once;
	}
	uint32_t bucket = (job->application_id * 131 + epoch) % SEARCH_BUCKETS;
	struct candidate_list *list = search->buckets[bucket];
	while (list && (list->application_id != job->application_id || list->epoch != epoch))
		list = list->next;
	if (list)
		return list;
	list_all(search, call, job, epoch);
	uint32_t count = drop_dominated(search);
	list = ARENA_NEW(search->arena, struct candidate_list);
	struct candidate *items = ARENA_ARRAY(search->arena, struct candidate, count + 1);
	if (!list || !items)
		return NULL;
	memcpy(items, search->scratch, count * sizeof *items);
	*list = (struct candidate_list){ job->application_id, epoch, count, items,
		                         search->buckets[bucket] };
	search->buckets[bucket] = list;
	return list;
}

static bool within_budget(const struct search *search, const struct policy_call *call,
                          const struct plan *plan, const struct candidate *c)
{
	return !search->obey_budget ||
	       plan_power_with_w(plan, c->group, c->gpus, c->estimate) <= call->cluster->budget_w;
}

static const struct candidate *best_rigid(struct search *search, const struct policy_call *call,
                                          const struct plan *plan, uint32_t job,
                                          const uint32_t *free)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	struct candidate *best = NULL;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++) {
		if (free[g] < facts->gpus)
			continue;
		struct candidate c = { .group = g, .gpus = facts->gpus };
		c.estimate = oracle_packed(call->oracle, facts, g, facts->gpus, 0);
		if (!c.estimate->rate || !within_budget(search, call, plan, &c))
			continue;
		double time_s =
		    estimate_remaining_s(c.estimate, facts, state->epoch, state->progress);
		c.score = search_score(search, time_s, c.estimate->power_w);
		if (!best || c.score < best->score) {
			best = search->scratch;
			*best = c;
		}
	}
	return best;
}

const struct candidate *search_best(struct search *search, const struct policy_call *call,
                                    const struct plan *plan, uint32_t job, const uint32_t *free)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	if (!facts->malleable)
		return best_rigid(search, call, plan, job, free);
	const struct candidate_list *list =
	    candidates(search, call, facts, call->jobs->state[job].epoch);
	for (uint32_t i = 0; list && i < list->count; i++) {
		const struct candidate *c = &list->items[i];
		if (c->gpus <= free[c->group] && within_budget(search, call, plan, c))
			return c;
	}
	return NULL;
}

const struct candidate *search_list(struct search *search, const struct policy_call *call,
                                    uint32_t job, uint32_t *count)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct candidate_list *list =
	    facts->malleable ? candidates(search, call, facts, call->jobs->state[job].epoch) : NULL;
	*count = list ? list->count : 0;
	return list ? list->items : NULL;
}

static void free_now(const struct policy_call *call, uint32_t *free)
{
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		free[g] = call->cluster->pool->groups[g].free_gpus;
}

/* The placement that the engine finds may be one of which nothing was measured: then fewer GPUs. */
static enum ergon_code start(struct search *search, const struct policy_call *call,
                             struct plan *plan, uint32_t job, bool *started,
                             struct ergon_error *err)
{
	uint32_t free[CLUSTER_GROUPS_MAX];
	free_now(call, free);
	*started = false;
	for (;;) {
		const struct candidate *best = search_best(search, call, plan, job, free);
		struct candidate how = best ? *best : (struct candidate){ 0 };
		search_explain(search, call, plan, job, best ? &how : NULL, free, (double)INFINITY);
		if (!best)
			return ERGON_OK;
		uint32_t group = how.group, gpus = how.gpus;
		enum ergon_code code =
		    plan_place(plan, job, group, gpus, how.batch, SPREAD_PACKED, err);
		*started = code == ERGON_OK;
		if (*started && search->obey_budget &&
		    plan_power_w(plan) > call->cluster->budget_w) {
			plan_preempt(plan, job); /* spread over nodes it draws more than packed */
			*started = false;
		}
		if (*started)
			jobset_add(&search->hungry, job);
		if (*started || (code && code != ERGON_INFEASIBLE))
			return code;
		free[group] = gpus - 1;
	}
}

/* Lets a running job take free GPUs of its own type. */
static enum ergon_code grow(struct search *search, const struct policy_call *call,
                            struct plan *plan, uint32_t job, struct ergon_error *err)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	uint32_t free[CLUSTER_GROUPS_MAX] = { 0 }, group = state->group, before = state->gpus;
	free[group] = call->cluster->pool->groups[group].free_gpus + before;
	double power_w = state->estimate->power_w;
	double left_s = estimate_remaining_s(state->estimate, facts, state->epoch, state->progress);
	const struct candidate *best = search_best(search, call, plan, job, free);
	if (!best || best->gpus <= before || left_s < 2 * search_restart_s(search, facts))
		return ERGON_OK;
	double new_s = search_restart_s(search, facts) +
	               estimate_remaining_s(best->estimate, facts, state->epoch, state->progress);
	if (search_score(search, new_s, best->estimate->power_w) >
	    search_score(search, left_s, power_w) + log(1 - least_gain))
		return ERGON_OK;
	enum ergon_code code =
	    plan_place(plan, job, group, best->gpus, best->batch, SPREAD_PACKED, err);
	bool over = !code && search->obey_budget && plan_power_w(plan) > call->cluster->budget_w;
	if (code == ERGON_INFEASIBLE || over)
		code = plan_keep(plan, job, err);
	return code;
}

/* A budget that has fallen: the last to have arrived lose their GPUs until it is kept. */
static void shed(const struct search *search, const struct policy_call *call, struct plan *plan)
{
	const struct jobs_view *jobs = call->jobs;
	uint32_t count = 0;
	if (!search->order || plan_power_w(plan) <= call->cluster->budget_w)
		return;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next)
		search->order[count++] = j;
	budget_shed(call, plan, search->order, count);
}

/* Has it as many GPUs as it can ever want on this type? (The candidates of one type come with ever
 * fewer GPUs, see drop_dominated; in another epoch there are others.) */
static bool is_content(struct search *search, const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	if (!facts->malleable)
		return true;
	if (facts->epochs > 1 || search->obey_budget || search->keep_all)
		return false;
	const struct candidate_list *list = candidates(search, call, facts, state->epoch);
	for (uint32_t i = 0; list && i < list->count; i++)
		if (list->items[i].group == state->group)
			return state->gpus >= list->items[i].gpus;
	return list != NULL;
}

/* The next job to look at, in order of arrival, from `from` on. */
static uint32_t next_hungry(struct search *search, const struct policy_call *call, uint32_t from)
{
	const struct jobs_view *jobs = call->jobs;
	for (uint32_t j = jobset_next(&search->hungry, from); j != JOBSET_NONE;
	     j = jobset_next(&search->hungry, j + 1)) {
		const struct job_state *state = &jobs->state[j];
		if (state->status == JOB_DONE ||
		    (state->status == JOB_RUNNING && state->gpus && is_content(search, call, j)))
			jobset_remove(&search->hungry, j);
		else
			return j;
	}
	return JOB_NONE;
}

enum ergon_code search_decide(struct search *search, const struct policy_call *call,
                              struct plan *plan, struct ergon_error *err)
{
	const struct jobs_view *jobs = call->jobs;
	bool started = true;
	search->now_ns = call->now_ns;
	shed(search, call, plan);
	for (uint32_t j = jobs->pending_first; j != JOB_NONE && started;
	     j = jobs->state[j].pending_next) {
		if (!call->cluster->pool->free_gpus)
			return ERGON_OK;
		if (jobs->state[j].gpus) /* placed in this plan already */
			continue;
		enum ergon_code code = start(search, call, plan, j, &started, err);
		if (code)
			return code;
	}
	if (!search->grow || !started || !(call->wakeups & (WAKEUP_END | WAKEUP_INTERVAL)))
		return ERGON_OK;
	for (uint32_t j = search->alone ? next_hungry(search, call, 0) : jobs->first;
	     j != JOB_NONE && call->cluster->pool->free_gpus;
	     j = search->alone ? next_hungry(search, call, j + 1) : jobs->state[j].next) {
		if (!jobs->state[j].gpus || !jobs->facts[j].malleable ||
		    jobs->state[j].status != JOB_RUNNING)
			continue;
		enum ergon_code code = grow(search, call, plan, j, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}
