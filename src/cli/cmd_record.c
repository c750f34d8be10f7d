/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/cost_options.h"
#include "cli/measure_table.h"
#include "measure/recorder.h"
#include "measure/results.h"

struct record_options {
	uint64_t interval_ns, duration_ns;
	const char *sensors, *json;
	struct cost_flags costs;
};

static const struct option options[] = {
	{ .name = "interval",
	  .letter = 'i',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct record_options, interval_ns),
	  .value = "DURATION",
	  .fallback = "100ms",
	  .help = "time between two samples",
	  .min = 0.0001,
	  .max = 3600 },
	{ .name = "duration",
	  .letter = 'd',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct record_options, duration_ns),
	  .value = "DURATION",
	  .help = "stop by itself after so long; else when interrupted (Ctrl-C)" },
	{ .name = "sensors",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct record_options, sensors),
	  .value = "LIST",
	  .help = "only these, such as rapl_powercap,hwmon" },
	COST_OPTIONS(struct record_options, costs),
	OPTION_JSON(struct record_options),
	OPTION_END,
};

static void block(sigset_t *signals, sigset_t *before)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, signals, before);
}

/* Until the time is over or somebody says stop. */
static void wait_and_keep(const struct ergon_clock *clock, const sigset_t *signals,
                          uint64_t duration_ns, struct recorder *recorder)
{
	uint64_t begin_ns = clock->monotonic_ns(clock->user);
	for (;;) {
		uint64_t passed_ns = clock->monotonic_ns(clock->user) - begin_ns;
		uint64_t left_ns = duration_ns ? duration_ns - passed_ns : NS_PER_S;
		if (duration_ns && passed_ns >= duration_ns)
			return;
		if (left_ns > 200 * NS_PER_MS)
			left_ns = 200 * NS_PER_MS;
		struct timespec patience = { .tv_nsec = (long)left_ns };
		int signal = sigtimedwait(signals, NULL, &patience);
		recorder_poll(recorder);
		if (signal > 0)
			return;
	}
}

static enum ergon_code finish(struct cli *cli, const struct record_options *o,
                              const struct grid *grid, struct recorder *recorder,
                              struct run_result *result, struct ergon_error *err)
{
	json_t *document = run_result_to_json(result);
	if (document && !run_json_add_costs(document, grid, o->costs.price)) {
		json_decref(document);
		document = NULL;
	}
	json_t *small = document ? json_copy(document) : NULL; /* its samples are there already */
	json_object_del(small, "series");
	char *text = small ? json_dumps(small, JSON_COMPACT) : NULL;
	json_decref(small);
	enum ergon_code code = text ? recorder_finish(recorder, result, text, err)
	                            : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!code && !cli->quiet) { /* the history has it */
		measure_table_print(cli->errors, document);
		fprintf(cli->errors, "kept as run %lld: ergon export %lld\n",
		        (long long)recorder->id, (long long)recorder->id);
	}
	if (!code && o->json)
		code = json_save(document, o->json, err);
	free(text);
	json_decref(document);
	return code;
}

static enum ergon_code record(struct cli *cli, const struct record_options *o,
                              const struct grid *grid, struct meter *meter, struct store *store,
                              struct ergon_error *err)
{
	const struct ergon_clock *clock = cli->env->clock;
	struct recorder recorder;
	struct run_result result = { .command = strdup(RECORDING) };
	struct series series = { 0 };
	sigset_t signals, before;
	block(&signals, &before);
	enum ergon_code code = recorder_begin(&recorder, store, meter, RECORDING,
	                                      clock->realtime_ns(clock->user), err);
	if (o->json) {
		series_begin(&series, meter_channel_count(meter));
		recorder.series = &series;
	}
	if (!code)
		code = meter_begin(meter, err);
	if (!code) {
		wait_and_keep(clock, &signals, o->duration_ns, &recorder);
		code = meter_end(meter, &result.energy, err);
		recorder_poll(&recorder);
		result.series = o->json ? series_to_json(&series, &result.energy) : NULL;
	}
	if (!code)
		code = finish(cli, o, grid, &recorder, &result, err);
	recorder_fini(&recorder);
	series_fini(&series);
	run_result_fini(&result);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

static int record_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	const struct record_options *o = parsed;
	struct ergon_error err = { 0 };
	struct store *store = NULL;
	struct meter *meter = NULL;
	struct grid grid;
	enum ergon_code code = grid_find(cli->env->data_dir, o->costs.grid, &grid, &err);
	if (!code)
		code = store_open(&store, cli->env, true, &err);
	if (!code)
		code = meter_open(&meter, cli->env,
		                  &(struct meter_options){ .interval_ns = o->interval_ns,
		                                           .sensors = o->sensors,
		                                           .stream = true },
		                  &err);
	if (!code)
		code = record(cli, o, &grid, meter, store, &err);
	meter_close(meter);
	store_close(store);
	return code ? cli_fail(cli, "record", &err) : EXIT_DONE;
}

const struct command command_record = {
	.name = "record",
	.pillar = PILLAR_MEASURE,
	.summary = "record the machine's energy until stopped",
	.synopsis = "[--duration DURATION] [--interval DURATION] [options]",
	.details =
	    "Keeps every sample in the history; a kill -9 loses no more than the last second.\n"
	    "ergon export turns a recording into csv, json, influx or perfetto.",
	.examples = "ergon record --duration 1m\nergon record -i 10ms --grid FR --price 0.25",
	.options = options,
	.options_size = sizeof(struct record_options),
	.run = record_run,
};
