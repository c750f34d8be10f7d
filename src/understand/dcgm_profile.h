/* SPDX-License-Identifier: Apache-2.0
 *
 * Which units of NVIDIA GPUs worked while a command ran, through DCGM, opened at run time: for GPUs
 * before Hopper, whose driver has no profiler of its own (gpu_activity.h). A host engine that runs
 * on this machine is asked first (127.0.0.1, port 5555), else one is started within this process,
 * which profiles only with the rights that the driver wants for it (root, mostly). DCGM measures
 * every 100 ms; what is kept are means of the samples since the beginning, as shares of the time.
 *
 * States: dcgm_profile_begin() -> dcgm_profile_sample(), often -> dcgm_profile_end(), once ->
 * dcgm_profile_units(). Any thread, one at a time. Never fails: reason says what is missing.
 *
 * Source: NVIDIA DCGM API reference and its public headers, libraries 3 and 4.
 */
#ifndef ERGON_UNDERSTAND_DCGM_PROFILE_H
#define ERGON_UNDERSTAND_DCGM_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"

enum { DCGM_GPUS_MAX = 64 };
enum { DCGM_SM, DCGM_TENSOR, DCGM_DRAM, DCGM_FP64, DCGM_FP32, DCGM_FP16, DCGM_UNITS };

struct dcgm_api {
	int (*init)(void);
	int (*shutdown)(void);
	int (*connect)(const char *address, void *parameters, uintptr_t *engine);
	int (*disconnect)(uintptr_t engine);
	int (*start)(int mode, uintptr_t *engine);
	int (*stop)(uintptr_t engine);
	int (*devices)(uintptr_t engine, unsigned *ids, int *count);
	int (*field_group)(uintptr_t engine, int count, unsigned short *fields, const char *name,
	                   uintptr_t *group);
	int (*watch)(uintptr_t engine, uintptr_t gpus, uintptr_t fields, long long period_us,
	             double keep_s, int keep);
	int (*update)(uintptr_t engine, int wait);
	int (*latest)(uintptr_t engine, int gpu, unsigned short *fields, unsigned count,
	              void *values);
};

struct dcgm_profile {
	const struct ergon_env *env;
	void *library; /* NULL: nothing is watched */
	struct dcgm_api api;
	uintptr_t engine;
	bool initialised, connected, embedded;
	size_t count;
	struct {
		unsigned id, index; /* DCGM's and NVML's */
		int64_t last_us[DCGM_UNITS];
		double sum[DCGM_UNITS];
		unsigned samples[DCGM_UNITS];
		int error; /* DCGM's code for why there may be no sample */
	} gpus[DCGM_GPUS_MAX];
	char reason[192]; /* why there are no units; "" where there are */
};

void dcgm_profile_begin(struct dcgm_profile *profile, const struct ergon_env *env);
void dcgm_profile_sample(struct dcgm_profile *profile);
void dcgm_profile_end(struct dcgm_profile *profile);

/* Shares from 0 to 1 of the GPU with NVML's index; NaN where not known. False: none is, and reason
 * says why. */
bool dcgm_profile_units(struct dcgm_profile *profile, unsigned index, double units[DCGM_UNITS]);

#endif
