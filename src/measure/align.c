/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/align.h"

#include <cminpack.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"

enum {
	LEAST_SAMPLES = 20,
	COARSE_SAMPLES = 1000,
	GRID_MAX = 1 << 22,
	FINE_SAMPLES = 50000,
	UNKNOWNS = 4
};

static const double least_correlation = 0.8;
static const double most_drift = 2e-3; /* a quartz is off by less than a tenth of that */
static const double coarse_work = 2e7;

struct problem {
	const struct trace *meter, *run;
	double window_s, run_step_s, period_s, length_s;
	double grid_hz, grid_begin_s;
	double grid_s;           /* run is on a grid of this step; 0: at any times */
	size_t stride;           /* every so many samples of the meter */
	double *seen, *expected; /* [count]: meter, mean in-band power; overlap only */
	size_t count;
};

struct line {
	double gain, offset_w, sse, correlation;
};

/* --- in-band power at the meter's moments --------------------------------------------------- */

/* Energy at t by linear interpolation; *at is a cursor that moves with rising t. */
static double energy_at(const struct problem *p, double t_s, size_t *at)
{
	const struct trace *run = p->run;
	if (p->grid_s > 0) {
		double place = (t_s - p->grid_begin_s) * p->grid_hz;
		if (place < 0)
			place = 0;
		size_t i = place < (double)(run->count - 2) ? (size_t)place : run->count - 2;
		return run->value[i] + (run->value[i + 1] - run->value[i]) * (place - (double)i);
	}
	while (*at + 2 < run->count && run->time_s[*at + 1] <= t_s)
		(*at)++;
	while (*at > 0 && run->time_s[*at] > t_s)
		(*at)--;
	double t0 = run->time_s[*at], t1 = run->time_s[*at + 1];
	return run->value[*at] + (run->value[*at + 1] - run->value[*at]) * (t_s - t0) / (t1 - t0);
}

/* Mean power that the meter would show at its sample i; NaN outside of the run. */
static double expected_w(const struct problem *p, double shift_s, double drift, size_t i,
                         size_t *low, size_t *high)
{
	double u_s = p->meter->time_s[i];
	double t_s = u_s + shift_s + drift * (u_s - p->meter->time_s[0]);
	double from_s = p->window_s > 0 ? t_s - p->window_s : t_s - p->run_step_s / 2;
	double to_s = p->window_s > 0 ? t_s : t_s + p->run_step_s / 2;
	if (from_s < p->run->time_s[0] || to_s > p->run->time_s[p->run->count - 1])
		return (double)NAN;
	return (energy_at(p, to_s, high) - energy_at(p, from_s, low)) / (to_s - from_s);
}

static void overlay(struct problem *p, double shift_s, double drift)
{
	size_t low = 0, high = 0;
	p->count = 0;
	for (size_t i = 0; i < p->meter->count; i += p->stride) {
		double power_w = expected_w(p, shift_s, drift, i, &low, &high);
		if (isnan(power_w))
			continue;
		p->seen[p->count] = p->meter->value[i];
		p->expected[p->count++] = power_w;
	}
}

static struct line regress(const struct problem *p)
{
	struct line line = { 0, 0, (double)INFINITY, 0 };
	double n = (double)p->count, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
	for (size_t i = 0; i < p->count; i++) {
		x += p->expected[i] / n;
		y += p->seen[i] / n;
	}
	for (size_t i = 0; i < p->count; i++) {
		double dx = p->expected[i] - x, dy = p->seen[i] - y;
		xx += dx * dx;
		xy += dx * dy;
		yy += dy * dy;
	}
	if (p->count < LEAST_SAMPLES || xx <= 0 || yy <= 0)
		return line;
	line.gain = xy / xx;
	line.offset_w = y - line.gain * x;
	line.correlation = xy / sqrt(xx * yy);
	line.sse = (yy - line.gain * xy) / n; /* a sample, so that overlaps of any size compare */
	return line;
}

static struct line try_at(struct problem *p, double shift_s, double drift)
{
	overlay(p, shift_s, drift);
	return regress(p);
}

/* --- search --------------------------------------------------------------------------------- */

/* The shift of greatest correlation on a grid of half periods. At least a third of the meter's
 * samples, or of what the run could hold, must overlap. */
static double coarse_shift(struct problem *p, double max_shift_s)
{
	const struct trace *m = p->meter, *r = p->run;
	double first_s = r->time_s[0] - m->time_s[m->count - 1];
	double last_s = r->time_s[r->count - 1] - m->time_s[0];
	if (max_shift_s > 0) {
		first_s = fmax(first_s, -max_shift_s);
		last_s = fmin(last_s, max_shift_s);
	}
	double run_length_s = r->time_s[r->count - 1] - r->time_s[0];
	size_t needed =
	    (size_t)(fmin(p->length_s, run_length_s) / p->period_s / (double)p->stride / 3);
	double samples = (double)(m->count / p->stride + 1);
	double step_s = fmax(p->period_s / 2, (last_s - first_s) * samples / coarse_work);
	double best_s = 0, best = -2;
	for (double shift_s = first_s; shift_s <= last_s; shift_s += step_s) {
		struct line line = try_at(p, shift_s, 0);
		if (p->count >= needed && p->count >= LEAST_SAMPLES && line.correlation > best) {
			best = line.correlation;
			best_s = shift_s;
		}
	}
	return best_s;
}

/* Halves the steps in both directions until they are less than the period by `fineness`. */
static struct line refine(struct problem *p, double fineness, double *shift_s, double *drift)
{
	double step_s = p->period_s, turn = p->period_s / p->length_s;
	struct line best = try_at(p, *shift_s, *drift);
	size_t needed = p->count - p->count / 10; /* no fleeing to where little overlaps */
	while (step_s > p->period_s / fineness) {
		bool moved = false;
		for (int i = 0; i < 8; i++) {
			static const int way[8][2] = { { 1, 0 },  { -1, 0 }, { 0, 1 }, { 0, -1 },
				                       { 1, -1 }, { -1, 1 }, { 1, 1 }, { -1, -1 } };
			double s = *shift_s + way[i][0] * step_s, d = *drift + way[i][1] * turn;
			struct line line = try_at(p, s, d);
			if (line.sse < best.sse && p->count >= needed && fabs(d) <= most_drift) {
				best = line;
				*shift_s = s;
				*drift = d;
				moved = true;
			}
		}
		if (!moved) {
			step_s /= 2;
			turn /= 2;
		}
	}
	return best;
}

/* Keeps the samples at which the run's power stands still for its own step before and after: beside
 * an edge a meter that shows moments is sharper than the run's means, which would tilt the line. */
static void keep_settled(struct problem *p, double shift_s, double drift)
{
	const double steady = 0.1; /* of the standard deviation */
	struct moments spread = { 0 };
	size_t kept = 0, low[3] = { 0 }, high[3] = { 0 };
	overlay(p, shift_s, drift);
	for (size_t i = 0; i < p->count; i++)
		moments_add(&spread, p->expected[i]);
	double limit_w = steady * moments_stddev(&spread), step_s = p->run_step_s;
	for (size_t i = 0; i < p->meter->count; i += p->stride) {
		double now_w = expected_w(p, shift_s, drift, i, &low[0], &high[0]);
		double before_w = expected_w(p, shift_s - step_s, drift, i, &low[1], &high[1]);
		double after_w = expected_w(p, shift_s + step_s, drift, i, &low[2], &high[2]);
		if (!(fabs(after_w - before_w) <= limit_w))
			continue;
		p->seen[kept] = p->meter->value[i];
		p->expected[kept++] = now_w;
	}
	p->count = kept;
}

/* --- confidence ----------------------------------------------------------------------------- */

/* Unknowns in units that make them alike: periods, periods over the trace, 1, W. */
static int residuals(void *user, int m, int n, const double *x, double *f, int what)
{
	struct problem *p = user;
	size_t low = 0, high = 0;
	(void)n;
	(void)what;
	double drift = x[1] * p->period_s / p->length_s;
	for (int i = 0; i < m; i++) {
		size_t sample = (size_t)i * p->stride;
		double power_w = expected_w(p, x[0] * p->period_s, drift, sample, &low, &high);
		f[i] = isnan(power_w) ? 0 : x[2] * power_w + x[3] - p->meter->value[sample];
	}
	return 0;
}

static enum ergon_code confide(struct problem *p, struct alignment *a, struct ergon_error *err)
{
	int m = (int)((p->meter->count + p->stride - 1) / p->stride), n = UNKNOWNS;
	double scale[UNKNOWNS] = { p->period_s, p->period_s / p->length_s, 1, 1 };
	double x[UNKNOWNS] = { a->shift_s / scale[0], a->drift / scale[1], a->gain, a->offset_w };
	double *half[UNKNOWNS] = { &a->shift_half_s, &a->drift_half, &a->gain_half,
		                   &a->offset_half_w };
	double diag[UNKNOWNS], qtf[UNKNOWNS], wa1[UNKNOWNS], wa2[UNKNOWNS], wa3[UNKNOWNS];
	int pivots[UNKNOWNS], calls;
	double *f = calloc((size_t)m, sizeof *f), *wa4 = calloc((size_t)m, sizeof *wa4);
	double *jacobian = calloc((size_t)m * UNKNOWNS, sizeof *jacobian);
	enum ergon_code code = ERGON_OK;
	if (!f || !wa4 || !jacobian) {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	} else {
		/* One step of a twentieth of a period each way: less is lost in the corners of the
		 * interpolated energy. */
		lmdif(residuals, p, m, n, x, f, 1e-6, 1e-6, 0, 30, 0.0025, diag, 1, 0.1, 0, &calls,
		      jacobian, m, pivots, qtf, wa1, wa2, wa3, wa4);
		covar(n, jacobian, m, pivots, 1e-12, wa1);
		double t = student_t_quantile(0.95, fmax(1, (double)a->samples - n));
		for (int k = 0; k < n; k++)
			*half[k] = t * a->rms_w * sqrt(fmax(0, jacobian[k * m + k])) * scale[k];
		/* An edge within a step of the run, or within the search's last step, is not seen.
		 */
		a->shift_half_s = hypot(a->shift_half_s, p->run_step_s / 2 + p->period_s / 250);
	}
	free(f);
	free(wa4);
	free(jacobian);
	return code;
}

/* The run's energy on a grid of half its own steps, where each moment is found at once. */
static bool make_grid(const struct problem *p, struct trace *grid)
{
	const struct trace *run = p->run;
	double span_s = run->time_s[run->count - 1] - run->time_s[0];
	double step_s = fmax(p->run_step_s / 2, span_s / (GRID_MAX - 1));
	size_t at = 0;
	grid->count = (size_t)(span_s / step_s) + 1;
	if (grid->count < 2)
		return false;
	grid->time_s = malloc(grid->count * sizeof *grid->time_s);
	grid->value = malloc(grid->count * sizeof *grid->value);
	if (!grid->time_s || !grid->value)
		return false;
	for (size_t i = 0; i < grid->count; i++) {
		grid->time_s[i] = run->time_s[0] + (double)i * step_s;
		grid->value[i] = energy_at(p, grid->time_s[i], &at);
	}
	return true;
}

/* --- the whole ------------------------------------------------------------------------------ */

static double median_step_s(const struct trace *trace)
{
	size_t count = trace->count - 1;
	double *steps = malloc(count * sizeof *steps);
	if (!steps)
		return (trace->time_s[count] - trace->time_s[0]) / (double)count;
	for (size_t i = 0; i < count; i++)
		steps[i] = trace->time_s[i + 1] - trace->time_s[i];
	double median = stats_median(steps, count);
	free(steps);
	return median;
}

static size_t stride_for(size_t count, size_t most)
{
	return count > most ? (count + most - 1) / most : 1;
}

/* The window of which the least remains unexplained, found on a part of the samples; longer ones
 * are tried only where the short ones do not fit. */
static double best_window_s(struct problem *p, double guess_s, double *shift_s)
{
	static const double windows[] = { 1, 0, 2, 5, 10, 30, 60 }; /* in periods */
	const double good = 0.97;
	double guess_window_s = p->window_s, best_s = p->window_s;
	struct line best = { 0, 0, (double)INFINITY, -1 };
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
		if (i > 2 && best.correlation > good)
			break;
		p->window_s = windows[i] * p->period_s;
		double shift = guess_s + (p->window_s - guess_window_s) / 2, drift = 0;
		struct line line = refine(p, 100, &shift, &drift);
		if (line.sse < best.sse) {
			best = line;
			best_s = p->window_s;
			*shift_s = shift;
		}
	}
	return best_s;
}

static void search(struct problem *p, const struct align_options *options, struct alignment *a)
{
	p->stride = stride_for(p->meter->count, COARSE_SAMPLES);
	p->window_s = options->window_s >= 0 ? options->window_s : p->period_s;
	double shift_s = coarse_shift(p, options->max_shift_s), drift = 0;
	if (options->window_s < 0)
		p->window_s = best_window_s(p, shift_s, &shift_s);
	p->stride = stride_for(p->meter->count, FINE_SAMPLES);
	struct line line = refine(p, 500, &shift_s, &drift);
	overlay(p, shift_s, drift);
	*a = (struct alignment){ .shift_s = shift_s,
		                 .drift = drift,
		                 .gain = line.gain,
		                 .offset_w = line.offset_w,
		                 .window_s = p->window_s,
		                 .correlation = line.correlation,
		                 .rms_w = sqrt(fmax(0, line.sse)),
		                 .period_s = p->period_s,
		                 .samples = p->count };
	keep_settled(p, shift_s, drift);
	struct line settled = regress(p);
	if (p->count >= a->samples / 2 && settled.correlation > line.correlation) {
		a->gain = settled.gain;
		a->offset_w = settled.offset_w;
	}
}

enum ergon_code align(const struct trace *meter, const struct trace *run,
                      const struct align_options *options, struct alignment *alignment,
                      struct ergon_error *err)
{
	*alignment = (struct alignment){ 0 };
	if (meter->count < LEAST_SAMPLES || run->count < LEAST_SAMPLES)
		return ergon_fail(
		    err, ERGON_BAD_INPUT, "the %s has %zu samples: at least %d are needed to align",
		    meter->count < LEAST_SAMPLES ? "meter's trace" : "run",
		    meter->count < LEAST_SAMPLES ? meter->count : run->count, LEAST_SAMPLES);
	struct problem p = { .meter = meter, .run = run, .stride = 1 };
	p.period_s = median_step_s(meter);
	p.run_step_s = median_step_s(run);
	p.length_s = meter->time_s[meter->count - 1] - meter->time_s[0];
	p.seen = malloc(meter->count * sizeof *p.seen);
	p.expected = malloc(meter->count * sizeof *p.expected);
	enum ergon_code code = ERGON_OK;
	if (!p.seen || !p.expected)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	struct trace grid = { 0 };
	if (!code && make_grid(&p, &grid)) { /* without it, all is found more slowly */
		p.grid_s = grid.time_s[1] - grid.time_s[0];
		p.grid_hz = 1 / p.grid_s;
		p.grid_begin_s = grid.time_s[0];
		p.run = &grid;
	}
	if (!code) {
		search(&p, options, alignment);
		if (!(alignment->correlation >= least_correlation))
			code =
			    ergon_fail(err, ERGON_NOT_FOUND,
			               "the trace and the run have nothing in common (correlation "
			               "%.2f): play a marker with --marker while both record",
			               alignment->correlation);
	}
	if (!code)
		code = confide(&p, alignment, err);
	free(grid.time_s);
	free(grid.value);
	free(p.seen);
	free(p.expected);
	return code;
}
