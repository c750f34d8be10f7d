/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gemm kernel must know of its number types: how A, B and C are stored.
 */
#ifndef ERGON_UNDERSTAND_GEMM_TYPES_H
#define ERGON_UNDERSTAND_GEMM_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "understand/kernels/kernel.h"

/* y = M x in double precision, M n x n and column-major. */
typedef void (*gemm_product)(size_t n, const void *matrix, const double *x, double *y);

struct gemm_type {
	size_t result_bytes;     /* of an element of C */
	double unit_roundoff;    /* of its sums; 0: they are exact */
	double scale_a, scale_b; /* elements lie in [-scale, scale) or, unsigned, in [0, 2 scale) */
	/* matrix[i] = the element that u in [-1, 1) stands for */
	void (*put_a)(void *matrix, size_t i, double u);
	void (*put_b)(void *matrix, size_t i, double u);
	gemm_product a_times, b_times, c_times;
	void (*spoil)(void *c, size_t i); /* what no product leaves there */
	void (*scalar)(size_t n, const void *a, const void *b, void *c);
};

const struct gemm_type *gemm_type(enum precision precision);

#endif
