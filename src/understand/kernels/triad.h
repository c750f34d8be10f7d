/* SPDX-License-Identifier: Apache-2.0
 *
 * a[i] = b[i] + s * c[i] over [begin, end): the inner loops of the triad kernel. Non-temporal
 * stores write around the caches: they spare the read of a line that will be overwritten whole,
 * and lose when the data would fit a cache.
 */
#ifndef ERGON_UNDERSTAND_TRIAD_H
#define ERGON_UNDERSTAND_TRIAD_H

#include <stdbool.h>
#include <stddef.h>

#include "understand/kernels/kernel.h"

typedef void (*triad_loop)(void *a, const void *b, const void *c, double s, size_t begin,
                           size_t end);

void triad_scalar_f64(void *a, const void *b, const void *c, double s, size_t begin, size_t end);
void triad_scalar_f32(void *a, const void *b, const void *c, double s, size_t begin, size_t end);

/* Arrays are 64-byte aligned; begin is a multiple of 16. */
triad_loop triad_simd(enum isa isa, enum precision precision, bool non_temporal);

#endif
