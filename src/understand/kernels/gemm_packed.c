/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "understand/kernels/gemm.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Both rounded up to whole tiles of the widest shape. */
size_t gemm_packing_a_bytes(void)
{
	return (size_t)(GEMM_ROWS + 48) * GEMM_DEPTH * sizeof(double);
}

size_t gemm_packing_b_bytes(void)
{
	return (size_t)(GEMM_COLUMNS + 8) * GEMM_DEPTH * sizeof(double);
}

/* Edges are padded with zeros, so that the micro-kernel always works on whole tiles; a tile that
 * overhangs C goes through a small buffer. */
#define GEMM_PACKED(name, type)                                                                    \
	static void name##_pack_a(size_t mr, size_t n, const type *a, size_t rows, size_t depth,   \
	                          type *to)                                                        \
	{                                                                                          \
		for (size_t i = 0; i < rows; i += mr) {                                            \
			size_t live = least(mr, rows - i);                                         \
			for (size_t p = 0; p < depth; p++, to += mr) {                             \
				memcpy(to, a + i + p * n, live * sizeof *to);                      \
				memset(to + live, 0, (mr - live) * sizeof *to);                    \
			}                                                                          \
		}                                                                                  \
	}                                                                                          \
	static void name##_pack_b(size_t nr, size_t n, const type *b, size_t depth,                \
	                          size_t columns, type *to)                                        \
	{                                                                                          \
		for (size_t j = 0; j < columns; j += nr, to += nr * depth) {                       \
			size_t live = least(nr, columns - j);                                      \
			if (live < nr)                                                             \
				memset(to, 0, nr *depth * sizeof *to);                             \
			for (size_t q = 0; q < live; q++) {                                        \
				const type *from = b + (j + q) * n;                                \
				for (size_t p = 0; p < depth; p++)                                 \
					to[p * nr + q] = from[p];                                  \
			}                                                                          \
		}                                                                                  \
	}                                                                                          \
	static void name##_tile(const struct gemm_shape *s, size_t depth, const type *a,           \
	                        const type *b, type *c, size_t n, size_t rows, size_t columns)     \
	{                                                                                          \
		if (rows >= s->mr && columns >= s->nr) {                                           \
			s->micro(depth, a, b, c, n);                                               \
			return;                                                                    \
		}                                                                                  \
		type edge[GEMM_TILE_MAX] = { 0 };                                                  \
		s->micro(depth, a, b, edge, s->mr);                                                \
		for (size_t j = 0; j < least(columns, s->nr); j++)                                 \
			for (size_t i = 0; i < least(rows, s->mr); i++)                            \
				c[i + j * n] += edge[i + j * s->mr];                               \
	}                                                                                          \
	static void name##_block(const struct gemm_block *g, size_t n, size_t depth, type *c,      \
	                         size_t rows, size_t columns)                                      \
	{                                                                                          \
		const struct gemm_shape *s = &g->shape;                                            \
		const type *a = g->a, *b = g->b;                                                   \
		for (size_t j = 0; j < columns; j += s->nr)                                        \
			for (size_t i = 0; i < rows; i += s->mr)                                   \
				name##_tile(s, depth, a + i * depth, b + j * depth, c + i + j * n, \
				            n, rows - i, columns - j);                             \
	}                                                                                          \
	void name(const struct gemm_block *g, size_t n, const type *a, const type *b, type *c,     \
	          size_t row, size_t rows, size_t column, size_t columns)                          \
	{                                                                                          \
		for (size_t j = column; j < column + columns; j++)                                 \
			memset(c + row + j * n, 0, rows * sizeof *c);                              \
		for (size_t j = 0; j < columns; j += GEMM_COLUMNS) {                               \
			size_t wide = least(GEMM_COLUMNS, columns - j);                            \
			for (size_t p = 0; p < n; p += GEMM_DEPTH) {                               \
				size_t depth = least(GEMM_DEPTH, n - p);                           \
				name##_pack_b(g->shape.nr, n, b + p + (column + j) * n, depth,     \
				              wide, g->b);                                         \
				for (size_t i = 0; i < rows; i += GEMM_ROWS) {                     \
					size_t high = least(GEMM_ROWS, rows - i);                  \
					name##_pack_a(g->shape.mr, n, a + row + i + p * n, high,   \
					              depth, g->a);                                \
					name##_block(g, n, depth, c + row + i + (column + j) * n,  \
					             high, wide);                                  \
				}                                                                  \
			}                                                                          \
		}                                                                                  \
	}

GEMM_PACKED(gemm_packed_f64, double)
GEMM_PACKED(gemm_packed_f32, float)
