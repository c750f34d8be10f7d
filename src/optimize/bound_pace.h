/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the bounds: shared by bound.c (the least of each job at given prices) and bound_pace.c
 * (the prices).
 */
#ifndef ERGON_OPTIMIZE_BOUND_PACE_H
#define ERGON_OPTIMIZE_BOUND_PACE_H

#include "optimize/bound.h"

/* Prices of a second, W: 0, then a grid; and of a GPU second. */
enum { PACE_TIMES = 30, PACE_GPUS = 12, PACE_PRICES = PACE_TIMES * PACE_GPUS };

double pace_time_w(uint32_t i);
double pace_gpu_w(uint32_t i);

struct bound_pace {
	uint32_t count;
	/* Of each job: from the run's beginning to the earliest moment at which it can work; its
	 * least cost at each pair of prices [PACE_GPUS][PACE_TIMES], times its scale. */
	double *ready_s, *scale;
	const double **cost_j;
	double waits_s;       /* summed: from arrival until it can work */
	double restart_gpu_s; /* summed: held while restarting, at least */
	double floor_w, gpus;
	double shortest_s; /* no run is shorter */
};

#endif
