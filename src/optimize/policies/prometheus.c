/* SPDX-License-Identifier: Apache-2.0
 *
 * Prometheus (ours): type, count, batch, power and start of all jobs together, by marginal energy
 * per marginal time.
 *
 * A second of a job's stay is worth `worth_w` joules; a GPU that is held is worth its price to
 * those who wait. Each job takes the configuration in which the rest of it costs least:
 *
 *     energy + worth x time + price x GPUs x time (+ the same for a restart, where it moves)
 *
 * so it goes one step up its curve exactly while a second saved is worth more than the joules that
 * the step adds and the GPUs that it takes. Prices rise until all fit; where even the least demand
 * does not fit, those with the least GPU time left for their weight go first. The worth follows
 * from the objective: T^a E^b is least where a second of stay counts a/b times the energy over the
 * stay of all jobs so far. Hosts are charged to their GPUs where nodes can sleep, as GPUs that are
 * not held then save them.
 *
 * Deadlines: a job takes the cheapest configuration that meets its deadline, and goes first.
 * Budget: a price on power rises until the plan fits. Sleep: an idle node sleeps after as long as
 * its idling has cost what waking costs. Start: where carbon or price vary and --delay allows, a
 * waiting job starts when what that saves outweighs the wait.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "optimize/policies/budget.h"
#include "optimize/policies/energy.h"
#include "optimize/policies/prometheus.h"

enum { PENDING_MAX = 1024 };
/* Before anything has happened: jobs in the system per GPU. */
static const double first_jobs_a_gpu = 0.1;
static const double usual_s = 14400; /* over which the usual price is learnt */
static const double least_weight = 1e-3;

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct prometheus *p = state;
	const struct cluster_view *cluster = setup->cluster;
	uint32_t jobs = setup->jobs->count;
	p->options = *setup->options;
	p->series = energy_series(setup);
	p->start_series = p->series         ? p->series
	                  : cluster->carbon ? cluster->carbon
	                                    : cluster->price;
	p->curves.all_settings = !(p->options.without & LEVER_POWER);
	p->curves.own_batch = p->options.without & LEVER_BATCH;
	p->curves.own_count = p->options.without & LEVER_COUNT;
	p->choices = ARENA_ARRAY(setup->arena, struct choice, jobs);
	p->item_of = ARENA_ARRAY(setup->arena, uint32_t, jobs);
	p->order = ARENA_ARRAY(setup->arena, uint32_t, jobs);
	p->curve_of = arena_alloc(setup->arena, jobs, sizeof(struct curve *));
	p->idle_since_ns = ARENA_ARRAY(setup->arena, uint64_t, cluster->spec->nodes);
	if (!p->choices || !p->item_of || !p->order || !p->curve_of || !p->idle_since_ns)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	double idle_w = 0;
	for (size_t g = 0; g < cluster->spec->group_count; g++) {
		const struct cluster_group *group = &cluster->spec->groups[g];
		double up_w = cluster->host_w[g] + cluster->gpu_idle_w[g] * group->gpus_per_node;
		bool sleeps = cluster_group_sleeps(group) && cluster->node_state &&
		              !(p->options.without & LEVER_SLEEP);
		p->any_sleep = p->any_sleep || sleeps;
		p->idle_w[g] = cluster->gpu_idle_w[g];
		/* What a GPU's being held costs beyond its own power: its part of a node that could
		 * sleep; or its idle power, which it draws in any case, the other way. */
		p->host_w[g] =
		    sleeps ? fmax(0, up_w - group->sleep_w) / group->gpus_per_node - p->idle_w[g]
			   : -p->idle_w[g];
		idle_w += up_w * group->nodes;
	}
	/* A first guess of power and of jobs in the system, worth an hour of observation. */
	p->stay_s = fmax(1, first_jobs_a_gpu * cluster->spec->gpus) * 3600;
	p->energy_j = fmax(1, 2 * idle_w) * 3600;
	return curves_init(&p->curves, setup, err);
}

static void add_choice(struct prometheus *p, const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	struct choice *c = &p->choices[p->count];
	if (!p->curve_of[job])
		p->curve_of[job] = curves_of(&p->curves, call, facts);
	const struct curve *curve = p->curve_of[job];
	if (!curve || !curve->count || state->epoch >= facts->epochs)
		return;
	double progress = job_progress_now(facts, state, call->now_ns);
	*c = (struct choice){ .curve = curve,
		              .job = job,
		              .epoch = state->epoch,
		              .part = curve_part(curve, facts, state->epoch, progress),
		              .weight = facts->criticality > 0 ? facts->criticality : 1,
		              .restart_s = (double)job_restart_ns(facts, &p->options) * 1e-9,
		              .due_s = (double)INFINITY,
		              .now_on = state->gpus > 0 };
	double least_gpu_s = (double)INFINITY;
	for (uint32_t i = 0; i < curve->count; i++)
		least_gpu_s = fmin(least_gpu_s, curve_time_s(&curve->items[i], c->epoch, c->part) *
		                                    curve->items[i].gpus);
	c->key = least_gpu_s / c->weight;
	if (facts->deadline_ns) {
		c->due_s = facts->deadline_ns > call->now_ns
		               ? (double)(facts->deadline_ns - call->now_ns) * 1e-9
		               : 0;
		/* One that is late already waits its turn like others. */
		if (c->due_s > 0)
			c->key = c->due_s * 1e-9;
		else
			c->due_s = (double)INFINITY;
	}
	p->count++;
}

static int by_key(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->job > y->job) - (x->job < y->job);
}

/* All running jobs, and as many of the waiting as could matter. */
static void gather(struct prometheus *p, const struct policy_call *call)
{
	const struct jobs_view *jobs = call->jobs;
	uint32_t waiting = 0;
	p->count = 0;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		if (!jobs->state[j].gpus && waiting++ >= PENDING_MAX)
			continue;
		add_choice(p, call, j);
	}
	qsort(p->choices, p->count, sizeof *p->choices, by_key);
}

/* Where prices leave GPUs over (few, large demands), those who wait take what fits, at no price. */
static void fill_up(struct prometheus *p, uint32_t *left)
{
	for (uint32_t i = 0; i < p->count; i++) {
		struct choice *c = &p->choices[i];
		double least = (double)INFINITY;
		uint32_t best = NOTHING;
		for (uint32_t k = 0; c->item == NOTHING && k < c->curve->count; k++) {
			const struct curve_item *item = &c->curve->items[k];
			double time_s = curve_time_s(item, c->epoch, c->part);
			double dear = prometheus_dearness(p, time_s);
			double cost =
			    curve_energy_j(item, c->epoch, c->part) * dear +
			    (c->weight * p->worth_w + p->host_w[item->group] * dear * item->gpus) *
				time_s;
			if (item->gpus > left[item->group] || p->price_w[item->group] <= 0 ||
			    cost >= least)
				continue;
			least = cost;
			best = k;
		}
		if (best == NOTHING)
			continue;
		c->item = best;
		left[c->curve->items[c->item].group] -= c->curve->items[c->item].gpus;
	}
}

/* What the rest of a job costs so, GPUs being free to take. */
static double cost_of(const struct prometheus *p, const struct policy_call *call,
                      const struct choice *c, const struct curve_item *item)
{
	double time_s = curve_time_s(item, c->epoch, c->part), worth_w = c->weight * p->worth_w;
	double dear = prometheus_dearness(p, time_s);
	double cost = curve_energy_j(item, c->epoch, c->part) * (1 + p->power_price) * dear +
	              (worth_w + p->host_w[item->group] * dear * item->gpus) * time_s;
	if (c->now_on && !prometheus_is_present(call, c, item))
		cost += c->restart_s * (worth_w + p->idle_w[item->group] * item->gpus);
	return cost;
}

/* The step up that saves most a GPU. */
static void find_step(const struct prometheus *p, const struct policy_call *call,
                      const uint32_t *left, struct choice *c)
{
	c->step_j = 0;
	if (c->item == NOTHING)
		return;
	const struct curve_item *now = &c->curve->items[c->item];
	double cost = cost_of(p, call, c, now);
	for (uint32_t k = c->item + 1; k < c->curve->count; k++) {
		const struct curve_item *item = &c->curve->items[k];
		if (item->group != now->group || item->gpus - now->gpus > left[item->group])
			break;
		if (item->gpus == now->gpus)
			continue;
		double saved = (cost - cost_of(p, call, c, item)) / (item->gpus - now->gpus);
		if (saved > c->step_j) {
			c->step_j = saved;
			c->step = k;
		}
	}
}

/* Prices leave GPUs over where many jobs would take a large step at once: some of them may. */
static void grow(struct prometheus *p, const struct policy_call *call, uint32_t *left)
{
	if (call->cluster->budget_w < 1e15)
		return;
	for (uint32_t i = 0; i < p->count; i++)
		find_step(p, call, left, &p->choices[i]);
	for (;;) {
		struct choice *best = NULL;
		for (uint32_t i = 0; i < p->count; i++)
			if (p->choices[i].step_j > (best ? best->step_j : 0))
				best = &p->choices[i];
		if (!best)
			return;
		const struct curve_item *now = &best->curve->items[best->item];
		const struct curve_item *next = &best->curve->items[best->step];
		if (next->gpus - now->gpus <= left[next->group]) {
			left[next->group] -= next->gpus - now->gpus;
			best->item = best->step;
		}
		find_step(p, call, left, best);
	}
}

/* In order of key, what fits in each group; the rest waits. */
static void admit(struct prometheus *p, const struct policy_call *call)
{
	uint32_t left[CLUSTER_GROUPS_MAX];
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		left[g] = pool_capacity(call->cluster->pool, g);
	for (uint32_t i = 0; i < p->count; i++) {
		struct choice *c = &p->choices[i];
		if (c->item == NOTHING)
			continue;
		const struct curve_item *item = &c->curve->items[c->item];
		if (item->gpus <= left[item->group])
			left[item->group] -= item->gpus;
		else
			c->item = NOTHING;
	}
	fill_up(p, left);
	grow(p, call, left);
}

/* Whether a start is better put off, and then until when: UINT64_MAX where it is not. */
static uint64_t better_later(const struct prometheus *p, const struct policy_call *call,
                             const struct choice *c)
{
	const struct series *series = p->start_series;
	const struct job_facts *job = &call->jobs->facts[c->job];
	uint64_t latest_ns = job->arrival_ns + p->options.delay_ns, best_ns = UINT64_MAX;
	const struct curve_item *item = &c->curve->items[c->item];
	double time_s = curve_time_s(item, c->epoch, c->part), energy_j;
	uint64_t span_ns = ns_from_seconds(time_s), now_ns = call->now_ns;
	if (!series || !p->options.delay_ns || p->options.without & LEVER_START || c->now_on ||
	    now_ns >= latest_ns || !span_ns)
		return UINT64_MAX;
	energy_j = curve_energy_j(item, c->epoch, c->part);
	/* The job's energy counts by its electricity's mean over its run against that of a day. */
	double day = series_integral(series, now_ns, now_ns + 86400 * NS_PER_S) / 86400;
	double now = series_integral(series, now_ns, now_ns + span_ns) / time_s, most = 0;
	for (uint64_t at = series_next(series, now_ns); at <= latest_ns && at != UINT64_MAX;
	     at = series_next(series, at)) {
		double then = series_integral(series, at, at + span_ns) / time_s;
		double wait_s = (double)(at - now_ns) * 1e-9;
		double gain =
		    day > 0 ? energy_j * (now - then) / day - c->weight * p->worth_w * wait_s : 0;
		if (gain > most && wait_s + time_s < c->due_s) {
			most = gain;
			best_ns = at;
		}
	}
	return best_ns;
}

static bool stays(const struct policy_call *call, const struct choice *c)
{
	return c->item != NOTHING && prometheus_is_present(call, c, &c->curve->items[c->item]);
}

/* The same GPUs, perhaps at another setting of power. */
static enum ergon_code reset(struct prometheus *p, const struct policy_call *call,
                             struct plan *plan, const struct choice *c, struct ergon_error *err)
{
	const struct job_state *state = &call->jobs->state[c->job];
	const struct curve_item *item = &c->curve->items[c->item];
	if (state->setting == item->setting)
		return ERGON_OK;
	struct share shares[256];
	if (state->share_count > sizeof shares / sizeof *shares)
		return ERGON_OK;
	memcpy(shares, state->shares, state->share_count * sizeof *shares);
	p->item_of[c->job] = c->item;
	const struct wish wish = { .shares = shares,
		                   .share_count = state->share_count,
		                   .setting = item->setting,
		                   .batch = item->batch ? item->batch[c->epoch] : 0 };
	enum ergon_code code = plan_wish(plan, c->job, &wish, err);
	return code == ERGON_INFEASIBLE ? plan_keep(plan, c->job, err) : code;
}

/* Starts it as chosen, or, where the place that is left was never measured, with fewer GPUs. */
static enum ergon_code place(struct prometheus *p, const struct policy_call *call,
                             struct plan *plan, struct choice *c, struct ergon_error *err)
{
	for (uint32_t i = c->item + 1; i-- > 0;) {
		const struct curve_item *item = &c->curve->items[i];
		const struct pool_group *group = &call->cluster->pool->groups[item->group];
		if (item->group != c->curve->items[c->item].group)
			return ERGON_OK;
		if (item->gpus > group->free_gpus)
			continue;
		const struct wish wish = { .group = item->group,
			                   .gpus = item->gpus,
			                   .setting = item->setting,
			                   .batch = item->batch ? item->batch[c->epoch] : 0,
			                   .spread = SPREAD_PACKED };
		p->item_of[c->job] = i;
		enum ergon_code code = plan_wish(plan, c->job, &wish, err);
		if (code && code != ERGON_INFEASIBLE)
			return code;
		if (code)
			continue;
		if (plan_power_w(plan) <= call->cluster->budget_w)
			return ERGON_OK;
		plan_preempt(plan, c->job);
	}
	return ERGON_OK;
}

static int by_size(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;
	uint32_t gx = x->item == NOTHING ? 0 : x->curve->items[x->item].gpus;
	uint32_t gy = y->item == NOTHING ? 0 : y->curve->items[y->item].gpus;
	if (gx != gy)
		return gx > gy ? -1 : 1;
	return by_key(a, b);
}

static enum ergon_code apply(struct prometheus *p, const struct policy_call *call,
                             struct plan *plan, struct ergon_error *err)
{
	for (uint32_t i = 0; i < p->count; i++) {
		struct choice *c = &p->choices[i];
		enum ergon_code code = ERGON_OK;
		if (stays(call, c))
			code = reset(p, call, plan, c, err);
		else if (c->now_on)
			plan_preempt(plan, c->job);
		if (code)
			return code;
	}
	/* A budget that has fallen, and settings that cannot keep it: the last in order stop. */
	for (uint32_t i = 0; i < p->count; i++)
		p->order[i] = p->choices[i].job;
	budget_shed(call, plan, p->order, p->count);
	qsort(p->choices, p->count, sizeof *p->choices, by_size);
	for (uint32_t i = 0; i < p->count; i++) {
		struct choice *c = &p->choices[i];
		if (c->item == NOTHING || call->jobs->state[c->job].gpus)
			continue;
		uint64_t later_ns = better_later(p, call, c);
		if (later_ns != UINT64_MAX) {
			plan_wake_at(plan, later_ns);
			continue;
		}
		enum ergon_code code = place(p, call, plan, c, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

/* A node sleeps when its idling has cost as much as waking it will. */
static enum ergon_code send_to_sleep(struct prometheus *p, const struct policy_call *call,
                                     struct plan *plan, struct ergon_error *err)
{
	const struct pool *pool = call->cluster->pool;
	for (uint32_t n = 0; p->any_sleep && n < pool->nodes; n++) {
		uint32_t g = pool->group_of[n];
		const struct cluster_group *group = &call->cluster->spec->groups[g];
		double up_w = call->cluster->host_w[g] + p->idle_w[g] * group->gpus_per_node;
		double saved_w = up_w - group->sleep_w;
		if (!cluster_group_sleeps(group) || !(saved_w > 0))
			continue;
		if (call->cluster->node_state[n] != NODE_UP ||
		    pool->free[n] != group->gpus_per_node) {
			p->idle_since_ns[n] = 0;
			continue;
		}
		if (!p->idle_since_ns[n])
			p->idle_since_ns[n] = call->now_ns;
		double wake_w = isnan(group->wake_w) ? call->cluster->host_w[g] : group->wake_w;
		double wake_j = (wake_w + p->idle_w[g] * group->gpus_per_node) * group->wake_s +
		                up_w * group->sleep_s;
		uint64_t due_ns = p->idle_since_ns[n] + ns_from_seconds(wake_j / saved_w);
		if (call->now_ns < due_ns) {
			plan_wake_at(plan, due_ns);
			continue;
		}
		enum ergon_code code = plan_sleep(plan, n, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct prometheus *p = state;
	double span_s = p->last_ns ? (double)(call->now_ns - p->last_ns) * 1e-9 : 0;
	p->energy_j += p->last_power_w * span_s;
	p->stay_s += call->jobs->active * span_s;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		p->usual_w[g] += (p->price_w[g] - p->usual_w[g]) * -expm1(-span_s / usual_s);
	p->last_ns = call->now_ns;
	double a = p->options.time_weight, b = p->options.energy_weight;
	/* Where only joules count, time still does a little, or no job would ever begin. */
	p->worth_w = b > 0 ? fmax(least_weight, a / b) * p->energy_j / p->stay_s : 1e9;
	gather(p, call);
	prometheus_look_ahead(p, call->now_ns);
	prometheus_find_prices(p, call);
	admit(p, call);
	enum ergon_code code = apply(p, call, plan, err);
	if (!code)
		code = send_to_sleep(p, call, plan, err);
	p->last_power_w = plan_power_w(plan);
	return code;
}

static uint32_t retune(void *state, const struct policy_call *call, uint32_t job)
{
	const struct prometheus *p = state;
	const struct job_state *now = &call->jobs->state[job];
	const struct curve *curve = p->curve_of[job];
	const struct curve_item *item = &curve->items[p->item_of[job]];
	uint32_t epoch = now->epoch < curve->epochs ? now->epoch : curve->epochs - 1;
	return item->batch ? item->batch[epoch] : now->batch;
}

const struct scheduling_policy policy_prometheus = {
	.name = "prometheus",
	.summary = "type, count, batch, power and start by marginal energy per marginal time",
	.source = "ergon",
	.state_size = sizeof(struct prometheus),
	.minds_budget = true,
	.init = init,
	.decide = decide,
	.retune = retune,
};
