/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of small numbers, summed up out of registers: the roof of bf16 and int8 arithmetic, as
 * fma is that of f64 and f32. AMX where the processor has it, else AVX512-BF16 and AVX512-VNNI.
 */
#include "understand/kernels/dotacc.h"

#include <math.h>
#include <stdlib.h>

struct dotacc {
	struct kernel_config config;
	struct dotacc_loop loop;
	char *from, *to; /* [threads] blocks of BLOCK bytes */
};

enum { BLOCK = DOTACC_SUMS_MAX * 4 };

static enum ergon_code best_unit(enum precision precision, struct dotacc_loop *loop,
                                 struct ergon_error *err)
{
	if (dotacc_find(DOTACC_AMX, precision, loop, NULL) == ERGON_OK)
		return ERGON_OK;
	return dotacc_find(DOTACC_AVX512, precision, loop, err);
}

static double dotacc_flops(const struct kernel_config *config)
{
	struct dotacc_loop loop;
	if (best_unit(config->precision, &loop, NULL))
		return 0;
	return 2.0 * loop.increment * (double)loop.sums * (double)config->size * config->threads;
}

static double dotacc_bytes(const struct kernel_config *config)
{
	return 2.0 * BLOCK * config->threads;
}

static void run_thread(const struct dotacc *s, unsigned thread, uint64_t passes)
{
	const char *from = s->from + (size_t)thread * BLOCK;
	char *to = s->to + (size_t)thread * BLOCK;
	for (uint64_t p = 0; p < passes; p++)
		for (uint64_t left = s->config.size; left > 0;) {
			uint64_t turns = left < DOTACC_SEGMENT ? left : DOTACC_SEGMENT;
			s->loop.run(from, to, turns);
			left -= turns;
		}
}

static void dotacc_run(void *state, uint64_t passes)
{
	const struct dotacc *s = state;
	unsigned threads = s->config.threads;
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
	for (unsigned t = 0; t < threads; t++)
		run_thread(s, t, passes);
}

static void put(const struct dotacc *s, char *blocks, size_t thread, size_t i, int value)
{
	char *block = blocks + thread * BLOCK;
	if (s->config.precision == PRECISION_BF16)
		((float *)(void *)block)[i] = (float)value;
	else
		((int32_t *)(void *)block)[i] = value;
}

static double get(const struct dotacc *s, size_t thread, size_t i)
{
	const char *block = s->to + thread * BLOCK;
	return s->config.precision == PRECISION_BF16
	           ? (double)((const float *)(const void *)block)[i]
	           : ((const int32_t *)(const void *)block)[i];
}

static int start_value(size_t thread, size_t i)
{
	return (int)(thread % 100 * 2000 + i);
}

static void dotacc_fini(void *state)
{
	struct dotacc *s = state;
	free(s->from);
	free(s->to);
	*s = (struct dotacc){ 0 };
}

static enum ergon_code dotacc_init(void *state, const struct kernel_config *config,
                                   struct ergon_error *err)
{
	struct dotacc *s = state;
	*s = (struct dotacc){ .config = *config };
	enum ergon_code code = best_unit(config->precision, &s->loop, err);
	if (code)
		return code;
	s->from = kernel_alloc((size_t)BLOCK * config->threads, config->threads);
	s->to = kernel_alloc((size_t)BLOCK * config->threads, config->threads);
	if (!s->from || !s->to) {
		dotacc_fini(s);
		return ergon_fail(err, ERGON_NO_MEMORY, "dotacc: out of memory");
	}
	for (unsigned t = 0; t < config->threads; t++)
		for (size_t i = 0; i < s->loop.sums; i++)
			put(s, s->from, t, i, start_value(t, i));
	return ERGON_OK;
}

/* Whole numbers below 2^24: exact in both types. */
static void dotacc_check(void *state, double *error, double *allowed)
{
	struct dotacc *s = state;
	uint64_t last = (s->config.size - 1) % DOTACC_SEGMENT + 1;
	double worst = 0;
	for (unsigned t = 0; t < s->config.threads; t++)
		for (size_t i = 0; i < s->loop.sums; i++) {
			double expected =
			    start_value(t, i) + (double)s->loop.increment * (double)last;
			double e = fabs(get(s, t, i) - expected) / expected;
			worst = e <= worst ? worst : e; /* a NaN stays */
			put(s, s->to, t, i, -1);        /* the next run must write it again */
		}
	*error = isnan(worst) ? HUGE_VAL : worst;
	*allowed = 0;
}

const struct kernel kernel_dotacc = {
	.name = "dotacc",
	.summary = "products of bf16 or int8 summed up in registers: their roof",
	.size_is = "turns of its loop",
	.source = "the processor's own peak",
	.paradigms = BIT(PARADIGM_SIMD) | BIT(PARADIGM_OPENMP),
	.precisions = BIT(PRECISION_BF16) | BIT(PRECISION_INT8),
	.size_min = 1,
	.size_max = UINT64_C(1) << 40,
	.size_default = UINT64_C(1) << 16,
	.state_size = sizeof(struct dotacc),
	.flops = dotacc_flops,
	.bytes = dotacc_bytes,
	.footprint = dotacc_bytes,
	.init = dotacc_init,
	.run = dotacc_run,
	.check = dotacc_check,
	.fini = dotacc_fini,
};
