/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops of the dotacc kernel: products of small numbers (bf16, int8) summed up in wide
 * ones (f32, int32) out of registers, by the unit that this processor has for it.
 */
#ifndef ERGON_UNDERSTAND_DOTACC_H
#define ERGON_UNDERSTAND_DOTACC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "understand/kernels/kernel.h"

enum dotacc_unit { DOTACC_AVX512, DOTACC_AMX, DOTACC_UNITS };

/* Sums are started anew after so many turns: they then stay exact in f32. */
enum { DOTACC_SEGMENT = 1 << 16, DOTACC_SUMS_MAX = 6 * 256 };

struct dotacc_loop {
	/* from, to: [sums] 32-bit sums, 64-byte aligned. All factors are 1. */
	void (*run)(const void *from, void *to, uint64_t turns);
	size_t sums;        /* that a turn adds to */
	unsigned increment; /* products added to each sum in a turn */
};

/* NOT_SUPPORTED with the reason where this processor, or its operating system, lacks the unit. */
ERGON_MUST_USE enum ergon_code dotacc_find(enum dotacc_unit unit, enum precision precision,
                                           struct dotacc_loop *loop, struct ergon_error *err);

#if defined(__x86_64__)
/* All eight tiles of AMX, 16 rows of 64 bytes each, for this thread; only where dotacc_find found
 * AMX. Ends with _tile_release(). */
void dotacc_configure_tiles(void);
#endif

#endif
