/* SPDX-License-Identifier: Apache-2.0
 *
 * Timetable: every kernel of a workload on one device at one batch, timed at the boost clock.
 *
 * It is what predictions share that differ only in GPUs, pipeline, ZeRO, recomputation,
 * accumulation or power cap: predict() makes one and uses it once, a search makes one and uses it
 * for thousands of configurations. How often a step runs a kernel depends on its class only, so
 * sums over a class are all that is kept; and the few rows that compute holds up at some clocks and
 * memory at others. A value without pointers of its own (it borrows its three inputs); about 30 KB,
 * so it may stand on the stack.
 */
#ifndef ERGON_MODEL_TIMETABLE_H
#define ERGON_MODEL_TIMETABLE_H

#include <stdint.h>

#include "model/graph.h"
#include "model/predict.h"
#include "model/timing.h"

/* Sums over rows, each run as often as the model has it; at the boost clock and voltage. */
struct row_sums {
	double compute_s, memory_s; /* each on its own */
	double compute_j, memory_j;
	double kernels_s; /* the longer, and the part of the shorter that is not hidden */
	double busy_s;    /* of each row times the share of the SMs that it fills */
};

/* Of a class: rows that compute holds up at the boost clock, and those that memory does. */
struct class_sums {
	double launches, issues, flops;
	struct row_sums hot, cool;
	double once_s;                        /* every row once */
	double stay_compute_s, stay_memory_s; /* of the cool ones, those that are so at any clock */
	size_t from, to;                      /* the others, in the timetable */
};

struct timetable {
	const struct workload *workload;
	const struct device *device;
	const struct calibration *calibration; /* of all devices */
	struct calibration constants;          /* as they are on this one */
	bool calibrated;                       /* this one was measured */
	struct machine machine;
	double batch;
	size_t count;      /* rows */
	unsigned families; /* a bit for each that has rows */
	struct class_sums sums[KERNEL_CLASS_COUNT];
	/* Rows that memory holds up at boost and compute does at some lower clock: all launches. */
	double compute_s[KERNELS_MAX], memory_s[KERNELS_MAX];
	uint16_t collectives[KERNELS_MAX]; /* rows, which take no time above */
	size_t collective_count;
};

/* batch: samples of a micro-batch, > 0. */
void timetable_fill(struct timetable *table, const struct workload *workload,
                    const struct device *device, const struct calibration *calibration,
                    double batch);

/* What predict() says for these settings; settings->batch must be the table's. */
void predict_timed(const struct timetable *table, const struct predict_settings *settings,
                   struct prediction *prediction);

#endif
