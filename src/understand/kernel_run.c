/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernel_run.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu_time.h"
#include "base/json.h"
#include "base/stats.h"
#include "base/units.h"

/* Enough batches for an interval, few enough that each outlasts a sensor's refresh. */
enum { BATCHES = 12, BATCHES_LEAST = 3, BATCHES_MAX = 100000 };
static const double BATCH_LEAST_S = 1e-4;
static const double DEVICE_ONLY = 0.05; /* CPU seconds a second that waiting for a device takes */

struct runner {
	const struct kernel_run_options *options;
	struct kernel_run *run;
	void *state;
	struct moments time, power;
	double batch_s; /* spent in batches */
	double cpu_s;   /* that this process had meanwhile */
	double energy_j, low_j, high_j;
	bool no_energy;
};

static uint64_t now_ns(const struct kernel_config *config)
{
	return config->env->clock->monotonic_ns(config->env->clock->user);
}

bool measurement_provenance(const struct measurement *m, enum provenance *provenance)
{
	*provenance = m->modelled ? PROVENANCE_MODELLED : PROVENANCE_MEASURED;
	return m->measured || m->modelled;
}

static enum ergon_code check(struct runner *r, struct ergon_error *err)
{
	struct kernel_run *run = r->run;
	double error, allowed;
	run->kernel->check(r->state, &error, &allowed);
	run->error = error > run->error ? error : run->error;
	run->allowed = allowed;
	if (error <= allowed)
		return ERGON_OK;
	return ergon_fail(err, ERGON_INTERNAL,
	                  "%s (%s, %s, size %llu): wrong result, relative error %.3g where "
	                  "rounding explains %.3g",
	                  run->kernel->name, paradigm_name(run->config.paradigm),
	                  precision_name(run->config.precision),
	                  (unsigned long long)run->config.size, error, allowed);
}

/* Passes of a batch, from the time that the warm-up pass took. */
static uint64_t batch_size(const struct runner *r, double pass_s)
{
	const struct kernel_run_options *o = r->options;
	if (o->repeat)
		return (o->repeat + BATCHES - 1) / BATCHES;
	double batch_s = fmax(o->batch_s > 0 ? o->batch_s : o->seconds / BATCHES, BATCH_LEAST_S);
	double passes = batch_s / fmax(pass_s, 1e-9);
	return passes < 1 ? 1 : passes > 1e9 ? UINT64_C(1000000000) : (uint64_t)passes;
}

static void add_energy(struct runner *r, const struct measurement *m)
{
	enum provenance provenance;
	if (!measurement_provenance(m, &provenance)) {
		r->no_energy = true;
		return;
	}
	if (provenance == PROVENANCE_MODELLED || r->power.count == 0)
		r->run->provenance = provenance;
	moments_add(&r->power, m->energy_j / m->duration_s);
	r->energy_j += m->energy_j;
	r->low_j += m->low_j;
	r->high_j += m->high_j;
}

static enum ergon_code batch(struct runner *r, uint64_t passes, struct ergon_error *err)
{
	struct kernel_run *run = r->run;
	struct meter *meter = r->options->meter;
	struct meter_region *region = NULL;
	enum ergon_code code = meter ? meter_region_begin(meter, &region, err) : ERGON_OK;
	if (code)
		return code;
	double cpu_s = cpu_time_s(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t begin = now_ns(&run->config);
	run->kernel->run(r->state, passes);
	double spent_s = seconds_from_ns(now_ns(&run->config) - begin);
	r->cpu_s += cpu_time_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
	if (meter) {
		struct measurement m = { 0 };
		code = meter_region_end(meter, region, &m, err);
		if (!code)
			add_energy(r, &m);
		measurement_fini(&m);
	}
	if (code)
		return code;
	moments_add(&r->time, spent_s / (double)passes);
	run->passes += passes;
	r->batch_s += spent_s;
	return check(r, err);
}

static double done(const struct runner *r)
{
	const struct kernel_run_options *o = r->options;
	double part = o->repeat ? (double)r->run->passes / (double)o->repeat
	                        : r->batch_s / fmax(o->seconds, 1e-9);
	return part < 1 ? part : 1;
}

/* By time, an interval is worth a few passes more than were asked for. */
static bool wants_more(const struct runner *r)
{
	if (r->time.count >= BATCHES_MAX)
		return false;
	return done(r) < 1 || (!r->options->repeat && r->time.count < BATCHES_LEAST);
}

static enum ergon_code batches(struct runner *r, struct ergon_error *err)
{
	struct kernel_run *run = r->run;
	uint64_t begin = now_ns(&run->config);
	run->kernel->run(r->state, 1);
	double pass_s = seconds_from_ns(now_ns(&run->config) - begin);
	enum ergon_code code = check(r, err);
	/* The first pass pays for cold caches and sleeping threads; a second one tells better. */
	begin = now_ns(&run->config);
	run->kernel->run(r->state, 1);
	pass_s = fmin(pass_s, seconds_from_ns(now_ns(&run->config) - begin));
	uint64_t passes = batch_size(r, pass_s);
	while (!code && wants_more(r)) {
		uint64_t left = r->options->repeat - run->passes;
		code = batch(r, r->options->repeat && left < passes ? left : passes, err);
		if (r->options->progress && !r->options->progress(r->options->user, done(r)))
			break;
	}
	return code;
}

/* OpenCL's own threads are not counted; where they compute in this process (PoCL) they take every
 * processor that it may use, and on a device of its own nothing is known of its share. */
static double share_of(const struct runner *r)
{
	double threads = r->run->config.threads, had = r->cpu_s / r->batch_s;
	cpu_set_t set;
	if (r->run->config.paradigm == PARADIGM_GPU)
		return 1; /* its driver may spin or sleep meanwhile */
	if (r->run->config.paradigm == PARADIGM_OPENCL) {
		if (had < DEVICE_ONLY || sched_getaffinity(0, sizeof set, &set) != 0)
			return 1;
		threads = CPU_COUNT(&set);
	}
	return fmin(had / threads, 1);
}

static void conclude(struct runner *r)
{
	struct kernel_run *run = r->run;
	double confidence = r->options->confidence > 0 ? r->options->confidence : 0.95;
	run->batches = r->time.count;
	run->time_s = r->batch_s / (double)run->passes;
	/* Others may have held the processors for part of the time: without them it would have been
	 * so much shorter, and next time it may be so much longer, however alike the batches are.
	 */
	run->processor_share = share_of(r);
	run->time_half_width_s =
	    fmax(moments_reach(&r->time, confidence), run->time_s * (1 - run->processor_share));
	run->time_min_s = r->time.min;
	run->has_energy = r->power.count > 0 && !r->no_energy;
	if (!run->has_energy)
		return;
	run->power_w = r->energy_j / r->batch_s;
	run->power_half_width_w = moments_half_width(&r->power, confidence);
	run->energy_j = r->energy_j / (double)run->passes;
	run->energy_low_j = r->low_j / (double)run->passes;
	run->energy_high_j = r->high_j / (double)run->passes;
}

/* Samplers that the meter starts would inherit this thread's processor: not while it is pinned. */
static enum ergon_code metered(struct runner *r, struct pinning *pinning, struct ergon_error *err)
{
	struct meter *meter = r->options->meter;
	pinning_restore(pinning);
	enum ergon_code code = meter ? meter_begin(meter, err) : ERGON_OK;
	if (code)
		return code;
	r->run->pinned = r->run->pinned && pinning_apply(pinning);
	code = batches(r, err);
	enum ergon_code ended = meter ? meter_end(meter, NULL, code ? NULL : err) : ERGON_OK;
	return code ? code : ended;
}

static enum ergon_code set_up_and_run(struct runner *r, struct ergon_error *err)
{
	struct kernel_run *run = r->run;
	struct pinning pinning = { .why = "only the threads of OpenMP are pinned" };
	if (run->config.paradigm == PARADIGM_OPENMP)
		pinning_plan(&pinning, run->config.env, run->config.threads);
	run->pinned = pinning_apply(&pinning);
	enum ergon_code code = run->kernel->init(r->state, &run->config, err);
	if (!code) {
		code = metered(r, &pinning, err);
		run->kernel->fini(r->state);
	}
	snprintf(run->unpinned_because, sizeof run->unpinned_because, "%s", pinning.why);
	pinning_fini(&pinning);
	return code;
}

enum ergon_code kernel_run(const struct kernel *kernel, const struct kernel_config *config,
                           const struct kernel_run_options *options, struct kernel_run *run,
                           struct ergon_error *err)
{
	*run = (struct kernel_run){ .kernel = kernel,
		                    .config = *config,
		                    .flops = kernel->flops(config),
		                    .bytes = kernel->bytes(config) };
	enum ergon_code code = kernel_check_config(kernel, config, err);
	if (code)
		return code;
	struct runner r = { .options = options,
		            .run = run,
		            .state = aligned_alloc(64, (kernel->state_size + 63) / 64 * 64) };
	if (!r.state)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	code = set_up_and_run(&r, err);
	free(r.state);
	if (!code)
		conclude(&r);
	return code;
}

void kernel_run_merge(struct kernel_run *run, const struct kernel_run *round,
                      struct moments *rounds)
{
	moments_add(rounds, round->time_s);
	if (rounds->count == 1) {
		*run = *round;
		return;
	}
	if (run->pinned && !round->pinned)
		memcpy(run->unpinned_because, round->unpinned_because,
		       sizeof run->unpinned_because);
	run->pinned = run->pinned && round->pinned;
	double before = (double)run->passes, added = (double)round->passes, all = before + added;
	double lost = 1 - fmin(run->processor_share, round->processor_share);
	double seconds_before = run->time_s * before, seconds_added = round->time_s * added;
	run->time_s = (seconds_before + seconds_added) / all;
	run->processor_share =
	    (run->processor_share * before + round->processor_share * added) / all;
	run->time_half_width_s = fmax(moments_reach(rounds, 0.95), run->time_s * lost);
	run->time_min_s = fmin(run->time_min_s, round->time_min_s);
	run->error = fmax(run->error, round->error);
	run->passes += round->passes;
	run->batches += round->batches;
	run->has_energy = run->has_energy && round->has_energy;
	if (!run->has_energy)
		return;
	run->power_half_width_w = fmax(fmax(run->power_half_width_w, round->power_half_width_w),
	                               fabs(run->power_w - round->power_w));
	run->power_w = (run->power_w * seconds_before + round->power_w * seconds_added) /
	               (seconds_before + seconds_added);
	run->energy_j = (run->energy_j * before + round->energy_j * added) / all;
	run->energy_low_j = (run->energy_low_j * before + round->energy_low_j * added) / all;
	run->energy_high_j = (run->energy_high_j * before + round->energy_high_j * added) / all;
	if (round->provenance == PROVENANCE_MODELLED)
		run->provenance = round->provenance;
}

double kernel_run_flops_per_s(const struct kernel_run *run)
{
	return run->flops / run->time_s;
}

double kernel_run_bytes_per_s(const struct kernel_run *run)
{
	return run->bytes / run->time_s;
}

double kernel_run_best_flops_per_s(const struct kernel_run *run)
{
	return run->flops / run->time_min_s;
}

double kernel_run_best_bytes_per_s(const struct kernel_run *run)
{
	return run->bytes / run->time_min_s;
}

double kernel_run_intensity(const struct kernel_run *run)
{
	return run->flops / run->bytes;
}

json_t *kernel_run_to_json(const struct kernel_run *run)
{
	double relative = run->time_half_width_s / run->time_s;
	double gflops = kernel_run_flops_per_s(run) * 1e-9;
	double gbps = kernel_run_bytes_per_s(run) * 1e-9;
	bool e = run->has_energy;
	const double nan = (double)NAN;
	json_t *object = json_pack(
	    "{s:s, s:s, s:s, s:I, s:i, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "name", run->kernel->name, "paradigm", paradigm_name(run->config.paradigm), "precision",
	    precision_name(run->config.precision), "size", (json_int_t)run->config.size, "threads",
	    (int)run->config.threads, "isa",
	    run->config.paradigm == PARADIGM_SCALAR   ? "scalar"
	    : run->config.paradigm == PARADIGM_BLAS   ? "library"
	    : run->config.paradigm == PARADIGM_OPENCL ? "device"
	    : run->config.paradigm == PARADIGM_GPU    ? "device"
						      : isa_name(run->config.isa),
	    "flops", json_number(run->flops), "bytes", json_number(run->bytes), "passes",
	    (json_int_t)run->passes, "batches", (json_int_t)run->batches, "time_s",
	    json_number(run->time_s), "time_half_width_s", json_number(run->time_half_width_s),
	    "gflops", json_number(gflops), "gflops_half_width", json_number(gflops * relative),
	    "gbps", json_number(gbps), "gbps_half_width", json_number(gbps * relative), "intensity",
	    json_number(kernel_run_intensity(run)));
	if (!object)
		return NULL;
	json_object_set_new(object, "time_min_s", json_number(run->time_min_s));
	json_object_set_new(object, "processor_share", json_number(run->processor_share));
	json_object_set_new(object, "pinned", json_boolean(run->pinned));
	json_object_set_new(object, "unpinned_because",
	                    run->pinned ? json_null() : json_string(run->unpinned_because));
	json_object_set_new(object, "relative_error", json_number(run->error));
	json_object_set_new(object, "relative_error_allowed", json_number(run->allowed));
	json_object_set_new(object, "power_w", json_number(e ? run->power_w : nan));
	json_object_set_new(object, "power_half_width_w",
	                    json_number(e ? run->power_half_width_w : nan));
	json_object_set_new(object, "energy_j", json_number(e ? run->energy_j : nan));
	json_object_set_new(object, "energy_low_j", json_number(e ? run->energy_low_j : nan));
	json_object_set_new(object, "energy_high_j", json_number(e ? run->energy_high_j : nan));
	json_object_set_new(object, "provenance",
	                    e ? json_string(provenance_name(run->provenance)) : json_null());
	return object;
}
