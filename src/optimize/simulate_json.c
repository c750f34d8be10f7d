/* SPDX-License-Identifier: Apache-2.0
 *
 * The result document of a simulated experiment.
 */
#include <string.h>

#include "base/json.h"
#include <math.h>

#include "optimize/simulate.h"

static json_t *cluster_json(const struct experiment *x)
{
	json_t *groups = json_array();
	for (size_t g = 0; g < x->cluster.group_count; g++) {
		const struct cluster_group *group = &x->cluster.groups[g];
		json_array_append_new(
		    groups,
		    json_pack(
			"{s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "type", group->type, "nodes",
			(int)group->nodes, "gpus_per_node", (int)group->gpus_per_node, "gpu_idle_w",
			json_number(x->gpu_idle_w[g]), "gpu_max_w", json_number(x->gpu_max_w[g]),
			"host_w", json_number(x->host_w[g]), "sleep_w", json_number(group->sleep_w),
			"wake_s", json_number(group->wake_s)));
	}
	return json_pack("{s:s, s:i, s:i, s:o, s:o}", "name", x->cluster.name, "nodes",
	                 (int)x->cluster.nodes, "gpus", (int)x->cluster.gpus, "pue",
	                 json_number(x->cluster.pue), "groups", groups);
}

static json_t *trace_json(const struct trace *trace)
{
	json_t *skips = json_array();
	for (size_t i = 0; i < trace->skip_count; i++)
		json_array_append_new(
		    skips, json_pack("{s:s, s:I, s:I, s:b}", "reason", trace->skips[i].reason,
		                     "count", (json_int_t)trace->skips[i].count, "first_line",
		                     (json_int_t)trace->skips[i].first_line, "malformed",
		                     (int)trace->skips[i].malformed));
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "file", trace->file, "format", trace->format,
	                 "jobs", (json_int_t)trace->count, "skipped", (json_int_t)trace->skipped,
	                 "skips", skips);
}

static json_t *timeline_json(const struct sim_timeline *line)
{
	json_t *points = json_array();
	double width_s = (double)line->width_ns * 1e-9;
	for (uint32_t i = 0; i < line->count; i++)
		json_array_append_new(
		    points, json_pack("{s:o, s:o, s:o}", "time_s",
		                      json_number((double)line->begin_ns * 1e-9 + i * width_s),
		                      "power_w", json_number(line->energy_j[i] / width_s),
		                      "busy_gpus", json_number(line->busy_gpu_s[i] / width_s)));
	return points;
}

static json_t *gantt_json(const struct experiment *x, const struct policy_result *result)
{
	json_t *rows = json_array();
	for (uint32_t i = 0; i < result->gantt_count; i++) {
		const struct gantt_row *row = &result->gantt[i];
		json_array_append_new(
		    rows,
		    json_pack("{s:s, s:s, s:i, s:i, s:i, s:o, s:o}", "job", x->jobs[row->job].name,
		              "type", x->cluster.groups[row->group].type, "node", (int)row->node,
		              "gpus", (int)row->gpus, "job_gpus", (int)row->job_gpus, "begin_s",
		              json_number((double)row->begin_ns * 1e-9), "end_s",
		              json_number((double)row->end_ns * 1e-9)));
	}
	return rows;
}

json_t *metrics_to_json(const struct metrics *m, bool with_quantiles)
{
	json_t *object = json_object();
	const struct {
		const char *name;
		double value;
	} rows[] = {
		{ "jct_mean_s", m->jct_mean_s },
		{ "wait_mean_s", m->wait_mean_s },
		{ "makespan_end_s", m->makespan_end_s },
		{ "energy_j", m->energy_j },
		{ "jct_p50_s", m->jct_p50_s },
		{ "jct_p95_s", m->jct_p95_s },
		{ "jct_p99_s", m->jct_p99_s },
		{ "jct_max_s", m->jct_max_s },
		{ "wait_p95_s", m->wait_p95_s },
		{ "wait_max_s", m->wait_max_s },
		{ "queued_mean_s", m->queued_mean_s },
		{ "makespan_s", m->makespan_s },
		{ "jobs_per_hour", m->jobs_per_hour },
		{ "utilisation", m->utilisation },
		{ "active_energy_j", m->active_j },
		{ "idle_energy_j", m->idle_j },
		{ "host_energy_j", m->host_j },
		{ "free_gpu_energy_j", m->free_gpu_j },
		{ "restart_energy_j", m->restart_j },
		{ "static_energy_j", m->static_j },
		{ "dynamic_energy_j", m->dynamic_j },
		{ "energy_per_job_j", m->energy_per_job_j },
		{ "edp_js", m->edp_js },
		{ "power_mean_w", m->power_mean_w },
		{ "power_peak_w", m->power_peak_w },
		{ "over_budget_s", m->over_budget_s },
		{ "rho_mean", m->rho_mean },
		{ "rho_max", m->rho_max },
		{ "jain", m->jain },
		{ "lateness_max_s", m->lateness_max_s },
		{ "lateness_mean_s", m->lateness_mean_s },
		{ "missed_criticality", m->missed_criticality },
		{ "facility_energy_j", m->facility_j },
		{ "carbon_g", m->carbon_g },
		{ "cost", m->cost },
		{ "lost_gpu_s", m->lost_gpu_s },
		{ "lost_share", m->lost_share },
		{ "asleep_share", m->asleep_share },
		{ "restart_gpu_s", m->restart_gpu_s },
		{ "useful_gpu_s", m->useful_gpu_s },
		{ "useful_gpu_h_per_hour", m->useful_gpu_h_per_hour },
		{ "energy_per_useful_gpu_h_j", m->energy_per_useful_gpu_h_j },
		{ "budget_use_mean", m->budget_use_mean },
		{ "budget_use_peak", m->budget_use_peak },
		{ "backlog_mean", m->backlog_mean },
		{ "backlog_max", m->backlog_max },
		{ "backlog_growth", m->backlog_growth },
		{ "down_share", m->down_share },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		json_object_set_new(object, rows[i].name, json_number(rows[i].value));
	json_t *quantiles = with_quantiles ? json_array() : NULL;
	for (int i = 0; i <= METRICS_QUANTILES && quantiles; i++)
		json_array_append_new(quantiles, json_number(m->jct_quantiles_s[i]));
	if (quantiles)
		json_object_set_new(object, "jct_quantiles_s", quantiles);
	json_object_set_new(object, "restarts", json_integer((json_int_t)m->restarts));
	json_object_set_new(object, "preemptions", json_integer((json_int_t)m->preemptions));
	json_object_set_new(object, "node_failures", json_integer((json_int_t)m->failures));
	json_object_set_new(object, "node_sleeps", json_integer((json_int_t)m->sleeps));
	json_object_set_new(object, "node_wakes", json_integer((json_int_t)m->wakes));
	json_object_set_new(object, "deadlines", json_integer((json_int_t)m->deadlines));
	json_object_set_new(object, "deadline_misses",
	                    json_integer((json_int_t)m->deadline_misses));
	return object;
}

json_t *experiment_oracle_to_json(const struct experiment *x)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "name", x->oracle->name, "basis", x->oracle->basis,
	                 "power_basis", x->oracle->power_basis, "power_source", x->power_note);
}

/* What was simulated around the cluster; null: not. */
static json_t *site_json(const struct experiment *x)
{
	const struct site_options *site = &x->options.site;
	const char *carbon = x->site.carbon.count ? x->site.carbon.origin : NULL;
	const char *price = x->site.price.count ? x->site.price.origin : NULL;
	const char *budget = x->site.budget.count ? x->site.budget.origin : NULL;
	return json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o}", "power_budget", budget,
	                 "carbon", carbon, "price", price, "failures", site->failures, "deadlines",
	                 x->options.deadlines, "sleep_after_s",
	                 json_number((double)site->sleep_after_ns * 1e-9), "checkpoint_s",
	                 json_number((double)site->checkpoint_ns * 1e-9), "delay_s",
	                 json_number((double)site->delay_ns * 1e-9));
}

/* null where it was not asked for. */
static json_t *bound_json(const struct experiment *x)
{
	if (!x->bounded)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s}", "jobs_energy_j",
	                 json_number(x->bound.jobs_j), "energy_j", json_number(x->bound.energy_j),
	                 "jct_mean_s", json_number(x->bound.jct_mean_s), "makespan_s",
	                 json_number(x->bound.makespan_s), "gpu_s", json_number(x->bound.gpu_s),
	                 "jct_by", x->bound.jct_by_queue ? "queue" : "alone");
}

static json_t *policy_json(const struct experiment *x, const struct policy_result *result,
                           double over_optimal)
{
	json_t *object = json_pack("{s:s, s:s}", "name", result->policy->name, "summary",
	                           result->policy->summary);
	if (!object)
		return NULL;
	json_t *metrics = metrics_to_json(&result->metrics, true);
	json_object_update(object, metrics);
	json_decref(metrics);
	if (x->bounded) {
		double energy_j = x->bound.energy_j, jct_s = x->bound.jct_mean_s;
		json_object_set_new(object, "energy_over_bound",
		                    json_number(result->metrics.energy_j / energy_j));
		json_object_set_new(object, "jct_over_bound",
		                    json_number(result->metrics.jct_mean_s / jct_s));
		double pace_j = experiment_pace_bound_j(x, &result->metrics);
		json_object_set_new(object, "pace_bound_energy_j", json_number(pace_j));
		json_object_set_new(object, "energy_over_pace_bound",
		                    json_number(result->metrics.energy_j / pace_j));
	}
	if (!isnan(over_optimal))
		json_object_set_new(object, "objective_over_optimal", json_number(over_optimal));
	json_object_set_new(object, "wall_s", json_number(result->wall_s));
	json_object_set_new(object, "jobs_per_wall_s", json_number(x->count / result->wall_s));
	json_object_set_new(object, "events", json_integer((json_int_t)result->events));
	json_object_set_new(object, "decisions", json_integer((json_int_t)result->decisions));
	json_object_set_new(object, "placements", json_integer((json_int_t)result->placements));
	json_object_set_new(object, "audited", json_boolean(result->audited));
	json_object_set_new(object, "audit_checks", json_integer((json_int_t)result->audit_checks));
	json_object_set_new(object, "power_over_time", timeline_json(&result->timeline));
	json_object_set_new(object, "gantt", gantt_json(x, result));
	json_object_set_new(object, "gantt_dropped", json_integer(result->gantt_dropped));
	if (result->explained)
		json_object_set_new(object, "explained",
		                    explain_log_to_json(result->explained, &x->cluster));
	return object;
}

json_t *experiment_to_json(const struct experiment *x, const struct policy_result *results,
                           size_t count)
{
	json_t *policies = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
		    policies,
		    policy_json(x, &results[i], policy_over_optimal(x, results, count, i)));
	double budget_w = x->options.power_budget_w;
	return json_pack("{s:s, s:i, s:s, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:I, s:o, s:o}, "
	                 "s:o, s:o, s:o}",
	                 "kind", "ergon.simulate", "version", 1, "provenance", "modelled",
	                 "cluster", cluster_json(x), "trace", trace_json(&x->trace), "oracle",
	                 experiment_oracle_to_json(x), "settings", "interval_s",
	                 json_number((double)x->options.interval_ns * 1e-9), "restart_cost_s",
	                 json_number((double)x->options.restart_ns * 1e-9), "power_budget_w",
	                 budget_w > 0 ? json_real(budget_w) : json_null(), "seed",
	                 (json_int_t)x->options.seed, "time_weight", json_number(x->time_weight),
	                 "energy_weight", json_number(x->energy_weight), "site", site_json(x),
	                 "bound", bound_json(x), "policies", policies);
}
