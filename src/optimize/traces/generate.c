/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/traces/generate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"
#include "optimize/traces/mix.h"

const char *const arrival_names[ARRIVALS_COUNT] = { "poisson", "diurnal", "bursty",
	                                            "heavy-tailed" };
const char *const duration_names[DURATIONS_COUNT] = { "philly", "gavel", "pareto", "exponential" };

/* GPUs of a job and, for the Philly law, ln(seconds) of its duration: share, mean, deviation.
 * Fitted (moments of the logarithm) to the 5,362 jobs of at least ten minutes in seven virtual
 * clusters of Microsoft's Philly trace (Jeon et al., ATC 2019; 2017-08 to 2017-12). */
struct size_class {
	uint32_t gpus;
	double share, ln_mean, ln_deviation;
};
static const struct size_class philly_sizes[] = {
	{ 1, 0.7009, 9.116, 1.610 },  { 2, 0.0282, 10.393, 1.340 },  { 4, 0.1171, 10.592, 1.479 },
	{ 8, 0.1259, 11.062, 1.907 }, { 16, 0.0153, 10.716, 1.664 }, { 32, 0.0114, 9.334, 1.818 },
	{ 64, 0.0007, 8.208, 1.344 },
};
/* Narayanan et al., OSDI 2020, section 7.1: 70, 10, 15, 5% of jobs on 1, 2, 4, 8 GPUs. */
static const struct size_class gavel_sizes[] = {
	{ 1, 0.70, 0, 0 }, { 2, 0.10, 0, 0 }, { 4, 0.15, 0, 0 }, { 8, 0.05, 0, 0 }
};
enum {
	PHILLY_SIZES = sizeof philly_sizes / sizeof philly_sizes[0],
	GAVEL_SIZES = sizeof gavel_sizes / sizeof gavel_sizes[0]
};

/* Jobs shorter than a minute are not training; the longest of the Philly trace took 24 days. */
static const double shortest_s = 60, longest_s = 30.0 * 86400;
/* Lifetimes of processes: tail exponent 1.05 to 1.25 (Harchol-Balter and Downey, TOCS 1997). */
static const double pareto_exponent = 1.1;
static const double exponential_mean_s = 3600;

/* Relative rate by hour (0 to 23 h) and by day (Monday first): the 21,106 arrivals of the same
 * seven virtual clusters. Time 0 is a Monday's midnight. */
static const double hour_rate[24] = { 0.99, 0.86, 0.88, 0.84, 0.85, 0.93, 1.05, 1.23,
	                              1.24, 0.94, 0.94, 0.96, 0.88, 0.95, 0.81, 0.82,
	                              1.00, 1.06, 1.06, 1.20, 1.01, 1.09, 1.41, 0.99 };
static const double day_rate[7] = { 1.00, 1.18, 1.13, 1.13, 1.05, 0.79, 0.72 };
/* The same arrivals are bursty: half of them fall into 27% of the hours, correlated from hour to
 * hour (0.28). Two phases of exponential length, the busy one four times as dense. */
static const double busy_mean_s = 3600, quiet_mean_s = 3 * 3600.0, busy_rate = 4;
/* Their gaps have a coefficient of variation of 3.9 (jobs of ten minutes and more) to 6.4 (all);
 * a Lomax law of exponent 2.1 has 4.6. */
static const double lomax_exponent = 2.1;

enum { JOBS_MAX = 10000000 };

/* Streams of one seed. */
enum stream { SIZES, DURATIONS, ARRIVALS, PHASES, APPLICATIONS, USERS, DEADLINES, RANGES };

static struct rng stream(uint64_t seed, enum stream which)
{
	struct rng rng;
	rng_init(&rng, seed ^ (UINT64_C(0xd1342543de82ef95) * ((uint64_t)which + 1)));
	return rng;
}

struct generate_options generate_defaults(void)
{
	return (struct generate_options){ .load = 1, .users = 20 };
}

static enum ergon_code check(const struct generate_options *o, struct ergon_error *err)
{
	if (o->jobs < 1 || o->jobs > JOBS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "jobs: expected 1 to %d, found %" PRIu64,
		                  JOBS_MAX, o->jobs);
	if (!(o->load >= 0.001 && o->load <= 100))
		return ergon_fail(err, ERGON_BAD_INPUT, "load: expected 0.001 to 100, found %g",
		                  o->load);
	if (o->cluster_gpus < 1 || o->cluster_gpus > TRACE_UNITS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "a cluster of 1 to %u GPUs is needed",
		                  TRACE_UNITS_MAX);
	if (!(o->urgent >= 0 && o->urgent <= 1 && o->malleable >= 0 && o->malleable <= 1))
		return ergon_fail(err, ERGON_BAD_INPUT, "shares of jobs are from 0 to 1");
	return ERGON_OK;
}

/* ---- GPUs and durations ---- */

/* A class among those of at most `limit` GPUs, by share. */
static const struct size_class *draw_size(const struct size_class *sizes, size_t count,
                                          uint64_t limit, double u)
{
	double total = 0;
	size_t last = 0;
	for (size_t i = 0; i < count && sizes[i].gpus <= limit; i++) {
		total += sizes[i].share;
		last = i;
	}
	double at = u * total;
	for (size_t i = 0; i < last; i++) {
		at -= sizes[i].share;
		if (at < 0)
			return &sizes[i];
	}
	return &sizes[last];
}

static double draw_duration_s(enum duration_law law, const struct size_class *size, struct rng *rng)
{
	switch (law) {
	case DURATIONS_GAVEL: {
		bool is_long = rng_uniform(rng) >= 0.8;
		double x = is_long ? 3 + rng_uniform(rng) : 1.5 + 1.5 * rng_uniform(rng);
		return 60 * pow(10, x);
	}
	case DURATIONS_PARETO: {
		double tail = pow(shortest_s / longest_s, pareto_exponent);
		double u = rng_uniform(rng);
		return shortest_s * pow(1 - u * (1 - tail), -1 / pareto_exponent);
	}
	case DURATIONS_EXPONENTIAL:
		return rng_exponential(rng, exponential_mean_s);
	case DURATIONS_PHILLY:
	case DURATIONS_COUNT:
		break;
	}
	double seconds = exp(size->ln_mean + size->ln_deviation * rng_normal(rng));
	return fmin(fmax(seconds, shortest_s), longest_s);
}

static uint64_t whole_ms(double seconds)
{
	uint64_t ms = (uint64_t)(seconds * 1e3 + 0.5);
	return (ms ? ms : 1) * NS_PER_MS;
}

/* Sizes and durations; returns GPU-seconds. */
static double draw_work(const struct generate_options *o, struct trace *trace)
{
	struct rng sizes = stream(o->seed, SIZES), durations = stream(o->seed, DURATIONS);
	bool gavel = o->durations == DURATIONS_GAVEL;
	const struct size_class *classes = gavel ? gavel_sizes : philly_sizes;
	uint64_t limit = o->cluster_gpus;
	if (o->gpus_max && o->gpus_max < limit)
		limit = o->gpus_max;
	double work = 0;
	for (size_t i = 0; i < trace->count; i++) {
		struct trace_job *job = &trace->jobs[i];
		const struct size_class *size =
		    draw_size(classes, gavel ? (size_t)GAVEL_SIZES : (size_t)PHILLY_SIZES, limit,
		              rng_uniform(&sizes));
		job->gpus = size->gpus;
		job->duration_ns = whole_ms(draw_duration_s(o->durations, size, &durations));
		work += job->gpus * seconds_from_ns(job->duration_ns);
	}
	return work;
}

/* ---- arrivals ---- */

/* Arrivals in operational time: the first at 0, mean gap 1, into at[count]. */
static void draw_gaps(const struct generate_options *o, double *at, size_t count)
{
	struct rng rng = stream(o->seed, ARRIVALS);
	double now = 0;
	for (size_t i = 0; i < count; i++) {
		at[i] = now;
		double a = lomax_exponent;
		now += o->arrivals == ARRIVALS_HEAVY
		           ? (a - 1) * (pow(1 - rng_uniform(&rng), -1 / a) - 1)
		           : rng_exponential(&rng, 1);
	}
}

/* The rate over real time as a walk over its constant pieces. */
struct rate_walk {
	enum arrival_process process;
	struct rng phases;
	bool busy;
	uint64_t hour;
};

static struct rate_walk walk_begin(const struct generate_options *o)
{
	return (struct rate_walk){ .process = o->arrivals, .phases = stream(o->seed, PHASES) };
}

/* The next piece: its length in seconds and its relative rate. */
static double walk_next(struct rate_walk *walk, double *rate)
{
	if (walk->process == ARRIVALS_DIURNAL) {
		*rate = hour_rate[walk->hour % 24] * day_rate[walk->hour / 24 % 7];
		walk->hour++;
		return 3600;
	}
	walk->busy = !walk->busy;
	*rate = walk->busy ? busy_rate : 1;
	return rng_exponential(&walk->phases, walk->busy ? busy_mean_s : quiet_mean_s);
}

/* Stretches operational time over [0, span_s] so that the density follows the walk's rate: the
 * inverse of the integrated rate, which a first walk over the span has measured. */
static void follow_rate(const struct generate_options *o, double *at, size_t count, double span_s)
{
	double mass = 0, rate, total = at[count - 1];
	struct rate_walk walk = walk_begin(o);
	for (double t = 0; t < span_s;) {
		double piece = fmin(walk_next(&walk, &rate), span_s - t);
		mass += rate * piece;
		t += piece;
	}
	walk = walk_begin(o);
	double begin_s = 0, done = 0, piece = walk_next(&walk, &rate);
	for (size_t i = 0; i < count; i++) {
		double goal = at[i] / total * mass;
		while (done + rate * piece < goal && begin_s + piece < span_s) {
			done += rate * piece;
			begin_s += piece;
			piece = walk_next(&walk, &rate);
		}
		at[i] = fmin(begin_s + (goal - done) / rate, span_s);
	}
}

static enum ergon_code place_arrivals(const struct generate_options *o, struct arena *arena,
                                      struct trace *trace, double work_gpu_s,
                                      struct ergon_error *err)
{
	size_t count = trace->count;
	double span_s = work_gpu_s / (o->load * (double)o->cluster_gpus);
	if (span_s > TRACE_TIME_MAX_S / 4)
		return ergon_fail(err, ERGON_INFEASIBLE,
		                  "%zu jobs at load %g on %" PRIu64
		                  " GPUs would take %.0f years to arrive",
		                  count, o->load, o->cluster_gpus, span_s / 31557600);
	double *at = ARENA_ARRAY(arena, double, count);
	if (!at)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory for %zu jobs", count);
	draw_gaps(o, at, count);
	if (count == 1)
		span_s = 0;
	else if (o->arrivals == ARRIVALS_DIURNAL || o->arrivals == ARRIVALS_BURSTY)
		follow_rate(o, at, count, span_s);
	else
		for (size_t i = 0; i < count; i++)
			at[i] *= span_s / at[count - 1];
	if (count > 1)
		at[count - 1] = span_s;
	for (size_t i = 0; i < count; i++)
		trace->jobs[i].arrival_ns = (uint64_t)(at[i] * 1e3 + 0.5) * NS_PER_MS;
	return ERGON_OK;
}

/* ---- the rest of a job ---- */

static void state_deadlines(const struct generate_options *o, struct trace *trace)
{
	struct rng rng = stream(o->seed, DEADLINES);
	for (size_t i = 0; i < trace->count; i++) {
		struct trace_job *job = &trace->jobs[i];
		bool urgent = rng_uniform(&rng) < o->urgent;
		/* Gavel draws 1.2, 2 or 10 times the duration (section 7.2). */
		static const double slack[3] = { 1.2, 2, 10 };
		double times = slack[rng_below(&rng, 3)];
		if (!urgent)
			continue;
		job->urgent = true;
		job->deadline_ns =
		    job->arrival_ns + whole_ms(times * seconds_from_ns(job->duration_ns));
	}
}

static void state_ranges(const struct generate_options *o, struct trace *trace)
{
	struct rng rng = stream(o->seed, RANGES);
	for (size_t i = 0; i < trace->count; i++) {
		struct trace_job *job = &trace->jobs[i];
		if (rng_uniform(&rng) >= o->malleable)
			continue;
		uint64_t most = (uint64_t)job->gpus * 4;
		job->gpus_min = job->gpus >= 4 ? job->gpus / 4 : 1;
		job->gpus_max = (uint32_t)(most < o->cluster_gpus ? most : o->cluster_gpus);
		job->batch_min = job->batch / job->gpus * job->gpus_min;
		job->batch_max = job->batch / job->gpus * job->gpus_max;
		if (job->batch_min > job->batch || job->batch_max < job->batch)
			job->batch_min = job->batch_max = 0;
	}
}

/* Users by Zipf's law: the k-th sends 1/k of what the first sends. */
static enum ergon_code state_users(const struct generate_options *o, struct arena *arena,
                                   struct trace *trace, struct ergon_error *err)
{
	struct rng rng = stream(o->seed, USERS);
	char **names = ARENA_ARRAY(arena, char *, o->users);
	double *sum = ARENA_ARRAY(arena, double, o->users);
	if (!names || !sum)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory for %u users", o->users);
	for (unsigned i = 0; i < o->users; i++) {
		char name[16];
		snprintf(name, sizeof name, "user%02u", i + 1);
		names[i] = arena_strdup(arena, name);
		sum[i] = (i ? sum[i - 1] : 0) + 1.0 / (i + 1);
		if (!names[i])
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory for users");
	}
	for (size_t i = 0; i < trace->count; i++) {
		double at = rng_uniform(&rng) * sum[o->users - 1];
		unsigned user = 0;
		while (user + 1 < o->users && sum[user] <= at)
			user++;
		trace->jobs[i].user = names[user];
	}
	return ERGON_OK;
}

static enum ergon_code name_jobs(struct arena *arena, struct trace *trace, struct ergon_error *err)
{
	for (size_t i = 0; i < trace->count; i++) {
		char name[24];
		int length = snprintf(name, sizeof name, "job-%zu", i);
		trace->jobs[i].name = arena_strndup(arena, name, (size_t)length);
		trace->jobs[i].line = (uint32_t)(i + 2); /* where trace_write_csv() puts it */
		if (!trace->jobs[i].name)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory for names");
	}
	return ERGON_OK;
}

static enum ergon_code draw_applications(const struct generate_options *o, struct arena *arena,
                                         struct trace *trace, struct ergon_error *err)
{
	struct mix mix;
	enum ergon_code code = mix_parse(o->applications, arena, &mix, err);
	struct rng rng = stream(o->seed, APPLICATIONS);
	for (size_t i = 0; !code && i < trace->count; i++)
		mix_assign(&mix, &trace->jobs[i], rng_uniform(&rng));
	return code;
}

enum ergon_code trace_generate(const struct generate_options *options, struct arena *arena,
                               struct trace *trace, struct ergon_error *err)
{
	enum ergon_code code = check(options, err);
	if (code)
		return code;
	*trace = (struct trace){ .file = "generated",
		                 .format = "generated",
		                 .unit = TRACE_GPUS,
		                 .count = options->jobs,
		                 .rows = options->jobs,
		                 .zero_unix_s = NAN };
	trace->jobs = ARENA_ARRAY(arena, struct trace_job, trace->count);
	if (!trace->jobs)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory for %zu jobs", trace->count);
	for (size_t i = 0; i < trace->count; i++)
		trace->jobs[i] = (struct trace_job){
			.application = "", .user = "", .gpu_type = "", .priority = 1, .gpu_share = 1
		};
	double work_gpu_s = draw_work(options, trace);
	code = name_jobs(arena, trace, err);
	if (!code)
		code = draw_applications(options, arena, trace, err);
	if (!code)
		code = place_arrivals(options, arena, trace, work_gpu_s, err);
	if (!code && options->users)
		code = state_users(options, arena, trace, err);
	if (code)
		return code;
	state_deadlines(options, trace);
	state_ranges(options, trace);
	return ERGON_OK;
}
