/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/dotacc.h"
#include "understand/kernels/gemm_narrow.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { COLUMNS = 8 }; /* 2 x 8 vectors of sums, of 32 registers */

#define AVX512_MICRO(name, features, vec, zero, load, store, dot)                                  \
	__attribute__((target(features))) static void name##_columns(                              \
	    size_t steps, const char *a, const char *b, char *c, size_t ldc, bool start)           \
	{                                                                                          \
		vec sum[COLUMNS][2];                                                               \
		for (int j = 0; j < COLUMNS; j++)                                                  \
			for (int i = 0; i < 2; i++)                                                \
				sum[j][i] =                                                        \
				    start ? zero() : load(c + 4 * ((size_t)j * ldc) + 64 * i);     \
		for (size_t s = 0; s < steps; s++, a += NARROW_STEP_BYTES, b += NARROW_STEP_BYTES) \
			for (int word = 0; word < NARROW_TILE; word++) {                           \
				const __m512i x = _mm512_load_si512(a + 64 * word);                \
				const __m512i y =                                                  \
				    _mm512_load_si512(a + NARROW_TILE_BYTES + 64 * word);          \
				for (int j = 0; j < COLUMNS; j++) {                                \
					int pair;                                                  \
					__builtin_memcpy(&pair, b + 64 * j + 4 * word, 4);         \
					const __m512i w = _mm512_set1_epi32(pair);                 \
					sum[j][0] = dot(sum[j][0], x, w);                          \
					sum[j][1] = dot(sum[j][1], y, w);                          \
				}                                                                  \
			}                                                                          \
		for (int j = 0; j < COLUMNS; j++)                                                  \
			for (int i = 0; i < 2; i++)                                                \
				store(c + 4 * ((size_t)j * ldc) + 64 * i, sum[j][i]);              \
	}                                                                                          \
	static void name(size_t steps, const void *a, const void *b, void *c, size_t ldc,          \
	                 bool start)                                                               \
	{                                                                                          \
		for (size_t j = 0; j < NARROW_PANEL; j += COLUMNS)                                 \
			name##_columns(steps, a, (const char *)b + NARROW_STEP * j,                \
			               (char *)c + 4 * (j * ldc), ldc, start);                     \
	}

#define DOT_BF16(sum, x, w) _mm512_dpbf16_ps(sum, (__m512bh)(x), (__m512bh)(w))
AVX512_MICRO(bf16_avx512, "avx512f,avx512bf16", __m512, _mm512_setzero_ps, _mm512_loadu_ps,
             _mm512_storeu_ps, DOT_BF16)
AVX512_MICRO(int8_avx512, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512, _mm512_loadu_si512,
             _mm512_storeu_si512, _mm512_dpbusd_epi32)

/* Sums in tiles 0 to 3 (column halves x row halves), columns of B in 4 and 5, rows of A in 6, 7.
 * The intrinsics do not tell the compiler that they read and write memory: hence the barriers. */
#define AMX_MICRO(name, dot)                                                                       \
	__attribute__((target("amx-tile,amx-bf16,amx-int8"))) static void name(                    \
	    size_t steps, const void *packed_a, const void *packed_b, void *c, size_t ldc,         \
	    bool start)                                                                            \
	{                                                                                          \
		const char *a = packed_a, *b = packed_b;                                           \
		const size_t stride = 4 * ldc, right = 16 * stride;                                \
		char *to = c;                                                                      \
		__asm__ volatile("" : : : "memory");                                               \
		if (start) {                                                                       \
			_tile_zero(0);                                                             \
			_tile_zero(1);                                                             \
			_tile_zero(2);                                                             \
			_tile_zero(3);                                                             \
		} else {                                                                           \
			_tile_loadd(0, to, stride);                                                \
			_tile_loadd(1, to + 64, stride);                                           \
			_tile_loadd(2, to + right, stride);                                        \
			_tile_loadd(3, to + right + 64, stride);                                   \
		}                                                                                  \
		for (size_t s = 0; s < steps;                                                      \
		     s++, a += NARROW_STEP_BYTES, b += NARROW_STEP_BYTES) {                        \
			_tile_loadd(4, b, 64);                                                     \
			_tile_loadd(6, a, 64);                                                     \
			_tile_loadd(7, a + NARROW_TILE_BYTES, 64);                                 \
			dot(0, 4, 6);                                                              \
			dot(1, 4, 7);                                                              \
			_tile_loadd(5, b + NARROW_TILE_BYTES, 64);                                 \
			dot(2, 5, 6);                                                              \
			dot(3, 5, 7);                                                              \
		}                                                                                  \
		_tile_stored(0, to, stride);                                                       \
		_tile_stored(1, to + 64, stride);                                                  \
		_tile_stored(2, to + right, stride);                                               \
		_tile_stored(3, to + right + 64, stride);                                          \
		__asm__ volatile("" : : : "memory");                                               \
	}
AMX_MICRO(bf16_amx, _tile_dpbf16ps)
AMX_MICRO(int8_amx, _tile_dpbsud)

__attribute__((target("amx-tile"))) static void tiles_begin(void)
{
	dotacc_configure_tiles();
}

__attribute__((target("amx-tile"))) static void tiles_end(void)
{
	_tile_release();
}

static void nothing(void)
{
}

enum ergon_code narrow_find(enum precision precision, bool amx, struct narrow_unit *unit,
                            struct ergon_error *err)
{
	bool bf16 = precision == PRECISION_BF16;
	struct dotacc_loop loop; /* the same units */
	if (amx && dotacc_find(DOTACC_AMX, precision, &loop, NULL) == ERGON_OK) {
		*unit = (struct narrow_unit){ bf16 ? bf16_amx : int8_amx, tiles_begin, tiles_end };
		return ERGON_OK;
	}
	*unit = (struct narrow_unit){ bf16 ? bf16_avx512 : int8_avx512, nothing, nothing };
	return dotacc_find(DOTACC_AVX512, precision, &loop, err);
}

#else

enum ergon_code narrow_find(enum precision precision, bool amx, struct narrow_unit *unit,
                            struct ergon_error *err)
{
	(void)amx;
	(void)unit;
	return ergon_fail(err, ERGON_NOT_SUPPORTED,
	                  "gemm of %s is known here for x86-64 processors only",
	                  precision_name(precision));
}
#endif
