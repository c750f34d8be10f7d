/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops of the fma kernel: x[i] = a x[i] + b, `turns` times for each of FMA_CHAINS
 * vectors that never leave the registers. Enough independent chains hide the latency of the unit.
 */
#ifndef ERGON_UNDERSTAND_FMA_H
#define ERGON_UNDERSTAND_FMA_H

#include <stddef.h>

#include "understand/kernels/kernel.h"

enum { FMA_CHAINS = 12 };

/* from, to: [FMA_CHAINS * lanes], 64-byte aligned, each touched once. */
typedef void (*fma_loop)(const void *from, void *to, double a, double b, size_t turns);

void fma_scalar_f64(const void *from, void *to, double a, double b, size_t turns);
void fma_scalar_f32(const void *from, void *to, double a, double b, size_t turns);
fma_loop fma_simd(enum isa isa, enum precision precision, size_t *lanes);

#endif
