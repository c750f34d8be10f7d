/* SPDX-License-Identifier: Apache-2.0
 *
 * C = A B of small numbers, summed up in wide ones: bf16 in f32, and int8 in int32 (A unsigned, B
 * signed, as quantised inference has it). Square, column-major.
 *
 * Both operands are packed whole, once a run, into tiles that AMX and AVX-512 read alike: a step is
 * 64 bytes of depth (32 bf16, 64 int8). A's tile holds 16 words of depth x 16 rows, B's 16 columns
 * x 16 words; a word is what one lane multiplies at once (2 bf16, 4 int8). AMX takes B's tile as
 * its left operand and A's as its right one: its product is then a column-major tile of C.
 * Sources: as dotacc_units.c.
 */
#ifndef ERGON_UNDERSTAND_GEMM_NARROW_H
#define ERGON_UNDERSTAND_GEMM_NARROW_H

#include <stdbool.h>
#include <stddef.h>

#include "understand/kernels/kernel.h"

enum {
	NARROW_TILE = 16, /* rows of A, columns of B */
	NARROW_TILE_BYTES = 1024,
	NARROW_PANEL = 2 * NARROW_TILE,           /* a block of C is a panel high and wide */
	NARROW_STEP = 64,                         /* bytes of depth */
	NARROW_STEP_BYTES = 2 * NARROW_TILE_BYTES /* of a panel in packed form */
};

/* c, a panel high and wide with leading dimension ldc, = (start) or += a's panel times b's. */
typedef void (*narrow_micro)(size_t steps, const void *a, const void *b, void *c, size_t ldc,
                             bool start);

struct narrow_unit {
	narrow_micro micro;
	void (*begin)(void), (*end)(void); /* around micros of one thread */
};

/* NOT_SUPPORTED with the reason where neither AMX nor AVX-512 has the type. amx false: the latter
 * alone. */
ERGON_MUST_USE enum ergon_code narrow_find(enum precision precision, bool amx,
                                           struct narrow_unit *unit, struct ergon_error *err);

struct narrow {
	struct narrow_unit unit;
	enum precision precision;
	size_t n, panels, steps;
	char *a, *b; /* packed: [panels][steps][NARROW_STEP_BYTES] */
};

/* narrow_fini also after a failure. */
ERGON_MUST_USE enum ergon_code narrow_init(struct narrow *g, const struct kernel_config *config,
                                           struct ergon_error *err);
void narrow_fini(struct narrow *g);
/* c: float or int32_t. */
void narrow_run(const struct narrow *g, unsigned threads, const void *a, const void *b, void *c);

#endif
