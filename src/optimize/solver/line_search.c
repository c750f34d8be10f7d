/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/solver/line_search.h"

#include <math.h>

static const double enough_fall = 1e-3, enough_flat = 0.9, narrow = 0.1;

void line_search_begin(struct line_search *s, double value, double slope, double first,
                       double longest)
{
	*s = (struct line_search){
		.step = first,
		.f0 = value,
		.g0 = slope,
		.longest = longest,
		.best = { 0, value, slope },
		.other = { 0, value, slope },
		.high = 5 * first,
		.width = longest,
		.width_before = 2 * longest,
	};
}

/* What the cubic through two points and their slopes has in common in all cases. */
static double cubic(struct line_point a, struct line_point b, double *theta)
{
	*theta = 3 * (a.f - b.f) / (b.step - a.step) + a.g + b.g;
	double scale = fmax(fabs(*theta), fmax(fabs(a.g), fabs(b.g)));
	double under = (*theta / scale) * (*theta / scale) - (a.g / scale) * (b.g / scale);
	return scale * sqrt(fmax(0, under));
}

/* The value is higher: the minimum lies between. */
static double between_by_value(struct line_point x, struct line_point p)
{
	double theta, gamma = cubic(x, p, &theta);
	if (p.step < x.step)
		gamma = -gamma;
	double ratio = (gamma - x.g + theta) / (gamma - x.g + gamma + p.g);
	double by_cubic = x.step + ratio * (p.step - x.step);
	double secant = (x.f - p.f) / (p.step - x.step) + x.g;
	double by_square = x.step + x.g / secant / 2 * (p.step - x.step);
	if (fabs(by_cubic - x.step) < fabs(by_square - x.step))
		return by_cubic;
	return by_cubic + (by_square - by_cubic) / 2;
}

/* The slope has turned: the minimum lies between. */
static double between_by_slope(struct line_point x, struct line_point p)
{
	double theta, gamma = cubic(x, p, &theta);
	if (p.step > x.step)
		gamma = -gamma;
	double ratio = (gamma - p.g + theta) / (gamma - p.g + gamma + x.g);
	double by_cubic = p.step + ratio * (x.step - p.step);
	double by_secant = p.step + p.g / (p.g - x.g) * (x.step - p.step);
	return fabs(by_cubic - p.step) > fabs(by_secant - p.step) ? by_cubic : by_secant;
}

/* Lower and flatter: beyond. */
static double beyond_flatter(const struct line_search *s, struct line_point x, struct line_point p)
{
	double theta, gamma = cubic(x, p, &theta), by_cubic;
	if (p.step > x.step)
		gamma = -gamma;
	double ratio = (gamma - p.g + theta) / (gamma + (x.g - p.g) + gamma);
	if (ratio < 0 && gamma != 0)
		by_cubic = p.step + ratio * (x.step - p.step);
	else
		by_cubic = p.step > x.step ? s->high : s->low;
	double by_secant = p.step + p.g / (p.g - x.g) * (x.step - p.step);
	bool nearer = fabs(by_cubic - p.step) < fabs(by_secant - p.step);
	if (!s->bracketed)
		return fmin(s->high, fmax(s->low, nearer ? by_secant : by_cubic));
	double step = nearer ? by_cubic : by_secant;
	double limit = p.step + 0.66 * (s->other.step - p.step);
	return p.step > x.step ? fmin(limit, step) : fmax(limit, step);
}

/* Lower and as steep. */
static double beyond_steep(const struct line_search *s, struct line_point p)
{
	if (!s->bracketed)
		return p.step > s->best.step ? s->high : s->low;
	double theta, gamma = cubic(p, s->other, &theta);
	if (p.step > s->other.step)
		gamma = -gamma;
	double ratio = (gamma - p.g + theta) / (gamma - p.g + gamma + s->other.g);
	return p.step + ratio * (s->other.step - p.step);
}

static void take(struct line_search *s, struct line_point p)
{
	struct line_point x = s->best;
	bool turned = p.g * (x.g / fabs(x.g)) < 0;
	double step;
	if (p.f > x.f) {
		step = between_by_value(x, p);
		s->bracketed = true;
	} else if (turned) {
		step = between_by_slope(x, p);
		s->bracketed = true;
	} else if (fabs(p.g) < fabs(x.g)) {
		step = beyond_flatter(s, x, p);
	} else {
		step = beyond_steep(s, p);
	}
	if (p.f > x.f) {
		s->other = p;
	} else {
		if (turned)
			s->other = x;
		s->best = p;
	}
	s->step = step;
}

static bool is_done(const struct line_search *s, double value, double slope)
{
	double wanted = s->f0 + s->step * enough_fall * s->g0;
	if (s->bracketed &&
	    (s->step <= s->low || s->step >= s->high || s->high - s->low <= narrow * s->high))
		return true;
	if (s->step >= s->longest && value <= wanted && slope <= enough_fall * s->g0)
		return true;
	if (s->step <= 0 && (value > wanted || slope >= enough_fall * s->g0))
		return true;
	return value <= wanted && fabs(slope) <= enough_flat * -s->g0;
}

/* Less the part of the fall that is asked for: the function whose minimum is sought at first. */
static struct line_point less(struct line_point p, double slope)
{
	return (struct line_point){ p.step, p.f - p.step * slope, p.g - slope };
}

bool line_search_next(struct line_search *s, double value, double slope)
{
	double wanted_slope = enough_fall * s->g0, wanted = s->f0 + s->step * wanted_slope;
	struct line_point now = { s->step, value, slope };
	if (value <= wanted && slope >= 0)
		s->second = true;
	if (is_done(s, value, slope))
		return true;
	bool aside = !s->second && value <= s->best.f && value > wanted;
	if (aside) {
		s->best = less(s->best, wanted_slope);
		s->other = less(s->other, wanted_slope);
		now = less(now, wanted_slope);
	}
	take(s, now);
	if (aside) {
		s->best = less(s->best, -wanted_slope);
		s->other = less(s->other, -wanted_slope);
	}
	double span = fabs(s->other.step - s->best.step);
	if (s->bracketed) {
		if (span >= 0.66 * s->width_before)
			s->step = s->best.step + 0.5 * (s->other.step - s->best.step);
		s->width_before = s->width;
		s->width = span;
		s->low = fmin(s->best.step, s->other.step);
		s->high = fmax(s->best.step, s->other.step);
	} else {
		s->low = s->step + 1.1 * (s->step - s->best.step);
		s->high = s->step + 4 * (s->step - s->best.step);
	}
	s->step = fmin(s->longest, fmax(0, s->step));
	if (s->bracketed &&
	    (s->step <= s->low || s->step >= s->high || s->high - s->low <= narrow * s->high))
		s->step = s->best.step;
	return false;
}
