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

/* Joins neighbours, the nearest first, whose medians differ by less than effect times the spread
 * inside them in every dimension. Means are left to the caller. False: out of memory. */
bool phase_merge(const double *samples, size_t dims, double effect, struct phases *phases);

#endif
