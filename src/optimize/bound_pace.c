/* SPDX-License-Identifier: Apache-2.0
 *
 * The energy that a pace demands, by Lagrangian relaxation.
 *
 * With prices nu on the sum of all times, l_i on the time of job i and mu on GPU time, the least
 * energy of a run of length M and mean completion time J is at least
 *
 *     floor M + sum_i ( least_c (E_c + (nu + l_i) T_c + mu G_c) - l_i (M - ready_i) )
 *             + mu (restarts - N M) - nu (n J - waits)
 *
 * which at fixed prices is a straight line in M. Its maximum over the prices is convex in M, so
 * that lines from both sides of the least enclose it.
 */
#include "optimize/bound_pace.h"

#include <math.h>

enum { ROUNDS_MAX = 48 };
static const double close_enough = 1e-4;

double pace_time_w(uint32_t i)
{
	return i ? pow(1.6, i - 1) : 0; /* to 0.5 MW */
}

double pace_gpu_w(uint32_t i)
{
	return i ? pow(2, i - 1) : 0; /* to 1 kW */
}

/* at + slope (M - m_s) is never above the least energy of a run of length M. */
struct line {
	double m_s, at_j, slope_w;
	uint32_t nu, mu;
};

static struct line line_at(const struct bound_pace *p, double m_s, double jct_s, uint32_t nu,
                           uint32_t mu)
{
	double nu_w = pace_time_w(nu), mu_w = pace_gpu_w(mu), time_w[PACE_TIMES];
	struct line line = { .m_s = m_s, .nu = nu, .mu = mu };
	line.slope_w = p->floor_w - mu_w * p->gpus;
	line.at_j = line.slope_w * m_s + mu_w * p->restart_gpu_s;
	if (nu)
		line.at_j -= nu_w * (p->count * jct_s - p->waits_s);
	for (uint32_t k = 0; k < PACE_TIMES; k++)
		time_w[k] = pace_time_w(k) - nu_w;
	for (uint32_t i = 0; i < p->count; i++) {
		const double *cost_j = p->cost_j[i] + (size_t)mu * PACE_TIMES;
		double room_s = m_s - p->ready_s[i], most_j = -(double)INFINITY, l_w = 0;
		for (uint32_t k = nu; k < PACE_TIMES; k++) {
			double j = cost_j[k] * p->scale[i] - time_w[k] * room_s;
			if (j <= most_j)
				continue;
			most_j = j;
			l_w = time_w[k];
		}
		line.at_j += most_j;
		line.slope_w -= l_w;
	}
	return line;
}

/* The highest line found at m_s, climbing from the prices of *from. */
static struct line best_line(const struct bound_pace *p, double m_s, double jct_s,
                             const struct line *from)
{
	struct line best = line_at(p, m_s, jct_s, from->nu, from->mu);
	for (bool better = true; better;) {
		static const int steps[][2] = { { 1, 0 },  { -1, 0 }, { 0, 1 },
			                        { 0, -1 }, { 1, -1 }, { -1, 1 } };
		better = false;
		for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
			int nu = (int)best.nu + steps[s][0], mu = (int)best.mu + steps[s][1];
			if (nu < 0 || nu >= PACE_TIMES || mu < 0 || mu >= PACE_GPUS ||
			    (nu && !isfinite(jct_s)))
				continue;
			struct line other = line_at(p, m_s, jct_s, (uint32_t)nu, (uint32_t)mu);
			if (other.at_j <= best.at_j + 1e-9 * fabs(best.at_j))
				continue;
			best = other;
			better = true;
		}
	}
	return best;
}

static double on(const struct line *line, double m_s)
{
	return line->at_j + line->slope_w * (m_s - line->m_s);
}

/* The least over runs of length low_s to high_s. */
static double least_between(const struct bound_pace *p, double low_s, double high_s, double jct_s)
{
	struct line start = { 0 };
	struct line high = best_line(p, high_s, jct_s, &start);
	if (high.slope_w <= 0)
		return high.at_j;
	struct line low = best_line(p, low_s, jct_s, &high);
	if (low.slope_w >= 0)
		return low.at_j;
	double least_j = 0;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		double m_s =
		    (high.at_j - high.slope_w * high.m_s - low.at_j + low.slope_w * low.m_s) /
		    (low.slope_w - high.slope_w);
		m_s = fmin(high_s, fmax(low_s, m_s));
		least_j = fmin(on(&low, m_s), on(&high, m_s));
		struct line here = best_line(p, m_s, jct_s, round % 2 ? &low : &high);
		if (here.at_j - least_j <= close_enough * here.at_j)
			break;
		if (here.slope_w < 0)
			low = here;
		else
			high = here;
	}
	return least_j;
}

double bound_at_pace(const struct bound *bound, double makespan_s, double jct_mean_s)
{
	const struct bound_pace *p = bound->pace;
	if (!p || !isfinite(bound->energy_j))
		return (double)NAN;
	/* A run that is longer than this saves nothing: no job is in a hurry any more. */
	double longest_s = fmin(makespan_s, p->shortest_s * 1000);
	double least_j =
	    least_between(p, p->shortest_s, fmax(p->shortest_s, longest_s), jct_mean_s);
	/* Not all prices are tried, so that more to keep to can seem to cost less. */
	return fmax(bound->energy_j, least_j);
}
