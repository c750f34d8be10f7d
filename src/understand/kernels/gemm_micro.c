/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/gemm.h"

/* The tile is held in mv x nr vector registers: 24 of 32 (AVX-512), 12 of 16 (AVX2), 8 of 16
 * (SSE2); the rest hold a column of A and one broadcast element of B. */
#define GEMM_MICRO(name, target_text, type, vec, lanes, mv, nr, load, loadu, storeu, set1, fma,    \
                   zero, add)                                                                      \
	__attribute__((target(target_text))) static void name(                                     \
	    size_t depth, const void *packed_a, const void *packed_b, void *tile, size_t ldc)      \
	{                                                                                          \
		const type *a = packed_a, *b = packed_b;                                           \
		type *c = tile;                                                                    \
		vec sum[nr][mv];                                                                   \
		for (int j = 0; j < (nr); j++)                                                     \
			for (int i = 0; i < (mv); i++)                                             \
				sum[j][i] = zero();                                                \
		for (size_t p = 0; p < depth; p++) {                                               \
			vec x[mv];                                                                 \
			for (int i = 0; i < (mv); i++)                                             \
				x[i] = load(a + i * (lanes));                                      \
			for (int j = 0; j < (nr); j++) {                                           \
				vec y = set1(b[j]);                                                \
				for (int i = 0; i < (mv); i++)                                     \
					sum[j][i] = fma(x[i], y, sum[j][i]);                       \
			}                                                                          \
			a += (mv) * (lanes);                                                       \
			b += (nr);                                                                 \
		}                                                                                  \
		for (int j = 0; j < (nr); j++)                                                     \
			for (int i = 0; i < (mv); i++) {                                           \
				type *at = c + (size_t)j * ldc + i * (lanes);                      \
				storeu(at, add(loadu(at), sum[j][i]));                             \
			}                                                                          \
	}

#if defined(__x86_64__)
#include <immintrin.h>

#define MULADD_PD(x, y, s) _mm_add_pd(_mm_mul_pd(x, y), s)
#define MULADD_PS(x, y, s) _mm_add_ps(_mm_mul_ps(x, y), s)

GEMM_MICRO(f64_sse2, "sse2", double, __m128d, 2, 2, 4, _mm_load_pd, _mm_loadu_pd, _mm_storeu_pd,
           _mm_set1_pd, MULADD_PD, _mm_setzero_pd, _mm_add_pd)
GEMM_MICRO(f32_sse2, "sse2", float, __m128, 4, 2, 4, _mm_load_ps, _mm_loadu_ps, _mm_storeu_ps,
           _mm_set1_ps, MULADD_PS, _mm_setzero_ps, _mm_add_ps)
GEMM_MICRO(f64_avx2, "avx2,fma", double, __m256d, 4, 2, 6, _mm256_load_pd, _mm256_loadu_pd,
           _mm256_storeu_pd, _mm256_set1_pd, _mm256_fmadd_pd, _mm256_setzero_pd, _mm256_add_pd)
GEMM_MICRO(f32_avx2, "avx2,fma", float, __m256, 8, 2, 6, _mm256_load_ps, _mm256_loadu_ps,
           _mm256_storeu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_setzero_ps, _mm256_add_ps)
GEMM_MICRO(f64_avx512, "avx512f", double, __m512d, 8, 3, 8, _mm512_load_pd, _mm512_loadu_pd,
           _mm512_storeu_pd, _mm512_set1_pd, _mm512_fmadd_pd, _mm512_setzero_pd, _mm512_add_pd)
GEMM_MICRO(f32_avx512, "avx512f", float, __m512, 16, 3, 8, _mm512_load_ps, _mm512_loadu_ps,
           _mm512_storeu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_setzero_ps, _mm512_add_ps)

static const struct gemm_shape shapes[3][PRECISION_COUNT] = {
	[ISA_SSE2] = { { f64_sse2, 4, 4 }, { f32_sse2, 8, 4 } },
	[ISA_AVX2] = { { f64_avx2, 8, 6 }, { f32_avx2, 16, 6 } },
	[ISA_AVX512] = { { f64_avx512, 24, 8 }, { f32_avx512, 48, 8 } },
};

struct gemm_shape gemm_shape(enum isa isa, enum precision precision)
{
	return shapes[isa][precision];
}

#else /* other processors: a tile that the compiler can keep in registers */

#define GEMM_PLAIN(name, type)                                                                     \
	static void name(size_t depth, const void *packed_a, const void *packed_b, void *tile,     \
	                 size_t ldc)                                                               \
	{                                                                                          \
		const type *a = packed_a, *b = packed_b;                                           \
		type *c = tile, sum[4][4] = { { 0 } };                                             \
		for (size_t p = 0; p < depth; p++, a += 4, b += 4)                                 \
			for (int j = 0; j < 4; j++)                                                \
				for (int i = 0; i < 4; i++)                                        \
					sum[j][i] += a[i] * b[j];                                  \
		for (int j = 0; j < 4; j++)                                                        \
			for (int i = 0; i < 4; i++)                                                \
				c[(size_t)j * ldc + (size_t)i] += sum[j][i];                       \
	}
GEMM_PLAIN(f64_plain, double)
GEMM_PLAIN(f32_plain, float)

struct gemm_shape gemm_shape(enum isa isa, enum precision precision)
{
	(void)isa;
	return (struct gemm_shape){ precision == PRECISION_F64 ? f64_plain : f32_plain, 4, 4 };
}
#endif
