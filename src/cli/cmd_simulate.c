/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/document.h"
#include "cli/experiment_options.h"
#include "cli/progress.h"
#include "cli/simulate_explain.h"
#include "cli/simulate_sweep.h"
#include "cli/simulate_table.h"
#include "optimize/events_json.h"
#include "optimize/simulate.h"

enum { POLICIES_MAX = 32 };

struct simulate_options {
	struct experiment_flags x;
	struct sweep_flags sweep;
	const char *policies, *json, *window, *external, *explain, *events;
	uint64_t patience_ns;
	bool audit, whole_nodes, used;
};

static const struct option options[] = {
	EXPERIMENT_OPTIONS(struct simulate_options, x, "0", "0"),
	{ .name = "policy",
	  .letter = 'p',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct simulate_options, policies),
	  .value = "NAME[,NAME...]",
	  .fallback = "fifo,tiresias,pollux-exhaustive,zeus",
	  .help = "policies to run, one after the other; all for every one; optimal, by name only, "
	          "is the best schedule of a few jobs" },
	{ .name = "policies",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct simulate_options, policies),
	  .value = "NAME[,NAME...]",
	  .help = "the same as --policy" },
	{ .name = "sweep",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct simulate_options, sweep.axes),
	  .value = "load=FROM:TO:STEP",
	  .help = "every policy at every load (gaps between arrivals divided by it), or at "
	          "those of a list load=A,B" },
	{ .name = "traces",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct simulate_options, sweep.traces),
	  .value = "PATTERN",
	  .help = "sweep over all these files, such as 'jobs/*.csv'; {load} in it stands for the "
	          "load, whose files are then taken as they are" },
	{ .name = "seeds",
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct simulate_options, sweep.seeds),
	  .value = "N",
	  .fallback = "1",
	  .help = "each trace as it is, and N - 1 times with jobs and gaps drawn anew from it",
	  .min = 1,
	  .max = CAMPAIGN_SEEDS_MAX },
	{ .name = "workers",
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct simulate_options, sweep.workers),
	  .value = "N",
	  .help = "processes of a sweep (default: one a processor, shared with the ranks beside)",
	  .min = 1,
	  .max = CAMPAIGN_WORKERS_MAX },
	{ .name = "folder",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct simulate_options, sweep.folder),
	  .value = "DIR",
	  .help = "where a sweep's workers meet, on all machines the same; what is done there is "
	          "not done again (default: below the state folder, by what is asked)" },
	{ .name = "whole-nodes",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct simulate_options, whole_nodes),
	  .help = "jobs get whole nodes for themselves" },
	{ .name = "processors-used",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct simulate_options, used),
	  .help = "jobs hold the processors that they used, not those that they asked for, where "
	          "the trace (SWF) says both" },
	{ .name = "explain",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct simulate_options, explain),
	  .value = "JOB",
	  .help = "what zeus, hades, aurachronos, charon and pollux-exhaustive weighed for this "
	          "job (by name or number): time, power, energy, EDP, and why one won" },
	{ .name = "events",
	  .kind = OPTION_OUTPUT,
	  .field = offsetof(struct simulate_options, events),
	  .value = "FILE",
	  .help = "write every event as a line of JSON" },
	{ .name = "external",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct simulate_options, external),
	  .value = "COMMAND|FILE.so",
	  .help = "what policy external is: a command that speaks JSON lines, or a shared "
	          "library (ergon/policy.h)" },
	{ .name = "external-timeout",
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct simulate_options, patience_ns),
	  .value = "DURATION",
	  .fallback = "30s",
	  .help = "how long policy external may take over an answer",
	  .max = 86400 },
	{ .name = "window",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct simulate_options, window),
	  .value = "A:B",
	  .help = "times of jobs A to B only, by arrival from 0, while all of them run" },
	{ .name = "audit",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct simulate_options, audit),
	  .help = "check every event against the laws of conservation" },
	OPTION_JSON(struct simulate_options),
	OPTION_END,
};

struct watch {
	struct progress progress;
	size_t index, count;
	const char *name;
};

static void show_progress(void *user, double done)
{
	struct watch *watch = user;
	progress_update(&watch->progress, ((double)watch->index + done) / (double)watch->count,
	                watch->name);
}

static void add_policy(const struct scheduling_policy **list, size_t *count,
                       const struct scheduling_policy *policy)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == policy)
			return;
	if (*count < POLICIES_MAX)
		list[(*count)++] = policy;
}

static enum ergon_code parse_policies(const struct simulate_options *given,
                                      const struct scheduling_policy **list, size_t *count,
                                      struct ergon_error *err)
{
	*count = 0;
	if (strcmp(given->policies, "all") == 0) {
		for (const struct scheduling_policy *const *p = scheduling_policies; *p; p++)
			if ((!(*p)->needs_budget || given->x.power_budget) &&
			    (!(*p)->needs_external || given->external))
				add_policy(list, count, *p);
		return ERGON_OK;
	}
	for (const char *at = given->policies;;) {
		char name[64];
		size_t length = strcspn(at, ",");
		snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), at);
		const struct scheduling_policy *policy;
		enum ergon_code code = policy_find(name, &policy, err);
		if (code)
			return code;
		add_policy(list, count, policy);
		at += length;
		if (!*at)
			return ERGON_OK;
		at++;
	}
}

static enum ergon_code run_all(struct cli *cli, const struct simulate_options *given,
                               struct experiment *x,
                               const struct scheduling_policy *const *policies,
                               struct policy_result *results, size_t count, struct ergon_error *err)
{
	struct watch watch = { .count = count };
	progress_begin(&watch.progress, cli, "simulate");
	x->progress = show_progress;
	x->progress_user = &watch;
	struct events_json events = { .x = x };
	enum ergon_code code = ERGON_OK;
	if (given->explain)
		code = experiment_find_job(x, given->explain, &x->explain_job, err);
	if (!code && given->events) {
		events.out = fopen(given->events, "w");
		if (!events.out)
			code = ergon_fail(err, ERGON_IO, "cannot write '%.200s': %s", given->events,
			                  strerror(errno));
		x->listener = (struct sim_listener){ events_json_hear, &events };
	}
	for (size_t i = 0; i < count && !code; i++) {
		watch.index = i;
		watch.name = events.policy = policies[i]->name;
		code = experiment_run(x, policies[i], &results[i], err);
	}
	progress_end(&watch.progress);
	bool bad = events.out && ferror(events.out);
	if (events.out && (fclose(events.out) || bad) && !code)
		code = ergon_fail(err, ERGON_IO, "cannot write all of '%.200s'", given->events);
	return code;
}

static enum ergon_code report(struct cli *cli, const struct simulate_options *given,
                              const struct experiment *x, const struct policy_result *results,
                              size_t count, struct ergon_error *err)
{
	if (document_shown(cli, given->json)) {
		print_experiment(cli, x, results, count);
		print_explanations(cli, x, results, count);
	}
	if (!given->json)
		return ERGON_OK;
	return document_save(experiment_to_json(x, results, count), given->json, err);
}

static int run(struct cli *cli, const void *parsed, char **operands, int operand_count)
{
	(void)operands;
	(void)operand_count;
	const struct simulate_options *given = parsed;
	const struct scheduling_policy *policies[POLICIES_MAX];
	struct policy_result results[POLICIES_MAX] = { 0 };
	struct experiment experiment = { 0 };
	struct ergon_error err = { 0 };
	size_t count = 0;
	enum ergon_code code;
	struct experiment_options wanted;
	code = experiment_from_flags(&given->x, !given->sweep.traces, &wanted, &err);
	if (!code)
		code = parse_policies(given, policies, &count, &err);
	if (code)
		return cli_fail(cli, "simulate", &err);
	wanted.audit = given->audit;
	wanted.whole_nodes = given->whole_nodes;
	wanted.window = given->window;
	wanted.external = given->external;
	wanted.external_patience_ns = given->patience_ns;
	wanted.used = given->used;
	if (sweep_is_wanted(&given->sweep))
		return sweep_simulations(cli, &given->sweep, &wanted, policies, count, given->json);
	code = experiment_load(cli->env, &wanted, &experiment, &err);
	if (!code)
		code = experiment_bound(&experiment, &err);
	if (!code)
		code = run_all(cli, given, &experiment, policies, results, count, &err);
	if (!code)
		code = report(cli, given, &experiment, results, count, &err);
	for (size_t i = 0; i < count; i++)
		policy_result_fini(&results[i]);
	experiment_fini(&experiment);
	return code ? cli_fail(cli, "simulate", &err) : EXIT_DONE;
}

extern const struct command command_simulate;
const struct command command_simulate = {
	.name = "simulate",
	.pillar = PILLAR_OPTIMIZE,
	.summary = "run a job trace on a cluster under scheduling policies",
	.synopsis = "--cluster CLUSTER --trace FILE [options]",
	.details =
	    "Says how long jobs would have taken, and how much energy, had a policy been in "
	    "charge, "
	    "before anyone touches the real scheduler. Every policy sees the same trace, cluster "
	    "and oracle. The oracle says how fast a job goes and what it draws in any "
	    "configuration: measured tables, the analytical model, or the trace's own durations.\n"
	    "Every figure is simulated; the last lines say what times and powers rest on.\n\n"
	    "A sweep (--sweep, --traces, --seeds) runs every policy on every trace at every load "
	    "with every seed, and prints means with 95% intervals. It uses all processors and, "
	    "under mpirun or srun, all nodes that share its folder; any process of it may die. "
	    "Run again, it goes on where it stopped. The result is the same to the last byte.",
	.examples = "ergon simulate --cluster 16x4:t4 --trace jobs.csv --policy tiresias,zeus\n"
		    "ergon simulate --cluster 240x1:cpu --trace hpc2n.swf --policy fifo\n"
		    "ergon simulate --cluster 16x4:t4 --trace jobs.csv \\\n"
		    "  --sweep load=0.5:2:0.5 --policies all --seeds 8",
	.options = options,
	.options_size = sizeof(struct simulate_options),
	.operands_max = 0,
	.run = run,
};
