/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the gemm kernel: C = A B, square, column-major.
 *
 * The packed variant follows Goto and van de Geijn (2008): panels of A and B are copied so that the
 * innermost loop reads both in order, and a micro-kernel keeps an mr x nr tile of C in registers.
 */
#ifndef ERGON_UNDERSTAND_GEMM_H
#define ERGON_UNDERSTAND_GEMM_H

#include <stddef.h>

#include "understand/kernels/kernel.h"

/* C tile (mr x nr, leading dimension ldc) += packed A (depth x mr) times packed B (depth x nr). */
typedef void (*gemm_micro)(size_t depth, const void *a, const void *b, void *c, size_t ldc);

struct gemm_shape {
	gemm_micro micro;
	size_t mr, nr;
};
struct gemm_shape gemm_shape(enum isa isa, enum precision precision);

/* Rows and columns of C, depth of a block: what one thread packs at a time. */
enum { GEMM_ROWS = 192, GEMM_DEPTH = 256, GEMM_COLUMNS = 1024, GEMM_TILE_MAX = 48 * 8 };

struct gemm_block {
	struct gemm_shape shape;
	void *a, *b; /* packing space of this thread: see gemm_packing_bytes() */
};
size_t gemm_packing_a_bytes(void);
size_t gemm_packing_b_bytes(void);

/* Computes rows [row, row + rows) and columns [column, column + columns) of C. */
void gemm_packed_f64(const struct gemm_block *block, size_t n, const double *a, const double *b,
                     double *c, size_t row, size_t rows, size_t column, size_t columns);
void gemm_packed_f32(const struct gemm_block *block, size_t n, const float *a, const float *b,
                     float *c, size_t row, size_t rows, size_t column, size_t columns);

/* Matrices of the types of gemm_types.c. */
void gemm_scalar_f64(size_t n, const void *a, const void *b, void *c);
void gemm_scalar_f32(size_t n, const void *a, const void *b, void *c);
void gemm_scalar_bf16(size_t n, const void *a, const void *b, void *c);
void gemm_scalar_int8(size_t n, const void *a, const void *b, void *c);
float gemm_float_of_bf16(uint16_t bits);

#endif
