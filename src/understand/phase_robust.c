/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes phases of real recordings usable: bursts are smoothed away before the search, and
 * changes that the spread inside the phases hides are taken back after it.
 */
#include "understand/phase_robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"

enum { HALF_MAX = 25 };
static const double MAD_TO_SIGMA = 1.4826;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* At the ends the window shrinks on both sides, so that an edge stays where it is. */
void phase_smooth(const double *samples, size_t count, size_t dims, size_t half, double *out)
{
	double window[2 * HALF_MAX + 1];
	half = half < HALF_MAX ? half : HALF_MAX;
	for (size_t d = 0; d < dims; d++)
		for (size_t i = 0; i < count; i++) {
			size_t h = half;
			h = i < h ? i : h;
			h = count - 1 - i < h ? count - 1 - i : h;
			for (size_t k = 0; k < 2 * h + 1; k++)
				window[k] = samples[(i - h + k) * dims + d];
			qsort(window, 2 * h + 1, sizeof *window, by_value);
			out[i * dims + d] = window[h];
		}
}

struct level {
	double median, spread;
};

static struct level level_of(const double *samples, size_t dims, size_t d,
                             const struct phase *phase, double *scratch)
{
	size_t n = phase->end - phase->begin;
	for (size_t i = 0; i < n; i++)
		scratch[i] = samples[(phase->begin + i) * dims + d];
	struct level level = { .median = stats_median(scratch, n) };
	for (size_t i = 0; i < n; i++)
		scratch[i] = fabs(scratch[i] - level.median);
	level.spread = MAD_TO_SIGMA * stats_median(scratch, n);
	return level;
}

/* The largest difference of the two levels, in units of the spread inside them. */
static double apart(const double *samples, size_t dims, const struct phases *phases,
                    const struct phase *a, const struct phase *b, double *scratch)
{
	double most = 0, na = (double)(a->end - a->begin), nb = (double)(b->end - b->begin);
	for (size_t d = 0; d < dims; d++) {
		struct level x = level_of(samples, dims, d, a, scratch);
		struct level y = level_of(samples, dims, d, b, scratch);
		double pooled =
		    sqrt((na * x.spread * x.spread + nb * y.spread * y.spread) / (na + nb));
		most = fmax(most, fabs(x.median - y.median) / fmax(pooled, phases->noise[d]));
	}
	return most;
}

bool phase_merge(const double *samples, size_t dims, double effect, struct phases *phases)
{
	size_t longest = 0;
	if (phases->count < 2)
		return true;
	for (size_t i = 0; i < phases->count; i++)
		longest += phases->items[i].end - phases->items[i].begin;
	double *scratch = calloc(longest, sizeof *scratch);
	double *gap = calloc(phases->count, sizeof *gap);
	if (!scratch || !gap) {
		free(scratch);
		free(gap);
		return false;
	}
	struct phase *items = phases->items;
	for (size_t i = 0; i + 1 < phases->count; i++)
		gap[i] = apart(samples, dims, phases, &items[i], &items[i + 1], scratch);
	while (phases->count > 1) {
		size_t least = 0;
		for (size_t i = 1; i + 1 < phases->count; i++)
			least = gap[i] < gap[least] ? i : least;
		if (gap[least] >= effect)
			break;
		items[least].end = items[least + 1].end;
		size_t rest = phases->count - least - 2;
		memmove(&items[least + 1], &items[least + 2], rest * sizeof *items);
		memmove(&gap[least], &gap[least + 1], (rest + 1) * sizeof *gap);
		phases->count--;
		if (least > 0)
			gap[least - 1] =
			    apart(samples, dims, phases, &items[least - 1], &items[least], scratch);
		if (least + 1 < phases->count)
			gap[least] =
			    apart(samples, dims, phases, &items[least], &items[least + 1], scratch);
	}
	free(scratch);
	free(gap);
	return true;
}
