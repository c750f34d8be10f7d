/* SPDX-License-Identifier: Apache-2.0
 *
 * Timing of single kernels: what compute and what memory would take, at the boost clock.
 */
#ifndef ERGON_MODEL_TIMING_H
#define ERGON_MODEL_TIMING_H

#include "model/calibration.h"
#include "model/workload.h"
#include "spec/device.h"

/* Sides of the tiles that libraries cut a product's result into. */
enum tile {
	TILE_128_128,
	TILE_64_64,
	TILE_128_64,
	TILE_256_128,
	TILE_256_256,
	TILE_THIN_ROWS, /* 32 rows */
	TILE_THIN_COLUMNS,
	TILE_COUNT
};
enum product_kind { PRODUCT_MATRIX, PRODUCT_CONV, PRODUCT_ATTENTION, PRODUCT_COUNT };

/* A device seen through a calibration: what is the same for all kernels, worked out once. */
struct machine {
	double sms;
	double sm_rate[RATE_COUNT]; /* FLOP/s of one SM at the boost clock */
	double vector_rate;         /* of the device, for elementwise work */
	double stream_s; /* seconds a byte of weights and cached keys: long rows, read in order */
	double memory_s; /* seconds a byte */
	double byte_s[FAMILY_COUNT]; /* the same as kernels of a family reach it */
	double l2_s;                 /* seconds a byte that is found in L2 */
	double l2_resident;          /* bytes that survive from one kernel to the next */
	double narrow;               /* factor on them where elements have 16 bits */
	double ramp_s;
	double l1_bytes, row_blocks; /* of an SM: its cache for loads; rows that it works on */
	double access_s;             /* seconds an access of one element, all SMs */
	double row_byte_s;           /* of one block's loads, one after the other */
	double recurrent_busy;
	double fill; /* share of the SMs that a byte of elementwise work fills */
	double efficiency[2][FAMILY_COUNT]; /* [on tensor units][family], of products */
	double operand_s[2]; /* [on tensor units] seconds a byte of its tile's operands, one SM */
	double k_half, wave;
	bool clusters;   /* two SMs work on one tile of 256 x 256 */
	double winograd; /* rate of fused kernels over a plain product's; 0: no such kernels */
	double weights_slower; /* the gradients of convolutions' weights over other products */
	double batched_wide;   /* the side of the only tile of batched float32 products; 0: any */
	double early;          /* seconds of early fused attention over those of today's */
	double flop_j[RATE_COUNT], byte_j; /* J at the boost voltage */
	/* Seconds of one k step of a tile; filled where a kernel needs it (machine_meet()). */
	double step_s[RATE_COUNT][PRODUCT_COUNT][TILE_COUNT];
	bool met[RATE_COUNT][PRODUCT_COUNT];
};
void machine_init(struct machine *machine, const struct device *device,
                  const struct calibration *calibration);

/* A kernel on its own: libraries pick the algorithm of a convolution by rule, where frameworks try
 * them all before they train. */
void machine_alone(struct machine *machine, const struct calibration *calibration);
/* Inside a model: buffers change from kernel to kernel. */
void machine_in_model(struct machine *machine, const struct calibration *calibration);

/* Before a kernel's first kernel_work(): works out what products of its kind share. */
void machine_meet_product(struct machine *machine, const struct kernel *kernel);
static inline enum product_kind product_of(const struct kernel *kernel)
{
	return kernel->family == FAMILY_CONV        ? PRODUCT_CONV
	       : kernel->family == FAMILY_ATTENTION ? PRODUCT_ATTENTION
	                                            : PRODUCT_MATRIX;
}
static inline void machine_meet(struct machine *machine, const struct kernel *kernel)
{
	if (kernel->k > 0 && !machine->met[kernel->rate][product_of(kernel)])
		machine_meet_product(machine, kernel);
}

static inline bool family_multiplies(enum family family)
{
	const unsigned families =
	    1u << FAMILY_GEMM | 1u << FAMILY_CONV | 1u << FAMILY_ATTENTION | 1u << FAMILY_RECURRENT;
	return families >> family & 1;
}

struct work {
	double flops, bytes; /* as executed, at this batch */
	double compute_s;    /* at the boost clock; the memory clock is fixed */
	double dram_bytes;
	double memory_s; /* not beside compute_s: two stores and one load of both would stall */
	double filled;   /* share of the SMs that it keeps busy while it runs */
};
/* What arithmetic takes of a product; *filled: share of the SMs that have a tile. */
double product_s(const struct machine *machine, const struct kernel *kernel, double batch,
                 double flops, double *filled);

/* What softmax moves over one read and one write of all. */
double softmax_passes(const struct machine *machine, double row_bytes);

/* One launch of the kernel for `batch` samples; a call for products alone, as predictions live on
 * this. */
static inline void kernel_work(const struct machine *machine, const struct kernel *kernel,
                               double batch, struct work *work)
{
	double flops = kernel->flops * batch + kernel->flops_fixed;
	double bytes = kernel->bytes * batch + kernel->bytes_fixed;
	double resident = bytes < machine->l2_resident ? bytes : machine->l2_resident;
	double dram = bytes - resident, streamed = 0;
	double ramp_s = kernel->launches > 0 ? machine->ramp_s : 0;
	if (family_multiplies((enum family)kernel->family)) {
		work->compute_s = product_s(machine, kernel, batch, flops, &work->filled);
	} else {
		double filled = bytes * machine->fill;
		work->compute_s = flops / machine->vector_rate;
		work->filled = filled < 1 ? filled : 1;
	}
	if (kernel->family == FAMILY_ATTENTION && !(kernel->m > 0)) /* a cache of keys, one query */
		streamed = dram;
	else if (kernel->k > 0)
		streamed = kernel->bytes_fixed < dram ? kernel->bytes_fixed : dram;
	work->flops = flops;
	work->bytes = bytes;
	work->dram_bytes = dram;
	double byte_s = machine->byte_s[kernel->family];
	if (kernel->family == FAMILY_SOFTMAX)
		byte_s *= softmax_passes(machine, kernel->row_bytes);
	if (kernel->narrow)
		byte_s *= machine->narrow;
	double memory_s =
	    (dram - streamed) * byte_s + streamed * machine->stream_s + resident * machine->l2_s;
	if (kernel->accesses > 0) {
		double issued_s = kernel->accesses * batch * machine->access_s;
		double row_s = kernel->row_bytes * machine->row_byte_s;
		memory_s = issued_s > memory_s ? issued_s : memory_s;
		memory_s = row_s > memory_s ? row_s : memory_s;
	}
	work->memory_s = memory_s + ramp_s;
}

#endif
