/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/classify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Lines between the classes. Busy: below a tenth of one processor nothing computes. Sensitivity:
 * the halves between "all of the time" and "none of it". Neighbour: a slowdown beyond what
 * unequal arithmetic would make; 1.05 is the noise of a shared last cache. */
static const double BUSY_LEAST = 0.1;
static const double CLOCK_COMPUTE = 0.7, CLOCK_MEMORY = 0.35;
static const double NEIGHBOUR_MEMORY = 1.15, NEIGHBOUR_NONE = 1.08;

const char *workload_class_name(enum workload_class class)
{
	static const char *const names[] = { "unknown",       "idle",
		                             "compute-bound", "compute- or cache-bound",
		                             "memory-bound",  "mixed" };
	return names[class];
}

static bool known(struct probe_ratio r)
{
	return isfinite(r.ratio) && isfinite(r.half_width);
}

static bool above(struct probe_ratio r, double line)
{
	return r.ratio - r.half_width > line;
}

static bool below(struct probe_ratio r, double line)
{
	return r.ratio + r.half_width < line;
}

static struct workload_verdict by_clock(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	struct probe_ratio r = e->clock;
	if (above(r, CLOCK_COMPUTE))
		v.class = CLASS_COMPUTE;
	else if (below(r, CLOCK_MEMORY))
		v.class = CLASS_MEMORY;
	else if (above(r, CLOCK_MEMORY) && below(r, CLOCK_COMPUTE))
		v.class = CLASS_MIXED;
	snprintf(v.because, sizeof v.because,
	         "%.0f%% (+-%.0f) of a change of clock shows in its time%s", 100 * r.ratio,
	         100 * r.half_width,
	         v.class ? "" : ": the interval lies across a line; more repeats would tell");
	return v;
}

static struct workload_verdict by_neighbour(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	struct probe_ratio r = e->neighbour;
	if (above(r, NEIGHBOUR_MEMORY))
		v.class = CLASS_MEMORY;
	else if (below(r, NEIGHBOUR_NONE))
		v.class = CLASS_COMPUTE_OR_CACHE;
	snprintf(v.because, sizeof v.because,
	         "beside a memory stream it takes %.2f (+-%.2f) times the CPU time as beside "
	         "arithmetic%s",
	         r.ratio, r.half_width, v.class ? "" : ": too little to tell");
	return v;
}

struct workload_verdict classify(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	if (e->busy < BUSY_LEAST) {
		v.class = CLASS_IDLE;
		snprintf(v.because, sizeof v.because,
		         "it used %.1f%% of one processor: it sleeps, or waits for I/O or the "
		         "network",
		         100 * e->busy);
	} else if (known(e->clock)) {
		v = by_clock(e);
	} else if (known(e->neighbour)) {
		v = by_neighbour(e);
	} else {
		snprintf(v.because, sizeof v.because, "no probe was possible: %.190s; %.190s",
		         e->no_clock, e->no_neighbour);
	}
	return v;
}
