/* SPDX-License-Identifier: Apache-2.0
 *
 * The trade-off between time and energy: which of many configurations are worth having.
 *
 * A point is dominated when another one is at most as slow and at most as hungry, and strictly
 * better in one of the two. The Pareto front is every point that is not dominated; points that are
 * equal in both stand or fall together. Everything here is exact: comparisons of the numbers as
 * given, no tolerance, no interpolation.
 *
 * EDP is the energy-delay product, energy x time (J s); ED2P is energy x time^2 (J s^2): Gonzalez
 * and Horowitz 1996; Martin 2001.
 */
#ifndef ERGON_UNDERSTAND_PARETO_H
#define ERGON_UNDERSTAND_PARETO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/error.h"

struct tradeoff_point {
	double time_s, energy_j; /* finite and positive */
};

#define TRADEOFF_NONE SIZE_MAX /* no such point */

static inline double tradeoff_edp(struct tradeoff_point p)
{
	return p.energy_j * p.time_s;
}
static inline double tradeoff_ed2p(struct tradeoff_point p)
{
	return p.energy_j * p.time_s * p.time_s;
}

/* Writes the indexes of the front into front[count], by rising time (equal points by index), and
 * how many to *front_count. O(n log n). Fails only for want of memory. */
ERGON_MUST_USE enum ergon_code pareto_front(const struct tradeoff_point *points, size_t count,
                                            size_t *front, size_t *front_count,
                                            struct ergon_error *err);

/* Indexes of the best points; ties go to the other quantity, then to the lower index. */
struct tradeoff_best {
	size_t min_energy, min_edp, min_ed2p, fastest; /* TRADEOFF_NONE of no points */
};
struct tradeoff_best tradeoff_best(const struct tradeoff_point *points, size_t count);

/* The point of least energy that takes at most (1 + slowdown) times limit_s; TRADEOFF_NONE where
 * none is fast enough. */
size_t tradeoff_within(const struct tradeoff_point *points, size_t count, double limit_s,
                       double slowdown);

/* "19% less energy at 3% more time" of a point against a baseline, into out; returns out. */
char *tradeoff_sentence(char *out, size_t size, struct tradeoff_point point,
                        struct tradeoff_point baseline);

#endif
