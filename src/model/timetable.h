/* SPDX-License-Identifier: Apache-2.0
 *
 * Timetable: every kernel of a workload on one device at one batch, timed at the boost clock.
 *
 * It is what predictions share that differ only in GPUs, pipeline, ZeRO, recomputation,
 * accumulation or power cap: predict() makes one and uses it once, a search makes one and uses it
 * for thousands of configurations. Rows are those of the workload, in the same order; how often a
 * step runs them depends on their class only. A value without pointers of its own (it borrows its
 * three inputs); about 36 KB, so it may stand on the stack.
 */
#ifndef ERGON_MODEL_TIMETABLE_H
#define ERGON_MODEL_TIMETABLE_H

#include <stdint.h>

#include "model/graph.h"
#include "model/predict.h"
#include "model/timing.h"

/* Sums over the rows of a class, each run as often as the model has it. */
struct class_sums {
	double launches, issues, flops;
	double compute_s, memory_s;
	double compute_j, memory_j; /* at the boost voltage */
	/* Of these, rows that compute holds up at the boost clock: the hot ones. */
	double hot_compute_s, hot_memory_s, hot_compute_j, hot_memory_j;
	/* Time at the boost clock; and each row's times the share of the SMs that it fills. */
	double kernels_s, busy_s, hot_busy_s;
};

struct timetable {
	const struct workload *workload;
	const struct device *device;
	const struct calibration *calibration; /* of all devices */
	struct calibration constants;          /* as they are on this one */
	bool calibrated;                       /* this one was measured */
	struct machine machine;
	double batch;
	size_t from[KERNEL_CLASS_COUNT + 1]; /* rows of class c: from[c] to from[c + 1] */
	struct class_sums sums[KERNEL_CLASS_COUNT];
	/* All launches of a row; one more, so that rows can be read in twos. */
	double compute_s[KERNELS_MAX + 1], memory_s[KERNELS_MAX + 1];
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
