/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of one plain loop share: arrays, threads, the check.
 *
 * Such a kernel is a row of data (struct simple_kernel) and an inner loop (loops.inc) that computes
 * outputs [begin, end) from its inputs. The loops are compiled once without vectors and once for
 * each instruction set; the reference is computed in double precision by a function of its own,
 * written for clarity, when the kernel is set up.
 */
#ifndef ERGON_UNDERSTAND_SIMPLE_H
#define ERGON_UNDERSTAND_SIMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "understand/kernels/kernel.h"

enum { SIMPLE_INPUTS = 3 };

struct simple_arrays {
	void *out;
	void *in[SIMPLE_INPUTS]; /* of the run's precision */
	uint32_t *index;         /* columns of a sparse matrix, or NULL */
	size_t n;                /* kernel size */
	size_t row;              /* elements of a row, where there are rows */
};

typedef void (*simple_loop)(const struct simple_arrays *a, size_t begin, size_t end);

enum simple_id {
	SIMPLE_COPY,
	SIMPLE_SCALE,
	SIMPLE_ADD,
	SIMPLE_STENCIL,
	SIMPLE_SPMV,
	SIMPLE_DIST,
	SIMPLE_MONTECARLO,
	SIMPLE_SOFTMAX,
	SIMPLE_LAYERNORM,
	SIMPLE_GATHER,
	SIMPLE_ELEMENTWISE,
	SIMPLE_REDUCTION,
	SIMPLE_EMBEDDING,
	SIMPLE_CONVOLUTION,
	SIMPLE_ATTENTION,
	SIMPLE_COUNT
};

/* What a simple kernel is besides its loops. */
struct simple_kernel {
	enum simple_id id;
	/* Sizes in elements, from the kernel's size. */
	size_t (*outputs)(size_t n);
	size_t (*inputs)(size_t n, int which); /* 0: there is no such array */
	size_t (*indexes)(size_t n);           /* NULL: none; each is below n */
	size_t (*steps)(size_t n);             /* what begin and end of the loop count */
	/* out: [outputs(n)]; in: [inputs], in double precision as rounded to the run's. */
	void (*reference)(size_t n, double *const in[], const uint32_t *index, double *out);
	double eps_factor; /* of the precision's unit roundoff: what rounding explains */
	const char *name;
};
const struct simple_kernel *simple_kernel_of(enum simple_id id);

/* [id][precision] */
extern const simple_loop simple_scalar_loops[SIMPLE_COUNT][PRECISION_COUNT];
simple_loop simple_simd_loop(enum isa isa, enum simple_id id, enum precision precision);

/* Constants that loops and references share. */
enum {
	SPMV_ROW = 16,
	DIST_DIMS = 3,
	ROW_ELEMENTS = 1024,
	MONTECARLO_DRAWS = 256,
	BAG = 16,           /* rows of the table that one output of an embedding sums */
	WIDTH = 64,         /* elements of such a row; of a head of attention */
	CHANNELS = 16,      /* in and out of the convolution */
	ATTENTION_KEYS = 64 /* keys that attention looks at at once */
};
#define SCALE_FACTOR 3
#define STENCIL_CENTRE 0.4
#define STENCIL_SIDE 0.1
#define LAYERNORM_EPSILON 1e-5

/* A counter-based generator (splitmix64, Steele, Lea and Flood 2014): draw i of any stream without
 * the draws before it. */
static inline uint64_t simple_mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
