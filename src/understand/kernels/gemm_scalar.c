/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "understand/kernels/gemm.h"

enum { BLOCK = 64 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

float gemm_float_of_bf16(uint16_t bits)
{
	union {
		uint32_t bits;
		float value;
	} f = { (uint32_t)bits << 16 };
	return f.value;
}

/* Factors of type_a and type_b, sums of type, read by value(). Blocks of 64 x 64 stay in the
 * nearest caches. */
#define GEMM_SCALAR(name, type_a, type_b, type, value)                                             \
	static void name##_block(size_t n, const type_a *a, const type_b *b, type *c, size_t rows, \
	                         size_t depth, size_t columns)                                     \
	{                                                                                          \
		for (size_t j = 0; j < columns; j++)                                               \
			for (size_t p = 0; p < depth; p++) {                                       \
				type s = value(b[p + j * n]);                                      \
				const type_a *restrict x = a + p * n;                              \
				type *restrict y = c + j * n;                                      \
				for (size_t i = 0; i < rows; i++)                                  \
					y[i] += value(x[i]) * s;                                   \
			}                                                                          \
	}                                                                                          \
	void name(size_t n, const void *matrix_a, const void *matrix_b, void *matrix_c)            \
	{                                                                                          \
		const type_a *a = matrix_a;                                                        \
		const type_b *b = matrix_b;                                                        \
		type *c = matrix_c;                                                                \
		memset(c, 0, n *n * sizeof *c);                                                    \
		for (size_t j = 0; j < n; j += BLOCK)                                              \
			for (size_t p = 0; p < n; p += BLOCK)                                      \
				for (size_t i = 0; i < n; i += BLOCK)                              \
					name##_block(n, a + i + p * n, b + p + j * n,              \
					             c + i + j * n, least(BLOCK, n - i),           \
					             least(BLOCK, n - p), least(BLOCK, n - j));    \
	}

#define AS_IT_IS(x) (x)
GEMM_SCALAR(gemm_scalar_f64, double, double, double, AS_IT_IS)
GEMM_SCALAR(gemm_scalar_f32, float, float, float, AS_IT_IS)
GEMM_SCALAR(gemm_scalar_bf16, uint16_t, uint16_t, float, gemm_float_of_bf16)
/* Numbers, not characters. NOLINTNEXTLINE(bugprone-signed-char-misuse,cert-str34-c) */
GEMM_SCALAR(gemm_scalar_int8, uint8_t, int8_t, int32_t, AS_IT_IS)
