/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/prometheus.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

enum { STEPS = 24, POWER_STEPS = 4 };
static const double price_max_w = 1e7, tolerance = 1e-2;
static const double price_memory_s = 7200; /* in which a price goes back to the usual one */
/* Beyond the highest nothing moves any more: what the budget lacks, idle nodes draw. */
static const double least_power_price = 0.25, most_power_price = 1e4;
static const double settled_s = 1800; /* for which a job stays where it has moved to */

/* How electricity from now on compares with that of a day. */
void prometheus_look_ahead(struct prometheus *p, uint64_t now_ns)
{
	if (!p->series)
		return;
	double day = series_integral(p->series, now_ns, now_ns + 86400 * NS_PER_S) / 86400;
	for (int k = 0; k < DEAR_POINTS; k++) {
		uint64_t span_ns = (60 * NS_PER_S) << k;
		double mean = series_integral(p->series, now_ns, now_ns + span_ns) / 60 / (1 << k);
		p->dear[k] = day > 0 ? fmax(0, mean / day) : 1;
	}
}

/* What a joule of the next time_s counts. */
double prometheus_dearness(const struct prometheus *p, double time_s)
{
	if (!p->series)
		return 1;
	double at = fmin(fmax(0, log2(time_s / 60)), DEAR_POINTS - 1.001);
	int k = (int)at;
	return p->dear[k] + (p->dear[k + 1] - p->dear[k]) * (at - k);
}

/* The price that a job which stays for time_s will meet in the mean: today's for a short one, the
 * usual one for a long one. */
static double price_over(const struct prometheus *p, uint32_t group, double time_s)
{
	double part = -expm1(-time_s / price_memory_s) * price_memory_s / fmax(1e-9, time_s);
	return p->usual_w[group] + (p->price_w[group] - p->usual_w[group]) * part;
}

bool prometheus_is_present(const struct policy_call *call, const struct choice *c,
                           const struct curve_item *item)
{
	const struct job_state *state = &call->jobs->state[c->job];
	return c->now_on && state->group == item->group && state->gpus == item->gpus;
}

/* What the rest of the job is worth: the least that it will cost. */
static double worth_of(const struct prometheus *p, const struct policy_call *call,
                       const struct choice *c)
{
	double least = (double)INFINITY;
	for (uint32_t i = 0; i < c->curve->count; i++) {
		const struct curve_item *item = &c->curve->items[i];
		if (item->gpus > pool_capacity(call->cluster->pool, item->group))
			continue;
		double time_s = curve_time_s(item, c->epoch, c->part);
		double dear = prometheus_dearness(p, time_s);
		double energy_j =
		    curve_energy_j(item, c->epoch, c->part) * (1 + p->power_price) * dear;
		double held_w = p->host_w[item->group] * dear + price_over(p, item->group, time_s);
		least =
		    fmin(least, energy_j + (c->weight * p->worth_w + held_w * item->gpus) * time_s);
	}
	return least;
}

static void choose(struct prometheus *p, const struct policy_call *call, struct choice *c)
{
	double most = 0, worth_j = worth_of(p, call, c);
	c->item = NOTHING;
	for (uint32_t i = 0; i < c->curve->count; i++) {
		const struct curve_item *item = &c->curve->items[i];
		if (item->gpus > pool_capacity(call->cluster->pool, item->group))
			continue;
		double time_s = fmax(1e-6, curve_time_s(item, c->epoch, c->part));
		double dear = prometheus_dearness(p, time_s);
		double energy_j =
		    curve_energy_j(item, c->epoch, c->part) * (1 + p->power_price) * dear;
		double held_w =
		    (p->host_w[item->group] * dear + p->price_w[item->group]) * item->gpus;
		double gain_w = (worth_j - energy_j) / time_s - held_w, restart_s = 0;
		if (!prometheus_is_present(call, c, item)) {
			restart_s = c->restart_s;
			if (c->now_on) /* else it must be paid in any case */
				gain_w -= restart_s / fmin(time_s, settled_s) *
				          (c->weight * p->worth_w + held_w +
				           p->idle_w[item->group] * item->gpus);
		}
		/* On time is better than all else; if that cannot be, the sooner the better. */
		if (isfinite(c->due_s))
			gain_w += time_s + restart_s <= c->due_s ? 1e12 : 1e11 / time_s;
		if (gain_w > most) {
			most = gain_w;
			c->item = i;
		}
	}
}

static void choose_all(struct prometheus *p, const struct policy_call *call, double *gpus)
{
	memset(gpus, 0, CLUSTER_GROUPS_MAX * sizeof *gpus);
	for (uint32_t i = 0; i < p->count; i++) {
		struct choice *c = &p->choices[i];
		choose(p, call, c);
		if (c->item != NOTHING)
			gpus[c->curve->items[c->item].group] += c->curve->items[c->item].gpus;
	}
}

/* Raises one group's price until its demand fits, or cannot fall further. */
static void find_price(struct prometheus *p, const struct policy_call *call, uint32_t group)
{
	double gpus[CLUSTER_GROUPS_MAX], room = pool_capacity(call->cluster->pool, group);
	/* From where it was at the last decision: it rarely moves far. */
	double low = 0, high = fmax(1, p->price_w[group] / 2);
	p->price_w[group] = 0;
	choose_all(p, call, gpus);
	if (gpus[group] <= room)
		return;
	for (; high < price_max_w; high *= 4) {
		p->price_w[group] = high;
		choose_all(p, call, gpus);
		if (gpus[group] <= room)
			break;
		low = high;
	}
	for (int step = 0; step < STEPS && high - low > tolerance * high; step++) {
		p->price_w[group] = (low + high) / 2;
		choose_all(p, call, gpus);
		if (gpus[group] <= room)
			high = p->price_w[group];
		else
			low = p->price_w[group];
	}
	p->price_w[group] = high;
	choose_all(p, call, gpus);
}

static double chosen_power_w(const struct prometheus *p, const struct policy_call *call)
{
	double power_w = 0;
	const struct cluster *spec = call->cluster->spec;
	for (size_t g = 0; g < spec->group_count; g++)
		power_w += (call->cluster->host_w[g] +
		            call->cluster->gpu_idle_w[g] * spec->groups[g].gpus_per_node) *
		           spec->groups[g].nodes;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct choice *c = &p->choices[i];
		if (c->item == NOTHING)
			continue;
		const struct curve_item *item = &c->curve->items[c->item];
		double time_s = fmax(1e-9, curve_time_s(item, c->epoch, c->part));
		power_w += curve_energy_j(item, c->epoch, c->part) / time_s -
		           p->idle_w[item->group] * item->gpus;
	}
	return power_w;
}

static void find_prices(struct prometheus *p, const struct policy_call *call)
{
	uint32_t groups = call->cluster->pool->group_count;
	/* A budget asks for several rounds of its own. */
	int rounds = groups > 1 && !(call->cluster->budget_w < 1e15) ? 2 : 1;
	for (int round = 0; round < rounds; round++)
		for (uint32_t g = 0; g < groups; g++)
			find_price(p, call, g);
}

/* Power over the budget gets a price of its own, over which GPUs are shared out again. */
void prometheus_find_prices(struct prometheus *p, const struct policy_call *call)
{
	double price = p->power_price / 2;
	p->power_price = price < least_power_price ? 0 : price;
	find_prices(p, call);
	if (!(call->cluster->budget_w < 1e15))
		return;
	for (int step = 0; step < POWER_STEPS; step++) {
		if (chosen_power_w(p, call) <= call->cluster->budget_w)
			return;
		p->power_price =
		    fmin(most_power_price, fmax(least_power_price, 2 * p->power_price));
		find_prices(p, call);
	}
}
