/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/triad.h"

void triad_scalar_f64(void *a, const void *b, const void *c, double s, size_t begin, size_t end)
{
	double *restrict to = a;
	const double *restrict x = b, *restrict y = c;
	for (size_t i = begin; i < end; i++)
		to[i] = x[i] + s * y[i];
}

void triad_scalar_f32(void *a, const void *b, const void *c, double s, size_t begin, size_t end)
{
	float *restrict to = a;
	const float *restrict x = b, *restrict y = c;
	float scale = (float)s;
	for (size_t i = begin; i < end; i++)
		to[i] = x[i] + scale * y[i];
}
