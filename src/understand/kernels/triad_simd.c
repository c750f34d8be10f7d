/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/triad.h"

/* One loop for one instruction set, precision and kind of store. Four vectors a turn keep enough
 * loads in flight for the nearest cache. */
#define TRIAD(name, target_text, type, vec, lanes, load, set1, fma, store)                         \
	__attribute__((target(target_text))) static void name(                                     \
	    void *a, const void *b, const void *c, double s, size_t begin, size_t end)             \
	{                                                                                          \
		type *to = a;                                                                      \
		const type *x = b, *y = c;                                                         \
		const vec scale = set1((type)s);                                                   \
		size_t i = begin;                                                                  \
		for (; i + 4 * (lanes) <= end; i += 4 * (lanes)) {                                 \
			vec r0 = fma(scale, load(y + i), load(x + i));                             \
			vec r1 = fma(scale, load(y + i + (lanes)), load(x + i + (lanes)));         \
			vec r2 = fma(scale, load(y + i + 2 * (lanes)), load(x + i + 2 * (lanes))); \
			vec r3 = fma(scale, load(y + i + 3 * (lanes)), load(x + i + 3 * (lanes))); \
			store(to + i, r0);                                                         \
			store(to + i + (lanes), r1);                                               \
			store(to + i + 2 * (lanes), r2);                                           \
			store(to + i + 3 * (lanes), r3);                                           \
		}                                                                                  \
		for (; i < end; i++)                                                               \
			to[i] = x[i] + (type)s * y[i];                                             \
		_mm_sfence();                                                                      \
	}

#if defined(__x86_64__)
#include <immintrin.h>

#define MULADD_PD(s, y, x) _mm_add_pd(_mm_mul_pd(s, y), x)
#define MULADD_PS(s, y, x) _mm_add_ps(_mm_mul_ps(s, y), x)

TRIAD(f64_sse2, "sse2", double, __m128d, 2, _mm_load_pd, _mm_set1_pd, MULADD_PD, _mm_store_pd)
TRIAD(f64_sse2_nt, "sse2", double, __m128d, 2, _mm_load_pd, _mm_set1_pd, MULADD_PD, _mm_stream_pd)
TRIAD(f32_sse2, "sse2", float, __m128, 4, _mm_load_ps, _mm_set1_ps, MULADD_PS, _mm_store_ps)
TRIAD(f32_sse2_nt, "sse2", float, __m128, 4, _mm_load_ps, _mm_set1_ps, MULADD_PS, _mm_stream_ps)
TRIAD(f64_avx2, "avx2,fma", double, __m256d, 4, _mm256_load_pd, _mm256_set1_pd, _mm256_fmadd_pd,
      _mm256_store_pd)
TRIAD(f64_avx2_nt, "avx2,fma", double, __m256d, 4, _mm256_load_pd, _mm256_set1_pd, _mm256_fmadd_pd,
      _mm256_stream_pd)
TRIAD(f32_avx2, "avx2,fma", float, __m256, 8, _mm256_load_ps, _mm256_set1_ps, _mm256_fmadd_ps,
      _mm256_store_ps)
TRIAD(f32_avx2_nt, "avx2,fma", float, __m256, 8, _mm256_load_ps, _mm256_set1_ps, _mm256_fmadd_ps,
      _mm256_stream_ps)
TRIAD(f64_avx512, "avx512f", double, __m512d, 8, _mm512_load_pd, _mm512_set1_pd, _mm512_fmadd_pd,
      _mm512_store_pd)
TRIAD(f64_avx512_nt, "avx512f", double, __m512d, 8, _mm512_load_pd, _mm512_set1_pd, _mm512_fmadd_pd,
      _mm512_stream_pd)
TRIAD(f32_avx512, "avx512f", float, __m512, 16, _mm512_load_ps, _mm512_set1_ps, _mm512_fmadd_ps,
      _mm512_store_ps)
TRIAD(f32_avx512_nt, "avx512f", float, __m512, 16, _mm512_load_ps, _mm512_set1_ps, _mm512_fmadd_ps,
      _mm512_stream_ps)

static const triad_loop loops[3][PRECISION_COUNT][2] = {
	[ISA_SSE2] = { { f64_sse2, f64_sse2_nt }, { f32_sse2, f32_sse2_nt } },
	[ISA_AVX2] = { { f64_avx2, f64_avx2_nt }, { f32_avx2, f32_avx2_nt } },
	[ISA_AVX512] = { { f64_avx512, f64_avx512_nt }, { f32_avx512, f32_avx512_nt } },
};

triad_loop triad_simd(enum isa isa, enum precision precision, bool non_temporal)
{
	return loops[isa][precision][non_temporal];
}

#else /* other processors: what the compiler makes of the plain loop */

static void f64_plain(void *a, const void *b, const void *c, double s, size_t begin, size_t end)
{
	double *restrict to = a;
	const double *restrict x = b, *restrict y = c;
	for (size_t i = begin; i < end; i++)
		to[i] = x[i] + s * y[i];
}

static void f32_plain(void *a, const void *b, const void *c, double s, size_t begin, size_t end)
{
	float *restrict to = a;
	const float *restrict x = b, *restrict y = c;
	for (size_t i = begin; i < end; i++)
		to[i] = x[i] + (float)s * y[i];
}

triad_loop triad_simd(enum isa isa, enum precision precision, bool non_temporal)
{
	(void)isa;
	(void)non_temporal;
	return precision == PRECISION_F64 ? f64_plain : f32_plain;
}
#endif
