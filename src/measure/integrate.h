/* SPDX-License-Identifier: Apache-2.0
 *
 * From readings to energy: one integrator a channel. Pure arithmetic, no clock, no allocation.
 *
 * Counters: energy is the exact difference, modulo the wrap. A step that would need more power than
 * the channel can have (max_power_w) is a reset, a jump or a counter running backwards: its time is
 * a gap and no energy is added. Failed reads in between cost nothing as long as the counter cannot
 * have wrapped more than once meanwhile; else the time is a gap.
 * Powers: the trapezoid between two valid readings, unless they lie further apart than the gap
 * limit. Suspend: the step that spans it is a gap, whatever the readings say.
 */
#ifndef ERGON_MEASURE_INTEGRATE_H
#define ERGON_MEASURE_INTEGRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "measure/sensor.h"

/* Running sums; two of them subtract to a region's. */
struct channel_sum {
	uint64_t counter_uj; /* counters: exact */
	double power_j;      /* powers */
	uint64_t covered_ns, gap_ns, stuck_ns;
	uint32_t steps, gaps, failures, wraps;
	/* Mean power between updates of the source, for sources that look part of the time. */
	uint32_t updates;
	double update_w, update_w2, update_lag_w2; /* sums of p, p^2, p times the p before */
	/* Powers: sum over steps of (change of power times its time, or the source's refresh)^2,
	 * which tells how far a sum of samples may be off (von Neumann's successive differences).
	 */
	double step_j2;
};

struct integrator {
	const struct channel *channel; /* borrowed */
	uint64_t interval_ns;
	bool must_move;      /* a counter that stands still is worth a remark */
	bool started;        /* last holds a valid reading */
	bool in_gap;         /* the latest reading could not be used */
	uint64_t begin_ns;   /* where uncounted time begins while !started */
	uint64_t moved_ns;   /* when the counter last changed */
	double previous_w;   /* of the latest update */
	double fastest_w;    /* greatest power of any step so far */
	struct reading last; /* the latest valid one */
	struct channel_sum sum;
};

void integrator_init(struct integrator *integrator, const struct channel *channel,
                     uint64_t interval_ns, bool must_move);

/* Forgets all sums; time counts from now_ns on. */
void integrator_begin(struct integrator *integrator, uint64_t now_ns);

/* Takes one reading. suspended: the machine slept since the last one. */
void integrator_step(struct integrator *integrator, const struct reading *reading, bool suspended);

/* Time since the last valid reading becomes a gap where it was not accounted for. */
void integrator_finish(struct integrator *integrator, uint64_t now_ns);

/* Energy of a sum, J. */
double channel_sum_j(const struct channel *channel, const struct channel_sum *sum);

/* after - before, field by field. */
struct channel_sum channel_sum_minus(const struct channel_sum *after,
                                     const struct channel_sum *before);

#endif
