/* SPDX-License-Identifier: Apache-2.0
 *
 * What a trace holds, in numbers; and traces made from traces: a sample, a window, another load.
 */
#ifndef ERGON_OPTIMIZE_TRACES_SUMMARY_H
#define ERGON_OPTIMIZE_TRACES_SUMMARY_H

#include <jansson.h>

#include "optimize/traces/trace.h"

enum { TRACE_WIDTHS = 25, TRACE_APPLICATIONS = 10 };

struct trace_application {
	const char *name;
	size_t jobs;
	double work_unit_s;
};

struct trace_summary {
	double first_s, last_s;           /* arrivals */
	double gap_mean_s, gap_variation; /* of arrivals in order of time; NaN below 2 and 3 jobs */
	size_t unknown_durations;
	/* Of known durations; NaN where there is none. */
	double duration_mean_s, duration_p50_s, duration_p90_s, duration_p99_s, duration_max_s;
	double work_unit_s; /* sum of width x duration x share */
	uint64_t width_max;
	size_t widths[TRACE_WIDTHS]; /* jobs by units asked for: [k] holds 2^k to 2^(k+1) - 1 */
	size_t applications, users;  /* distinct, the empty one not counted */
	struct trace_application top[TRACE_APPLICATIONS]; /* by jobs, then by name */
	size_t urgent, deadlines, malleable, fractional;
	double mean_demand_units; /* work / (last - first): the load times the cluster; NaN */
};

ERGON_MUST_USE enum ergon_code trace_summarise(const struct trace *trace, struct arena *arena,
                                               struct trace_summary *summary,
                                               struct ergon_error *err);
/* Work over capacity: mean_demand_units / units; NaN where it cannot be known. */
double trace_offered_load(const struct trace_summary *summary, double units);
/* "kind": "ergon.trace". units: of the cluster, 0 where none was named. */
json_t *trace_to_json(const struct trace *trace, const struct trace_summary *summary,
                      uint64_t units);

/* The jobs that arrive in [from_ns, to_ns), which becomes time 0. In place. */
void trace_window(struct trace *trace, uint64_t from_ns, uint64_t to_ns);
/* count of the jobs, each equally likely, order kept (Knuth's algorithm S). In place. */
void trace_sample(struct trace *trace, size_t count, uint64_t seed);
/* Multiplies the gaps between arrivals; deadlines keep their distance. False where a time would
 * leave the range; then nothing is changed. */
bool trace_stretch(struct trace *trace, double factor);
/* A bootstrap: as many jobs, each drawn from the trace's with replacement, at arrivals whose gaps
 * are the trace's in another order; deadlines keep their distance. In place; false when memory is
 * out. */
bool trace_resample(struct trace *trace, uint64_t seed);
/* Leaves out jobs that ask for more than so many units; how many these were. */
size_t trace_limit_width(struct trace *trace, uint64_t units);

#endif
