/* SPDX-License-Identifier: Apache-2.0
 *
 * Phases: where a series of samples (power, utilisation, bandwidth, ...) changes its level.
 *
 * Offline, the segmentation is exact: PELT (Killick, Fearnhead and Eckley 2012) minimises the sum
 * of squared deviations from each segment's mean, each dimension in units of its own noise, plus a
 * penalty for every change. The noise is taken from successive differences, which a change of level
 * hardly touches. Series longer than PHASES_EXACT_MAX samples are binned first; each change found
 * is then placed exactly on the full series.
 *
 * Recordings of real machines have bursts, and noise with a memory: levels wander. So, unless told
 * otherwise, a running median half a least phase wide goes first; the noise is what makes medians
 * of neighbouring windows differ where no change is, if that is more than successive differences
 * show; and changes that are small against it, against the spread inside the phases or against the
 * range of the series are taken back at the end (phase_robust.h).
 *
 * Online, a two-sided CUSUM (Page 1954) per dimension watches for the next change with a few words
 * of memory, for the governor: no allocation, constant time a sample. Changes of some 2.5 times the
 * noise or more are told, six or seven samples after; what is slower or smaller is followed.
 *
 * Samples are rows of `dims` doubles; a row with a NaN is not allowed. Indexes count samples.
 */
#ifndef ERGON_UNDERSTAND_PHASES_H
#define ERGON_UNDERSTAND_PHASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/error.h"

enum { PHASE_DIMS_MAX = 8, PHASES_EXACT_MAX = 20000, PHASE_BLOCK = 8 };

struct phase_options {
	double penalty;    /* factor on (dims + 1) log(samples); 0: 2 */
	size_t min_length; /* samples of a phase at least; 0: 1% of them, 3 at the least */
	/* What a change must be, in units of the noise: the spread inside the phases, or twice
	 * the wander of their level; 0: 2. Negative: every change that pays its penalty
	 * counts, and bursts are not smoothed away (exact PELT). */
	double effect;
	double share; /* and of the series' range; 0: 0.05. Negative: none is too small */
};

struct phase {
	size_t begin, end; /* samples [begin, end) */
	double mean[PHASE_DIMS_MAX];
};

struct phases {
	struct phase *items; /* malloc'd */
	size_t count;
	double noise[PHASE_DIMS_MAX]; /* standard deviation inside phases, as estimated */
};

/* samples: [count * dims], row by row; count >= 1. */
ERGON_MUST_USE enum ergon_code phases_find(const double *samples, size_t count, size_t dims,
                                           const struct phase_options *options,
                                           struct phases *phases, struct ergon_error *err);
void phases_fini(struct phases *phases);

/* The period of a loop in samples, by the first peak of the autocorrelation that reaches least
 * (0.5 is a clear loop); 0 where there is none. One dimension, stride apart. */
size_t phases_period(const double *samples, size_t count, size_t stride, double least);

/* ---- online ---- */

struct phase_watch {
	size_t dims;
	uint64_t seen;     /* samples so far */
	uint64_t begin;    /* of the present phase, as estimated */
	uint64_t in_phase; /* samples that its mean rests on */
	double mean[PHASE_DIMS_MAX];
	double last[PHASE_DIMS_MAX];
	double noise[PHASE_DIMS_MAX]; /* from differences, slowly forgetting */
	/* The same from means of blocks of PHASE_BLOCK samples: more, where noise has a memory. */
	double wander[PHASE_DIMS_MAX], block_sum[PHASE_DIMS_MAX], block_mean[PHASE_DIMS_MAX];
	uint64_t in_block, blocks; /* blocks: pairs seen */
	bool has_block;
	double up[PHASE_DIMS_MAX], down[PHASE_DIMS_MAX];
	uint64_t up_since[PHASE_DIMS_MAX], down_since[PHASE_DIMS_MAX];
	double slack, threshold; /* in units of noise */
};

/* slack: half the least change to look for (0: 1); threshold: evidence asked for (0: 10). */
void phase_watch_init(struct phase_watch *watch, size_t dims, double slack, double threshold);
/* Takes the next row. True when a new phase has begun; *at is then its first sample's number. */
bool phase_watch_add(struct phase_watch *watch, const double *row, uint64_t *at);

#endif
