/* SPDX-License-Identifier: Apache-2.0
 *
 * A pattern of load that a wattmeter's trace and a run can be aligned by: all CPUs busy and idle in
 * turn, each for 1 to 5 s, no two neighbours alike and no stretch that repeats (golden-ratio
 * sequence), so that it fits in one place only and its edges fall on all phases of a meter's
 * period.
 */
#ifndef ERGON_MEASURE_MARKER_H
#define ERGON_MEASURE_MARKER_H

#include <stdbool.h>
#include <stddef.h>

#include "ergon/env.h"
#include "ergon/error.h"

/* When it changes, from its begin: busy at each even edge, idle at each odd one. An even number of
 * edges, the last not behind seconds. */
size_t marker_edges(double *edges_s, size_t max, double seconds);

/* Plays it on `threads` threads of this process. Ends early once *stop is set. */
ERGON_MUST_USE enum ergon_code marker_play(const struct ergon_env *env, double seconds,
                                           unsigned threads, const volatile bool *stop,
                                           struct ergon_error *err);

#endif
