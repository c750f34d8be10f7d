/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/solver/bounded.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "optimize/solver/line_search.h"

enum { N = BOUNDED_VARIABLES_MAX, PAIRS = 10, ITERATIONS_MAX = 15000, TRIALS_MAX = 20 };
/* As published: on the projected gradient, and on the relative fall of the value. */
static const double gradient_enough = 1e-5, fall_enough = 2.220446049250313e-9;

/* Of the n variables that are not held at one value; the others count only in the gradient's change
 * from which the scale follows, as published. */
struct state {
	const struct bounded_problem *p;
	int n, which[N]; /* their places in the problem */
	double low[N], high[N];
	double all_x[N], all_g[N]; /* [problem's count]: of the last point accepted */
	double x[N], g[N], f;
	double s[PAIRS][N], y[PAIRS][N], sy[PAIRS], scale; /* changes of x and g, oldest first */
	int pairs;
	double b[N][N]; /* the approximate Hessian */
	double target[N];
	bool free[N]; /* not at a bound at the Cauchy point */
	int iterations;
};

static double dot(const struct state *m, const double *a, const double *b)
{
	double sum = 0;
	for (int i = 0; i < m->n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* At x, of which the problem's own order and gradient are left in all_x and all_g. */
static double value_at(const struct state *m, const double *x, double *g, double *all_x,
                       double *all_g)
{
	memcpy(all_x, m->all_x, sizeof m->all_x);
	for (int i = 0; i < m->n; i++)
		all_x[m->which[i]] = x[i];
	double f = m->p->value(m->p->user, all_x, all_g);
	for (int i = 0; i < m->n; i++)
		g[i] = all_g[m->which[i]];
	return f;
}

static void multiply(const struct state *m, const double *v, double *out)
{
	/* Of a symmetric matrix, column by column over its full height: the sums' order is that of
	 * rows, and compilers make vectors of it. */
	double sum[N] = { 0 };
	for (int j = 0; j < m->n; j++) {
		double part = v[j];
		for (int i = 0; i < N; i++)
			sum[i] += m->b[j][i] * part;
	}
	memcpy(out, sum, sizeof sum);
}

/* scale x identity, updated by each pair in turn. */
static void make_matrix(struct state *m)
{
	for (int i = 0; i < m->n; i++)
		for (int j = 0; j < m->n; j++)
			m->b[i][j] = i == j ? m->scale : 0;
	for (int k = 0; k < m->pairs; k++) {
		double bs[N];
		multiply(m, m->s[k], bs);
		double sbs = dot(m, m->s[k], bs), sy = m->sy[k];
		for (int i = 0; i < m->n; i++)
			for (int j = 0; j <= i; j++) {
				m->b[i][j] += m->y[k][i] * m->y[k][j] / sy - bs[i] * bs[j] / sbs;
				m->b[j][i] = m->b[i][j];
			}
	}
}

static double projected_gradient(const struct state *m)
{
	double most = 0;
	for (int i = 0; i < m->n; i++) {
		double g = m->g[i];
		g = g < 0 ? fmax(m->x[i] - m->high[i], g) : fmin(m->x[i] - m->low[i], g);
		most = fmax(most, fabs(g));
	}
	return most;
}

/* How far x[i] may go along -g; 0 where it stands at the bound, infinite where there is none. */
static double break_of(const struct state *m, int i)
{
	double bound = m->g[i] < 0 ? m->high[i] : m->low[i];
	if (m->g[i] == 0 || isinf(bound))
		return (double)INFINITY;
	return (m->x[i] - bound) / m->g[i];
}

/* The first minimum of the quadratic model along the projected steepest descent. */
static void cauchy_point(struct state *m)
{
	double d[N] = { 0 }, at[N] = { 0 }, z[N] = { 0 }, bz[N], bd[N], last = 0, step;
	memcpy(m->target, m->x, sizeof m->target);
	for (int i = 0; i < m->n; i++) {
		at[i] = break_of(m, i);
		m->free[i] = at[i] > 0;
		d[i] = m->free[i] ? -m->g[i] : 0;
	}
	multiply(m, d, bd);
	double least_curvature = DBL_EPSILON * dot(m, d, bd);
	for (;;) {
		for (int i = 0; i < m->n; i++)
			z[i] = m->target[i] - m->x[i];
		multiply(m, z, bz);
		multiply(m, d, bd);
		double slope = dot(m, m->g, d) + dot(m, d, bz);
		double curvature = fmax(dot(m, d, bd), least_curvature);
		step = curvature > 0 ? fmax(0, -slope / curvature) : 0;
		int next = -1;
		for (int i = 0; i < m->n; i++)
			if (d[i] != 0 && (next < 0 || at[i] < at[next]))
				next = i;
		if (next < 0 || step < at[next] - last)
			break;
		for (int i = 0; i < m->n; i++)
			m->target[i] += (at[next] - last) * d[i];
		m->target[next] = d[next] > 0 ? m->high[next] : m->low[next];
		last = at[next];
		d[next] = 0;
		m->free[next] = false;
	}
	for (int i = 0; i < m->n; i++)
		m->target[i] += step * d[i];
}

/* Solves the free part of B v = r by Cholesky; false where it is not positive. */
static bool solve_free(const struct state *m, const int *list, int count, const double *r,
                       double *out)
{
	double l[N][N];
	for (int i = 0; i < count; i++)
		for (int j = 0; j <= i; j++) {
			double sum = m->b[list[i]][list[j]];
			for (int k = 0; k < j; k++)
				sum -= l[i][k] * l[j][k];
			if (i == j && !(sum > 0))
				return false;
			l[i][j] = i == j ? sqrt(sum) : sum / l[j][j];
		}
	for (int i = 0; i < count; i++) {
		out[i] = r[i];
		for (int k = 0; k < i; k++)
			out[i] -= l[i][k] * out[k];
		out[i] /= l[i][i];
	}
	for (int i = count; i-- > 0;) {
		for (int k = i + 1; k < count; k++)
			out[i] -= l[k][i] * out[k];
		out[i] /= l[i][i];
	}
	return true;
}

/* The step cut short where it would leave the bounds. */
static void truncate_step(const struct state *m, const int *list, int count, const double *v,
                          double *target)
{
	double part = 1;
	int stops = -1;
	for (int k = 0; k < count; k++) {
		int i = list[k];
		double room = (v[k] > 0 ? m->high[i] : m->low[i]) - m->target[i];
		if (v[k] != 0 && part * v[k] / room > 1) {
			part = room / v[k];
			stops = k;
		}
	}
	memcpy(target, m->target, sizeof m->target);
	for (int k = 0; k < count; k++)
		target[list[k]] += part * v[k];
	if (stops >= 0)
		target[list[stops]] = v[stops] > 0 ? m->high[list[stops]] : m->low[list[stops]];
}

/* Over the free variables, from the Cauchy point on. */
static bool minimise_subspace(struct state *m)
{
	int list[N], count = 0;
	double z[N], bz[N], r[N], v[N], target[N], slope = 0;
	for (int i = 0; i < m->n; i++) {
		z[i] = m->target[i] - m->x[i];
		if (m->free[i])
			list[count++] = i;
	}
	if (!count || !m->pairs)
		return true;
	multiply(m, z, bz);
	for (int k = 0; k < count; k++)
		r[k] = -m->g[list[k]] - bz[list[k]];
	if (!solve_free(m, list, count, r, v))
		return false;
	memcpy(target, m->target, sizeof target);
	for (int k = 0; k < count; k++) {
		int i = list[k];
		target[i] = fmin(m->high[i], fmax(m->low[i], target[i] + v[k]));
	}
	for (int i = 0; i < m->n; i++)
		slope += (target[i] - m->x[i]) * m->g[i];
	if (slope > 0)
		truncate_step(m, list, count, v, target);
	memcpy(m->target, target, sizeof target);
	return true;
}

static double longest_step(const struct state *m, const double *d)
{
	double most = 1e10;
	if (m->iterations == 0)
		return 1;
	for (int i = 0; i < m->n; i++) {
		double room = (d[i] > 0 ? m->high[i] : m->low[i]) - m->x[i];
		if (d[i] != 0 && !isinf(room))
			most = fmin(most, room / d[i]);
	}
	return most;
}

static void add_pair(struct state *m, const double *s, const double *y, double sy, double yy)
{
	if (m->pairs == PAIRS) {
		memmove(m->s[0], m->s[1], sizeof m->s - sizeof *m->s);
		memmove(m->y[0], m->y[1], sizeof m->y - sizeof *m->y);
		memmove(m->sy, m->sy + 1, sizeof m->sy - sizeof *m->sy);
		m->pairs--;
	}
	memcpy(m->s[m->pairs], s, sizeof *m->s);
	memcpy(m->y[m->pairs], y, sizeof *m->y);
	m->sy[m->pairs++] = sy;
	m->scale = yy / sy;
}

/* Walks to the target; false where no step lowers the value enough. x, g and f are then as before.
 */
static bool walk(struct state *m)
{
	double d[N] = { 0 }, x[N], g[N], all_x[N], all_g[N], norm = 0;
	for (int i = 0; i < m->n; i++) {
		d[i] = m->target[i] - m->x[i];
		norm += d[i] * d[i];
	}
	double slope = dot(m, m->g, d), most = longest_step(m, d);
	if (!(slope < 0) || !(most > 0))
		return false;
	double first = m->iterations == 0 ? fmin(1 / sqrt(norm), most) : 1;
	struct line_search line;
	line_search_begin(&line, m->f, slope, fmin(first, most), most);
	for (int trial = 0; trial < TRIALS_MAX; trial++) {
		double step = line.step;
		for (int i = 0; i < m->n; i++)
			x[i] = step == 1 ? m->target[i] : m->x[i] + step * d[i];
		double f = value_at(m, x, g, all_x, all_g);
		if (!isfinite(f))
			return false;
		if (!line_search_next(&line, f, dot(m, g, d)))
			continue;
		double s[N] = { 0 }, y[N] = { 0 }, yy = 0;
		for (int i = 0; i < m->n; i++) {
			s[i] = step * d[i];
			y[i] = g[i] - m->g[i];
		}
		for (int i = 0; i < m->p->count; i++)
			yy += (all_g[i] - m->all_g[i]) * (all_g[i] - m->all_g[i]);
		double sy = dot(m, s, y);
		memcpy(m->all_x, all_x, sizeof all_x);
		memcpy(m->all_g, all_g, sizeof all_g);
		memcpy(m->x, x, sizeof x);
		memcpy(m->g, g, sizeof g);
		m->f = f;
		if (sy > DBL_EPSILON * -slope * step)
			add_pair(m, s, y, sy, yy);
		return true;
	}
	return false;
}

double bounded_minimise(const struct bounded_problem *problem, double *x)
{
	struct state m = { .p = problem, .scale = 1 };
	for (int i = 0; i < problem->count; i++) {
		m.all_x[i] = fmin(problem->high[i], fmax(problem->low[i], x[i]));
		if (problem->low[i] >= problem->high[i])
			continue;
		m.x[m.n] = m.all_x[i];
		m.low[m.n] = problem->low[i];
		m.high[m.n] = problem->high[i];
		m.which[m.n++] = i;
	}
	m.f = problem->value(problem->user, m.all_x, m.all_g);
	for (int i = 0; i < m.n; i++)
		m.g[i] = m.all_g[m.which[i]];
	for (int turn = 0; turn < ITERATIONS_MAX && projected_gradient(&m) > gradient_enough;
	     turn++) {
		double before = m.f;
		make_matrix(&m);
		cauchy_point(&m);
		if (!minimise_subspace(&m) || !walk(&m)) {
			if (!m.pairs)
				break;
			m.pairs = 0; /* what was learned misleads */
			m.scale = 1;
			continue;
		}
		m.iterations++;
		if (before - m.f <= fall_enough * fmax(1, fmax(fabs(before), fabs(m.f))))
			break;
	}
	memcpy(x, m.all_x, (size_t)problem->count * sizeof *x);
	return m.f;
}
