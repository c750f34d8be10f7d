/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/progress.h"
#include "measure/calibrate_power.h"
#include "measure/calibration.h"
#include "measure/marker.h"
#include "measure/recorder.h"
#include "understand/kernel_run.h"

struct calibrate_options {
	const char *reference, *column, *sum, *sensors, *channel, *json;
	uint64_t window_ns, shift_ns, duration_ns;
	bool marker, dry_run;
};

static const struct option options_table[] = {
	{ .name = "reference",
	  .letter = 'r',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct calibrate_options, reference),
	  .value = "TRACE.csv",
	  .help = "the wattmeter's trace, with a time and a power column" },
	{ .name = "column",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct calibrate_options, column),
	  .value = "NAME",
	  .help = "the trace's power column (default: power_w, power, watts or w)" },
	{ .name = "sum",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct calibrate_options, sum),
	  .value = "NAME+NAME",
	  .help = "the run's channels to compare with (default: those of its total)" },
	{ .name = "window",
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct calibrate_options, window_ns),
	  .value = "DURATION",
	  .help = "what the wattmeter averages over (default: found out)",
	  .min = 1e-6,
	  .max = 3600 },
	{ .name = "max-shift",
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct calibrate_options, shift_ns),
	  .value = "DURATION",
	  .help = "clocks differ by no more than this (default: anything)" },
	{ .name = "marker",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct calibrate_options, marker),
	  .help = "first record a run while playing busy and idle in turn" },
	{ .name = "duration",
	  .letter = 'd',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct calibrate_options, duration_ns),
	  .value = "DURATION",
	  .help = "of the marker (default: 5m), of each load of cpu and dram (default: 3s)",
	  .min = 0.2,
	  .max = 86400 },
	{ .name = "sensors",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct calibrate_options, sensors),
	  .value = "LIST",
	  .help = "only these, such as rapl_powercap,meter" },
	{ .name = "channel",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct calibrate_options, channel),
	  .value = "NAME",
	  .help = "fit to this channel's power, such as node (default: the packages')" },
	{ .name = "dry-run",
	  .letter = 'n',
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct calibrate_options, dry_run),
	  .help = "show the result, keep nothing" },
	OPTION_JSON(struct calibrate_options),
	OPTION_END,
};

/* --- meter ----------------------------------------------------------------------------------- */

/* A run under ergon measure whose command is the marker: kept in the history like any other. */
static int record_marker(struct cli *cli, const struct calibrate_options *o)
{
	char duration[40], program[4096];
	const char *argv[20];
	int n = 0;
	snprintf(duration, sizeof duration, "%gs",
	         o->duration_ns ? seconds_from_ns(o->duration_ns) : 300);
	snprintf(program, sizeof program, "%s", cli->program);
	argv[n++] = program;
	if (cli->quiet)
		argv[n++] = "--quiet";
	argv[n++] = "measure";
	argv[n++] = "--interval";
	argv[n++] = "10ms"; /* edges are found to within a step of the run */
	if (o->sensors) {
		argv[n++] = "--sensors";
		argv[n++] = o->sensors;
	}
	argv[n++] = "--";
	argv[n++] = program;
	argv[n++] = "calibrate";
	argv[n++] = "marker";
	argv[n++] = "--duration";
	argv[n++] = duration;
	argv[n] = NULL;
	if (!cli->quiet)
		fprintf(cli->errors,
		        "playing a marker for %s; afterwards:\n"
		        "  ergon calibrate meter --reference TRACE.csv last\n",
		        duration);
	fflush(cli->errors);
	execv(program, (char *const *)(uintptr_t)argv);
	struct ergon_error err = { 0 };
	ergon_fail(&err, ERGON_IO, "cannot start %.200s", program);
	return cli_fail(cli, "calibrate", &err);
}

static enum ergon_code load_run(struct cli *cli, const char *name, struct arena *arena,
                                struct record *record, struct ergon_error *err)
{
	struct store *store;
	int64_t id;
	enum ergon_code code = store_open(&store, cli->env, false, err);
	if (code)
		return code;
	code = store_find(store, name, &id, err);
	if (!code)
		code = record_load(store, id, arena, record, err);
	store_close(store);
	return code;
}

static void print_meter(struct cli *cli, const struct alignment *a, const char *sum, bool kept)
{
	FILE *out = cli->out;
	fprintf(out, "meter = %.4f (+-%.4f) x %s + %.2f (+-%.2f) W\n", a->gain, a->gain_half, sum,
	        a->offset_w, a->offset_half_w);
	fprintf(out, "its clock: run = meter %+.4f (+-%.4f) s, drift %+.1f (+-%.1f) ppm\n",
	        a->shift_s, a->shift_half_s, a->drift * 1e6, a->drift_half * 1e6);
	if (a->window_s > 0)
		fprintf(out, "it shows means over %.3g s, every %.3g s\n", a->window_s,
		        a->period_s);
	else
		fprintf(out, "it shows the power of the moment, every %.3g s\n", a->period_s);
	fprintf(out, "correlation %.4f, %.3g W unexplained, %zu samples\n", a->correlation,
	        a->rms_w, a->samples);
	if (kept)
		fprintf(out, "kept; ergon measure --calibrated applies it\n");
}

static int calibrate_meter(struct cli *cli, const void *options, char **operands, int count)
{
	const struct calibrate_options *o = options;
	struct ergon_error err = { 0 };
	struct arena arena;
	struct record record;
	struct trace meter, run;
	struct alignment a;
	char sum[512];
	if (o->marker)
		return record_marker(cli, o);
	if (!o->reference || count != 1) {
		ergon_fail(
		    &err, ERGON_BAD_INPUT,
		    "meter wants --reference TRACE.csv and a RUN (or --marker, to make one)");
		return cli_fail(cli, "calibrate", &err);
	}
	struct align_options how = { .window_s = o->window_ns ? seconds_from_ns(o->window_ns) : -1,
		                     .max_shift_s = seconds_from_ns(o->shift_ns) };
	arena_init(&arena);
	enum ergon_code code = calibration_trace(o->reference, o->column, &arena, &meter, &err);
	if (!code)
		code = load_run(cli, operands[0], &arena, &record, &err);
	if (!code)
		code = calibration_sum(&record, o->sum, &arena, &run, sum, sizeof sum, &err);
	if (!code)
		code = align(&meter, &run, &how, &a, &err);
	arena_fini(&arena);
	if (code)
		return cli_fail(cli, "calibrate", &err);
	json_t *document = calibration_meter_json(&a, sum);
	if (!o->dry_run)
		code = calibrations_save(cli->env, "meter", document, &err);
	if (!code && document_shown(cli, o->json))
		print_meter(cli, &a, sum, !o->dry_run);
	if (!code && o->json)
		code = document_save(json_incref(document), o->json, &err);
	json_decref(document);
	return code ? cli_fail(cli, "calibrate", &err) : EXIT_DONE;
}

static int calibrate_marker(struct cli *cli, const void *options, char **operands, int count)
{
	const struct calibrate_options *o = options;
	static const volatile bool never;
	struct ergon_error err = { 0 };
	(void)operands;
	(void)count;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double seconds = o->duration_ns ? seconds_from_ns(o->duration_ns) : 300;
	return marker_play(cli->env, seconds, cpus > 0 ? (unsigned)cpus : 1, &never, &err)
	           ? cli_fail(cli, "calibrate", &err)
	           : EXIT_DONE;
}

/* --- cpu and dram --------------------------------------------------------------------------- */

/* What is done meanwhile: nothing, or a kernel on part of the CPUs. */
struct load {
	const char *kernel; /* NULL: idle */
	double part;        /* of the CPUs; 0: one */
};

static const struct load loads[] = {
	{ NULL, 0 },      { "fma", 0 },   { "fma", 0.5 }, { "fma", 1 },  { "triad", 0 },
	{ "triad", 0.5 }, { "triad", 1 }, { "gemm", 0 },  { "gemm", 1 }, { NULL, 0 },
};
enum { LOADS = sizeof loads / sizeof *loads };

struct worker {
	const struct ergon_env *env;
	const struct load *load;
	unsigned threads;
	atomic_bool runs, stop; /* runs: it is set up, and a first batch is through */
	enum ergon_code code;
	struct ergon_error err;
};

static bool go_on(void *user, double done)
{
	struct worker *worker = user;
	(void)done;
	worker->runs = true;
	return !worker->stop;
}

static void *work(void *user)
{
	struct worker *worker = user;
	const struct kernel *kernel;
	worker->code = kernel_find(worker->load->kernel, &kernel, &worker->err);
	while (!worker->code && !worker->stop) {
		struct kernel_run run;
		struct kernel_config config = { .env = worker->env,
			                        .size = kernel->size_default,
			                        .paradigm = PARADIGM_OPENMP,
			                        .threads = worker->threads,
			                        .isa = kernel_isa() };
		struct kernel_run_options options = { .seconds = 3600,
			                              .batch_s = 0.05, /* then go_on is asked */
			                              .progress = go_on,
			                              .user = worker };
		worker->code = kernel_run(kernel, &config, &options, &run, &worker->err);
	}
	worker->runs = true; /* nothing more to wait for */
	return NULL;
}

static enum ergon_code one_phase(struct cli *cli, const struct calibrate_options *o,
                                 struct meter *meter, struct features *features, unsigned phase,
                                 struct power_samples *samples, struct ergon_error *err)
{
	enum { WINDOWS = 5 };
	const struct ergon_clock *clock = cli->env->clock;
	struct worker worker = { .env = cli->env, .load = &loads[phase] };
	pthread_t thread;
	double seconds = o->duration_ns ? seconds_from_ns(o->duration_ns) : 3;
	unsigned cpus = features_cpus(features);
	worker.threads = (unsigned)(worker.load->part * cpus);
	if (worker.threads < 1)
		worker.threads = 1;
	if (worker.load->kernel && pthread_create(&thread, NULL, work, &worker))
		return ergon_fail(err, ERGON_IO, "cannot start a thread");
	while (worker.load->kernel && !worker.runs)
		clock->sleep_until(clock->user, clock->monotonic_ns(clock->user) + 5 * NS_PER_MS);
	/* A sixth to get going, the rest is measured. */
	clock->sleep_until(clock->user,
	                   clock->monotonic_ns(clock->user) + ns_from_seconds(seconds / 6));
	enum ergon_code code = power_samples_take(samples, cli->env, meter, features, o->channel,
	                                          phase, WINDOWS, seconds * 5 / 6 / WINDOWS, err);
	worker.stop = true;
	if (worker.load->kernel)
		pthread_join(thread, NULL);
	if (!code && worker.code) {
		if (err)
			*err = worker.err;
		code = worker.code;
	}
	return code;
}

static void print_power(struct cli *cli, const json_t *document, bool kept)
{
	const json_t *model, *value;
	const char *name, *missing = json_string_value(json_object_get(document, "missing"));
	size_t i;
	json_array_foreach(json_object_get(document, "models"), i, model)
	{
		bool first = true;
		fprintf(cli->out, "P =");
		json_object_foreach((json_t *)(uintptr_t)json_object_get(model, "coefficients"),
		                    name, value)
		{
			bool constant = strcmp(name, "time") == 0;
			fprintf(cli->out, "%s %.4g W%s%s", first ? "" : " +",
			        json_number_value(value), constant ? "" : " x ",
			        constant ? "" : name);
			first = false;
		}
		fprintf(cli->out, "\n  error of loads left out of the fit: %.1f%%\n",
		        100 * json_number_value(json_object_get(model, "relative_error")));
	}
	if (missing && missing[0])
		fprintf(cli->out,
		        "not to be had here: %s (sudo sysctl "
		        "kernel.perf_event_paranoid=0 opens counters where there are any)\n",
		        missing);
	if (kept)
		fprintf(cli->out, "kept: used from now on where the sensor is closed\n");
}

static int calibrate_power(struct cli *cli, const struct calibrate_options *o,
                           enum power_target target)
{
	struct ergon_error err = { 0 };
	struct power_samples samples = { .target = target };
	struct progress progress;
	struct meter *meter = NULL;
	json_t *document = NULL;
	struct features *features = features_open(cli->env);
	enum ergon_code code = features ? ERGON_OK
	                                : ergon_fail(&err, ERGON_NOT_SUPPORTED,
	                                             "cannot read %s/stat", cli->env->procfs_root);
	if (!code)
		code = meter_open(&meter, cli->env,
		                  &(struct meter_options){ .sensors = o->sensors }, &err);
	progress_begin(&progress, cli, "calibrate");
	for (unsigned phase = 0; phase < LOADS && !code; phase++) {
		progress_update(&progress, (double)phase / LOADS,
		                loads[phase].kernel ? loads[phase].kernel : "idle");
		code = one_phase(cli, o, meter, features, phase, &samples, &err);
	}
	progress_end(&progress);
	if (!code)
		code = power_samples_fit(&samples, cli->env, &document, &err);
	if (!code && !o->dry_run)
		code = calibrations_save(cli->env, target == POWER_OF_CPU ? "cpu" : "dram",
		                         document, &err);
	if (!code && document_shown(cli, o->json))
		print_power(cli, document, !o->dry_run);
	if (!code && o->json)
		code = document_save(json_incref(document), o->json, &err);
	json_decref(document);
	power_samples_fini(&samples);
	meter_close(meter);
	features_close(features);
	return code ? cli_fail(cli, "calibrate", &err) : EXIT_DONE;
}

static int calibrate_cpu(struct cli *cli, const void *o, char **operands, int count)
{
	(void)operands;
	(void)count;
	return calibrate_power(cli, o, POWER_OF_CPU);
}

static int calibrate_dram(struct cli *cli, const void *o, char **operands, int count)
{
	(void)operands;
	(void)count;
	return calibrate_power(cli, o, POWER_OF_DRAM);
}

static const struct subcommand subcommands[] = {
	{ "meter", "RUN", "fit a wattmeter's trace to a kept run",
	  "reference column sum window max-shift marker duration sensors dry-run json", 0, 1,
	  calibrate_meter },
	{ "cpu", NULL, "fit a model of the processors' power to a sensor",
	  "duration sensors channel dry-run json", 0, 0, calibrate_cpu },
	{ "dram", NULL, "fit a model of the memory's power to a sensor",
	  "duration sensors dry-run json", 0, 0, calibrate_dram },
	{ "marker", NULL, "play busy and idle in turn, as meter --marker does while it records",
	  "duration", 0, 0, calibrate_marker },
	SUBCOMMAND_END,
};

const struct command command_calibrate = {
	.name = "calibrate",
	.pillar = PILLAR_MEASURE,
	.summary = "fit sensors and models to a wattmeter or to better sensors",
	.synopsis = "meter|cpu|dram [options] [RUN]",
	.details =
	    "meter lays a wattmeter's trace over a kept run: the clocks' offset and drift by "
	    "cross-correlation, then the factor and offset that lead from the run's energy to the "
	    "meter's, with 95% intervals. Without a load that changes there is nothing to align "
	    "by: "
	    "--marker plays one and records it.\n"
	    "\n"
	    "cpu fits a linear model of the processors' power in busy time and counters to a real "
	    "sensor while kernels run; dram the same for memory, in traffic where it can be "
	    "counted. "
	    "The error that is kept is that of loads left out of the fit. The models are used "
	    "where "
	    "the sensor is closed.",
	.examples = "ergon calibrate meter --marker --duration 10m\n"
		    "ergon calibrate meter --reference trace.csv last\n"
		    "ergon calibrate cpu\n"
		    "ergon calibrate cpu --sensors meter --channel node",
	.options = options_table,
	.options_size = sizeof(struct calibrate_options),
	.operands_min = 1,
	.operands_max = -1,
	.subcommands = subcommands,
};
