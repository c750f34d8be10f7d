/* SPDX-License-Identifier: Apache-2.0
 *
 * Measure and understand: the machine's kernels under the meter, and a sweep of the threads and the
 * precision of a matrix product.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/cycle.h"
#include "cli/wrap.h"
#include "measure/meter.h"
#include "measure/series.h"
#include "understand/bench.h"
#include "understand/sweep.h"

extern char **environ;

enum { THREAD_VALUES_MAX = 5 };

/* Shares of the budget; the rest is for the simulation and for what takes longer than told. */
static const double bench_share = 0.36, sweep_share = 0.30;

/* --- measure and bench ------------------------------------------------------ */

struct watch {
	struct cycle *cycle;
	struct meter *meter;
	struct series series;
};

static void take_sample(void *user, const struct meter_sample *sample)
{
	series_take(user, sample);
}

static bool watch_bench(void *user, double done, const char *note)
{
	struct watch *w = user;
	meter_drain(w->meter, take_sample, &w->series);
	return cycle_progress(w->cycle, done, note);
}

static json_t *measure_document(const struct measurement *m, const struct series *series)
{
	json_t *root = json_pack("{s:s, s:i, s:s}", "kind", "ergon.measure", "version", 1,
	                         "command", "ergon bench");
	json_t *energy = measurement_to_json(m);
	if (root && energy && json_object_update_missing(root, energy) == 0)
		json_object_set_new(root, "series", series_to_json(series, m));
	json_decref(energy);
	return root;
}

/* Two meters: one sees the whole, the other is the bench's own and closes its windows. */
static enum ergon_code bench_under_meter(struct watch *watch, struct meter *inner,
                                         struct ergon_error *err)
{
	struct cycle *cycle = watch->cycle;
	struct bench *bench = calloc(1, sizeof *bench);
	if (!bench)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	struct bench_options options = {
		.budget_ns = (uint64_t)(bench_share * (double)cycle->options.budget_ns),
		.meter = inner,
		.progress = watch_bench,
		.user = watch,
	};
	struct measurement m = { 0 };
	enum ergon_code code = meter_begin(watch->meter, err);
	if (!code) {
		code = bench_run(bench, cycle->cli->env, &options, err);
		enum ergon_code ended = meter_end(watch->meter, &m, code ? NULL : err);
		code = code ? code : ended;
	}
	meter_drain(watch->meter, take_sample, &watch->series);
	if (!code) {
		cycle->documents[CYCLE_MEASURE] = measure_document(&m, &watch->series);
		cycle->documents[CYCLE_BENCH] = bench_to_json(bench);
		if (!cycle->documents[CYCLE_MEASURE] || !cycle->documents[CYCLE_BENCH])
			code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	measurement_fini(&m);
	free(bench);
	return code;
}

/* "said on the first line": before anything is measured. */
static void say_sensors(const struct cycle *cycle, const struct meter *meter)
{
	size_t measured = 0, count = meter_channel_count(meter);
	for (size_t i = 0; i < count; i++)
		measured += meter_channel(meter, i)->provenance == PROVENANCE_MEASURED;
	if (measured == 0)
		fputs("No power sensor can be read here: power is modelled, speed is measured.\n",
		      cycle->cli->out);
	else
		wrap_printf(cycle->cli->out, "", 0,
		            "Power is measured on this machine: %zu of %zu channels are sensors "
		            "(ergon sensors lists them).",
		            measured, count);
	fflush(cycle->cli->out);
}

enum ergon_code cycle_measure_and_bench(struct cycle *cycle, struct ergon_error *err)
{
	struct watch watch = { .cycle = cycle };
	struct meter *inner = NULL;
	enum ergon_code code = meter_open(&watch.meter, cycle->cli->env,
	                                  &(struct meter_options){ .stream = true }, err);
	if (!code)
		code = meter_open(&inner, cycle->cli->env, &(struct meter_options){ 0 }, err);
	if (!code) {
		say_sensors(cycle, watch.meter);
		series_begin(&watch.series, meter_channel_count(watch.meter));
		cycle_step(cycle, "measure", bench_share + 0.05);
		code = bench_under_meter(&watch, inner, err);
	}
	meter_close(inner);
	meter_close(watch.meter);
	series_fini(&watch.series);
	return code;
}

/* --- sweep ------------------------------------------------------------------ */

/* 1, 2, 4, ... and all processors. */
static void threads_lever(unsigned processors, char *out, size_t size, size_t *values)
{
	size_t used = (size_t)snprintf(out, size, "cpu.threads=");
	*values = 0;
	for (unsigned n = 1; n < processors && *values + 1 < THREAD_VALUES_MAX; n *= 2, ++*values)
		used += (size_t)snprintf(out + used, size - used, "%u,", n);
	snprintf(out + used, size - used, "%u", processors);
	++*values;
}

/* Passes of the product that take about so long on one thread, by what bench has measured. */
static uint64_t passes_for(const struct cycle *cycle, double seconds, double flops)
{
	const json_t *runs = json_object_get(cycle->documents[CYCLE_BENCH], "kernels");
	double best = 0;
	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *k = json_array_get(runs, i);
		const char *name = json_string_value(json_object_get(k, "name"));
		const char *how = json_string_value(json_object_get(k, "paradigm"));
		const char *precision = json_string_value(json_object_get(k, "precision"));
		if (name && how && precision && strcmp(name, "gemm") == 0 &&
		    strcmp(how, "simd") == 0 && strcmp(precision, "f64") == 0)
			best = json_number_value(json_object_get(k, "gflops")) * 1e9;
	}
	double passes = best > 0 ? seconds * best / flops : 1;
	return passes < 1 ? 1 : passes > 1e6 ? 1000000 : (uint64_t)passes;
}

static bool watch_sweep(void *user, double done, const char *note)
{
	return cycle_progress(user, done, note);
}

static enum ergon_code own_path(const struct cycle *cycle, char *path, size_t size,
                                struct ergon_error *err)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	if (length > 0) {
		path[length] = '\0';
		return ERGON_OK;
	}
	int n = snprintf(path, size, "%s", cycle->cli->program);
	if (n < 0 || (size_t)n >= size)
		return ergon_fail(err, ERGON_INTERNAL, "ergon cannot find its own program");
	return ERGON_OK;
}

enum { PRODUCT_SIZE = 512 };

static enum ergon_code run_sweep(struct cycle *cycle, struct meter *meter, struct sweep *sweep,
                                 double run_s, struct ergon_error *err)
{
	char self[CYCLE_PATH_MAX], passes[32], size[32];
	double flops = 2.0 * PRODUCT_SIZE * PRODUCT_SIZE * PRODUCT_SIZE;
	snprintf(size, sizeof size, "%d", PRODUCT_SIZE);
	snprintf(passes, sizeof passes, "%llu",
	         (unsigned long long)passes_for(cycle, run_s, flops));
	char words[][16] = { "kernel",      "gemm",   "--paradigm", "openmp", "--precision",
		             "{precision}", "--size", "--repeat",   "--quiet" };
	char *argv[] = { self,     words[0], words[1], words[2], words[3], words[4], words[5],
		         words[6], size,     words[7], passes,   words[8], NULL };
	enum ergon_code code = own_path(cycle, self, sizeof self, err);
	if (!code)
		code = sweep_command(sweep, cycle->cli->env, meter, argv, environ, err);
	return code;
}

enum ergon_code cycle_sweep(struct cycle *cycle, struct ergon_error *err)
{
	cycle_step(cycle, "understand", bench_share + sweep_share + 0.1);
	const json_t *processors = json_object_get(cycle->documents[CYCLE_BENCH], "threads");
	char threads[96];
	size_t values;
	json_int_t count = json_integer_value(processors);
	threads_lever(count > 0 ? (unsigned)count : 1, threads, sizeof threads, &values);
	const char *wishes[] = { threads, "arg:precision=f64,f32" };
	/* What the first step took too long, this one goes without. */
	double whole_s = seconds_from_ns(cycle->options.budget_ns);
	double left_s = (bench_share + sweep_share + 0.1) * whole_s - cycle_elapsed_s(cycle);
	double budget_s = fmax(fmin(sweep_share * whole_s, left_s), 1);
	/* Three runs a point, of which those on more threads are shorter. */
	double run_s = fmin(fmax(budget_s / (double)(values * 2 * 3), 0.05), 1.0);
	struct sweep_options options = {
		.precision = 0.02,
		.slowdown = 0.05,
		.budget_ns = ns_from_seconds(budget_s),
		.seed = 1,
		.progress = watch_sweep,
		.user = cycle,
	};
	struct sweep sweep;
	struct meter *meter = NULL;
	enum ergon_code code = meter_open(
	    &meter, cycle->cli->env, &(struct meter_options){ .interval_ns = 20 * NS_PER_MS }, err);
	if (code)
		return code;
	code = sweep_init(&sweep, cycle->cli->env, wishes, 2, &options, err);
	if (!code)
		code = run_sweep(cycle, meter, &sweep, run_s, err);
	if (sweep.interrupted)
		cycle->interrupted = true;
	if (!code && !(cycle->documents[CYCLE_SWEEP] = sweep_to_json(&sweep)))
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!code) /* the program's own path says nothing to a reader */
		json_object_set_new(
		    cycle->documents[CYCLE_SWEEP], "command",
		    json_string("ergon kernel gemm, the same work at every setting"));
	sweep_fini(&sweep);
	meter_close(meter);
	return code;
}
