/* SPDX-License-Identifier: Apache-2.0
 *
 * STREAM triad (McCalpin 1995): memory bandwidth at every level of the hierarchy.
 */
#include "understand/kernels/triad.h"

#include <math.h>
#include <stdlib.h>

#include "understand/kernels/opencl.h"

enum { PROBES = 3, GRAIN = 16 /* elements: parts begin on 64-byte lines in both precisions */ };
static const double SCALE = 3;

struct triad {
	struct kernel_config config;
	void *a, *b, *c;
	triad_loop loop;
	struct opencl *cl; /* then a is where results are checked */
	bool cl_failed;
};

static double triad_flops(const struct kernel_config *config)
{
	return 2 * (double)config->size;
}

static double triad_bytes(const struct kernel_config *config)
{
	return 3 * (double)config->size * (double)precision_bytes(config->precision);
}

static void run_part(const struct triad *s, unsigned part)
{
	size_t n = s->config.size, threads = s->config.threads;
	size_t share = (n / threads + GRAIN) / GRAIN * GRAIN;
	size_t begin = share * part < n ? share * part : n;
	size_t end = begin + share < n ? begin + share : n;
	s->loop(s->a, s->b, s->c, SCALE, begin, end);
}

/* Parts are independent, so threads need not meet between passes: otherwise the barrier, not the
 * cache, would be timed at small sizes. */
static void triad_run(void *state, uint64_t passes)
{
	struct triad *s = state;
	unsigned threads = s->config.threads;
	if (s->cl) {
		s->cl_failed = !opencl_run(s->cl, passes);
		return;
	}
	if (threads == 1) {
		for (uint64_t i = 0; i < passes; i++)
			run_part(s, 0);
		return;
	}
#pragma omp parallel for num_threads(threads) schedule(static, 1)
	for (unsigned part = 0; part < threads; part++)
		for (uint64_t i = 0; i < passes; i++)
			run_part(s, part);
}

/* Inputs vary from element to element, so that a loop which skips or repeats one is found out;
 * they are small whole numbers, so that the expected result is exact in both precisions. */
static double input_b(size_t i)
{
	return (double)(int)((i ^ (i >> 8)) & 255) + 1;
}

static double input_c(size_t i)
{
	return (double)(int)((i ^ (i >> 7)) & 127) + 2;
}

static void fill(struct triad *s)
{
	size_t n = s->config.size;
	bool wide = s->config.precision == PRECISION_F64;
#pragma omp parallel for num_threads(s->config.threads)
	for (size_t i = 0; i < n; i++) {
		if (wide) {
			((double *)s->b)[i] = input_b(i);
			((double *)s->c)[i] = input_c(i);
		} else {
			((float *)s->b)[i] = (float)input_b(i);
			((float *)s->c)[i] = (float)input_c(i);
		}
	}
}

static uint64_t now_ns(const struct triad *s)
{
	const struct ergon_clock *clock = s->config.env->clock;
	return clock->monotonic_ns(clock->user);
}

static uint64_t fastest_ns(struct triad *s)
{
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < PROBES; i++) {
		uint64_t begin = now_ns(s);
		triad_run(s, 1);
		uint64_t spent = now_ns(s) - begin;
		best = spent < best ? spent : best;
	}
	return best;
}

/* Non-temporal stores where they win on this machine at this size: found by trying both. */
static void choose_stores(struct triad *s)
{
	const struct kernel_config *c = &s->config;
	s->loop = triad_simd(c->isa, c->precision, false);
	if (triad_bytes(c) < 1 << 20)
		return; /* no cache beyond the core's own is that small */
	uint64_t cached = fastest_ns(s);
	s->loop = triad_simd(c->isa, c->precision, true);
	if (fastest_ns(s) > cached)
		s->loop = triad_simd(c->isa, c->precision, false);
}

static void triad_fini(void *state)
{
	struct triad *s = state;
	free(s->a);
	free(s->b);
	free(s->c);
	opencl_close(s->cl);
	*s = (struct triad){ 0 };
}

static enum ergon_code open_device(struct triad *s, size_t bytes, struct ergon_error *err)
{
	struct opencl_work work = { .name = "triad",
		                    .precision = s->config.precision,
		                    .n = s->config.size,
		                    .items = s->config.size,
		                    .bytes = { bytes, bytes, bytes },
		                    .from = { s->a, s->b, s->c } };
	enum ergon_code code = opencl_open(&s->cl, s->config.env, &work, err);
	if (code)
		triad_fini(s);
	return code;
}

static enum ergon_code triad_init(void *state, const struct kernel_config *config,
                                  struct ergon_error *err)
{
	struct triad *s = state;
	*s = (struct triad){ .config = *config };
	size_t bytes = config->size * precision_bytes(config->precision);
	s->a = kernel_alloc(bytes, config->threads);
	s->b = kernel_alloc(bytes, config->threads);
	s->c = kernel_alloc(bytes, config->threads);
	if (!s->a || !s->b || !s->c) {
		triad_fini(s);
		return ergon_fail(err, ERGON_NO_MEMORY, "triad: out of memory for 3 x %zu bytes",
		                  bytes);
	}
	fill(s);
	if (config->paradigm == PARADIGM_OPENCL)
		return open_device(s, bytes, err);
	if (config->paradigm == PARADIGM_SCALAR)
		s->loop = config->precision == PRECISION_F64 ? triad_scalar_f64 : triad_scalar_f32;
	else
		choose_stores(s);
	return ERGON_OK;
}

static void triad_check(void *state, double *error, double *allowed)
{
	struct triad *s = state;
	size_t n = s->config.size;
	bool wide = s->config.precision == PRECISION_F64;
	double worst = 0;
	*error = HUGE_VAL;
	*allowed = 0;
	if (s->cl && (s->cl_failed || !opencl_read(s->cl, s->a)))
		return;
#pragma omp parallel for num_threads(s->config.threads) reduction(max : worst)
	for (size_t i = 0; i < n; i++) {
		double expected = input_b(i) + SCALE * input_c(i);
		double found = wide ? ((double *)s->a)[i] : (double)((float *)s->a)[i];
		double e = fabs(found - expected) / expected;
		worst = e > worst || isnan(e) ? (isnan(e) ? HUGE_VAL : e) : worst;
		/* The next run must write it again. */
		if (wide)
			((double *)s->a)[i] = -1;
		else
			((float *)s->a)[i] = -1;
	}
	*error = s->cl && !opencl_write(s->cl, s->a) ? HUGE_VAL : worst;
}

const struct kernel kernel_triad = {
	.name = "triad",
	.summary = "STREAM triad, a = b + s c: memory bandwidth",
	.size_is = "elements of an array",
	.source = "McCalpin, STREAM, 1995",
	.paradigms =
	    BIT(PARADIGM_SCALAR) | BIT(PARADIGM_SIMD) | BIT(PARADIGM_OPENMP) | BIT(PARADIGM_OPENCL),
	.precisions = BIT(PRECISION_F64) | BIT(PRECISION_F32),
	.size_min = 16,
	.size_max = UINT64_C(1) << 34,
	.size_default = UINT64_C(1) << 25,
	.state_size = sizeof(struct triad),
	.flops = triad_flops,
	.bytes = triad_bytes,
	.footprint = triad_bytes,
	.init = triad_init,
	.run = triad_run,
	.check = triad_check,
	.fini = triad_fini,
};
