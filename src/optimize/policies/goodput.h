/* SPDX-License-Identifier: Apache-2.0
 *
 * Goodput as Pollux and Sia reckon it: throughput x statistical efficiency at the best total batch,
 * from a fit to what was seen of a job (pollux_fit.h) and the gradient's statistics.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_GOODPUT_H
#define ERGON_OPTIMIZE_POLICIES_GOODPUT_H

#include "base/arena.h"
#include "optimize/oracle.h"
#include "optimize/policies/pollux_fit.h"

enum { GOODPUT_BATCHES = 50, GOODPUT_GPUS_MAX = 64 };

/* What was seen of a job on one type of GPU. */
struct learned {
	struct observation *seen; /* [capacity] */
	uint32_t seen_count, capacity;
	bool fitted;
	struct pollux_fit fit;
};

/* Learns from one more configuration; false where it is not new. */
bool learned_add(struct learned *learned, struct arena *arena, const struct observation *seen);

/* The best goodput on gpus GPUs of nodes nodes, samples at perfect efficiency per second, and the
 * total batch that reaches it (may be NULL). 0 where none is possible. sqr, var: the gradient's. */
double goodput_best(const struct batch_limits *limits, const struct pollux_fit *fit, double sqr,
                    double var, uint32_t nodes, uint32_t gpus, uint32_t *best_batch);

/* Candidate batches by the number of GPUs: the same for all jobs with the same limits. */
struct splits;
/* Those for limits, made once in *all (at first NULL); NULL: out of memory. */
struct splits *splits_of(struct splits **all, struct arena *arena,
                         const struct batch_limits *limits);

/* What a job's candidates take, which changes with its fit only, while the gradient's statistics
 * change all the time. For another job: clear seen_count, set splits. */
struct goodput_memo {
	struct splits *splits;
	/* By several nodes or one, and GPUs: of learned, when the times were worked out. */
	uint32_t seen_count[2][GOODPUT_GPUS_MAX + 1];
	double *time_s[2][GOODPUT_GPUS_MAX + 1]; /* [GOODPUT_BATCHES], NaN: not yet */
};
/* goodput_best of a job that is fitted. */
double goodput_known(struct goodput_memo *memo, struct arena *arena, const struct learned *learned,
                     double sqr, double var, uint32_t nodes, uint32_t gpus, uint32_t *best_batch);

#endif
