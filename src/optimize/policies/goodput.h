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

#endif
