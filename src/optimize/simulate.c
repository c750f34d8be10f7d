/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/simulate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"
#include "optimize/oracles/duration.h"
#include "optimize/oracles/gavel.h"
#include "optimize/oracles/zeus_traces.h"
#include "optimize/sim/audit.h"
#include "optimize/solver/linear.h"
#include "optimize/traces/summary.h"
#include "spec/device.h"

/* One processor of a cluster without GPUs, where nothing else is stated: an assumption, and named
 * as one in the result. */
static const double assumed_cpu_idle_w = 3, assumed_cpu_max_w = 12;
/* Idle power of a GPU whose device file has none: 10% of its full power, the median of the device
 * files that state both. */
static const double assumed_idle_part = 0.10;

static void note(struct experiment *x, const char *type, const char *what)
{
	size_t length = strlen(x->power_note);
	snprintf(x->power_note + length, sizeof x->power_note - length, "%s%s: %s",
	         length ? "; " : "", type, what);
}

static enum ergon_code group_power(struct experiment *x, size_t g, struct ergon_error *err)
{
	const struct cluster_group *group = &x->cluster.groups[g];
	x->gpu_idle_w[g] = group->gpu_idle_w;
	x->gpu_max_w[g] = group->gpu_max_w;
	x->host_w[g] = isnan(group->host_w) ? 0 : group->host_w;
	if (!isnan(group->gpu_idle_w) && !isnan(group->gpu_max_w)) {
		note(x, group->type, "cluster file");
		return ERGON_OK;
	}
	if (strcmp(group->type, "cpu") == 0) {
		x->gpu_idle_w[g] = assumed_cpu_idle_w;
		x->gpu_max_w[g] = assumed_cpu_max_w;
		note(x, group->type, "assumed 3 W idle, 12 W busy a processor");
		return ERGON_OK;
	}
	struct device device;
	enum ergon_code code = device_load(x->env, group->type, &device, err);
	if (code)
		return code;
	if (isnan(x->gpu_max_w[g]))
		x->gpu_max_w[g] = device.tdp_w;
	if (isnan(x->gpu_idle_w[g]))
		x->gpu_idle_w[g] =
		    isnan(device.idle_w) ? assumed_idle_part * x->gpu_max_w[g] : device.idle_w;
	if (!(x->gpu_max_w[g] > 0))
		return ergon_fail(err, ERGON_BAD_INPUT, "device %s states no power limit",
		                  device.name);
	note(x, group->type,
	     isnan(device.idle_w) ? "device file, idle assumed 10% of full" : "device file");
	return ERGON_OK;
}

static int by_arrival(const void *a, const void *b)
{
	const struct job_facts *x = a, *y = b;
	if (x->arrival_ns != y->arrival_ns)
		return x->arrival_ns < y->arrival_ns ? -1 : 1;
	return (x->trace_index > y->trace_index) - (x->trace_index < y->trace_index);
}

static uint32_t largest_group(const struct cluster *cluster)
{
	uint32_t largest = 0;
	for (size_t g = 0; g < cluster->group_count; g++) {
		uint32_t gpus = cluster->groups[g].nodes * cluster->groups[g].gpus_per_node;
		if (gpus > largest)
			largest = gpus;
	}
	return largest;
}

static enum ergon_code read_jobs(struct experiment *x, struct ergon_error *err)
{
	uint32_t largest = largest_group(&x->cluster), node = x->cluster.groups[0].gpus_per_node;
	x->count = (uint32_t)x->trace.count;
	x->jobs = ARENA_ARRAY(&x->arena, struct job_facts, x->trace.count);
	if (!x->jobs || x->trace.count >= JOB_NONE)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < x->count; i++) {
		const struct trace_job *from = &x->trace.jobs[i];
		struct job_facts *job = &x->jobs[i];
		*job = (struct job_facts){
			.name = from->name,
			.application = from->application,
			.user = from->user,
			.arrival_ns = from->arrival_ns,
			.duration_ns = from->duration_ns,
			.estimate_ns = from->requested_ns ? from->requested_ns : from->duration_ns,
			.deadline_ns = from->deadline_ns,
			.gpus = trace_job_width(&x->trace, from),
			.batch = from->batch,
			.gpus_min = from->gpus_min,
			.gpus_max = from->gpus_max,
			.line = from->line,
			.trace_index = i,
			.urgent = from->urgent,
			.restart_ns = from->restart_ns,
			.checkpoint_ns = from->checkpoint_ns,
			.criticality = from->priority,
		};
		if (x->options.used && x->trace.unit == TRACE_PROCESSORS && from->cpus_used)
			job->gpus = from->cpus_used;
		if (x->options.whole_nodes)
			job->gpus = (job->gpus + node - 1) / node * node;
		if (job->gpus == 0)
			return ergon_fail_at(err, ERGON_BAD_INPUT, x->trace.file, job->line,
			                     "job %s asks for no GPU and no processor", job->name);
		if (job->gpus > largest)
			return ergon_fail_at(err, ERGON_BAD_INPUT, x->trace.file, job->line,
			                     "job %s asks for %u GPUs; the largest type of cluster "
			                     "'%.60s' has %u",
			                     job->name, job->gpus, x->cluster.name, largest);
	}
	qsort(x->jobs, x->count, sizeof *x->jobs, by_arrival);
	return ERGON_OK;
}

static bool all_have_durations(const struct experiment *x)
{
	for (uint32_t i = 0; i < x->count; i++)
		if (!x->jobs[i].duration_ns)
			return false;
	return true;
}

static enum ergon_code make_oracle(struct experiment *x, struct ergon_error *err)
{
	static const char *const names[] = { "measured:DIR", "sia:DIR",  "gavel:FILE",
		                             "model",        "duration", "zeus:FILE" };
	const char *what = x->options.oracle;
	if (!what)
		what = all_have_durations(x) ? "duration" : "model";
	if (strcmp(what, "duration") == 0)
		return duration_oracle(&x->arena, &x->cluster, x->gpu_max_w, x->trace.file, x->jobs,
		                       x->count, &x->oracle, err);
	if (strncmp(what, "zeus:", 5) == 0)
		return zeus_oracle(x->env, what + 5, &x->arena, &x->cluster, x->trace.file, x->jobs,
		                   x->count, &x->oracle, err);
	bool sia = strncmp(what, "sia:", 4) == 0;
	bool measured = sia || strncmp(what, "measured:", 9) == 0,
	     gavel = strncmp(what, "gavel:", 6) == 0;
	if (measured || gavel || strcmp(what, "model") == 0) {
		enum ergon_code code =
		    model_library_init(&x->library, x->env, &x->arena, &x->cluster, err);
		if (!code && measured)
			code = measured_load(strchr(what, ':') + 1, &x->arena, &x->tables, err);
		if (!code && sia)
			measured_calibrate_sia(x->tables);
		if (code)
			return code;
		if (gavel) {
			const struct gavel_query query = { what + 6,     &x->cluster,
				                           x->gpu_max_w, &x->library,
				                           &x->trace,    x->options.interval_ns };
			return gavel_oracle(&x->arena, &query, x->jobs, x->count, &x->oracle, err);
		}
		if (!measured)
			return model_oracle(&x->arena, &x->library, &x->trace, x->jobs, x->count,
			                    &x->oracle, err);
		return measured_oracle(&x->arena, x->tables, &x->cluster, x->gpu_idle_w,
		                       x->gpu_max_w, &x->library, x->trace.file, x->jobs, x->count,
		                       &x->oracle, err);
	}
	char hint[256];
	return ergon_fail(err, ERGON_BAD_INPUT, "--oracle '%.60s'%s", what,
	                  suggest_hint(hint, sizeof hint, what, names, 6));
}

static enum ergon_code read_objective(struct experiment *x, struct ergon_error *err)
{
	static const struct {
		const char *name;
		double time, energy;
		enum energy_measure measure;
	} known[] = { { "edp", 1, 1, ENERGY_JOULES },    { "ed2p", 2, 1, ENERGY_JOULES },
		      { "energy", 0, 1, ENERGY_JOULES }, { "time", 1, 0, ENERGY_JOULES },
		      { "cost", 0, 1, ENERGY_COST },     { "co2", 0, 1, ENERGY_CARBON } };
	enum { KNOWN = sizeof known / sizeof *known };
	const char *text = x->options.objective ? x->options.objective : "edp";
	const char *names[KNOWN];
	for (size_t i = 0; i < KNOWN; i++) {
		names[i] = known[i].name;
		if (strcmp(text, known[i].name) != 0)
			continue;
		x->time_weight = known[i].time;
		x->energy_weight = known[i].energy;
		x->energy_measure = known[i].measure;
		if (known[i].measure == ENERGY_COST && !x->options.site.price)
			return ergon_fail(err, ERGON_BAD_INPUT, "--objective cost needs --price");
		if (known[i].measure == ENERGY_CARBON && !x->options.site.carbon)
			return ergon_fail(err, ERGON_BAD_INPUT, "--objective co2 needs --carbon");
		return ERGON_OK;
	}
	char first[32];
	size_t length = strcspn(text, ",");
	if (text[length] == ',' && length < sizeof first) {
		memcpy(first, text, length);
		first[length] = '\0';
		if (parse_real(first, &x->time_weight) &&
		    parse_real(text + length + 1, &x->energy_weight) && x->time_weight >= 0 &&
		    x->energy_weight >= 0 && x->time_weight + x->energy_weight > 0)
			return ERGON_OK;
	}
	char hint[128];
	return ergon_fail(err, ERGON_BAD_INPUT,
	                  "--objective '%.40s' is neither a name nor A,B for T^A E^B (0 or more)%s",
	                  text, suggest_hint(hint, sizeof hint, text, names, KNOWN));
}

static enum ergon_code read_window(struct experiment *x, struct ergon_error *err)
{
	const char *text = x->options.window;
	unsigned first, last;
	char rest;
	if (!text)
		return ERGON_OK;
	if (sscanf(text, "%9u:%9u%c", &first, &last, &rest) != 2 || first > last ||
	    last >= x->count)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--window '%.40s': expected FIRST:LAST, jobs by arrival from 0 "
		                  "to %u",
		                  text, x->count - 1);
	x->window_first = first;
	x->window_count = last - first + 1;
	return ERGON_OK;
}

static enum ergon_code read_levers(struct experiment *x, struct ergon_error *err)
{
	static const char *const names[] = { "count", "batch", "power", "sleep", "start" };
	enum { LEVERS = sizeof names / sizeof *names };
	for (const char *at = x->options.without; at && *at;) {
		char name[32], hint[128];
		size_t length = strcspn(at, ","), i = 0;
		snprintf(name, sizeof name, "%.*s", (int)(length < 31 ? length : 31), at);
		while (i < LEVERS && strcmp(names[i], name) != 0)
			i++;
		if (i == LEVERS)
			return ergon_fail(err, ERGON_BAD_INPUT, "--without: no lever '%s'%s", name,
			                  suggest_hint(hint, sizeof hint, name, names, LEVERS));
		x->without |= 1u << i;
		at += length + (at[length] == ',');
	}
	return ERGON_OK;
}

static enum ergon_code read_queues(struct experiment *x, struct ergon_error *err)
{
	const char *text = x->options.queues;
	for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		char one[32];
		double hours;
		size_t length = strcspn(at, ",");
		uint64_t before = x->queue_ends ? x->queue_end_gpu_ns[x->queue_ends - 1] : 0;
		snprintf(one, sizeof one, "%.*s", (int)(length < 31 ? length : 31), at);
		if (x->queue_ends == QUEUE_ENDS_MAX || !parse_real(one, &hours) || !(hours > 0) ||
		    hours > 1e6 || ns_from_seconds(hours * 3600) <= before)
			return ergon_fail(
			    err, ERGON_BAD_INPUT,
			    "--queues '%.60s': expected up to %d GPU hours, ascending, "
			    "such as 1,4,16",
			    text, QUEUE_ENDS_MAX);
		x->queue_end_gpu_ns[x->queue_ends++] = ns_from_seconds(hours * 3600);
	}
	return ERGON_OK;
}

enum ergon_code experiment_load(const struct ergon_env *env,
                                const struct experiment_options *options, struct experiment *x,
                                struct ergon_error *err)
{
	*x = (struct experiment){ .options = *options, .env = env, .explain_job = JOB_NONE };
	arena_init(&x->arena);
	if (!(options->power_budget_w >= 0))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--power-budget: expected W above 0, such as 10kW");
	enum ergon_code code = read_objective(x, err);
	if (!code)
		code = read_levers(x, err);
	if (!code)
		code = read_queues(x, err);
	x->linear = linear_solver_new(env);
	if (!x->linear)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!code)
		code = cluster_load(options->cluster, &x->arena, &x->cluster, err);
	if (!code)
		code = site_load(env, &options->site, &x->cluster, &x->arena, &x->site, err);
	for (size_t g = 0; g < x->cluster.group_count && !code; g++)
		code = group_power(x, g, err);
	if (!code)
		code = trace_load(options->trace, options->trace_format, options->lenient,
		                  &x->arena, &x->trace, err);
	if (!code && options->resample && !trace_resample(&x->trace, options->seed))
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!code && options->load > 0 && options->load != 1 &&
	    !trace_stretch(&x->trace, 1 / options->load))
		code = ergon_fail(err, ERGON_BAD_INPUT, "load %g: the trace would last too long",
		                  options->load);
	if (!code)
		code = read_jobs(x, err);
	if (!code)
		code = read_window(x, err);
	if (!code)
		code = make_oracle(x, err);
	if (!code && options->deadlines)
		code = site_deadlines(options->deadlines, options->seed, &x->cluster, x->oracle,
		                      x->jobs, x->count, err);
	return code;
}

/* Hears the engine and keeps the first stretches for the Gantt chart. */
struct gantt {
	struct policy_result *result;
	uint32_t *open; /* [jobs]: the first of the job's open rows, or JOB_NONE */
};

static void gantt_open(struct gantt *gantt, const struct sim_event *event)
{
	struct policy_result *result = gantt->result;
	gantt->open[event->job] = JOB_NONE;
	if (result->gantt_count + event->share_count > GANTT_ROWS_MAX) {
		result->gantt_dropped++;
		return;
	}
	gantt->open[event->job] = result->gantt_count;
	for (uint32_t i = 0; i < event->share_count; i++)
		result->gantt[result->gantt_count++] = (struct gantt_row){
			.job = event->job,
			.group = event->group,
			.node = event->shares[i].node,
			.gpus = event->shares[i].gpus,
			.job_gpus = event->gpus,
			.begin_ns = event->time_ns,
			.end_ns = event->time_ns,
		};
}

static void gantt_close(struct gantt *gantt, const struct sim_event *event)
{
	struct policy_result *result = gantt->result;
	uint32_t first = gantt->open[event->job];
	if (first == JOB_NONE)
		return;
	uint64_t begin_ns = result->gantt[first].begin_ns;
	for (uint32_t i = first; i < result->gantt_count; i++) {
		struct gantt_row *row = &result->gantt[i];
		if (row->job != event->job || row->begin_ns != begin_ns)
			break;
		row->end_ns = event->time_ns;
	}
	gantt->open[event->job] = JOB_NONE;
}

static void gantt_hear(void *user, const struct sim_event *event)
{
	struct gantt *gantt = user;
	if (event->kind == SIM_PLACE)
		gantt_open(gantt, event);
	else if (event->kind == SIM_STOP || event->kind == SIM_END || event->kind == SIM_LOSE)
		gantt_close(gantt, event);
}

static enum ergon_code listen(struct experiment *x, struct arena *arena, struct sim_setup *setup,
                              struct gantt *gantt, struct audit *audit, struct ergon_error *err)
{
	struct policy_result *result = gantt->result;
	gantt->open = ARENA_ARRAY(arena, uint32_t, x->count);
	result->gantt = calloc(GANTT_ROWS_MAX, sizeof *result->gantt);
	if (!gantt->open || !result->gantt)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	setup->listeners[setup->listener_count++] = (struct sim_listener){ gantt_hear, gantt };
	if (x->listener.hear)
		setup->listeners[setup->listener_count++] = x->listener;
	if (!x->options.audit)
		return ERGON_OK;
	setup->listeners[setup->listener_count++] = (struct sim_listener){ audit_hear, audit };
	return audit_init(audit, setup, arena, err);
}

static enum ergon_code run(struct experiment *x, struct arena *arena, struct sim_setup *setup,
                           struct policy_result *result, struct ergon_error *err)
{
	struct sim_outcome *outcome = ARENA_NEW(arena, struct sim_outcome);
	struct gantt gantt = { .result = result };
	struct audit audit;
	if (!outcome)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = listen(x, arena, setup, &gantt, &audit, err);
	if (code)
		return code;
	const struct ergon_clock *clock = x->env->clock;
	uint64_t begin_ns = clock->monotonic_ns(clock->user);
	code = sim_run(setup, arena, outcome, err);
	result->wall_s = (double)(clock->monotonic_ns(clock->user) - begin_ns) * 1e-9;
	if (!code && x->options.audit) {
		code = audit_close(&audit, outcome, err);
		result->audited = true;
		result->audit_checks = audit.checks;
	}
	if (code)
		return code;
	result->timeline = outcome->timeline;
	result->events = outcome->events;
	result->decisions = outcome->decisions;
	result->placements = outcome->placements;
	if (!metrics_of(setup, outcome, arena, &result->metrics))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

bool experiment_has_budget(const struct experiment *x)
{
	return x->options.power_budget_w > 0 || x->site.budget.count;
}

static struct sim_setup setup_of(struct experiment *x, const struct scheduling_policy *policy)
{
	struct sim_setup setup = {
		.cluster = &x->cluster,
		.gpu_idle_w = x->gpu_idle_w,
		.host_w = x->host_w,
		.oracle = x->oracle,
		.jobs = x->jobs,
		.count = x->count,
		.window_first = x->window_first,
		.window_count = x->window_count,
		.policy = policy,
		.options = { .seed = x->options.seed,
		             .interval_ns = x->options.interval_ns,
		             .restart_ns = x->options.restart_ns,
		             .checkpoint_ns = x->options.site.checkpoint_ns,
		             .sleep_after_ns = x->options.site.sleep_after_ns,
		             .delay_ns = x->options.site.delay_ns,
		             .power_budget_w = x->options.power_budget_w > 0
		                                   ? x->options.power_budget_w
		                                   : (double)INFINITY,
		             .without = x->without,
		             .time_weight = x->time_weight,
		             .energy_weight = x->energy_weight,
		             .energy_measure = x->energy_measure },
		.services = { .linear = x->linear,
		              .external = x->options.external,
		              .external_patience_ns = x->options.external_patience_ns,
		              .env = x->env,
		              .explain_job = x->explain_job },
		.progress = x->progress,
		.progress_user = x->progress_user,
	};
	setup.options.queue_ends = x->queue_ends;
	memcpy(setup.options.queue_end_gpu_ns, x->queue_end_gpu_ns, sizeof x->queue_end_gpu_ns);
	site_to_setup(&x->site, &setup);
	return setup;
}

enum ergon_code experiment_run(struct experiment *x, const struct scheduling_policy *policy,
                               struct policy_result *result, struct ergon_error *err)
{
	*result = (struct policy_result){ .policy = policy };
	if (policy->needs_budget && !experiment_has_budget(x))
		return ergon_fail(err, ERGON_BAD_INPUT, "policy %s needs --power-budget",
		                  policy->name);
	struct sim_setup setup = setup_of(x, policy);
	if (x->explain_job != JOB_NONE) {
		result->explained = explain_log_new();
		if (!result->explained)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		setup.services.explain = explain_log_hear;
		setup.services.explain_user = result->explained;
	}
	struct arena arena;
	arena_init(&arena);
	enum ergon_code code = run(x, &arena, &setup, result, err);
	arena_fini(&arena);
	return code;
}

enum ergon_code experiment_find_job(const struct experiment *x, const char *name, uint32_t *job,
                                    struct ergon_error *err)
{
	unsigned number;
	char rest;
	for (uint32_t i = 0; i < x->count; i++)
		if (strcmp(x->jobs[i].name, name) == 0) {
			*job = i;
			return ERGON_OK;
		}
	if (sscanf(name, "%9u%c", &number, &rest) == 1 && number < x->count) {
		*job = number;
		return ERGON_OK;
	}
	return ergon_fail(err, ERGON_NOT_FOUND,
	                  "--explain '%.60s': no job of that name, nor a number below %u", name,
	                  x->count);
}

enum ergon_code experiment_bound(struct experiment *x, struct ergon_error *err)
{
	struct sim_setup setup = setup_of(x, NULL);
	enum ergon_code code = bound_of(&setup, &x->arena, &x->bound, err);
	if (setup.window_count && setup.window_count < setup.count)
		x->bound.jct_mean_s = (double)NAN; /* it is one of all jobs */
	x->bounded = !code;
	return code;
}

extern const struct scheduling_policy policy_optimal;

double policy_over_optimal(const struct experiment *x, const struct policy_result *results,
                           size_t count, size_t i)
{
	for (size_t k = 0; k < count; k++) {
		const struct metrics *best = &results[k].metrics, *m = &results[i].metrics;
		if (results[k].policy == &policy_optimal)
			return pow(m->jct_mean_s / best->jct_mean_s, x->time_weight) *
			       pow(m->energy_j / best->energy_j, x->energy_weight);
	}
	return (double)NAN;
}

double experiment_pace_bound_j(const struct experiment *x, const struct metrics *m)
{
	static const double slower = 1.05;
	double jct_s = isnan(x->bound.jct_mean_s) ? (double)INFINITY : slower * m->jct_mean_s;
	return x->bounded ? bound_at_pace(&x->bound, m->makespan_s, jct_s) : (double)NAN;
}

void policy_result_fini(struct policy_result *result)
{
	free(result->gantt);
	explain_log_free(result->explained);
	result->explained = NULL;
	result->gantt = NULL;
	result->gantt_count = 0;
}

void experiment_fini(struct experiment *x)
{
	if (x->oracle)
		x->oracle->ops->fini(x->oracle);
	linear_solver_free(x->linear);
	arena_fini(&x->arena);
	*x = (struct experiment){ 0 };
}
