/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/pareto.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct ranked {
	struct tradeoff_point point;
	size_t index;
};

/* By time, then energy, then index: behind a point stand only slower or hungrier ones. */
static int by_time(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->point.time_s != y->point.time_s)
		return x->point.time_s < y->point.time_s ? -1 : 1;
	if (x->point.energy_j != y->point.energy_j)
		return x->point.energy_j < y->point.energy_j ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

enum ergon_code pareto_front(const struct tradeoff_point *points, size_t count, size_t *front,
                             size_t *front_count, struct ergon_error *err)
{
	*front_count = 0;
	if (count == 0)
		return ERGON_OK;
	struct ranked *ranked = calloc(count, sizeof *ranked);
	if (!ranked)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){ points[i], i };
	qsort(ranked, count, sizeof *ranked, by_time);
	struct tradeoff_point last = { -1, (double)INFINITY };
	for (size_t i = 0; i < count; i++) {
		struct tradeoff_point p = ranked[i].point;
		bool twin = p.energy_j == last.energy_j && p.time_s == last.time_s;
		if (p.energy_j >= last.energy_j && !twin)
			continue;
		front[(*front_count)++] = ranked[i].index;
		last = p;
	}
	free(ranked);
	return ERGON_OK;
}

/* Is the pair (a, tie_a) less than (b, tie_b)? */
static bool less(double a, double tie_a, double b, double tie_b)
{
	return a < b || (a == b && tie_a < tie_b);
}

struct tradeoff_best tradeoff_best(const struct tradeoff_point *points, size_t count)
{
	struct tradeoff_best best = { TRADEOFF_NONE, TRADEOFF_NONE, TRADEOFF_NONE, TRADEOFF_NONE };
	if (count == 0)
		return best;
	best = (struct tradeoff_best){ 0, 0, 0, 0 };
	for (size_t i = 1; i < count; i++) {
		struct tradeoff_point p = points[i];
		struct tradeoff_point e = points[best.min_energy], d = points[best.min_edp];
		struct tradeoff_point d2 = points[best.min_ed2p], t = points[best.fastest];
		if (less(p.energy_j, p.time_s, e.energy_j, e.time_s))
			best.min_energy = i;
		if (less(tradeoff_edp(p), p.energy_j, tradeoff_edp(d), d.energy_j))
			best.min_edp = i;
		if (less(tradeoff_ed2p(p), p.energy_j, tradeoff_ed2p(d2), d2.energy_j))
			best.min_ed2p = i;
		if (less(p.time_s, p.energy_j, t.time_s, t.energy_j))
			best.fastest = i;
	}
	return best;
}

size_t tradeoff_within(const struct tradeoff_point *points, size_t count, double limit_s,
                       double slowdown)
{
	size_t best = TRADEOFF_NONE;
	for (size_t i = 0; i < count; i++) {
		if (points[i].time_s > limit_s * (1 + slowdown))
			continue;
		if (best == TRADEOFF_NONE || less(points[i].energy_j, points[i].time_s,
		                                  points[best].energy_j, points[best].time_s))
			best = i;
	}
	return best;
}

static int percent(char *out, size_t size, double ratio)
{
	double p = 100 * fabs(ratio);
	return snprintf(out, size, "%.*f%%", p < 9.95 && p >= 0.05 ? 1 : 0, p);
}

char *tradeoff_sentence(char *out, size_t size, struct tradeoff_point point,
                        struct tradeoff_point baseline)
{
	double energy = point.energy_j / baseline.energy_j - 1;
	double time = point.time_s / baseline.time_s - 1;
	char e[32], t[32];
	percent(e, sizeof e, energy);
	percent(t, sizeof t, time);
	if (fabs(energy) < 0.0005 && fabs(time) < 0.0005) {
		snprintf(out, size, "no less energy than the baseline");
		return out;
	}
	if (fabs(time) < 0.0005)
		snprintf(out, size, "%s %s energy in the same time", e,
		         energy <= 0 ? "less" : "more");
	else
		snprintf(out, size, "%s %s energy at %s %s time", e, energy <= 0 ? "less" : "more",
		         t, time < 0 ? "less" : "more");
	return out;
}
