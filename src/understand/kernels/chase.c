/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointer chase: each load's address is the value of the load before it, so that nothing but the
 * latency of a level of memory is seen. There is no SIMD variant: a chain has no lanes.
 *
 * Slots of a line each form one random cycle a thread, so that neither a
 * prefetcher nor a line's neighbours help. One pass follows a chain of STEPS loads.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/rng.h"
#include "understand/kernels/kernel.h"

enum { STEPS = 1 << 16, LINE = 64 };

struct slot {
	struct slot *next;
	uint64_t number;
	char rest[LINE - sizeof(struct slot *) - sizeof(uint64_t)];
};

struct chase {
	struct kernel_config config;
	struct slot *slots; /* [threads][size] */
	struct slot **at;   /* [threads] where each chain stands, a line apart */
	uint64_t steps;     /* that each chain must have made */
	bool ran;           /* since the last check */
};

static double chase_flops(const struct kernel_config *config)
{
	(void)config;
	return 0;
}

/* What moves is a line a step. */
static double chase_bytes(const struct kernel_config *config)
{
	return (double)STEPS * LINE * config->threads;
}

static double chase_footprint(const struct kernel_config *config)
{
	return (double)config->size * LINE * config->threads;
}

static void chase_fini(void *state)
{
	struct chase *s = state;
	free(s->slots);
	free(s->at);
	*s = (struct chase){ 0 };
}

/* numbers count along the cycle from slot 0, so that the place after k steps is known. */
static void link_slots(struct slot *slots, size_t n, uint32_t *order, uint64_t seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	rng_shuffle(&rng, order, n);
	for (size_t i = 0; i < n; i++) {
		slots[order[i]].next = &slots[order[(i + 1) % n]];
		slots[order[i]].number = i;
	}
}

static enum ergon_code chase_init(void *state, const struct kernel_config *config,
                                  struct ergon_error *err)
{
	struct chase *s = state;
	size_t n = config->size, stride = LINE / sizeof *s->at;
	*s = (struct chase){ .config = *config };
	s->slots = kernel_alloc(n * config->threads * sizeof *s->slots, config->threads);
	s->at = kernel_alloc(config->threads * LINE, 1);
	uint32_t *order = calloc(n, sizeof *order);
	if (!s->slots || !s->at || !order) {
		free(order);
		chase_fini(s);
		return ergon_fail(err, ERGON_NO_MEMORY, "chase: out of memory at size %zu", n);
	}
	for (unsigned t = 0; t < config->threads; t++) {
		struct slot *mine = s->slots + t * n;
		link_slots(mine, n, order, t + 1);
		s->at[t * stride] = &mine[order[0]];
	}
	free(order);
	return ERGON_OK;
}

static struct slot *follow(struct slot *at, uint64_t steps)
{
	for (uint64_t i = 0; i < steps; i++)
		at = at->next;
	return at;
}

static void chase_run(void *state, uint64_t passes)
{
	struct chase *s = state;
	size_t stride = LINE / sizeof *s->at;
	unsigned threads = s->config.threads;
	s->steps += passes * STEPS;
	s->ran = true;
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
	for (unsigned t = 0; t < threads; t++)
		s->at[t * stride] = follow(s->at[t * stride], passes * STEPS);
}

static void chase_check(void *state, double *error, double *allowed)
{
	struct chase *s = state;
	size_t n = s->config.size, stride = LINE / sizeof *s->at;
	*allowed = 0;
	*error = s->ran ? 0 : 1; /* a run that did not happen is found out */
	s->ran = false;
	for (unsigned t = 0; t < s->config.threads; t++) {
		if (s->at[t * stride]->number != s->steps % n)
			*error = 1;
	}
}

const struct kernel kernel_chase = {
	.name = "chase",
	.summary = "pointer chase, one load after the other: latency",
	.size_is = "64 B lines a thread",
	.source = "lat_mem_rd, McVoy and Staelin, lmbench, 1996",
	.paradigms = BIT(PARADIGM_SCALAR) | BIT(PARADIGM_OPENMP),
	.precisions = BIT(PRECISION_F64),
	.size_min = 2,
	.size_max = UINT64_C(1) << 30,
	.size_default = UINT64_C(1) << 20,
	.state_size = sizeof(struct chase),
	.flops = chase_flops,
	.bytes = chase_bytes,
	.footprint = chase_footprint,
	.init = chase_init,
	.run = chase_run,
	.check = chase_check,
	.fini = chase_fini,
};
