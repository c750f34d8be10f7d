/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of a GPU each process used: NVML's per-process utilisation, summed over time.
 *
 * Where a driver does not tell utilisation by process (MIG, some virtual GPUs), a GPU with a single
 * process is that process's; of several nothing is known, and their energy stays unattributed.
 * GPUs of other vendors are not asked: neither library tells utilisation by process.
 *
 * The library is opened at run time. A struct gpu_processes is plain memory; fini releases the
 * library. NVML's process numbers are the host's: in a container they may match nobody.
 */
#ifndef ERGON_MEASURE_GPU_PROCESSES_H
#define ERGON_MEASURE_GPU_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "ergon/env.h"

enum { GPU_USES_MAX = 4096, GPU_USE_GPUS_MAX = 64 };

struct gpu_use {
	int gpu; /* as in the name gpu-N */
	int pid;
	uint64_t weight; /* percent of the GPU x milliseconds */
};

struct nvml_process_api {
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned *count);
	int (*by_index)(unsigned index, void **device);
	int (*utilization)(void *device, void *samples, unsigned *count,
	                   unsigned long long since_us);
	int (*running)(void *device, unsigned *count, void *infos);
};

struct gpu_processes {
	const struct ergon_env *env;
	void *library; /* NULL: no such GPUs here */
	struct nvml_process_api api;
	unsigned gpu_count;
	uint64_t looked_ns;
	unsigned long long since_us[GPU_USE_GPUS_MAX];
	bool alone[GPU_USE_GPUS_MAX]; /* utilisation is not told */
	struct gpu_use uses[GPU_USES_MAX];
	uint32_t use_count;
};

/* Never fails: without the library there is nothing to ask. */
void gpu_processes_init(struct gpu_processes *gpus, const struct ergon_env *env);
void gpu_processes_fini(struct gpu_processes *gpus);

/* Adds what was used since the latest look; NVML keeps a few seconds. */
void gpu_processes_look(struct gpu_processes *gpus);
void gpu_processes_reset(struct gpu_processes *gpus);

#endif
