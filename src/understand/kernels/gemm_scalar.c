/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "understand/kernels/gemm.h"

enum { BLOCK = 64 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Blocks of 64 x 64 stay in the nearest caches. */
#define GEMM_SCALAR(name, type)                                                                    \
	static void name##_block(size_t n, const type *a, const type *b, type *c, size_t rows,     \
	                         size_t depth, size_t columns)                                     \
	{                                                                                          \
		for (size_t j = 0; j < columns; j++)                                               \
			for (size_t p = 0; p < depth; p++) {                                       \
				type s = b[p + j * n];                                             \
				const type *restrict x = a + p * n;                                \
				type *restrict y = c + j * n;                                      \
				for (size_t i = 0; i < rows; i++)                                  \
					y[i] += x[i] * s;                                          \
			}                                                                          \
	}                                                                                          \
	void name(size_t n, const type *a, const type *b, type *c)                                 \
	{                                                                                          \
		memset(c, 0, n *n * sizeof *c);                                                    \
		for (size_t j = 0; j < n; j += BLOCK)                                              \
			for (size_t p = 0; p < n; p += BLOCK)                                      \
				for (size_t i = 0; i < n; i += BLOCK)                              \
					name##_block(n, a + i + p * n, b + p + j * n,              \
					             c + i + j * n, least(BLOCK, n - i),           \
					             least(BLOCK, n - p), least(BLOCK, n - j));    \
	}

GEMM_SCALAR(gemm_scalar_f64, double)
GEMM_SCALAR(gemm_scalar_f32, float)
