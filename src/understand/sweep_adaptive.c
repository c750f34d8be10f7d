/* SPDX-License-Identifier: Apache-2.0
 *
 * The point of least EDP with few measurements: golden section (Kiefer 1953) on the indexes of one
 * lever's values, lever after lever until none moves. A point is run once; two points that the
 * noise cannot tell apart are run again, up to what a full sweep would have spent on them. If the
 * points that were measured along an axis show two valleys, the search does not apply.
 */
#include <math.h>

#include "understand/sweep_internal.h"

enum { ROUNDS_MAX = 6 };
static const double GOLDEN = 0.381966011250105; /* 1 - 1 / golden ratio */
static const double CLEAR = 2.5; /* standard deviations between two means that count as apart */

struct search {
	struct sweep_runner *runner;
	struct sweep *sweep;
	uint32_t at[SWEEP_LEVERS_MAX]; /* where the search stands */
};

static struct sweep_point *point_at(const struct search *s, size_t axis, uint32_t index)
{
	size_t flat = 0;
	for (size_t i = 0; i < s->sweep->lever_count; i++)
		flat = flat * s->sweep->levers[i].count + (i == axis ? index : s->at[i]);
	return &s->sweep->points[flat];
}

double sweep_cost(const struct sweep_point *p)
{
	return p->count ? tradeoff_edp(sweep_mean(p)) : HUGE_VAL;
}

double sweep_noise(const struct sweep *sweep)
{
	double squares = 0, freedom = 0;
	for (size_t i = 0; i < sweep->count; i++) {
		const struct moments *m = &sweep->points[i].edp;
		if (m->count < 2)
			continue;
		squares += moments_variance(m) / (m->mean * m->mean) * (double)(m->count - 1);
		freedom += (double)(m->count - 1);
	}
	return freedom > 0 ? sqrt(squares / freedom) : 0;
}

static double deviation(const struct sweep *sweep, const struct sweep_point *p)
{
	return p->count ? sweep_cost(p) * sweep_noise(sweep) / sqrt((double)p->count) : 0;
}

static enum ergon_code run(struct sweep_runner *r, struct sweep_point *p)
{
	return r->stop ? ERGON_OK : sweep_run_point(r, p);
}

static enum ergon_code ensure(struct sweep_runner *r, struct sweep_point *p)
{
	return p->count + p->failed > 0 ? ERGON_OK : run(r, p);
}

static bool apart(const struct sweep *sweep, const struct sweep_point *a,
                  const struct sweep_point *b)
{
	if (!a->count || !b->count)
		return true;
	double da = deviation(sweep, a), db = deviation(sweep, b);
	return fabs(sweep_cost(a) - sweep_cost(b)) > CLEAR * sqrt(da * da + db * db);
}

enum ergon_code sweep_better(struct sweep_runner *r, struct sweep_point *a, struct sweep_point *b,
                             bool *answer)
{
	enum ergon_code code = ensure(r, a);
	if (!code)
		code = ensure(r, b);
	while (!code && !r->stop && !apart(r->sweep, a, b)) {
		bool a_done = sweep_point_done(r->sweep, a), b_done = sweep_point_done(r->sweep, b);
		if (a_done && b_done)
			break;
		code = run(r, b_done || (!a_done && a->count <= b->count) ? a : b);
	}
	*answer = sweep_cost(a) < sweep_cost(b);
	return code;
}

/* Moves the search to the best index of [low, high], all of them compared. */
static enum ergon_code best_of(struct search *s, size_t axis, uint32_t low, uint32_t high)
{
	uint32_t best = low;
	enum ergon_code code = ensure(s->runner, point_at(s, axis, low));
	for (uint32_t i = low + 1; !code && i <= high && !s->runner->stop; i++) {
		bool first;
		code =
		    sweep_better(s->runner, point_at(s, axis, best), point_at(s, axis, i), &first);
		best = first ? best : i;
	}
	s->at[axis] = best;
	return code;
}

static enum ergon_code golden_section(struct search *s, size_t axis)
{
	uint32_t low = 0, high = (uint32_t)s->sweep->levers[axis].count - 1;
	enum ergon_code code = ERGON_OK;
	while (!code && !s->runner->stop && high - low > 2) {
		double span = (double)(high - low);
		uint32_t left = low + (uint32_t)lround(GOLDEN * span);
		uint32_t right = high - (uint32_t)lround(GOLDEN * span);
		right = right > left ? right : left + 1;
		bool first;
		code = sweep_better(s->runner, point_at(s, axis, left), point_at(s, axis, right),
		                    &first);
		if (first)
			high = right - 1;
		else
			low = left + 1;
	}
	return code ? code : best_of(s, axis, low, high);
}

/* Going along the axis over what was measured: once it has clearly risen it must not clearly fall
 * again. */
static bool one_valley(const struct search *s, size_t axis)
{
	const struct sweep_point *low = NULL, *high = NULL;
	for (uint32_t i = 0; i < s->sweep->levers[axis].count; i++) {
		const struct sweep_point *p = point_at(s, axis, i);
		if (p->count == 0)
			continue;
		if (high && sweep_cost(p) < sweep_cost(high) && apart(s->sweep, p, high))
			return false;
		if (!low || sweep_cost(p) < sweep_cost(low))
			low = p;
		if (sweep_cost(p) > sweep_cost(low) && apart(s->sweep, p, low) &&
		    (!high || sweep_cost(p) > sweep_cost(high)))
			high = p;
	}
	return true;
}

enum ergon_code sweep_finish(struct sweep_runner *r, struct sweep_point *p)
{
	enum ergon_code code = ERGON_OK;
	while (!code && !r->stop && !sweep_point_done(r->sweep, p))
		code = run(r, p);
	return code;
}

static enum ergon_code descend(struct search *s, bool *moved, bool *complete)
{
	*moved = false;
	enum ergon_code code = ERGON_OK;
	for (size_t axis = 0; !code && axis < s->sweep->lever_count && !s->runner->stop; axis++) {
		uint32_t before = s->at[axis], last = (uint32_t)s->sweep->levers[axis].count - 1;
		if (s->sweep->levers[axis].numbers)
			code = golden_section(s, axis);
		else
			code = best_of(s, axis, 0, last); /* texts have no order */
		if (s->sweep->levers[axis].numbers && !one_valley(s, axis))
			*complete = false;
		*moved = *moved || s->at[axis] != before;
	}
	return code;
}

enum ergon_code sweep_adaptive(struct sweep_runner *runner, bool *complete)
{
	struct search s = { .runner = runner, .sweep = runner->sweep };
	struct sweep_point *baseline = &s.sweep->points[sweep_default_point(s.sweep)];
	*complete = true;
	for (size_t i = 0; i < s.sweep->lever_count; i++)
		s.at[i] = baseline->setting[i];
	/* The baseline's runs also tell how large the noise is. */
	enum ergon_code code = sweep_finish(runner, baseline);
	bool moved = true;
	for (int round = 0; !code && moved && *complete && round < ROUNDS_MAX; round++)
		code = descend(&s, &moved, complete);
	if (!code && *complete)
		code = sweep_finish(runner, point_at(&s, 0, s.at[0]));
	return code;
}
