/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/grow.h"
#include "measure/memory_traffic.h"
#include "measure/run.h"
#include "understand/cache_reach.h"
#include "understand/classify.h"
#include "understand/corunner.h"
#include "understand/gpu_activity.h"
#include "understand/kernel_run.h"
#include "understand/machine.h"
#include "understand/stream.h"
#include "understand/stream_control.h"

enum { CROWD = 3, CONTROL_PASSES = 8, WHY_SIZE = 192 };
/* Of one roof's timed part. */
static const double ROOF_S = 0.3;

struct probe {
	struct characterization *c;
	const struct ergon_env *env;
	struct meter *meter;
	char *const *argv, *const *environment;
	const struct characterize_options *options;
	int null_fd;
	cpu_set_t own, others; /* processors of the command and of its neighbour */
};

static int pin(void *user)
{
	const struct probe *p = user;
	return sched_setaffinity(0, sizeof p->own, &p->own) == 0 ? 0 : errno;
}

static enum ergon_code run_once(struct probe *p, bool pinned, struct run_result *result,
                                struct ergon_error *err)
{
	struct ergon_error start = { 0 };
	struct run_options options = { .environment = p->environment,
		                       .stdout_fd = p->null_fd,
		                       .prepare = pinned ? pin : NULL,
		                       .user = p };
	*result = (struct run_result){ 0 };
	enum ergon_code code = measure_command(p->meter, &options, p->argv, result, &start);
	if (!code && (result->status == 127 || result->status == 126) && start.text[0])
		code = start.code ? start.code : ERGON_NOT_FOUND;
	if (code)
		return ergon_fail(err, code, "%s", start.text);
	p->c->interrupted = p->c->interrupted || result->interrupted || result->signal == SIGINT;
	return ERGON_OK;
}

static void waits_of(struct class_evidence *e, const struct rusage *from, double time_s)
{
	struct rusage now;
	getrusage(RUSAGE_CHILDREN, &now);
	e->blocks_per_s =
	    (double)(now.ru_inblock - from->ru_inblock + now.ru_oublock - from->ru_oublock) /
	    time_s;
	e->waits_per_s = (double)(now.ru_nvcsw - from->ru_nvcsw) / time_s;
	e->preempted_per_s = (double)(now.ru_nivcsw - from->ru_nivcsw) / time_s;
}

/* What is watched while the command runs as it is. */
struct watches {
	struct gpu_activity gpus;
	struct memory_traffic traffic;
};

static void end_watches(struct watches *w, struct class_evidence *e, double time_s)
{
	memory_traffic_read(&w->traffic, &e->read_bytes_per_s, &e->written_bytes_per_s);
	memory_traffic_close(&w->traffic);
	gpu_activity_end(&w->gpus);
	e->gpu = w->gpus.use;
	memcpy(e->no_gpu_units, w->gpus.no_units, sizeof e->no_gpu_units);
	e->read_bytes_per_s /= time_s;
	e->written_bytes_per_s /= time_s;
	snprintf(e->no_traffic, sizeof e->no_traffic, "%s", w->traffic.reason);
}

static enum ergon_code watched_run(struct probe *p, struct run_result *result,
                                   struct ergon_error *err)
{
	struct watches *watches = calloc(1, sizeof *watches);
	if (!watches)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	gpu_activity_begin(&watches->gpus, p->env);
	memory_traffic_open(&watches->traffic, p->env);
	enum ergon_code code = run_once(p, false, result, err);
	end_watches(watches, &p->c->evidence, code ? (double)NAN : result->energy.duration_s);
	free(watches);
	return code;
}

static enum ergon_code plain_run(struct probe *p, struct ergon_error *err)
{
	struct run_result result = { 0 };
	struct rusage from;
	struct counters *counters = &p->c->counters;
	struct class_evidence *e = &p->c->evidence;
	getrusage(RUSAGE_CHILDREN, &from);
	counters_open(counters, p->env, p->options->counters);
	enum ergon_code code = watched_run(p, &result, err);
	counters_read(counters);
	if (!code && result.status != 0 && !p->c->interrupted)
		code = ergon_fail(err, ERGON_INFEASIBLE, "the command failed: exit status %d",
		                  result.status);
	if (!code) {
		p->c->user_s = result.user_s;
		p->c->system_s = result.system_s;
		e->busy = (result.user_s + result.system_s) / result.energy.duration_s;
		waits_of(e, &from, result.energy.duration_s);
		e->counters = counters_summary(counters, result.energy.duration_s);
		e->has_counters = counters->open && isfinite(e->counters.ipc);
		snprintf(e->no_counters, sizeof e->no_counters, "%s", counters->reason);
		code = measurement_copy(&p->c->plain, &result.energy, err);
	}
	run_result_fini(&result);
	return code;
}

/* (b / a) with the intervals of both means, to first order. */
static struct probe_ratio ratio_of(const struct sweep *s, const struct sweep_point *a,
                                   const struct sweep_point *b)
{
	struct probe_ratio r = { (double)NAN, (double)NAN };
	if (a->count < 2 || b->count < 2)
		return r;
	double wa = sweep_half_width(s, &a->time) / a->time.mean;
	double wb = sweep_half_width(s, &b->time) / b->time.mean;
	r.ratio = b->time.mean / a->time.mean;
	r.half_width = r.ratio * sqrt(wa * wa + wb * wb);
	return r;
}

/* The same for medians. */
static struct probe_ratio ratio_of_rates(struct page_rate a, struct page_rate b)
{
	double wa = a.half_width / a.value, wb = b.half_width / b.value, ratio = b.value / a.value;
	return (struct probe_ratio){ ratio, ratio * sqrt(wa * wa + wb * wb) };
}

static struct sweep_options sweep_options_of(const struct probe *p)
{
	const struct characterize_options *o = p->options;
	return (struct sweep_options){ .precision = o->precision > 0 ? o->precision : 0.03,
		                       .budget_ns = o->budget_ns,
		                       .seed = 1,
		                       .progress = o->progress,
		                       .user = o->user };
}

static double last_cache_bytes(const struct machine *machine)
{
	return machine->cache_count > 0 ? (double)machine->caches[machine->cache_count - 1].bytes
	                                : 32e6;
}

/* What no cache holds, and this machine does. */
static uint64_t stream_bytes(const struct machine *machine)
{
	double bytes = 2 * last_cache_bytes(machine);
	if (machine->memory_available_bytes > 0)
		bytes = fmin(bytes, (double)machine->memory_available_bytes / 8);
	return (uint64_t)bytes;
}

static unsigned threads_of(const struct probe *p)
{
	const struct class_evidence *e = &p->c->evidence;
	return (unsigned)fmax(1, fmin(round(e->busy), e->processors));
}

/* The last half of the processors for the neighbour, the rest for the command. */
static bool split_processors(struct probe *p)
{
	cpu_set_t all;
	CPU_ZERO(&p->own);
	CPU_ZERO(&p->others);
	if (sched_getaffinity(0, sizeof all, &all) != 0)
		return false;
	int count = CPU_COUNT(&all), seen = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, seen++ < (count + 1) / 2 ? &p->own : &p->others);
	return count >= 2;
}

/* ---- does it run for a time? ---- */

/* Once more, on processors that it shares with several threads each: CPU time of the same work
 * stays about the same, of a command that ends by the clock it shrinks. why: of WHY_SIZE. */
static enum ergon_code timed_probe(struct probe *p, char *why, struct ergon_error *err)
{
	struct run_result result = { 0 };
	struct corunner *crowd = calloc(CROWD, sizeof *crowd);
	enum ergon_code code = ERGON_OK;
	if (!crowd)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	(void)split_processors(p);
	for (int i = 0; i < CROWD && !code; i++)
		code = corunner_start(&crowd[i], p->env, CORUNNER_ARITHMETIC, &p->own, err);
	if (!code)
		code = run_once(p, true, &result, err);
	for (int i = 0; i < CROWD; i++)
		corunner_stop(&crowd[i]);
	free(crowd);
	double alone = p->c->user_s + p->c->system_s, crowded = result.user_s + result.system_s;
	if (!code && class_is_timed(alone, crowded))
		snprintf(why, WHY_SIZE,
		         "it runs for a time, not for a piece of work: %.3g s of CPU time, %.3g s "
		         "on crowded processors",
		         alone, crowded);
	run_result_fini(&result);
	return code;
}

/* ---- the clock ---- */

/* From the highest clock to the least, or to half of the highest where that is lower still. */
static enum ergon_code clock_probe(struct probe *p, struct ergon_error *err)
{
	struct class_evidence *e = &p->c->evidence;
	struct ergon_error why = { 0 };
	struct sweep sweep;
	bool gpu = class_gpu_is_busy(e);
	char spec[40] = "cpu.freq=min:max:2";
	if (gpu)
		snprintf(spec, sizeof spec, "gpu%u.clock=min:max:2", e->gpu.gpu);
	const char *const specs[] = { spec };
	struct sweep_options options = sweep_options_of(p);
	/* Stalls on memory are in it, waiting for a processor that others hold is not. */
	options.cpu_time = !gpu;
	enum ergon_code code = sweep_init(&sweep, p->env, specs, 1, &options, &why);
	if (!code && sweep.count == 2)
		code = sweep_command(&sweep, p->env, p->meter, p->argv, p->environment, &why);
	if (code == ERGON_NOT_SUPPORTED || code == ERGON_NO_PERMISSION) {
		snprintf(e->no_clock, sizeof e->no_clock, "%.190s", why.text);
		code = ERGON_OK;
	} else if (code) {
		code = ergon_fail(err, code, "%s", why.text);
	} else if (sweep.count == 2) {
		double low = sweep.levers[0].numbers[0], high = sweep.levers[0].numbers[1];
		struct probe_ratio r = ratio_of(&sweep, &sweep.points[1], &sweep.points[0]);
		double span = high / low - 1;
		e->clock.ratio = (r.ratio - 1) / span;
		e->clock.half_width = r.half_width / span;
		p->c->interrupted = p->c->interrupted || sweep.interrupted;
	}
	sweep_fini(&sweep);
	/* The clock not showing in the time is also what a command does that ends by the clock. */
	if (!code && !gpu && isfinite(e->clock.ratio) && classify(e).class != CLASS_COMPUTE)
		code = timed_probe(p, e->no_clock, err);
	if (e->no_clock[0])
		e->clock = (struct probe_ratio){ (double)NAN, (double)NAN };
	return code;
}

/* ---- the neighbour ---- */

static enum ergon_code beside(void *user, const struct sweep *sweep,
                              const struct sweep_point *point, struct sweep_sample *sample,
                              struct ergon_error *err)
{
	struct probe *p = user;
	struct run_result result = { 0 };
	struct corunner *corunner = calloc(1, sizeof *corunner);
	(void)sweep;
	if (!corunner)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum corunner_kind kind = point->setting[0] ? CORUNNER_MEMORY : CORUNNER_ARITHMETIC;
	enum ergon_code code = corunner_start(corunner, p->env, kind, &p->others, err);
	if (!code)
		code = run_once(p, true, &result, err);
	corunner_stop(corunner);
	free(corunner);
	/* CPU time: stalls on memory are in it, waiting for a processor that others hold is not. */
	*sample = (struct sweep_sample){ .time_s = result.user_s + result.system_s,
		                         .energy_j = (double)NAN, /* the neighbour's is in it */
		                         .status = result.status };
	run_result_fini(&result);
	return code;
}

/* CPU time of passes of a stream of ours in the command's place. */
static enum ergon_code time_stream(struct probe *p, enum corunner_kind kind, struct stream *stream,
                                   double *times, size_t *count, struct ergon_error *err)
{
	struct corunner *corunner = calloc(1, sizeof *corunner);
	if (!corunner)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = corunner_start(corunner, p->env, kind, &p->others, err);
	for (int i = 0; i < CONTROL_PASSES && !code; i++)
		times[(*count)++] = stream_pass_s(stream);
	corunner_stop(corunner);
	free(corunner);
	return code;
}

/* What a neighbour does to what is bound by memory for certain: arithmetic, memory, arithmetic. */
static enum ergon_code neighbour_control(struct probe *p, struct ergon_error *err)
{
	struct stream stream;
	struct machine machine;
	cpu_set_t before;
	double beside_arithmetic[2 * CONTROL_PASSES], beside_memory[CONTROL_PASSES];
	size_t arithmetic = 0, memory = 0;
	machine_describe(&machine, p->env);
	enum ergon_code code = stream_start(&stream, p->env, stream_bytes(&machine), err);
	if (code)
		return code;
	bool moved = sched_getaffinity(0, sizeof before, &before) == 0 &&
	             sched_setaffinity(0, sizeof p->own, &p->own) == 0;
	for (int part = 0; part < 3 && !code; part++)
		code = part == 1
		           ? time_stream(p, CORUNNER_MEMORY, &stream, beside_memory, &memory, err)
		           : time_stream(p, CORUNNER_ARITHMETIC, &stream, beside_arithmetic,
		                         &arithmetic, err);
	if (moved)
		(void)sched_setaffinity(0, sizeof before, &before);
	stream_end(&stream);
	p->c->evidence.neighbour_control = ratio_of_rates(
	    page_rate_of(beside_arithmetic, arithmetic), page_rate_of(beside_memory, memory));
	return code;
}

/* The command's own runs, only where the control says that they can tell. */
static enum ergon_code neighbour_probe(struct probe *p, struct ergon_error *err)
{
	struct class_evidence *e = &p->c->evidence;
	struct sweep sweep;
	static const char *const specs[] = { "env:ERGON_NEIGHBOUR=arithmetic,memory" };
	struct sweep_options options = sweep_options_of(p);
	if (!split_processors(p)) {
		snprintf(e->no_neighbour, sizeof e->no_neighbour,
		         "a neighbour needs a second processor");
		return ERGON_OK;
	}
	enum ergon_code code = neighbour_control(p, err);
	if (code)
		return code;
	if (!class_neighbour_tells(e->neighbour_control)) {
		snprintf(e->no_neighbour, sizeof e->no_neighbour,
		         "it cannot tell here: beside a memory stream even a stream of ours takes "
		         "only %.2f (+-%.2f) times the CPU time",
		         e->neighbour_control.ratio, e->neighbour_control.half_width);
		return ERGON_OK;
	}
	code = sweep_init(&sweep, p->env, specs, 1, &options, err);
	if (!code)
		code = sweep_run(&sweep, p->env, beside, p, err);
	if (!code)
		e->neighbour = ratio_of(&sweep, &sweep.points[0], &sweep.points[1]);
	if (!code && !isfinite(e->neighbour.ratio))
		snprintf(e->no_neighbour, sizeof e->no_neighbour,
		         "the budget allowed for no two runs of each kind");
	sweep_fini(&sweep);
	/* No slowdown is also what a command shows that ends by the clock. */
	if (!code && isfinite(e->neighbour.ratio) && classify(e).class == CLASS_COMPUTE_OR_CACHE)
		code = timed_probe(p, e->no_neighbour, err);
	if (e->no_neighbour[0])
		e->neighbour = (struct probe_ratio){ (double)NAN, (double)NAN };
	return code;
}

/* ---- the roofs, measured beside the command: on a shared machine they are what is left ---- */

static double roof_of(const struct probe *p, const char *name, enum precision precision,
                      uint64_t size, unsigned threads, double *bytes_per_cpu_s)
{
	const struct kernel *kernel;
	struct kernel_run run;
	struct kernel_run_options options = { .seconds = ROOF_S };
	if (kernel_find(name, &kernel, NULL))
		return (double)NAN;
	struct kernel_config config = { .env = p->env,
		                        .size = size,
		                        .precision = precision,
		                        .paradigm = threads > 1 ? PARADIGM_OPENMP : PARADIGM_SIMD,
		                        .threads = threads,
		                        .isa = kernel_isa() };
	if (kernel_run(kernel, &config, &options, &run, NULL))
		return (double)NAN;
	if (!bytes_per_cpu_s)
		return kernel_run_flops_per_s(&run);
	*bytes_per_cpu_s = kernel_run_bytes_per_s(&run) / (run.processor_share * threads);
	return kernel_run_bytes_per_s(&run);
}

static void measure_roofs(struct probe *p)
{
	struct class_roofs *roofs = &p->c->evidence.roofs;
	struct machine machine;
	machine_describe(&machine, p->env);
	double last = last_cache_bytes(&machine);
	unsigned threads = threads_of(p);
	const uint64_t turns = 1 << 16, dram = stream_bytes(&machine) / 24 / 16 * 16;
	roofs->cache_bytes = last;
	roofs->bytes_per_s =
	    roof_of(p, "triad", PRECISION_F64, dram, threads, &roofs->bytes_per_cpu_s);
	if (!p->c->evidence.has_counters)
		return;
	roofs->f64_flops_per_s = roof_of(p, "fma", PRECISION_F64, turns, threads, NULL);
	roofs->f32_flops_per_s = roof_of(p, "fma", PRECISION_F32, turns, threads, NULL);
	double unused;
	roofs->cache_bytes_per_s = roof_of(p, "triad", PRECISION_F64,
	                                   (uint64_t)(last / 4 / 24) / 16 * 16, threads, &unused);
}

static enum ergon_code footprint(struct probe *p, struct ergon_error *err)
{
	struct class_evidence *e = &p->c->evidence;
	if (p->options->progress && !p->options->progress(p->options->user, 0.5, "memory touched"))
		return ERGON_OK;
	enum ergon_code code = footprint_probe(&e->footprint, p->env, p->argv, p->environment, err);
	snprintf(e->no_footprint, sizeof e->no_footprint, "%s", e->footprint.absent);
	if (code || e->no_footprint[0])
		return code;
	struct machine machine;
	machine_describe(&machine, p->env);
	e->roofs.reach_bytes = cache_reach_measure(&machine);
	if (classify(e).class)
		return ERGON_OK;
	stream_control_measure(&e->stream, p->env, threads_of(p), stream_bytes(&machine));
	if (!e->stream.absent[0])
		e->roofs.bytes_per_cpu_s = e->stream.free.value;
	return ERGON_OK;
}

/* Each probe only where those before it leave the question open. */
static enum ergon_code probe_until_clear(struct probe *p, struct ergon_error *err)
{
	struct characterization *c = p->c;
	enum ergon_code code = clock_probe(p, err);
	if (code || c->interrupted || class_gpu_is_busy(&c->evidence) ||
	    classify(&c->evidence).class)
		return code;
	measure_roofs(p);
	if (classify(&c->evidence).class)
		return ERGON_OK;
	code = footprint(p, err);
	if (code || c->interrupted || classify(&c->evidence).class)
		return code;
	return neighbour_probe(p, err);
}

enum ergon_code characterize(struct characterization *c, const struct ergon_env *env,
                             struct meter *meter, char *const argv[], char *const environment[],
                             const struct characterize_options *options, struct ergon_error *err)
{
	const double nan = (double)NAN;
	*c = (struct characterization){ .evidence = {
					    .gpu.busy = nan,
					    .read_bytes_per_s = nan,
					    .written_bytes_per_s = nan,
					    .clock = { nan, nan },
					    .neighbour = { nan, nan },
					    .neighbour_control = { nan, nan },
					    .roofs = { nan, nan, nan, nan, nan, nan, 0 } } };
	struct probe p = { c, env, meter, argv, environment, options, 0, { { 0 } }, { { 0 } } };
	struct text words = { 0 };
	for (char *const *word = argv; *word; word++)
		text_printf(&words, "%s%s", word == argv ? "" : " ", *word);
	c->command = words.data;
	if (words.failed)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	cpu_set_t all;
	c->evidence.processors = sched_getaffinity(0, sizeof all, &all) == 0 ? CPU_COUNT(&all) : 1;
	p.null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (p.null_fd < 0)
		return ergon_fail(err, ERGON_IO, "cannot open /dev/null");
	enum ergon_code code = plain_run(&p, err);
	enum workload_class first = classify(&c->evidence).class;
	bool idle = first == CLASS_IDLE || first == CLASS_IO;
	if (!code && !idle && !c->interrupted)
		code = probe_until_clear(&p, err);
	close(p.null_fd);
	c->verdict = classify(&c->evidence);
	return code;
}

void characterization_fini(struct characterization *c)
{
	measurement_fini(&c->plain);
	if (c->counters.env)
		counters_close(&c->counters);
	free(c->command);
	*c = (struct characterization){ 0 };
}
