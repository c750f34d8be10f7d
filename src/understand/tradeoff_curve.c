/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "understand/pareto.h"

/* As for the clock probe (classify.c): all of a change, none of it. A power limit acts on speed by
 * about its cube root, so its lines lie at a third. */
static const double STEEP = 0.7, FLAT = 0.35;

struct tradeoff_curve tradeoff_curve(const double *levers, const struct tradeoff_point *points,
                                     size_t count, bool is_power)
{
	struct tradeoff_curve c = { .shape = CURVE_UNKNOWN, .stretch = (double)NAN };
	size_t low = 0, high = 0;
	for (size_t i = 1; i < count; i++) {
		low = levers[i] < levers[low] ? i : low;
		high = levers[i] > levers[high] ? i : high;
	}
	if (count < 3 || !(levers[low] > 0) || !(levers[high] > 1.2 * levers[low]))
		return c;
	c.stretch = points[low].time_s / points[high].time_s;
	double exponent = log(c.stretch) / log(levers[high] / levers[low]);
	exponent *= is_power ? 3 : 1;
	c.shape = exponent >= STEEP ? CURVE_STEEP : exponent <= FLAT ? CURVE_FLAT : CURVE_BENT;
	return c;
}

char *tradeoff_curve_text(char *out, size_t size, struct tradeoff_curve c)
{
	static const char *const texts[] = {
		"",
		"flat: at the lowest setting it takes %.2f times as long, so it waits for what the "
		"lever does not slow (memory, or the host)",
		"bent: at the lowest setting it takes %.2f times as long, so it is bound by what "
		"the "
		"lever slows in part",
		"steep: at the lowest setting it takes %.2f times as long, so it is bound by what "
		"the lever slows (compute-bound)",
	};
	snprintf(out, size, texts[c.shape], c.stretch);
	return out;
}
