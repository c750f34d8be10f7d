/* SPDX-License-Identifier: Apache-2.0 */
#include "support/simulated.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "support/support.h"

void simulated_init(struct simulated *s)
{
	memset(s, 0, sizeof *s);
	ergon_env_init(&s->env, &s->storage);
	scratch_make(s->folder, sizeof s->folder);
	snprintf(s->trace, sizeof s->trace, "%s/jobs.csv", s->folder);
}

static void clear(struct simulated *s)
{
	if (s->ran)
		policy_result_fini(&s->result);
	if (s->loaded)
		experiment_fini(&s->x);
	s->ran = s->loaded = false;
}

static void hear(void *user, const struct sim_event *event)
{
	struct simulated *s = user;
	const struct job_facts *job = &s->x.jobs[event->job];
	if (event->kind == SIM_END && job->trace_index < 64)
		s->jct_s[job->trace_index] = (double)(event->time_ns - job->arrival_ns) * 1e-9;
}

void simulated_load(struct simulated *s, const char *cluster, const char *rows,
                    const struct experiment_options *options)
{
	struct experiment_options all = options ? *options : (struct experiment_options){ 0 };
	struct ergon_error err = { 0 };
	clear(s);
	put_file(s->folder, "jobs.csv", rows);
	all.cluster = cluster;
	all.trace = s->trace;
	all.audit = true;
	if (!all.oracle)
		all.oracle = "duration";
	s->loaded = true;
	if (experiment_load(&s->env, &all, &s->x, &err))
		fail_msg("%s", err.text);
	s->x.listener = (struct sim_listener){ hear, s };
}

const struct metrics *simulated_run(struct simulated *s, const char *policy)
{
	const struct scheduling_policy *found;
	struct ergon_error err = { 0 };
	if (s->ran)
		policy_result_fini(&s->result);
	s->ran = true;
	if (policy_find(policy, &found, &err) || experiment_run(&s->x, found, &s->result, &err))
		fail_msg("%s: %s", policy, err.text);
	assert_true(s->result.audited && s->result.audit_checks > 0);
	return &s->result.metrics;
}

void simulated_fini(struct simulated *s)
{
	clear(s);
	scratch_remove(s->folder);
}

void load_experiment(const struct ergon_env *env, const struct experiment_options *options,
                     struct experiment *x)
{
	struct ergon_error err = { 0 };
	if (experiment_load(env, options, x, &err))
		fail_msg("%s", err.text);
}

const struct policy_result *run_policy(struct experiment *x, const char *policy,
                                       struct policy_result *result)
{
	const struct scheduling_policy *found;
	struct ergon_error err = { 0 };
	if (policy_find(policy, &found, &err) || experiment_run(x, found, result, &err))
		fail_msg("%s: %s", policy, err.text);
	assert_true(result->audited && result->audit_checks > 0);
	return result;
}

void pollux_workload(struct pollux_workload *w, const char *load, int workload)
{
	const char *shared = shared_data("traces/pollux");
	if (!shared) {
		print_message("shared data are absent: skipped\n");
		skip();
	}
	snprintf(w->oracle, sizeof w->oracle, "measured:%s/traces", shared);
	snprintf(w->trace, sizeof w->trace, "%s/workloads%s/workload-%d.csv", shared, load,
	         workload);
	w->options = (struct experiment_options){ .cluster = "16x4:t4",
		                                  .trace = w->trace,
		                                  .oracle = w->oracle,
		                                  .audit = true,
		                                  .seed = 1,
		                                  .interval_ns = 60 * NS_PER_S,
		                                  .restart_ns = 30 * NS_PER_S };
}

static struct simulated *of_group;

void simulated_of_group(struct simulated *s)
{
	of_group = s;
}

int simulated_setup(void **state)
{
	(void)state;
	simulated_init(of_group);
	return 0;
}

int simulated_teardown(void **state)
{
	(void)state;
	simulated_fini(of_group);
	return 0;
}
