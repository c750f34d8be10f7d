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

/* How the time answers to a lever of numbers: read from its highest and its lowest setting. */
struct tradeoff_curve {
	enum { CURVE_UNKNOWN, CURVE_FLAT, CURVE_BENT, CURVE_STEEP } shape;
	double stretch; /* time at the lowest setting over time at the highest; NaN: unknown */
};
/* levers: [count], positive; UNKNOWN below three points or a span of 1.2. is_power: a limit of
 * power, which acts on the speed by about its cube root. */
struct tradeoff_curve tradeoff_curve(const double *levers, const struct tradeoff_point *points,
                                     size_t count, bool is_power);
/* "steep: at the lowest ..."; "" for UNKNOWN. Returns out. */
char *tradeoff_curve_text(char *out, size_t size, struct tradeoff_curve curve);

#endif
