/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/cost_options.h"
#include "cli/measure_table.h"
#include "measure/attribute.h"
#include "measure/calibration.h"
#include "measure/parallel.h"
#include "measure/recorder.h"
#include "measure/results.h"
#include "measure/run.h"
#include "measure/shares.h"

struct measure_options {
	uint64_t interval_ns, repeat, baseline_ns;
	const char *json, *sensors, *mpi_folder, *by, *dram_model;
	uint64_t mpi_wait_ns;
	struct cost_flags costs;
	bool no_store, mpi, calibrated;
};

static const struct option options[] = {
	{ .name = "interval",
	  .letter = 'i',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct measure_options, interval_ns),
	  .value = "DURATION",
	  .fallback = "100ms",
	  .help = "time between two samples",
	  .min = 0.0001,
	  .max = 3600 },
	{ .name = "repeat",
	  .letter = 'r',
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct measure_options, repeat),
	  .value = "N",
	  .fallback = "1",
	  .help = "run the command N times; means and their 95% interval",
	  .min = 1,
	  .max = 100000 },
	OPTION_JSON(struct measure_options),
	{ .name = "sensors",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct measure_options, sensors),
	  .value = "LIST",
	  .help = "only these, such as rapl_powercap,hwmon or replay:FILE" },
	{ .name = "calibrated",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct measure_options, calibrated),
	  .help = "also the energy as a wattmeter would show it, by ergon calibrate meter" },
	{ .name = "dram-model",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct measure_options, dram_model),
	  .value = "NAME",
	  .help = "of memory without a sensor: ea2p, a slot model, instead of ergon's own" },
	COST_OPTIONS(struct measure_options, costs),
	{ .name = "baseline",
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct measure_options, baseline_ns),
	  .value = "DURATION",
	  .help = "measure the idle machine so long first, and tell its share apart",
	  .min = 0.01,
	  .max = 3600 },
	{ .name = "by",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct measure_options, by),
	  .value = "WHAT",
	  .help = "also whose energy it was: by process, cgroup, container or job" },
	{ .name = "no-store",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct measure_options, no_store),
	  .help = "do not keep the run in the history" },
	{ .name = "mpi",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct measure_options, mpi),
	  .help = "under mpirun or srun: one meter a node, one table for the job" },
	{ .name = "mpi-folder",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct measure_options, mpi_folder),
	  .value = "DIR",
	  .help = "where nodes leave their results: a folder that all of them share" },
	{ .name = "mpi-wait",
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct measure_options, mpi_wait_ns),
	  .value = "DURATION",
	  .fallback = "10s",
	  .help = "how long to wait for other ranks to start and other nodes to report",
	  .min = 0.001,
	  .max = 3600 },
	OPTION_END,
};

/* One `ergon measure` from opening to its document. */
struct session {
	struct cli *cli;
	const struct measure_options *options;
	struct grid grid;
	json_t *calibration; /* NULL: not asked for */
	struct meter *meter;
	struct store *store; /* NULL: not kept */
	struct recorder recorder;
	bool recording;
	struct series series;      /* where --json wants it */
	struct parallel *parallel; /* NULL: without --mpi */
	json_t *document;          /* of the whole job; NULL: this rank does not report */
	struct measurement idle;   /* of the idle machine; empty: none */
	double baseline_w;         /* of its processors and memory; 0: none */
	enum share_key by;
	struct share_watch *watch; /* who uses the machine; NULL: nobody asks */
	bool watching;
	struct run_result *results;
	size_t count;
};

static void warn(struct session *session, const struct ergon_error *err)
{
	char text[1024];
	if (!session->cli->quiet)
		fprintf(session->cli->errors, "ergon measure: the run is not kept: %s\n",
		        ergon_error_describe(err, text, sizeof text));
}

static void take_sample(void *user, const struct meter_sample *sample)
{
	series_take(user, sample);
}

static void drop_sample(void *user, const struct meter_sample *sample)
{
	(void)user;
	(void)sample;
}

static void poll_recorder(void *user)
{
	struct session *session = user;
	if (session->recording)
		recorder_poll(&session->recorder);
	else if (session->options->json && session->meter)
		(void)meter_drain(session->meter, take_sample, &session->series);
	if (session->watching)
		shares_look(session->watch);
}

static void window_opened(void *user, pid_t pid)
{
	struct session *session = user;
	struct ergon_error err = { 0 };
	session->watching = session->watch && !shares_begin(session->watch, (int)pid, &err);
	if (session->parallel)
		parallel_ready(session->parallel);
}

static void window_closing(void *user)
{
	struct session *session = user;
	if (session->parallel && session->meter)
		parallel_await_others(session->parallel);
}

/* Shares the run's energy out among all processes; where that fails, CPU time alone decides. */
static void share_out(struct session *session, struct run_result *result)
{
	struct ergon_error err = { 0 };
	const struct measurement *idle = session->baseline_w > 0 ? &session->idle : NULL;
	if (session->watching && !shares_end(session->watch, &result->energy, idle,
	                                     result->user_s + result->system_s, &err))
		result->shares =
		    shares_to_json(session->watch, idle ? session->baseline_w : (double)NAN);
	session->watching = false;
}

/* The document of this run; of the whole job where there is one. NULL: not ours to tell. */
static enum ergon_code document_of(struct session *session, struct run_result *result,
                                   json_t **document, struct ergon_error *err)
{
	*document = NULL;
	json_t *one = run_result_to_json(result);
	if (!one)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!session->parallel) {
		*document = one;
		return ERGON_OK;
	}
	if (result->interrupted)
		parallel_hurry(session->parallel);
	enum ergon_code code = parallel_total(session->parallel, one, document, err);
	json_decref(one);
	return code;
}

/* To the history; what goes wrong there is no fault of the run. */
static void keep(struct session *session, const struct run_result *result, json_t *document)
{
	struct ergon_error kept = { 0 };
	char *text = NULL;
	json_t *small = json_copy(document); /* its samples are there already */
	json_object_del(small, "series");
	if (small && run_json_add_costs(small, &session->grid, session->options->costs.price))
		text = json_dumps(small, JSON_COMPACT);
	json_decref(small);
	if (text && recorder_finish(&session->recorder, result, text, &kept))
		warn(session, &kept);
	free(text);
}

static enum ergon_code one_run(struct session *session, char **argv, struct ergon_error *err)
{
	const struct ergon_clock *clock = session->cli->env->clock;
	struct run_result *result = &session->results[session->count];
	struct run_options run = { .poll = poll_recorder,
		                   .opened = session->meter ? window_opened : NULL,
		                   .closing = window_closing,
		                   .user = session,
		                   .env = session->cli->env,
		                   .baseline_w = session->baseline_w };
	struct ergon_error kept = { 0 };
	if (session->meter) /* samples of the baseline, or of the run before */
		(void)meter_drain(session->meter, drop_sample, NULL);
	char *command = run_command_text(argv);
	session->recording = session->store != NULL && command;
	if (session->recording && recorder_begin(&session->recorder, session->store, session->meter,
	                                         command, clock->realtime_ns(clock->user), &kept)) {
		warn(session, &kept);
		session->recording = false;
	}
	free(command);
	if (session->options->json && session->meter) {
		series_begin(&session->series, meter_channel_count(session->meter));
		session->recorder.series = session->recording ? &session->series : NULL;
	}
	enum ergon_code code = measure_command(session->meter, &run, argv, result, err);
	session->count++;
	if (session->options->json && session->meter)
		result->series = series_to_json(&session->series, &result->energy);
	json_t *document = NULL;
	if (session->parallel && session->meter)
		parallel_add_others(session->parallel, result);
	share_out(session, result);
	if (!code && session->meter && (session->recording || session->parallel))
		code = document_of(session, result, &document, err);
	if (document && session->recording)
		keep(session, result, document);
	if (session->parallel)
		session->document = document;
	else
		json_decref(document);
	if (session->store)
		recorder_fini(&session->recorder);
	return code;
}

/* A rank that does not meter: runs its command while the node's meter is open. */
static enum ergon_code follow(struct session *session, char **argv, struct ergon_error *err)
{
	if (!parallel_await_meter(session->parallel) && !session->cli->quiet)
		fprintf(session->cli->errors,
		        "ergon measure: the first rank of this node does not measure: is every "
		        "rank started with ergon measure --mpi?\n");
	enum ergon_code code = one_run(session, argv, err);
	if (!code)
		parallel_ended(session->parallel, &session->results[0]);
	return code;
}

/* A source that looks 25 ms of every 101 ms sees the same parts of a load that is started in step
 * with it: repeats are started at evenly shifted phase, so that together they see all of it. */
static void shift_phase(const struct session *session, size_t repeats, uint64_t first_ns)
{
	const struct ergon_clock *clock = session->cli->env->clock;
	uint64_t period_ns = 0;
	for (size_t i = 0; i < meter_channel_count(session->meter); i++) {
		const struct channel *channel = meter_channel(session->meter, i);
		if (channel->observed_share > 0 && channel->observed_share < 1)
			period_ns = channel->refresh_us * NS_PER_US;
	}
	if (!period_ns || session->count == 0 || repeats < 2)
		return;
	uint64_t wanted_ns = period_ns * (session->count % repeats) / repeats;
	uint64_t now_ns = clock->monotonic_ns(clock->user);
	uint64_t phase_ns = (now_ns - first_ns) % period_ns;
	clock->sleep_until(clock->user, now_ns + (wanted_ns + period_ns - phase_ns) % period_ns);
}

/* Until all repeats are done, the command cannot be started, or somebody interrupts. */
static enum ergon_code all_runs(struct session *session, char **argv, struct ergon_error *err)
{
	size_t wanted = (size_t)session->options->repeat;
	session->results = calloc(wanted, sizeof *session->results);
	if (!session->results)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = ERGON_OK;
	if (!session->meter)
		return follow(session, argv, err);
	uint64_t first_ns = session->cli->env->clock->monotonic_ns(session->cli->env->clock->user);
	while (!code && session->count < wanted) {
		shift_phase(session, wanted, first_ns);
		code = one_run(session, argv, err);
		if (code || err->code || session->results[session->count - 1].interrupted)
			break;
	}
	return code;
}

static enum ergon_code join(struct session *session, struct ergon_error *err)
{
	const struct measure_options *o = session->options;
	const struct ergon_env *env = session->cli->env;
	struct ranks ranks;
	if (!o->mpi)
		return ERGON_OK;
	if (o->repeat > 1)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--repeat and --mpi do not go together: repeat mpirun instead");
	enum ergon_code code = ranks_find(&ranks, NULL, NULL, err);
	if (code)
		return code;
	return parallel_join(
	    &session->parallel, env, &ranks,
	    &(struct parallel_options){ .shared = o->mpi_folder ? o->mpi_folder : env->state_dir,
	                                .patience_ns = o->mpi_wait_ns + o->baseline_ns },
	    err);
}

/* Looking at every process costs; it is done where it is asked for, and where GPUs are measured,
 * whose energy no CPU time can share out. */
static enum ergon_code open_watch(struct session *session, struct ergon_error *err)
{
	bool gpu = false;
	for (size_t i = 0; i < meter_channel_count(session->meter); i++)
		gpu = gpu || strncmp(meter_channel(session->meter, i)->name, "gpu-", 4) == 0;
	if (!gpu && !session->options->by)
		return ERGON_OK;
	session->watch = calloc(1, sizeof *session->watch);
	if (!session->watch)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = shares_init(session->watch, session->cli->env, err);
	if (!code)
		return ERGON_OK;
	free(session->watch);
	session->watch = NULL;
	return session->options->by ? code : ERGON_OK;
}

static enum ergon_code load_calibration(struct session *session, struct ergon_error *err)
{
	const struct measure_options *o = session->options;
	if (o->dram_model && strcmp(o->dram_model, "ea2p") != 0)
		return ergon_fail(err, ERGON_NOT_FOUND,
		                  "--dram-model: no model '%.40s'; the only other one is ea2p",
		                  o->dram_model);
	if (!o->calibrated)
		return ERGON_OK;
	enum ergon_code code =
	    calibrations_load(session->cli->env, "meter", &session->calibration, err);
	if (!code && !session->calibration)
		code = ergon_fail(err, ERGON_NOT_FOUND,
		                  "--calibrated: nothing is calibrated yet; ergon calibrate meter "
		                  "does it");
	return code;
}

static enum ergon_code open_all(struct session *session, struct ergon_error *err)
{
	const struct measure_options *o = session->options;
	const struct ergon_env *env = session->cli->env;
	struct ergon_error kept = { 0 };
	enum ergon_code code = o->by ? share_key_find(o->by, &session->by, err) : ERGON_OK;
	if (code || (code = grid_find(env->data_dir, o->costs.grid, &session->grid, err)) ||
	    (code = join(session, err)))
		return code;
	if (session->parallel && !parallel_meters(session->parallel))
		return ERGON_OK;
	bool keeps = !o->no_store && (!session->parallel || parallel_reports(session->parallel));
	if (keeps && store_open(&session->store, env, true, &kept))
		warn(session, &kept);
	code = meter_open(&session->meter, env,
	                  &(struct meter_options){ .interval_ns = o->interval_ns,
	                                           .sensors = o->sensors,
	                                           .dram_model = o->dram_model,
	                                           .stream = session->store || o->json },
	                  err);
	return code ? code : open_watch(session, err);
}

static enum ergon_code measure_baseline(struct session *session, struct ergon_error *err)
{
	const struct ergon_clock *clock = session->cli->env->clock;
	if (!session->options->baseline_ns || !session->meter)
		return ERGON_OK;
	enum ergon_code code = meter_begin(session->meter, err);
	if (code)
		return code;
	clock->sleep_until(clock->user,
	                   clock->monotonic_ns(clock->user) + session->options->baseline_ns);
	code = meter_end(session->meter, &session->idle, err);
	session->baseline_w = attribute_cpu_power_w(&session->idle);
	return code;
}

static enum ergon_code report(struct session *session, struct ergon_error *err)
{
	const struct measure_options *o = session->options;
	if (session->parallel && !session->document)
		return ERGON_OK; /* rank 0 tells */
	json_t *document = session->document
	                       ? json_incref(session->document)
	                       : run_results_to_json(session->results, session->count);
	if (!document || !run_json_add_costs(document, &session->grid, o->costs.price)) {
		json_decref(document);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	enum ergon_code code = ERGON_OK;
	if (session->calibration) /* what was measured is shown whatever comes of it */
		code = calibration_apply(session->calibration, document, err);
	if (!session->cli->quiet) /* the history has it */
		measure_table_print(session->cli->errors, document);
	if (!session->cli->quiet && o->by)
		shares_table_print(session->cli->errors, document, session->by);
	if (!code && o->json)
		code = json_save(document, o->json, err);
	json_decref(document);
	return code;
}

/* The words after the last operand belong to nobody: execvp wants a NULL there. */
static char **terminated(char **operands, int count)
{
	char **argv = calloc((size_t)count + 1, sizeof *argv);
	if (argv)
		memcpy(argv, operands, (size_t)count * sizeof *argv);
	return argv;
}

static int measure_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	char **argv = terminated(operands, count);
	struct session session = { .cli = cli, .options = parsed };
	struct ergon_error err = { 0 };
	int status = EXIT_DONE;
	enum ergon_code code = argv ? load_calibration(&session, &err)
	                            : ergon_fail(&err, ERGON_NO_MEMORY, "out of memory");
	if (!code)
		code = open_all(&session, &err);
	if (!code)
		code = measure_baseline(&session, &err);
	if (!code)
		code = all_runs(&session, argv, &err);
	if (code) {
		status = cli_fail(cli, "measure", &err);
	} else if (err.code) { /* the command could not be started */
		cli_fail(cli, "measure", &err);
		status = session.results[session.count - 1].status;
	} else {
		for (size_t i = 0; i < session.count; i++)
			if (session.results[i].status)
				status = session.results[i].status;
		code = report(&session, &err);
		if (code)
			status = cli_fail(cli, "measure", &err);
	}
	for (size_t i = 0; i < session.count; i++)
		run_result_fini(&session.results[i]);
	free(session.results);
	free(argv);
	json_decref(session.document);
	json_decref(session.calibration);
	parallel_leave(session.parallel);
	measurement_fini(&session.idle);
	series_fini(&session.series);
	if (session.watch)
		shares_fini(session.watch);
	free(session.watch);
	meter_close(session.meter);
	store_close(session.store);
	return status;
}

const struct command command_measure = {
	.name = "measure",
	.pillar = PILLAR_MEASURE,
	.summary = "measure the energy of a command",
	.synopsis = "[options] -- COMMAND [ARG...]",
	.details =
	    "Runs COMMAND and says how much energy the machine took meanwhile: every domain\n"
	    "that a sensor shows, and a total that counts no joule twice. Standard streams,\n"
	    "signals and exit status are the command's own; the table goes to standard error.\n"
	    "Without any sensor a model stands in, and the first line says so.\n\n"
	    "Under mpirun or srun, --mpi makes the ranks of a node share one meter, so that no\n"
	    "node is counted twice; rank 0 prints one table for the job. ERGON_NODE_NAME and\n"
	    "ERGON_JOB_ID replace what the launcher says.",
	.examples = "ergon measure -- sleep 5\n"
		    "ergon measure --repeat 5 --grid FR --json run.json -- python3 train.py\n"
		    "ergon measure -i 10ms --sensors rapl_powercap -- ./a.out\n"
		    "mpirun -np 4 ergon measure --mpi -- ./solver",
	.statuses = "the command's own; 126: it could not be run; 127: it was not found;\n"
		    "128 + N: signal N ended it",
	.options = options,
	.options_size = sizeof(struct measure_options),
	.operands_min = 1,
	.operands_max = -1,
	.runs_command = true,
	.run = measure_run,
};
