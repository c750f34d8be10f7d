/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiply-add out of registers: the roof of arithmetic.
 */
#include "understand/kernels/fma.h"

#include <math.h>
#include <stdlib.h>

#include "understand/kernels/opencl.h"

#define FMA_SIMD(name, target_text, type, vec, lanes, load, store, set1, fma)                      \
	__attribute__((target(target_text))) static void name(const void *from, void *to,          \
	                                                      double a, double b, size_t turns)    \
	{                                                                                          \
		const type *v = from;                                                              \
		type *w = to;                                                                      \
		vec x[FMA_CHAINS];                                                                 \
		const vec m = set1((type)a), s = set1((type)b);                                    \
		for (int i = 0; i < FMA_CHAINS; i++)                                               \
			x[i] = load(v + i * (lanes));                                              \
		for (size_t t = 0; t < turns; t++)                                                 \
			for (int i = 0; i < FMA_CHAINS; i++)                                       \
				x[i] = fma(m, x[i], s);                                            \
		for (int i = 0; i < FMA_CHAINS; i++)                                               \
			store(w + i * (lanes), x[i]);                                              \
	}

#if defined(__x86_64__)
#include <immintrin.h>

#define MULADD_PD(m, x, s) _mm_add_pd(_mm_mul_pd(m, x), s)
#define MULADD_PS(m, x, s) _mm_add_ps(_mm_mul_ps(m, x), s)

FMA_SIMD(f64_sse2, "sse2", double, __m128d, 2, _mm_load_pd, _mm_store_pd, _mm_set1_pd, MULADD_PD)
FMA_SIMD(f32_sse2, "sse2", float, __m128, 4, _mm_load_ps, _mm_store_ps, _mm_set1_ps, MULADD_PS)
FMA_SIMD(f64_avx2, "avx2,fma", double, __m256d, 4, _mm256_load_pd, _mm256_store_pd, _mm256_set1_pd,
         _mm256_fmadd_pd)
FMA_SIMD(f32_avx2, "avx2,fma", float, __m256, 8, _mm256_load_ps, _mm256_store_ps, _mm256_set1_ps,
         _mm256_fmadd_ps)
FMA_SIMD(f64_avx512, "avx512f", double, __m512d, 8, _mm512_load_pd, _mm512_store_pd, _mm512_set1_pd,
         _mm512_fmadd_pd)
FMA_SIMD(f32_avx512, "avx512f", float, __m512, 16, _mm512_load_ps, _mm512_store_ps, _mm512_set1_ps,
         _mm512_fmadd_ps)

static const fma_loop loops[3][PRECISION_COUNT] = {
	[ISA_SSE2] = { f64_sse2, f32_sse2 },
	[ISA_AVX2] = { f64_avx2, f32_avx2 },
	[ISA_AVX512] = { f64_avx512, f32_avx512 },
};

fma_loop fma_simd(enum isa isa, enum precision precision, size_t *lanes)
{
	*lanes = ((size_t)16 << isa) / precision_bytes(precision);
	return loops[isa][precision];
}

#else

fma_loop fma_simd(enum isa isa, enum precision precision, size_t *lanes)
{
	(void)isa;
	*lanes = 1;
	return precision == PRECISION_F64 ? fma_scalar_f64 : fma_scalar_f32;
}
#endif

/* x -> 1 x + 1 counts its turns: exact with and without fusing, until whole numbers end and
 * rounding to even keeps the count there. The factors come from memory, so nothing is folded. */
static const double A = 1, B = 1;

enum { BLOCK = 2048 };

struct fma {
	struct kernel_config config;
	fma_loop loop;
	size_t lanes;
	char *from, *to;   /* [threads] blocks of BLOCK bytes */
	struct opencl *cl; /* then one block, of FMA_CHAINS values an item */
	bool cl_failed;
};

enum { CL_ITEMS = 1 << 15 }; /* enough for any device */

static size_t lanes_of(const struct kernel_config *config)
{
	size_t lanes = 1;
	if (config->paradigm == PARADIGM_OPENCL)
		return CL_ITEMS;
	if (config->paradigm != PARADIGM_SCALAR)
		(void)fma_simd(config->isa, config->precision, &lanes);
	return lanes;
}

static double fma_flops(const struct kernel_config *config)
{
	return 2.0 * FMA_CHAINS * (double)lanes_of(config) * (double)config->size * config->threads;
}

static double fma_bytes(const struct kernel_config *config)
{
	return 2.0 * FMA_CHAINS * (double)lanes_of(config) *
	       (double)precision_bytes(config->precision) * config->threads;
}

static void run_thread(const struct fma *s, unsigned thread, uint64_t passes)
{
	size_t at = (size_t)thread * BLOCK;
	for (uint64_t i = 0; i < passes; i++)
		s->loop(s->from + at, s->to + at, A, B, s->config.size);
}

static void fma_run(void *state, uint64_t passes)
{
	struct fma *s = state;
	unsigned threads = s->config.threads;
	if (s->cl) {
		s->cl_failed = !opencl_run(s->cl, passes);
		return;
	}
	if (threads == 1) {
		run_thread(s, 0, passes);
		return;
	}
#pragma omp parallel for num_threads(threads) schedule(static, 1)
	for (unsigned t = 0; t < threads; t++)
		run_thread(s, t, passes);
}

static double start_value(size_t thread, size_t i)
{
	return (double)(thread % 100 * 1000 + i);
}

static void put(const struct fma *s, char *blocks, size_t thread, size_t i, double value)
{
	char *block = blocks + thread * BLOCK;
	if (s->config.precision == PRECISION_F64)
		((double *)(void *)block)[i] = value;
	else
		((float *)(void *)block)[i] = (float)value;
}

static double get(const struct fma *s, size_t thread, size_t i)
{
	const char *block = s->to + thread * BLOCK;
	return s->config.precision == PRECISION_F64
	           ? ((const double *)(const void *)block)[i]
	           : (double)((const float *)(const void *)block)[i];
}

static void fill(struct fma *s)
{
	for (unsigned t = 0; t < s->config.threads; t++)
		for (size_t i = 0; i < FMA_CHAINS * s->lanes; i++)
			put(s, s->from, t, i, start_value(t, i));
}

static void fma_fini(void *state)
{
	struct fma *s = state;
	free(s->from);
	free(s->to);
	opencl_close(s->cl);
	*s = (struct fma){ 0 };
}

static enum ergon_code open_device(struct fma *s, size_t bytes, struct ergon_error *err)
{
	const double wide[2] = { A, B };
	const float narrow[2] = { (float)A, (float)B };
	bool is_wide = s->config.precision == PRECISION_F64;
	struct opencl_work work = {
		.name = "fma_peak",
		.precision = s->config.precision,
		.n = s->config.size,
		.items = CL_ITEMS,
		.bytes = { bytes, bytes, is_wide ? sizeof wide : sizeof narrow },
		.from = { s->to, s->from, is_wide ? (const void *)wide : (const void *)narrow }
	};
	enum ergon_code code = opencl_open(&s->cl, s->config.env, &work, err);
	if (code)
		fma_fini(s);
	return code;
}

static enum ergon_code fma_init(void *state, const struct kernel_config *config,
                                struct ergon_error *err)
{
	struct fma *s = state;
	*s = (struct fma){ .config = *config };
	_Static_assert(FMA_CHAINS * 64 <= BLOCK, "a block holds a vector of each chain");
	s->lanes = lanes_of(config);
	size_t bytes = (size_t)BLOCK * config->threads;
	if (config->paradigm == PARADIGM_OPENCL)
		bytes = FMA_CHAINS * s->lanes * precision_bytes(config->precision);
	else if (config->paradigm == PARADIGM_SCALAR)
		s->loop = config->precision == PRECISION_F64 ? fma_scalar_f64 : fma_scalar_f32;
	else
		s->loop = fma_simd(config->isa, config->precision, &s->lanes);
	s->from = kernel_alloc(bytes, config->threads);
	s->to = kernel_alloc(bytes, config->threads);
	if (!s->from || !s->to) {
		fma_fini(s);
		return ergon_fail(err, ERGON_NO_MEMORY, "fma: out of memory");
	}
	fill(s);
	return config->paradigm == PARADIGM_OPENCL ? open_device(s, bytes, err) : ERGON_OK;
}

static void fma_check(void *state, double *error, double *allowed)
{
	struct fma *s = state;
	double last = s->config.precision == PRECISION_F64 ? 0x1p53 : 0x1p24, worst = 0;
	*error = HUGE_VAL;
	*allowed = 0;
	if (s->cl && (s->cl_failed || !opencl_read(s->cl, s->to)))
		return;
	for (unsigned t = 0; t < s->config.threads; t++)
		for (size_t i = 0; i < FMA_CHAINS * s->lanes; i++) {
			double expected = fmin(start_value(t, i) + (double)s->config.size, last);
			double e = fabs(get(s, t, i) - expected) / expected;
			worst = e <= worst ? worst : e; /* a NaN stays */
			put(s, s->to, t, i, -1);        /* the next run must write it again */
		}
	*error = isnan(worst) || (s->cl && !opencl_write(s->cl, s->to)) ? HUGE_VAL : worst;
}

const struct kernel kernel_fma = {
	.name = "fma",
	.summary = "multiply-add out of registers: the roof of arithmetic",
	.size_is = "steps of a chain",
	.source = "the processor's own peak",
	.paradigms =
	    BIT(PARADIGM_SCALAR) | BIT(PARADIGM_SIMD) | BIT(PARADIGM_OPENMP) | BIT(PARADIGM_OPENCL),
	.precisions = BIT(PRECISION_F64) | BIT(PRECISION_F32),
	.size_min = 1,
	.size_max = UINT64_C(1) << 40,
	.size_default = UINT64_C(1) << 20,
	.state_size = sizeof(struct fma),
	.flops = fma_flops,
	.bytes = fma_bytes,
	.footprint = fma_bytes,
	.init = fma_init,
	.run = fma_run,
	.check = fma_check,
	.fini = fma_fini,
};
