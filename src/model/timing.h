/* SPDX-License-Identifier: Apache-2.0
 *
 * Timing of single kernels: what compute and what memory would take, at the boost clock.
 */
#ifndef ERGON_MODEL_TIMING_H
#define ERGON_MODEL_TIMING_H

#include "model/calibration.h"
#include "model/workload.h"
#include "spec/device.h"

/* A device seen through a calibration: what is the same for all kernels, worked out once. */
struct machine {
	double sms;
	double sm_rate[RATE_COUNT]; /* FLOP/s of one SM at the boost clock */
	double vector_rate;         /* of the device, for elementwise work */
	double stream_s; /* seconds a byte of weights and cached keys: long rows, read in order */
	double memory_s, gather_s, depthwise_s, norm_s, layout_s; /* seconds a byte */
	double l2_s;        /* seconds a byte that is found in L2 */
	double l2_resident; /* bytes that survive from one kernel to the next */
	double ramp_s;
	double recurrent_busy;
	double fill; /* share of the SMs that a byte of elementwise work fills */
	double efficiency[2][FAMILY_COUNT]; /* [on tensor units][family], of products */
	double operand_s; /* seconds a byte that one SM reads of its tile's operands */
	double k_half, wave;
	bool clusters;   /* two SMs work on one tile of 256 x 256 */
	double winograd; /* of the rate of a plain product; 0: no such kernels */
	double early;    /* seconds of early fused attention over those of today's */
	double flop_j[RATE_COUNT], byte_j; /* J at the boost voltage */
};
void machine_init(struct machine *machine, const struct device *device,
                  const struct calibration *calibration);

/* Inside a model: buffers change from kernel to kernel. */
void machine_in_model(struct machine *machine, const struct calibration *calibration);

struct work {
	double flops, bytes; /* as executed, at this batch */
	double compute_s;    /* at the boost clock; the memory clock is fixed */
	double dram_bytes;
	double memory_s; /* not beside compute_s: two stores and one load of both would stall */
	double filled;   /* share of the SMs that it keeps busy while it runs */
};
/* One launch of the kernel for `batch` samples. */
void kernel_work(const struct machine *machine, const struct kernel *kernel, double batch,
                 struct work *work);

#endif
