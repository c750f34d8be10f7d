/* SPDX-License-Identifier: Apache-2.0
 *
 * The temperature of the NVIDIA GPUs that a sweep sets, in Celsius, through NVML, opened at run
 * time. Source of the entry points: NVIDIA's NVML API reference (r535), "Device Queries".
 *
 * States: gpu_thermometer_open() -> reads -> gpu_thermometer_close(). Where NVML or a GPU is
 * absent the thermometer reads NaN; that is no error.
 */
#ifndef ERGON_UNDERSTAND_GPU_TEMPERATURE_H
#define ERGON_UNDERSTAND_GPU_TEMPERATURE_H

#include <stddef.h>

#include "ergon/env.h"
#include "understand/lever_setting.h"

struct nvml_thermometer_api {
	int (*init)(void);
	int (*shutdown)(void);
	int (*by_index)(unsigned index, void **device);
	int (*temperature)(void *device, int sensor, unsigned *degrees);
};

struct gpu_thermometer {
	const struct ergon_env *env;
	void *library; /* NULL: reads NaN */
	struct nvml_thermometer_api api;
	void *devices[SWEEP_LEVERS_MAX];
	size_t count;
};

/* Of the GPUs that these settings name (gpu0.power); the library is left alone where none does. */
void gpu_thermometer_open(struct gpu_thermometer *thermometer, const struct ergon_env *env,
                          const struct lever_setting *settings, size_t count);
/* The highest of them; NaN where none can be read. */
double gpu_thermometer_c(const struct gpu_thermometer *thermometer);
void gpu_thermometer_close(struct gpu_thermometer *thermometer);

#endif
