/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/phases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "understand/phase_robust.h"

/* Of the absolute difference of two normal values: median = 0.6745 sqrt(2) sigma. */
static const double MEDIAN_DIFFERENCE = 0.95387;
/* Share of the windows' places that changes of phase may take: below FEW, the 0.75 quantile is none
 * of theirs or hardly; above MOST, none is free of them. */
static const double TAKEN_FEW = 0.37, TAKEN_MOST = 0.6;
static const double SHARE_LEAST = 0.05;

struct pelt {
	size_t n, dims, least;
	double penalty;
	double *sums;    /* [(n + 1) * dims] prefix sums of the scaled samples */
	double *squares; /* [n + 1] prefix sums of their squared norms */
	double *best;    /* [n + 1] cost of the best segmentation of [0, t) */
	size_t *from;    /* [n + 1] begin of its last segment */
	size_t *alive;   /* candidates for that begin */
	size_t *dead;    /* [n + 1] from when on a candidate cannot win; 0: not known yet */
};

static void pelt_fini(struct pelt *p)
{
	free(p->sums);
	free(p->squares);
	free(p->best);
	free(p->from);
	free(p->alive);
	free(p->dead);
}

static bool pelt_init(struct pelt *p)
{
	p->sums = calloc((p->n + 1) * p->dims, sizeof *p->sums);
	p->squares = calloc(p->n + 1, sizeof *p->squares);
	p->best = calloc(p->n + 1, sizeof *p->best);
	p->from = calloc(p->n + 1, sizeof *p->from);
	p->alive = calloc(p->n + 1, sizeof *p->alive);
	p->dead = calloc(p->n + 1, sizeof *p->dead);
	return p->sums && p->squares && p->best && p->from && p->alive && p->dead;
}

/* Squared deviations of [begin, end) from its mean. */
static double cost(const struct pelt *p, size_t begin, size_t end)
{
	double length = (double)(end - begin), around = 0;
	const double *a = p->sums + begin * p->dims, *b = p->sums + end * p->dims;
	for (size_t d = 0; d < p->dims; d++)
		around += (b[d] - a[d]) * (b[d] - a[d]);
	double c = p->squares[end] - p->squares[begin] - around / length;
	return c > 0 ? c : 0;
}

/* The recursion F(t) = min over s of F(s) + cost(s, t) + penalty; a begin s that is worse than F(t)
 * even without the penalty cannot win where t itself may be a begin, that is a least length later
 * (the cost of a segment grows with its length). */
static void pelt_run(struct pelt *p)
{
	size_t alive = 1, kept;
	p->best[0] = -p->penalty;
	p->alive[0] = 0;
	for (size_t t = p->least; t <= p->n; t++) {
		double best = HUGE_VAL;
		for (size_t i = 0; i < alive; i++) {
			size_t s = p->alive[i];
			if (t - s < p->least)
				continue;
			double c = p->best[s] + cost(p, s, t) + p->penalty;
			if (c < best) {
				best = c;
				p->from[t] = s;
			}
		}
		p->best[t] = best;
		kept = 0;
		for (size_t i = 0; i < alive; i++) {
			size_t s = p->alive[i];
			if (!p->dead[s] && t - s >= p->least && p->best[s] + cost(p, s, t) > best)
				p->dead[s] = t + p->least;
			if (!p->dead[s] || t + 1 < p->dead[s])
				p->alive[kept++] = s;
		}
		alive = kept;
		/* The next begin: one with room for a segment before it and behind it. */
		if (t + 1 >= 2 * p->least)
			p->alive[alive++] = t + 1 - p->least;
	}
}

/* Median of |x[i + 1] - x[i]| over MEDIAN_DIFFERENCE: sigma. Where over half of the differences are
 * 0 (a coarse sensor), their root mean square stands in. */
static double noise_of(const double *samples, size_t count, size_t dims, size_t d, double *scratch)
{
	double squares = 0, level = 0;
	for (size_t i = 0; i + 1 < count; i++) {
		scratch[i] = fabs(samples[(i + 1) * dims + d] - samples[i * dims + d]);
		squares += scratch[i] * scratch[i];
		level = fmax(level, fabs(samples[i * dims + d]));
	}
	double sigma = count > 1 ? stats_median(scratch, count - 1) / MEDIAN_DIFFERENCE : 0;
	if (sigma == 0 && count > 1)
		sigma = sqrt(squares / (2 * (double)(count - 1)));
	/* A series without noise: a millionth of its level is no change of phase. */
	return fmax(sigma, fmax(level * 1e-6, 1e-12));
}

static void fill_sums(struct pelt *p, const double *samples, size_t count, size_t bin,
                      const double *noise)
{
	/* Sums of bins are scaled so that a bin's noise is 1 again. */
	double scale = 1 / sqrt((double)bin);
	for (size_t i = 0; i < p->n; i++) {
		double norm = 0;
		for (size_t d = 0; d < p->dims; d++) {
			double sum = 0;
			for (size_t k = i * bin; k < (i + 1) * bin && k < count; k++)
				sum += samples[k * p->dims + d] / noise[d];
			sum *= scale;
			p->sums[(i + 1) * p->dims + d] = p->sums[i * p->dims + d] + sum;
			norm += sum * sum;
		}
		p->squares[i + 1] = p->squares[i] + norm;
	}
}

static void segment_mean(const double *samples, size_t dims, size_t begin, size_t end, double *mean)
{
	for (size_t d = 0; d < dims; d++) {
		mean[d] = 0;
		for (size_t i = begin; i < end; i++)
			mean[d] += samples[i * dims + d];
		mean[d] /= (double)(end - begin);
	}
}

/* Moves a change by at most `bin` samples to where the two sides' means fit best. */
static size_t refine(const double *samples, size_t dims, const struct phase *left,
                     const struct phase *right, size_t bin, const double *noise)
{
	size_t low = left->end > left->begin + bin ? left->end - bin : left->begin + 1;
	size_t high = left->end + bin < right->end ? left->end + bin : right->end - 1;
	size_t best = low;
	double balance = 0, least = 0;
	for (size_t i = low; i < high; i++) { /* sample i moves from right to left */
		for (size_t d = 0; d < dims; d++) {
			double x = samples[i * dims + d];
			double l = (x - left->mean[d]) / noise[d];
			double r = (x - right->mean[d]) / noise[d];
			balance += l * l - r * r;
		}
		if (balance < least) {
			least = balance;
			best = i + 1;
		}
	}
	return best;
}

static enum ergon_code collect(const struct pelt *p, const double *samples, size_t count,
                               size_t bin, struct phases *phases, struct ergon_error *err)
{
	size_t segments = 0;
	for (size_t t = p->n; t > 0; t = p->from[t])
		segments++;
	phases->items = calloc(segments, sizeof *phases->items);
	if (!phases->items)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	phases->count = segments;
	for (size_t t = p->n, i = segments; i-- > 0; t = p->from[t]) {
		struct phase *phase = &phases->items[i];
		phase->begin = p->from[t] * bin;
		phase->end = t == p->n ? count : t * bin;
		segment_mean(samples, p->dims, phase->begin, phase->end, phase->mean);
	}
	for (size_t i = 0; bin > 1 && i + 1 < segments; i++) {
		struct phase *left = &phases->items[i], *right = left + 1;
		left->end = right->begin =
		    refine(samples, p->dims, left, right, bin, phases->noise);
		segment_mean(samples, p->dims, left->begin, left->end, left->mean);
		segment_mean(samples, p->dims, right->begin, right->end, right->mean);
	}
	return ERGON_OK;
}

static enum ergon_code settle(const double *samples, size_t dims, double effect, double share,
                              const struct phase_scale *scale, struct phases *phases,
                              struct ergon_error *err)
{
	if (!phase_merge(samples, dims, effect, share, scale, phases))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < phases->count; i++) {
		struct phase *phase = &phases->items[i];
		segment_mean(samples, dims, phase->begin, phase->end, phase->mean);
	}
	return ERGON_OK;
}

struct search {
	struct pelt pelt;
	const double *samples;
	double *smooth, *scratch;
	size_t count, dims, bin, least;
	double effect, share;
	struct phase_scale scale;
};

/* One search with the scale as it is; the effective noise of a sample is what would make windows'
 * medians wander so, were the samples independent. */
static enum ergon_code search_once(struct search *s, struct phases *phases, struct ergon_error *err)
{
	double noise[PHASE_DIMS_MAX];
	for (size_t d = 0; d < s->dims; d++)
		noise[d] =
		    fmax(phases->noise[d], s->scale.wander[d] * sqrt((double)s->scale.window / 2));
	free(phases->items);
	phases->items = NULL;
	phases->count = 0;
	fill_sums(&s->pelt, s->smooth, s->count, s->bin, noise);
	if (s->pelt.n >= 2 * s->pelt.least)
		pelt_run(&s->pelt); /* else one phase: from[n] is 0 */
	enum ergon_code code = collect(&s->pelt, s->samples, s->count, s->bin, phases, err);
	if (!code && s->effect > 0)
		code = settle(s->samples, s->dims, s->effect, s->share, &s->scale, phases, err);
	return code;
}

/* The noise's memory is looked for over windows of two least phases. The first search, with short
 * windows, says how many of the places those would see are changes of phase; the quantile is then
 * one of the rest, and where hardly a rest remains, the first search is the answer. */
static enum ergon_code search_robust(struct search *s, struct phases *phases,
                                     struct ergon_error *err)
{
	size_t narrow = s->least / 2 > 3 ? s->least / 2 : 3, wide = 2 * s->least;
	phase_range(s->samples, s->count, s->dims, s->scratch, &s->scale);
	phase_wander(s->samples, s->count, s->dims, narrow, 0.5, 0.5, s->scratch, &s->scale);
	enum ergon_code code = search_once(s, phases, err);
	if (code)
		return code;
	double changes = (double)phase_clear_changes(phases, s->dims);
	double taken = 2 * changes * (double)wide / (double)s->count;
	if (taken > TAKEN_MOST || s->count < 4 * wide)
		return ERGON_OK;
	bool few = taken <= TAKEN_FEW;
	double rest = few ? 0.75 : 0.9, quantile = few ? rest : rest * (1 - taken);
	phase_wander(s->samples, s->count, s->dims, wide, quantile, rest, s->scratch, &s->scale);
	return search_once(s, phases, err);
}

enum ergon_code phases_find(const double *samples, size_t count, size_t dims,
                            const struct phase_options *options, struct phases *phases,
                            struct ergon_error *err)
{
	*phases = (struct phases){ 0 };
	if (count == 0 || dims == 0 || dims > PHASE_DIMS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "phases: expected samples of 1 to %d quantities", PHASE_DIMS_MAX);
	for (size_t i = 0; i < count * dims; i++)
		if (!isfinite(samples[i]))
			return ergon_fail(err, ERGON_BAD_INPUT, "phases: sample %zu is no number",
			                  i / dims + 1);
	size_t bin = (count + PHASES_EXACT_MAX - 1) / PHASES_EXACT_MAX;
	bool exact = options->effect < 0;
	size_t least = options->min_length;
	if (least == 0)
		least = !exact && count / 100 > 3 ? count / 100 : 3;
	struct search s = {
		.pelt = { .n = count / bin, .dims = dims, .least = (least + bin - 1) / bin },
		.samples = samples,
		.count = count,
		.dims = dims,
		.bin = bin,
		.least = least,
		.effect = exact                 ? 0
		          : options->effect > 0 ? options->effect
		                                : 2,
		.share = options->share == 0  ? SHARE_LEAST
		         : options->share > 0 ? options->share
		                              : 0
	};
	struct pelt *p = &s.pelt;
	double factor = options->penalty > 0 ? options->penalty : 2;
	p->least = p->least < 2 && bin > 1 ? 2 : p->least;
	p->penalty = factor * (double)(dims + 1) * log((double)(p->n > 2 ? p->n : 2));
	s.scratch = calloc(count, sizeof *s.scratch);
	s.smooth = calloc(count * dims, sizeof *s.smooth);
	enum ergon_code code = ERGON_OK;
	if (!s.scratch || !s.smooth || !pelt_init(p))
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t d = 0; !code && d < dims; d++)
		phases->noise[d] = noise_of(samples, count, dims, d, s.scratch);
	if (!code) {
		phase_smooth(samples, count, dims, exact ? 0 : least / 2, s.smooth);
		code = exact ? search_once(&s, phases, err) : search_robust(&s, phases, err);
	}
	free(s.scratch);
	free(s.smooth);
	pelt_fini(p);
	return code;
}

void phases_fini(struct phases *phases)
{
	free(phases->items);
	*phases = (struct phases){ 0 };
}

size_t phases_period(const double *samples, size_t count, size_t stride, double least)
{
	double mean = 0, variance = 0;
	for (size_t i = 0; i < count; i++)
		mean += samples[i * stride] / (double)count;
	for (size_t i = 0; i < count; i++) {
		double x = samples[i * stride] - mean;
		variance += x * x;
	}
	if (!(variance > 0))
		return 0;
	/* A period that is seen at least three times; the peak must follow a valley. */
	double before = 1, valley = 1;
	for (size_t lag = 1; lag < count / 3; lag++) {
		double sum = 0;
		for (size_t i = 0; i + lag < count; i++)
			sum += (samples[i * stride] - mean) * (samples[(i + lag) * stride] - mean);
		double r = sum / variance * (double)count / (double)(count - lag);
		valley = r < valley ? r : valley;
		if (r < before && before >= least && valley < before - least / 2)
			return lag - 1;
		before = r;
	}
	return 0;
}

/* ---- online ---- */

/* MEMORY: samples, and BLOCKS: blocks over which the noise forgets. */
enum { SETTLE = 6, MEMORY = 256, BLOCKS = 64, BURST = 8 };
/* A sample adds a BUILD-th of the evidence at the most, so that bursts make no phase; evidence that
 * took longer than LATEST samples to build is wander, which the level follows. */
enum { BUILD = 6, LATEST = 7 };

void phase_watch_init(struct phase_watch *watch, size_t dims, double slack, double threshold)
{
	*watch = (struct phase_watch){ .dims = dims < PHASE_DIMS_MAX ? dims : PHASE_DIMS_MAX,
		                       .slack = slack > 0 ? slack : 1,
		                       .threshold = threshold > 0 ? threshold : 10 };
}

static void begin_phase(struct phase_watch *w, const double *row, uint64_t begin)
{
	w->begin = begin;
	w->in_phase = 1;
	w->in_block = 0;
	w->has_block = false;
	for (size_t d = 0; d < w->dims; d++) {
		w->mean[d] = row[d];
		w->block_sum[d] = 0;
		w->up[d] = w->down[d] = 0;
		w->up_since[d] = w->down_since[d] = w->seen;
	}
}

/* Mean absolute difference of normal values is 2 / sqrt(pi) sigma. A jump of a whole phase must not
 * pass for noise, so a difference counts for at most four times what is known. */
static void learn_noise(struct phase_watch *w, const double *row)
{
	double weight = w->seen < MEMORY ? 1.0 / (double)w->seen : 1.0 / MEMORY;
	for (size_t d = 0; d < w->dims; d++) {
		double sigma = fabs(row[d] - w->last[d]) * 0.886226925452758;
		if (w->seen > SETTLE && w->noise[d] > 0)
			sigma = fmin(sigma, 4 * w->noise[d]);
		w->noise[d] += weight * (sigma - w->noise[d]);
	}
}

/* The difference of two blocks' means has 2 / PHASE_BLOCK of the variance of independent samples. A
 * block that a change ends is given up, so changes hardly enter. */
static void learn_wander(struct phase_watch *w, const double *row)
{
	for (size_t d = 0; d < w->dims; d++)
		w->block_sum[d] += row[d];
	if (++w->in_block < PHASE_BLOCK)
		return;
	w->in_block = 0;
	w->blocks += w->has_block;
	double weight = w->blocks < BLOCKS ? 1.0 / (double)(w->blocks + 1) : 1.0 / BLOCKS;
	for (size_t d = 0; d < w->dims; d++) {
		double mean = w->block_sum[d] / PHASE_BLOCK;
		double sigma =
		    fabs(mean - w->block_mean[d]) * sqrt(PHASE_BLOCK) * 0.886226925452758;
		if (w->has_block)
			w->wander[d] +=
			    weight *
			    (fmin(sigma, BURST * fmax(w->wander[d], w->noise[d])) - w->wander[d]);
		w->block_mean[d] = mean;
		w->block_sum[d] = 0;
	}
	w->has_block = true;
}

static bool watch_dimension(struct phase_watch *w, size_t d, double x, uint64_t *at)
{
	double sigma = fmax(fmax(w->noise[d], w->wander[d]), fmax(fabs(w->mean[d]) * 1e-6, 1e-12));
	double z = (x - w->mean[d]) / sigma;
	/* A young mean is off by itself. */
	double slack = w->slack * (1 + 1 / sqrt((double)w->in_phase));
	double most = w->threshold / BUILD + slack;
	z = fmax(-most, fmin(z, most));
	if (w->up[d] == 0)
		w->up_since[d] = w->seen;
	if (w->down[d] == 0)
		w->down_since[d] = w->seen;
	w->up[d] = fmax(0, w->up[d] + z - slack);
	w->down[d] = fmax(0, w->down[d] - z - slack);
	if (w->up[d] < w->threshold && w->down[d] < w->threshold)
		return false;
	bool up = w->up[d] >= w->threshold;
	*at = up ? w->up_since[d] : w->down_since[d];
	double taken = (double)(w->seen - *at + 1);
	if (taken <= LATEST)
		return true;
	w->mean[d] += (up ? 1 : -1) * (w->threshold / taken + slack) * sigma;
	w->up[d] = w->down[d] = 0;
	return false;
}

bool phase_watch_add(struct phase_watch *w, const double *row, uint64_t *at)
{
	bool changed = false;
	uint64_t earliest = UINT64_MAX;
	if (w->seen == 0)
		begin_phase(w, row, 0);
	else
		learn_noise(w, row);
	if (w->in_phase >= SETTLE)
		for (size_t d = 0; d < w->dims; d++) {
			uint64_t since;
			if (!watch_dimension(w, d, row[d], &since))
				continue;
			changed = true;
			earliest = since < earliest ? since : earliest;
		}
	if (!changed)
		learn_wander(w, row);
	if (changed) {
		begin_phase(w, row, earliest);
		*at = earliest;
	} else if (w->seen > 0) {
		w->in_phase++;
		for (size_t d = 0; d < w->dims; d++)
			w->mean[d] += (row[d] - w->mean[d]) / (double)w->in_phase;
	}
	memcpy(w->last, row, w->dims * sizeof *row);
	w->seen++;
	return changed;
}
