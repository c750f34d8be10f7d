/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>

#include "cli/cycle.h"

extern const struct command command_cycle;

#define AT(field) offsetof(struct cycle_options, field)
static const struct option options[] = {
	{ .name = "out",
	  .letter = 'o',
	  .kind = OPTION_TEXT,
	  .field = AT(out),
	  .value = "DIR",
	  .help = "a new or empty folder for report and documents (default: "
	          "./ergon-cycle-DATE-TIME)" },
	{ .name = "trace",
	  .letter = 't',
	  .kind = OPTION_TEXT,
	  .field = AT(trace),
	  .value = "FILE",
	  .help = "the jobs to simulate (default: a generated trace that fills the cluster)" },
	{ .name = "oracle",
	  .kind = OPTION_TEXT,
	  .field = AT(oracle),
	  .value = "ORACLE",
	  .help = "measured:DIR, model or duration (default: by the trace)" },
	{ .name = "cluster",
	  .letter = 'c',
	  .kind = OPTION_TEXT,
	  .field = AT(cluster),
	  .value = "CLUSTER",
	  .fallback = "16x4:t4",
	  .help = "what the jobs run on: NODESxGPUS:TYPE[,...] or a JSON file" },
	{ .name = "model",
	  .letter = 'm',
	  .kind = OPTION_TEXT,
	  .field = AT(model),
	  .value = "NAME",
	  .fallback = "resnet50",
	  .help = "the training job to predict" },
	{ .name = "device",
	  .letter = 'd',
	  .kind = OPTION_TEXT,
	  .field = AT(device),
	  .value = "NAME",
	  .help = "what it trains on (default: a node of the cluster)" },
	{ .name = "batch",
	  .kind = OPTION_REAL,
	  .field = AT(batch),
	  .value = "N",
	  .fallback = "32",
	  .help = "samples per GPU and step",
	  .min = 1,
	  .max = 1e7 },
	{ .name = "precision",
	  .kind = OPTION_TEXT,
	  .field = AT(precision),
	  .value = "P",
	  .fallback = "fp32",
	  .help = "fp32, tf32, fp16, bf16, amp_fp16, amp_bf16, fp8 or fp64" },
	{ .name = "power-budget",
	  .kind = OPTION_POWER,
	  .field = AT(power_budget_w),
	  .value = "POWER",
	  .help = "a hard limit of the cluster (default: none; 70% of what it can draw is drawn "
	          "as a line)" },
	{ .name = "budget",
	  .letter = 'b',
	  .kind = OPTION_DURATION,
	  .field = AT(budget_ns),
	  .value = "DURATION",
	  .fallback = "60s",
	  .help = "time for everything",
	  .min = 2,
	  .max = 86400 },
	OPTION_END,
};

static enum ergon_code turn(struct cycle *cycle, struct ergon_error *err)
{
	static enum ergon_code (*const steps[])(struct cycle *, struct ergon_error *) = {
		cycle_measure_and_bench, cycle_sweep, cycle_simulate
	};
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < sizeof steps / sizeof *steps && !code && !cycle->interrupted; i++)
		code = steps[i](cycle, err);
	cycle_progress(cycle, 1, NULL);
	if (!code && !cycle->interrupted)
		code = cycle_write(cycle, err);
	return code;
}

static int cycle_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	struct ergon_error err = { 0 };
	struct cycle cycle = { .cli = cli };
	cycle.options = *(const struct cycle_options *)parsed;
	cycle.begin_ns = cli->env->clock->monotonic_ns(cli->env->clock->user);
	sigset_t blocked, before;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	progress_begin(&cycle.progress, cli, "cycle");
	enum ergon_code code = cycle_open_folder(&cycle, &err);
	if (!code)
		code = cycle_check(&cycle, &err);
	if (!code)
		code = turn(&cycle, &err);
	progress_end(&cycle.progress);
	cycle_drop_folder(&cycle);
	sigprocmask(SIG_SETMASK, &before, NULL);
	int status = EXIT_DONE;
	if (cycle.interrupted) {
		fprintf(cli->errors, "ergon cycle: interrupted; nothing is kept\n");
		status = EXIT_FAILED;
	} else if (code) {
		status = cli_fail(cli, "cycle", &err);
	} else if (!cli->quiet) {
		cycle_tell(&cycle);
	}
	for (size_t i = 0; i < CYCLE_DOCUMENTS; i++)
		json_decref(cycle.documents[i]);
	return status;
}

const struct command command_cycle = {
	.name = "cycle",
	.pillar = PILLAR_CYCLE,
	.summary = "go once around all four pillars and write a report",
	.synopsis = "[options]",
	.details =
	    "Measures this machine while it runs kernels, finds what it can do and the sweet spot "
	    "of "
	    "a sweep, predicts a training job, simulates a cluster under every policy, recommends "
	    "one, and writes report.html with the documents behind it into a folder. Works as any "
	    "user, without a network, and without any power sensor: then power is modelled, and "
	    "the "
	    "first line says so.",
	.examples = "ergon cycle\n"
		    "ergon cycle --budget 20s --out turn\n"
		    "ergon cycle --trace jobs.csv --cluster 16x4:t4",
	.options = options,
	.options_size = sizeof(struct cycle_options),
	.run = cycle_run,
};
