/* SPDX-License-Identifier: Apache-2.0
 *
 * Model and optimize: a training job predicted, a trace simulated under every policy, one advised.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/cycle.h"
#include "model/document.h"
#include "optimize/recommend.h"
#include "optimize/traces/ergon_csv.h"
#include "optimize/traces/generate.h"
#include "spec/cluster.h"

/* The trace where none is given: as many jobs, offering so much of the cluster's capacity. */
enum { TRACE_JOBS = 400, TRACE_SEED = 1, JOB_GPUS_MAX = 16, POLICIES_MAX = 32 };
static const double offered_load = 1.0;
/* The budget where none is given, as a share of what the cluster can draw. */
static const double budget_share = 0.7;

static enum ergon_code predict_on(struct cycle *cycle, const char *type, unsigned gpus,
                                  struct arena *arena, struct ergon_error *err)
{
	const struct cycle_options *o = &cycle->options;
	struct device device;
	struct calibration calibration;
	struct workload_options wanted = { .infer = false };
	const struct workload *workload;
	enum ergon_code code;
	if ((code = precision_parse(o->precision, &wanted.precision, err)) ||
	    (code = device_load(cycle->cli->env, type, &device, err)) ||
	    (code = workload_load(cycle->cli->env, o->model, &wanted, arena, &workload, err)) ||
	    (code = calibration_load(cycle->cli->env, &calibration, err)))
		return code;
	struct predict_request request = { .workload = workload, .device = &device };
	request.settings = (struct predict_settings){ .batch = o->batch, .gpus = gpus };
	struct prediction prediction;
	struct breakdown breakdown;
	predict_explain(workload, &device, &calibration, &request.settings, &prediction,
	                &breakdown);
	if (!isfinite(prediction.step_time_s) || prediction.step_time_s <= 0)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--model, --device: no finite step time comes out");
	json_decref(cycle->documents[CYCLE_PREDICT]);
	cycle->documents[CYCLE_PREDICT] = prediction_to_json(&request, &prediction, &breakdown);
	return cycle->documents[CYCLE_PREDICT] ? ERGON_OK
	                                       : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

enum ergon_code cycle_predict(struct cycle *cycle, struct ergon_error *err)
{
	struct arena arena;
	struct cluster cluster;
	arena_init(&arena);
	enum ergon_code code = cluster_load(cycle->options.cluster, &arena, &cluster, err);
	const struct cluster_group *group = &cluster.groups[0];
	const char *type = cycle->options.device;
	if (!code && !type) {
		struct device device;
		type = group->type;
		if (device_load(cycle->cli->env, type, &device, NULL) != ERGON_OK)
			code = ergon_fail(err, ERGON_NOT_FOUND,
			                  "nothing is known of the cluster's '%.40s': name the "
			                  "device to predict on with --device",
			                  type);
	}
	if (!code)
		code = predict_on(cycle, type, group->gpus_per_node < 8 ? group->gpus_per_node : 8,
		                  &arena, err);
	arena_fini(&arena);
	return code;
}

static enum ergon_code write_default_trace(struct cycle *cycle, const char *path,
                                           struct ergon_error *err)
{
	struct arena arena;
	struct cluster cluster;
	struct trace trace;
	struct text text = { 0 };
	struct generate_options wanted = generate_defaults();
	arena_init(&arena);
	enum ergon_code code = cluster_load(cycle->options.cluster, &arena, &cluster, err);
	if (!code) {
		wanted.jobs = TRACE_JOBS;
		wanted.seed = TRACE_SEED;
		wanted.load = offered_load;
		wanted.cluster_gpus = cluster.gpus;
		wanted.gpus_max = cluster.gpus < JOB_GPUS_MAX ? cluster.gpus : JOB_GPUS_MAX;
		code = trace_generate(&wanted, &arena, &trace, err);
	}
	if (!code) {
		trace_write_csv(&trace, &text);
		code = text.failed ? ergon_fail(err, ERGON_NO_MEMORY, "out of memory")
		                   : file_write(path, text.data, text.length, err);
	}
	text_fini(&text);
	arena_fini(&arena);
	return code;
}

static double draw_at_most_w(const struct experiment *x)
{
	double most_w = 0;
	for (size_t g = 0; g < x->cluster.group_count; g++) {
		const struct cluster_group *group = &x->cluster.groups[g];
		double host_w = isfinite(x->host_w[g]) ? x->host_w[g] : 0;
		most_w += group->nodes * (host_w + group->gpus_per_node * x->gpu_max_w[g]);
	}
	return most_w;
}

struct turn {
	struct cycle *cycle;
	size_t done, count;
	const char *note;
};

static void show_turn(void *user, double done)
{
	const struct turn *t = user;
	cycle_progress(t->cycle, ((double)t->done + done) / (double)t->count, t->note);
}

/* A policy that cannot run this trace (it needs a budget, or times that the trace does not tell) is
 * named with the reason, beside the results. */
static enum ergon_code run_policy(struct experiment *x, const struct scheduling_policy *policy,
                                  struct policy_result *results, size_t *count, json_t *left_out,
                                  struct ergon_error *err)
{
	struct ergon_error why = { 0 };
	enum ergon_code code = experiment_run(x, policy, &results[*count], &why);
	if (!code) {
		++*count;
		return ERGON_OK;
	}
	policy_result_fini(&results[*count]);
	results[*count] = (struct policy_result){ 0 };
	if (code != ERGON_INFEASIBLE && code != ERGON_NOT_SUPPORTED) {
		*err = why;
		return code;
	}
	json_array_append_new(left_out,
	                      json_pack("{s:s, s:s}", "name", policy->name, "reason", why.text));
	return ERGON_OK;
}

static enum ergon_code run_policies(struct cycle *cycle, struct experiment *x, struct turn *turn,
                                    struct policy_result *results, size_t *total,
                                    struct ergon_error *err)
{
	size_t count = 0;
	json_t *left_out = json_array();
	enum ergon_code code = ERGON_OK;
	for (const struct scheduling_policy *const *p = scheduling_policies;
	     *p && !code && count < POLICIES_MAX && !cycle->interrupted; p++) {
		turn->note = (*p)->name;
		turn->done++;
		if (!(*p)->needs_external)
			code = run_policy(x, *p, results, &count, left_out, err);
	}
	json_t *document = code ? NULL : experiment_to_json(x, results, count);
	if (!code && !document)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (document)
		json_object_set(document, "left_out", left_out);
	cycle->documents[CYCLE_SIMULATE] = document;
	json_decref(left_out);
	*total = count;
	return code;
}

/* Without a budget of the user's own the tree is walked without one: the budget above is only what
 * policies are held against. */
static enum ergon_code advise(struct cycle *cycle, struct experiment *x, struct turn *turn,
                              const struct policy_result *results, size_t count,
                              struct ergon_error *err)
{
	struct policy_result known[POLICIES_MAX];
	struct recommend_wishes wishes = { .known = known };
	struct recommendation *advice = calloc(1, sizeof *advice);
	if (!advice)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	turn->note = "recommend";
	x->options.power_budget_w = cycle->options.power_budget_w;
	/* What minds a budget was simulated with another one, unless it is the user's own. */
	for (size_t i = 0; i < count; i++)
		if (x->options.power_budget_w > 0 ||
		    !(results[i].policy->needs_budget || results[i].policy->minds_budget))
			known[wishes.known_count++] = results[i];
	enum ergon_code code = recommend(x, &wishes, advice, err);
	if (!code) {
		json_t *root = recommendation_to_json(x, advice);
		const struct metrics *m =
		    &advice->results[advice->tree_is_right ? advice->tree : 0].metrics;
		json_object_del(root, "simulate"); /* simulate.json stands beside it */
		json_object_set_new(
		    root, "chosen",
		    json_pack("{s:f, s:f}", "energy_j", m->energy_j, "jct_mean_s", m->jct_mean_s));
		cycle->documents[CYCLE_RECOMMEND] = root;
		if (!root)
			code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	recommendation_fini(advice);
	free(advice);
	return code;
}

/* The working folder goes; what a reader finds is the file's name beside the report. */
static void name_trace(struct cycle *cycle, const char *name)
{
	json_t *trace = json_object_get(cycle->documents[CYCLE_SIMULATE], "trace");
	if (trace && !cycle->options.trace)
		json_object_set_new(trace, "file", json_string(name));
}

/* Fills *x, which needs experiment_fini in any case. */
static enum ergon_code load_experiment(struct cycle *cycle, struct experiment *x,
                                       struct ergon_error *err)
{
	char path[CYCLE_PATH_MAX];
	enum ergon_code code = cycle_path(cycle, "trace.csv", path, sizeof path, err);
	if (!code && !cycle->options.trace)
		code = write_default_trace(cycle, path, err);
	if (code)
		return code;
	struct experiment_options wanted = {
		.cluster = cycle->options.cluster,
		.trace = cycle->options.trace ? cycle->options.trace : path,
		.oracle = cycle->options.oracle  ? cycle->options.oracle
		          : cycle->options.trace ? NULL
		                                 : "model",
		.seed = 1,
		.audit = true,
		.power_budget_w = cycle->options.power_budget_w,
	};
	return experiment_load(cycle->cli->env, &wanted, x, err);
}

enum ergon_code cycle_check(struct cycle *cycle, struct ergon_error *err)
{
	struct experiment x = { 0 };
	enum ergon_code code = load_experiment(cycle, &x, err);
	experiment_fini(&x);
	if (!code)
		code = cycle_predict(cycle, err);
	return code;
}

enum ergon_code cycle_simulate(struct cycle *cycle, struct ergon_error *err)
{
	cycle_step(cycle, "optimize", 1);
	struct experiment x = { 0 };
	struct policy_result results[POLICIES_MAX] = { 0 };
	size_t count = 0;
	struct turn turn = { .cycle = cycle, .count = 1 };
	for (const struct scheduling_policy *const *p = scheduling_policies; *p; p++)
		turn.count += 1;
	enum ergon_code code = load_experiment(cycle, &x, err);
	if (!code) {
		double most_w = draw_at_most_w(&x);
		if (!(x.options.power_budget_w > 0) && isfinite(most_w))
			x.options.power_budget_w = floor(budget_share * most_w);
		x.progress = show_turn;
		x.progress_user = &turn;
		code = run_policies(cycle, &x, &turn, results, &count, err);
	}
	if (!code && !cycle->interrupted)
		code = advise(cycle, &x, &turn, results, count, err);
	if (!code)
		name_trace(cycle, "trace.csv");
	for (size_t i = 0; i < count; i++)
		policy_result_fini(&results[i]);
	experiment_fini(&x);
	return code;
}
