/* SPDX-License-Identifier: Apache-2.0
 *
 * What the NVIDIA GPUs did while a command ran, through NVML, opened at run time.
 *
 * Utilisation (nvmlDeviceGetUtilizationRates, every 100 ms): the share of the time for which any
 * kernel ran, and for which memory was read or written. It tells whether a GPU was busy, never what
 * with: one thread of one kernel is 100%. From Hopper on, the driver's own profiler (GPM: NVML API
 * reference, "GPM Functions") says which units worked, without a daemon and without replay; for
 * GPUs without it DCGM's profiling fields say the same (dcgm_profile.h). All of it is of the whole
 * GPU, whoever used it.
 *
 * States: gpu_activity_begin() -> gpu_activity_end(), once.
 */
#ifndef ERGON_UNDERSTAND_GPU_ACTIVITY_H
#define ERGON_UNDERSTAND_GPU_ACTIVITY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "ergon/env.h"
#include "understand/dcgm_profile.h"

enum { ACTIVITY_GPUS_MAX = 64 };

/* Shares of the time, 0 to 1; NaN where not known. */
struct gpu_use {
	unsigned gpu;
	double busy, memory_busy; /* NVML's utilisation */
	/* GPM or DCGM: multiprocessors at work, their tensor, f64, f32, f16 units, and of the peak
	 * memory bandwidth. */
	double sm, tensor, fp64, fp32, fp16, dram;
};

struct nvml_activity_api {
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned *count);
	int (*by_index)(unsigned index, void **device);
	int (*utilization)(void *device, void *utilization);
	int (*gpm_support)(void *device, void *support);
	int (*gpm_alloc)(void **sample);
	int (*gpm_free)(void *sample);
	int (*gpm_sample)(void *device, void *sample);
	int (*gpm_metrics)(void *request);
};

struct gpu_activity {
	const struct ergon_env *env;
	void *library; /* NULL: no NVML */
	struct nvml_activity_api api;
	size_t count;
	struct {
		void *device;
		unsigned index; /* NVML's */
		void *gpm[2];   /* at the beginning and the end; NULL: has no GPM */
		double busy, memory_busy;
		unsigned samples;
	} gpus[ACTIVITY_GPUS_MAX];
	struct dcgm_profile dcgm; /* begun where a GPU has no GPM */
	pthread_t thread;
	bool running;
	int stop[2]; /* a pipe: closing its end stops the thread */

	/* After the end. */
	struct gpu_use use; /* of the busiest GPU; all NaN where none was seen */
	char no_units[192]; /* why its units are not known; "" where they are, or without a GPU */
};

/* Never fails: count is 0 where there is no GPU. */
void gpu_activity_begin(struct gpu_activity *activity, const struct ergon_env *env);
void gpu_activity_end(struct gpu_activity *activity);

#endif
