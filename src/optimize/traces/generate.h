/* SPDX-License-Identifier: Apache-2.0
 *
 * Synthetic job traces: an arrival process, a joint law of GPUs and duration, a mix of
 * applications, and a load relative to a cluster.
 *
 * The offered load is exact, not expected: jobs are drawn first, then the arrivals are stretched so
 * that work / (GPUs of the cluster x time from first to last arrival) is the load asked for.
 * Every property is drawn from its own stream of the seed, so that another arrival process leaves
 * the jobs as they were. Times are whole milliseconds: the same seed gives the same bytes on any
 * machine. Everything about these jobs is synthetic; the parameters' sources stand in generate.c.
 */
#ifndef ERGON_OPTIMIZE_TRACES_GENERATE_H
#define ERGON_OPTIMIZE_TRACES_GENERATE_H

#include "optimize/traces/trace.h"

enum arrival_process {
	ARRIVALS_POISSON, /* independent, exponential gaps */
	ARRIVALS_DIURNAL, /* Poisson whose rate follows the hour and the day of the week */
	ARRIVALS_BURSTY,  /* Poisson that switches between a quiet and a busy rate */
	ARRIVALS_HEAVY,   /* independent gaps with a heavy tail (Lomax) */
	ARRIVALS_COUNT
};
enum duration_law {
	DURATIONS_PHILLY,      /* log-normal by GPU count */
	DURATIONS_GAVEL,       /* 10^x minutes, x uniform on two ranges */
	DURATIONS_PARETO,      /* bounded Pareto: most work in few jobs */
	DURATIONS_EXPONENTIAL, /* memoryless, mean one hour: for checks against queueing theory */
	DURATIONS_COUNT
};
extern const char *const arrival_names[ARRIVALS_COUNT];
extern const char *const duration_names[DURATIONS_COUNT];

struct generate_options {
	uint64_t jobs; /* 1 to 10 million */
	uint64_t seed;
	double load;           /* offered work over capacity, 0.001 to 100; 1 fills the cluster */
	uint64_t cluster_gpus; /* at least 1 */
	uint64_t gpus_max;     /* of a job; 0: the cluster's */
	enum arrival_process arrivals;
	enum duration_law durations;
	const char *applications; /* "models", "pollux", or a list "NAME[:WEIGHT[:BATCH]],..." with
	                             BATCH samples a GPU; NULL: "models" */
	double urgent;            /* share of jobs with a deadline, 0 to 1 */
	double malleable;         /* share of jobs that state a range of GPUs, 0 to 1 */
	unsigned users;           /* 0: no user stated; else Zipf-distributed over so many */
};

/* 1.0 load, Poisson, Philly, models, 20 users; the caller sets jobs, seed and cluster_gpus. */
struct generate_options generate_defaults(void);

/* "jobs=500,seed=3,load=0.8,arrivals=bursty,durations=gavel,max-gpus=16,urgent=0.1,malleable=1,
 * users=5": what it names is set, the rest stays. Applications need their own option. */
ERGON_MUST_USE enum ergon_code generate_parse(const char *text, struct generate_options *options,
                                              struct ergon_error *err);

/* The trace for those who have none: 160 jobs at full load on a cluster of so many GPUs, arrivals
 * by hour and weekday, every job malleable, one in ten urgent. Always the same for the same
 * cluster. */
ERGON_MUST_USE enum ergon_code trace_default(uint64_t cluster_gpus, struct arena *arena,
                                             struct trace *trace, struct ergon_error *err);

ERGON_MUST_USE enum ergon_code trace_generate(const struct generate_options *options,
                                              struct arena *arena, struct trace *trace,
                                              struct ergon_error *err);

#endif
