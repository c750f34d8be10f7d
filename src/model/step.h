/* SPDX-License-Identifier: Apache-2.0
 *
 * Step: time and power of one optimizer step, or forward pass, at given clocks. Private to the
 * predictor (predict.c), which finds the clocks that a power cap leaves.
 *
 * A plan is what does not depend on the clock, a moment what does. Kernels that compute holds up at
 * the boost clock (hot) and others (cool) have clocks of their own: a limiter that is faster than
 * the phases of a step holds each where it needs to.
 */
#ifndef ERGON_MODEL_STEP_H
#define ERGON_MODEL_STEP_H

#include "model/parallel.h"
#include "model/timetable.h"

/* One step as it is spread over GPUs. */
struct plan {
	const struct timetable *times;
	const struct workload *workload;
	const struct device *device;
	const struct calibration *cal; /* as it is on this device */
	struct layout layout;
	struct communication communication;
	double weight[KERNEL_CLASS_COUNT]; /* how often a GPU runs the rows of a class in a step */
	double tensor_s;                   /* all-reduces inside layers, which nothing hides */
	double launch_s, host_s, awaited_s;
	double waits_s; /* a server's host between two steps */
	bool late_sums; /* software from before frameworks sent gradients on their own */
	bool tuned;     /* software that sends gradients and parameters behind the whole step */
	double flops, compute_j, memory_j;
	/* Rows that compute holds up at boost, and others; the shares of the SMs that both fill. */
	struct row_sums hot, cool;
	double hot_filled, cool_filled;
	double stay_compute_s, stay_memory_s; /* of the others, those that are so at any clock */
	double once_s; /* every kernel once: how long it takes until the pattern repeats */
	double idle_w, active_w;
};

/* Shares of the boost clock: while kernels run that compute holds up at boost, and else. */
struct clocks {
	double hot, cool;
};

/* Everything at these clocks. */
struct moment {
	double device_s, compute_s, memory_s, backward_s, exposed_s, step_s;
	double cause_s[CAUSE_COUNT];
	double hot_s, cool_s; /* of device_s, by what holds the kernels up at boost */
	double static_w, compute_w, memory_w, power_w;
	double hot_w, cool_w; /* while such kernels run */
};

void plan_fill(struct plan *plan, const struct timetable *times,
               const struct predict_settings *settings);

/* Longer at lower clocks, and its power lower, for each of the two. */
void step_at(const struct plan *plan, const struct predict_settings *settings,
             const struct clocks *clocks, struct moment *moment);

/* Factor on the time of memory traffic: at low clocks the SMs issue too few requests to use all of
 * the memory's bandwidth. */
double step_memory_slowdown(const struct calibration *cal, double clock);
/* Over that at boost: steep where the last megahertz are bought, nearly flat at low clocks
 * (Guerreiro et al. 2019 measure both ends). */
double step_voltage(const struct calibration *cal, double clock);
/* Clock tree and leakage while kernels run, of all SMs. */
double step_busy_power(const struct plan *plan, double clock, double v);

#endif
