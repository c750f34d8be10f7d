/* SPDX-License-Identifier: Apache-2.0
 *
 * The result of a campaign: means with 95% intervals, and how every policy compares with the first
 * one on the same traces (pairs, so that differences between traces do not blur the comparison).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/stats.h"
#include "optimize/campaign/campaign.h"
#include "optimize/campaign/folder.h"

struct outcomes {
	const struct campaign *campaign;
	json_t **of; /* [unit_count] */
};

static const json_t *metrics_of_unit(const struct outcomes *all, uint32_t unit)
{
	return json_object_get(all->of[unit], "metrics");
}

/* One number of a unit's metrics; NaN where it has none. */
static double value_of(const struct outcomes *all, uint32_t unit, const char *name)
{
	const json_t *value = json_object_get(metrics_of_unit(all, unit), name);
	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static json_t *moments_json(const struct moments *m)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:i}", "mean", json_number(m->mean), "half_width_95",
	                 json_number(m->count > 1 ? moments_half_width(m, 0.95) : (double)NAN),
	                 "min", json_number(m->min), "max", json_number(m->max), "runs",
	                 (int)m->count);
}

/* The units of one policy at one load; load UINT32_MAX: at all. The unit of the first policy on the
 * same trace with the same seed is policy units before. */
static bool belongs(const struct campaign *c, uint32_t unit, uint32_t load, uint32_t policy)
{
	const struct campaign_unit *u = &c->units[unit];
	return u->policy == policy && (load == UINT32_MAX || u->load == load);
}

static json_t *summary_json(const struct outcomes *all, uint32_t load, uint32_t policy,
                            const char *name, bool change)
{
	const struct campaign *c = all->campaign;
	struct moments moments = { 0 };
	for (uint32_t i = 0; i < c->unit_count; i++) {
		if (!belongs(c, i, load, policy))
			continue;
		double value = value_of(all, i, name);
		if (change) {
			double first = value_of(all, i - policy, name);
			value = first > 0 ? value / first - 1 : (double)NAN;
		}
		if (isfinite(value))
			moments_add(&moments, value);
	}
	return moments.count ? moments_json(&moments) : NULL;
}

/* Names of all numbers that any unit of the policy has, in the order of the first. */
static const json_t *names_for(const struct outcomes *all, uint32_t load, uint32_t policy)
{
	for (uint32_t i = 0; i < all->campaign->unit_count; i++)
		if (belongs(all->campaign, i, load, policy) && metrics_of_unit(all, i))
			return metrics_of_unit(all, i);
	return NULL;
}

static void count_failures(const struct outcomes *all, uint32_t load, uint32_t policy,
                           json_t *point)
{
	const struct campaign *c = all->campaign;
	int runs = 0, failed = 0;
	const char *first = NULL;
	for (uint32_t i = 0; i < c->unit_count; i++) {
		if (!belongs(c, i, load, policy))
			continue;
		runs++;
		const char *why = json_string_value(json_object_get(all->of[i], "failure"));
		if (!why)
			continue;
		failed++;
		first = first ? first : why;
	}
	json_object_set_new(point, "runs", json_integer(runs));
	json_object_set_new(point, "failed", json_integer(failed));
	json_object_set_new(point, "failure", first ? json_string(first) : json_null());
}

static json_t *point_json(const struct outcomes *all, uint32_t load, uint32_t policy)
{
	const struct campaign *c = all->campaign;
	json_t *point = json_object(), *metrics = json_object(), *change = json_object();
	json_object_set_new(point, "load",
	                    load == UINT32_MAX ? json_null() : json_real(c->options.loads[load]));
	json_object_set_new(point, "policy", json_string(c->options.policies[policy]->name));
	count_failures(all, load, policy, point);
	const char *name;
	json_t *unused;
	json_object_foreach((json_t *)(uintptr_t)names_for(all, load, policy), name, unused)
	{
		json_t *one =
		    load == UINT32_MAX ? NULL : summary_json(all, load, policy, name, false);
		if (one)
			json_object_set_new(metrics, name, one);
		one = policy ? summary_json(all, load, policy, name, true) : NULL;
		if (one)
			json_object_set_new(change, name, one);
	}
	if (load != UINT32_MAX)
		json_object_set_new(point, "metrics", metrics);
	else
		json_decref(metrics);
	json_object_set_new(point, "change", change);
	return point;
}

static json_t *runs_json(const struct outcomes *all)
{
	const struct campaign *c = all->campaign;
	json_t *runs = json_array();
	for (uint32_t i = 0; i < c->unit_count; i++) {
		const struct campaign_unit *u = &c->units[i];
		json_t *run = json_pack("{s:f, s:s, s:i, s:s}", "load", c->options.loads[u->load],
		                        "trace", c->traces[u->trace], "seed", (int)u->seed,
		                        "policy", c->options.policies[u->policy]->name);
		json_object_update(run, all->of[i]);
		json_object_del(run, "oracle");
		json_array_append_new(runs, run);
	}
	return runs;
}

static json_t *oracle_of(const struct outcomes *all)
{
	for (uint32_t i = 0; i < all->campaign->unit_count; i++) {
		json_t *oracle = json_object_get(all->of[i], "oracle");
		if (oracle)
			return json_incref(oracle);
	}
	return json_null();
}

static json_t *build(const struct outcomes *all)
{
	const struct campaign *c = all->campaign;
	const struct campaign_options *o = &c->options;
	json_t *loads = json_array(), *traces = json_array(), *policies = json_array();
	json_t *points = json_array(), *overall = json_array();
	for (uint32_t l = 0; l < o->load_count; l++)
		json_array_append_new(loads, json_real(o->loads[l]));
	for (uint32_t t = 0; t < c->trace_count; t++)
		json_array_append_new(traces, json_string(c->traces[t]));
	for (uint32_t p = 0; p < o->policy_count; p++) {
		json_array_append_new(policies, json_string(o->policies[p]->name));
		json_array_append_new(overall, point_json(all, UINT32_MAX, p));
		for (uint32_t l = 0; l < o->load_count; l++)
			json_array_append_new(points, point_json(all, l, p));
	}
	const struct experiment_options *b = &o->base;
	return json_pack(
	    "{s:s, s:i, s:s, s:s, s:o, s:{s:o, s:o, s:o, s:I, s:s}, s:o, s:o, s:b, s:i, s:o, s:s, "
	    "s:o, s:o, s:o}",
	    "kind", "ergon.simulate_sweep", "version", 1, "provenance", "modelled", "cluster",
	    b->cluster, "oracle", oracle_of(all), "settings", "interval_s",
	    json_number((double)b->interval_ns * 1e-9), "restart_cost_s",
	    json_number((double)b->restart_ns * 1e-9), "power_budget_w",
	    b->power_budget_w > 0 ? json_real(b->power_budget_w) : json_null(), "seed",
	    (json_int_t)b->seed, "objective", b->objective ? b->objective : "edp", "loads", loads,
	    "traces", traces, "loads_by_file", (int)c->by_file, "seeds", (int)o->seeds, "policies",
	    policies, "against", o->policies[0]->name, "points", points, "overall", overall, "runs",
	    runs_json(all));
}

enum ergon_code campaign_to_json(const struct campaign *c, json_t **document,
                                 struct ergon_error *err)
{
	struct outcomes all = { c, calloc(c->unit_count, sizeof *all.of) };
	enum ergon_code code =
	    all.of ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < c->unit_count && !code; i++)
		code = campaign_get(c->shared, i, &all.of[i], err);
	if (!code) {
		*document = build(&all);
		if (!*document)
			code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	for (uint32_t i = 0; i < c->unit_count && all.of; i++)
		json_decref(all.of[i]);
	free(all.of);
	return code;
}
