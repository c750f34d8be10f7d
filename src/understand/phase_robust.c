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
static const double MAD_TO_SIGMA = 1.4826, CLEAR = 0.1, WANDERS = 2;
static const double OWN_QUANTILE = 0.75;

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

static double median_of(const double *samples, size_t dims, size_t d, size_t begin, size_t count,
                        double *scratch)
{
	for (size_t i = 0; i < count; i++)
		scratch[i] = samples[(begin + i) * dims + d];
	return stats_median(scratch, count);
}

static double quantile_of(double *values, size_t count, double quantile)
{
	qsort(values, count, sizeof *values, by_value);
	return values[(size_t)(quantile * (double)(count - 1) + 0.5)];
}

/* Of |x|, x normal, by halving: half of 1 + quantile is what the distribution function gives. */
static double normal_half_quantile(double quantile)
{
	double low = 0, high = 8;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;
		*(erf(middle / sqrt(2)) < quantile ? &low : &high) = middle;
	}
	return (low + high) / 2;
}

/* |differences| of the medians of neighbouring windows inside [begin, end), behind the `held` that
 * out has already; values: room for a window. */
static size_t differences(const double *samples, size_t dims, size_t d, size_t begin, size_t end,
                          size_t window, double *out, size_t held, double *values)
{
	const size_t step = window / 8 > 0 ? window / 8 : 1;
	for (size_t i = begin; i + 2 * window <= end; i += step) {
		double a = median_of(samples, dims, d, i, window, values);
		double b = median_of(samples, dims, d, i + window, window, values);
		out[held++] = fabs(a - b);
	}
	return held;
}

void phase_wander(const double *samples, size_t count, size_t dims, size_t window, double quantile,
                  double rest, double *scratch, struct phase_scale *scale)
{
	const double unit = normal_half_quantile(rest);
	scale->window = count >= 4 * window ? window : 0;
	for (size_t d = 0; d < dims; d++) {
		scale->wander[d] = 0;
		if (!scale->window)
			continue;
		/* Differences in front, fewer than count - window; a window's samples behind. */
		size_t n = differences(samples, dims, d, 0, count, window, scratch, 0,
		                       scratch + (count - window));
		scale->wander[d] = quantile_of(scratch, n, quantile) / unit;
	}
}

void phase_range(const double *samples, size_t count, size_t dims, double *scratch,
                 struct phase_scale *scale)
{
	const double tail = 0.02;
	for (size_t d = 0; d < dims; d++) {
		for (size_t i = 0; i < count; i++)
			scratch[i] = samples[i * dims + d];
		double low = quantile_of(scratch, count, tail);
		scale->range[d] = scratch[(size_t)((1 - tail) * (double)(count - 1) + 0.5)] - low;
	}
}

size_t phase_clear_changes(const struct phases *phases, size_t dims)
{
	double most[PHASE_DIMS_MAX] = { 0 };
	size_t clear = 0;
	for (size_t i = 1; i < phases->count; i++)
		for (size_t d = 0; d < dims; d++)
			most[d] = fmax(
			    most[d], fabs(phases->items[i].mean[d] - phases->items[i - 1].mean[d]));
	for (size_t i = 1; i < phases->count; i++) {
		bool shows = false;
		for (size_t d = 0; d < dims; d++)
			shows = shows || fabs(phases->items[i].mean[d] -
			                      phases->items[i - 1].mean[d]) > CLEAR * most[d];
		clear += shows;
	}
	return clear;
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

struct ruler {
	double effect, share;
	const struct phase_scale *scale;
	double *scratch;
};

/* The wander inside two phases; 0 where they are too short to tell. */
static double own_wander(const double *samples, size_t dims, size_t d, const struct phase *a,
                         const struct phase *b, const struct ruler *r)
{
	size_t window = r->scale->window, held = 0;
	size_t length = b->end - a->begin;
	if (window == 0 || length < 4 * window)
		return 0;
	double *values = r->scratch + (length - window);
	held = differences(samples, dims, d, a->begin, a->end, window, r->scratch, held, values);
	held = differences(samples, dims, d, b->begin, b->end, window, r->scratch, held, values);
	if (held < 8)
		return 0;
	return quantile_of(r->scratch, held, OWN_QUANTILE) / normal_half_quantile(OWN_QUANTILE);
}

/* The largest difference of the two levels, in units of the least that counts. */
static double apart(const double *samples, size_t dims, const struct phases *phases,
                    const struct phase *a, const struct phase *b, const struct ruler *r)
{
	double most = 0, na = (double)(a->end - a->begin), nb = (double)(b->end - b->begin);
	for (size_t d = 0; d < dims; d++) {
		struct level x = level_of(samples, dims, d, a, r->scratch);
		struct level y = level_of(samples, dims, d, b, r->scratch);
		double pooled =
		    sqrt((na * x.spread * x.spread + nb * y.spread * y.spread) / (na + nb));
		double noise = fmax(fmax(pooled, phases->noise[d]), WANDERS * r->scale->wander[d]);
		noise = fmax(noise, WANDERS * own_wander(samples, dims, d, a, b, r));
		double least = fmax(r->effect * noise, r->share * r->scale->range[d]);
		most = fmax(most, fabs(x.median - y.median) / least);
	}
	return most;
}

bool phase_merge(const double *samples, size_t dims, double effect, double share,
                 const struct phase_scale *scale, struct phases *phases)
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
	const struct ruler ruler = { effect, share, scale, scratch };
	for (size_t i = 0; i + 1 < phases->count; i++)
		gap[i] = apart(samples, dims, phases, &items[i], &items[i + 1], &ruler);
	while (phases->count > 1) {
		size_t least = 0;
		for (size_t i = 1; i + 1 < phases->count; i++)
			least = gap[i] < gap[least] ? i : least;
		if (gap[least] >= 1)
			break;
		items[least].end = items[least + 1].end;
		size_t rest = phases->count - least - 2;
		memmove(&items[least + 1], &items[least + 2], rest * sizeof *items);
		memmove(&gap[least], &gap[least + 1], (rest + 1) * sizeof *gap);
		phases->count--;
		if (least > 0)
			gap[least - 1] =
			    apart(samples, dims, phases, &items[least - 1], &items[least], &ruler);
		if (least + 1 < phases->count)
			gap[least] =
			    apart(samples, dims, phases, &items[least], &items[least + 1], &ruler);
	}
	free(scratch);
	free(gap);
	return true;
}
