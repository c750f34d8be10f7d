/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/fma.h"

#define FMA_SCALAR(name, type)                                                                     \
	void name(const void *from, void *to, double a, double b, size_t turns)                    \
	{                                                                                          \
		const type *v = from;                                                              \
		type *w = to;                                                                      \
		type x[FMA_CHAINS];                                                                \
		const type m = (type)a, s = (type)b;                                               \
		for (int i = 0; i < FMA_CHAINS; i++)                                               \
			x[i] = v[i];                                                               \
		for (size_t t = 0; t < turns; t++)                                                 \
			for (int i = 0; i < FMA_CHAINS; i++)                                       \
				x[i] = m * x[i] + s;                                               \
		for (int i = 0; i < FMA_CHAINS; i++)                                               \
			w[i] = x[i];                                                               \
	}

FMA_SCALAR(fma_scalar_f64, double)
FMA_SCALAR(fma_scalar_f32, float)
