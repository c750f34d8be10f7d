/* SPDX-License-Identifier: Apache-2.0
 *
 * Before and after the search for phases: real recordings have bursts (a preemption, a late
 * reading) and noise with a memory, which a model of independent normal noise takes for changes.
 */
#ifndef ERGON_UNDERSTAND_PHASE_ROBUST_H
#define ERGON_UNDERSTAND_PHASE_ROBUST_H

#include "understand/phases.h"

/* Running median over 2 half + 1 samples, of each of dims: bursts of up to half samples vanish, an
 * edge stays where it is. out: [count * dims]. */
void phase_smooth(const double *samples, size_t count, size_t dims, size_t half, double *out);

/* What a change must be, in each dimension, to count. */
struct phase_scale {
	double wander[PHASE_DIMS_MAX]; /* of medians of neighbouring windows, without a change */
	double range[PHASE_DIMS_MAX];  /* between the lowest and the highest levels */
	size_t window;                 /* samples of a window; 0: too few for any */
};

/* The noise of recorded power or rates has a memory: levels wander, and successive differences do
 * not show it. So the medians of two neighbouring windows are compared all along the series. A
 * change of phase shows in the 2 window places around it, so a quantile is taken that lies below
 * them: the given one of all differences, which is the quantile `rest` of those without a change.
 * The wander is that over what it is for a normal variable of variance 1. scratch: [count]. */
void phase_wander(const double *samples, size_t count, size_t dims, size_t window, double quantile,
                  double rest, double *scratch, struct phase_scale *scale);

/* Of the 2nd to the 98th percentile. scratch: [count]. */
void phase_range(const double *samples, size_t count, size_t dims, double *scratch,
                 struct phase_scale *scale);

/* Joins neighbours, the nearest first, whose medians differ in no dimension by effect times the
 * spread inside them, 2 effect times the wander, of the series or their own, and share of the
 * range. Means are left to the caller. False: out of memory. */
bool phase_merge(const double *samples, size_t dims, double effect, double share,
                 const struct phase_scale *scale, struct phases *phases);

/* How many changes are a tenth of the largest or more, in some dimension: those that show. */
size_t phase_clear_changes(const struct phases *phases, size_t dims);

#endif
