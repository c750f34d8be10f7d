/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/pollux_fit.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "optimize/solver/bounded.h"

static const double least = 1e-8;
/* Keeps the slope of a root mean square finite where there is no error at all. */
static const double smooth = 1e-24;

double pollux_compute_s(const struct pollux_fit *fit, double local_batch)
{
	return fit->value[ALPHA_C] + fit->value[BETA_C] * local_batch;
}

double pollux_network_s(const struct pollux_fit *fit, uint32_t nodes, uint32_t gpus)
{
	if (gpus < 2)
		return least;
	double more = gpus > 2 ? gpus - 2 : 0;
	return nodes > 1 ? fit->value[ALPHA_N] + fit->value[BETA_N] * more
	                 : fit->value[ALPHA_R] + fit->value[BETA_R] * more;
}

double pollux_step_s(const struct pollux_fit *fit, double compute_s, double network_s)
{
	double gamma = fit->value[GAMMA], high = fmax(compute_s, network_s);
	double ratio = fmin(compute_s, network_s) / high;
	if (gamma <= 1)
		return compute_s + network_s;
	if (ratio < 1e-5) /* adds less than a part in 10^5, as gamma is at least 1 */
		return high;
	return high * pow(1 + pow(ratio, gamma), 1 / gamma);
}

/* ln of the step and its derivatives by compute time, network time and gamma. */
static double log_step(double a, double n, double gamma, double by[3])
{
	double high = fmax(a, n), ratio = fmin(a, n) / high;
	double power = pow(ratio, gamma), sum = 1 + power;
	double log_sum = log(sum), log_value = log(high) + log_sum / gamma;
	double by_high = 1 / (high * sum), by_low = power > 0 ? power / (ratio * high * sum) : 0;
	by[0] = a >= n ? by_high : by_low;
	by[1] = a >= n ? by_low : by_high;
	by[2] = -log_sum / (gamma * gamma) + (power > 0 ? power * log(ratio) / (sum * gamma) : 0);
	return log_value;
}

/* log_step_s: [count], what does not change from one call to the next. */
static double error_at(const double *p, const struct observation *seen, const double *log_step_s,
                       uint32_t count, double *gradient)
{
	double squares[2] = { 0, 0 }, g[2][FIT_PARAMETERS] = { { 0 } };
	struct pollux_fit fit;
	memcpy(fit.value, p, sizeof fit.value);
	for (uint32_t i = 0; i < count; i++) {
		const struct observation *o = &seen[i];
		double a = pollux_compute_s(&fit, o->local_batch);
		double n = pollux_network_s(&fit, o->nodes, o->gpus), by[3];
		double more = o->gpus > 2 ? o->gpus - 2 : 0;
		double e1 = log(a / o->compute_s);
		double e2 = log_step(a, n, p[GAMMA], by) - log_step_s[i];
		squares[0] += e1 * e1;
		squares[1] += e2 * e2;
		g[0][ALPHA_C] += e1 / a;
		g[0][BETA_C] += e1 / a * o->local_batch;
		g[1][ALPHA_C] += e2 * by[0];
		g[1][BETA_C] += e2 * by[0] * o->local_batch;
		g[1][GAMMA] += e2 * by[2];
		if (o->gpus > 1) {
			int alpha = o->nodes > 1 ? ALPHA_N : ALPHA_R;
			g[1][alpha] += e2 * by[1];
			g[1][alpha + 1] += e2 * by[1] * more;
		}
	}
	double error = 0;
	double ratio_n = p[BETA_N] / p[ALPHA_N], ratio_r = p[BETA_R] / p[ALPHA_R];
	if (gradient)
		memset(gradient, 0, FIT_PARAMETERS * sizeof *gradient);
	for (int k = 0; k < 2; k++) {
		double rms = sqrt(squares[k] / count + smooth);
		error += rms;
		for (int i = 0; gradient && rms > 0 && i < FIT_PARAMETERS; i++)
			gradient[i] += g[k][i] / (count * rms);
	}
	if (gradient) {
		gradient[GAMMA] += 2e-3 * (p[GAMMA] - 1);
		gradient[BETA_N] += 2e-2 * ratio_n / p[ALPHA_N];
		gradient[ALPHA_N] -= 2e-2 * ratio_n * ratio_n / p[ALPHA_N];
		gradient[BETA_R] += 2e-2 * ratio_r / p[ALPHA_R];
		gradient[ALPHA_R] -= 2e-2 * ratio_r * ratio_r / p[ALPHA_R];
	}
	return error + 1e-3 * (p[GAMMA] - 1) * (p[GAMMA] - 1) +
	       1e-2 * (ratio_n * ratio_n + ratio_r * ratio_r);
}

double pollux_fit_error(const double *p, const struct observation *seen, uint32_t count,
                        double *gradient)
{
	double log_step_s[OBSERVATIONS_MAX];
	for (uint32_t i = 0; i < count; i++)
		log_step_s[i] = log(seen[i].step_s);
	return error_at(p, seen, log_step_s, count, gradient);
}

struct fitting {
	const struct observation *seen;
	double log_step_s[OBSERVATIONS_MAX];
	uint32_t count;
	double x[FIT_PARAMETERS], low[FIT_PARAMETERS], high[FIT_PARAMETERS];
};

static double error_of(void *user, const double *x, double *gradient)
{
	const struct fitting *s = user;
	return error_at(x, s->seen, s->log_step_s, s->count, gradient);
}

static void hold(struct fitting *s, int parameter, double value)
{
	s->x[parameter] = s->low[parameter] = s->high[parameter] = value;
}

void pollux_fit_to(const struct observation *seen, uint32_t count, struct pollux_fit *fit)
{
	static const double cold[FIT_PARAMETERS] = { 0.1, 0.01, 0.1, 0.01, 0.1, 0.01, 1.001 };
	struct fitting s;
	s.seen = seen;
	s.count = count;
	bool one_batch = true, across = false, within = false, over_two = false;
	double mean_s = 0;
	for (uint32_t i = 0; i < count; i++) {
		one_batch = one_batch && seen[i].local_batch == seen[0].local_batch;
		across = across || seen[i].nodes > 1;
		within = within || (seen[i].nodes == 1 && seen[i].gpus > 1);
		over_two = over_two || seen[i].gpus > 2;
		mean_s += seen[i].compute_s / count;
		s.log_step_s[i] = log(seen[i].step_s);
	}
	for (int i = 0; i < FIT_PARAMETERS; i++) {
		s.x[i] = cold[i];
		s.low[i] = i == GAMMA ? 1 : least;
		s.high[i] = i == GAMMA ? 10 : (double)INFINITY;
	}
	if (one_batch)
		hold(&s, ALPHA_C, mean_s / 2);
	if (!across) {
		hold(&s, ALPHA_N, least);
		hold(&s, BETA_N, least);
	}
	if (!within) {
		hold(&s, ALPHA_R, least);
		hold(&s, BETA_R, least);
	}
	if (!over_two) {
		hold(&s, BETA_N, least);
		hold(&s, BETA_R, least);
	}
	const struct bounded_problem problem = { FIT_PARAMETERS, s.low, s.high, error_of, &s };
	bounded_minimise(&problem, s.x);
	memcpy(fit->value, s.x, sizeof s.x);
	if (!across) {
		fit->value[ALPHA_N] = fmax(fit->value[ALPHA_N], fit->value[ALPHA_R] * 1.1);
		fit->value[BETA_N] = fmax(fit->value[BETA_N], fit->value[BETA_R] * 1.1);
	}
}
