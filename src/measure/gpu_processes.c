/* SPDX-License-Identifier: Apache-2.0
 *
 * Declarations after NVIDIA's published API (NVML API reference, "Device Queries":
 * nvmlDeviceGetProcessUtilization, nvmlDeviceGetComputeRunningProcesses_v3).
 */
#include "measure/gpu_processes.h"

#include <string.h>

#include "base/library.h"
#include "base/units.h"

enum { NVML_OK = 0, NVML_NOT_FOUND = 6, NVML_INSUFFICIENT_SIZE = 7, SAMPLES_MAX = 512 };

struct utilization_sample { /* nvmlProcessUtilizationSample_t */
	unsigned pid;
	unsigned long long time_us;
	unsigned sm, memory, encoder, decoder; /* percent */
};
_Static_assert(sizeof(struct utilization_sample) == 32, "nvmlProcessUtilizationSample_t");

struct running_process { /* nvmlProcessInfo_t since v2 */
	unsigned pid;
	unsigned long long memory_bytes;
	unsigned gpu_instance, compute_instance;
};
_Static_assert(sizeof(struct running_process) == 24, "nvmlProcessInfo_t");

static const struct entry_point entries[] = {
	ENTRY_POINT(struct nvml_process_api, "nvmlInit_v2", init, true),
	ENTRY_POINT(struct nvml_process_api, "nvmlShutdown", shutdown, true),
	ENTRY_POINT(struct nvml_process_api, "nvmlDeviceGetCount_v2", count, true),
	ENTRY_POINT(struct nvml_process_api, "nvmlDeviceGetHandleByIndex_v2", by_index, true),
	ENTRY_POINT(struct nvml_process_api, "nvmlDeviceGetProcessUtilization", utilization, false),
	ENTRY_POINT(struct nvml_process_api, "nvmlDeviceGetComputeRunningProcesses_v3", running,
	            false),
};

static const char *const sonames[] = { "libnvidia-ml.so.1", "libnvidia-ml.so", NULL };

static uint64_t now_ns(const struct gpu_processes *gpus)
{
	return gpus->env->clock->monotonic_ns(gpus->env->clock->user);
}

void gpu_processes_init(struct gpu_processes *gpus, const struct ergon_env *env)
{
	char why[256];
	memset(gpus, 0, sizeof *gpus);
	gpus->env = env;
	if (!env->dl)
		return;
	gpus->library = library_open(env, sonames, entries, sizeof entries / sizeof *entries,
	                             &gpus->api, why, sizeof why);
	if (!gpus->library)
		return;
	if (gpus->api.init() != NVML_OK) {
		library_close(env, gpus->library);
		gpus->library = NULL;
		return;
	}
	if (gpus->api.count(&gpus->gpu_count) != NVML_OK)
		gpus->gpu_count = 0;
	if (gpus->gpu_count > GPU_USE_GPUS_MAX)
		gpus->gpu_count = GPU_USE_GPUS_MAX;
	gpus->looked_ns = now_ns(gpus);
	/* Samples of before are not ours: NVML stamps them with the time of day. */
	uint64_t day_us = env->clock->realtime_ns(env->clock->user) / NS_PER_US;
	for (unsigned i = 0; i < gpus->gpu_count; i++)
		gpus->since_us[i] = day_us;
}

void gpu_processes_fini(struct gpu_processes *gpus)
{
	if (!gpus->library)
		return;
	gpus->api.shutdown();
	library_close(gpus->env, gpus->library);
	gpus->library = NULL;
}

static void add_use(struct gpu_processes *gpus, unsigned gpu, unsigned pid, uint64_t weight)
{
	if (weight == 0 || pid == 0 || pid > INT32_MAX)
		return;
	for (uint32_t i = 0; i < gpus->use_count; i++)
		if (gpus->uses[i].gpu == (int)gpu && gpus->uses[i].pid == (int)pid) {
			gpus->uses[i].weight += weight;
			return;
		}
	if (gpus->use_count < GPU_USES_MAX)
		gpus->uses[gpus->use_count++] = (struct gpu_use){ (int)gpu, (int)pid, weight };
}

/* False where this GPU's driver does not tell. */
static bool by_utilization(struct gpu_processes *gpus, unsigned gpu, void *device,
                           uint64_t passed_ms)
{
	struct utilization_sample samples[SAMPLES_MAX];
	unsigned count = SAMPLES_MAX;
	unsigned long long since_us = gpus->since_us[gpu];
	if (!gpus->api.utilization)
		return false;
	int status = gpus->api.utilization(device, samples, &count, since_us);
	if (status == NVML_NOT_FOUND)
		return true; /* nobody used it */
	if (status != NVML_OK || count > SAMPLES_MAX)
		return false;
	for (unsigned i = 0; i < count; i++) {
		unsigned percent = samples[i].sm < 100 ? samples[i].sm : 100;
		if (samples[i].time_us <= since_us)
			continue;
		add_use(gpus, gpu, samples[i].pid, percent * passed_ms);
		if (samples[i].time_us > gpus->since_us[gpu])
			gpus->since_us[gpu] = samples[i].time_us;
	}
	return true;
}

static void by_presence(struct gpu_processes *gpus, unsigned gpu, void *device, uint64_t passed_ms)
{
	struct running_process infos[SAMPLES_MAX];
	unsigned count = SAMPLES_MAX;
	if (gpus->api.running && gpus->api.running(device, &count, infos) == NVML_OK && count == 1)
		add_use(gpus, gpu, infos[0].pid, 100 * passed_ms);
}

void gpu_processes_look(struct gpu_processes *gpus)
{
	uint64_t time_ns = now_ns(gpus), passed_ms = (time_ns - gpus->looked_ns) / NS_PER_MS;
	gpus->looked_ns = time_ns;
	for (unsigned i = 0; gpus->library && i < gpus->gpu_count; i++) {
		void *device;
		if (gpus->api.by_index(i, &device) != NVML_OK)
			continue; /* it is gone */
		if (!gpus->alone[i] && !by_utilization(gpus, i, device, passed_ms))
			gpus->alone[i] = true;
		if (gpus->alone[i])
			by_presence(gpus, i, device, passed_ms);
	}
}

void gpu_processes_reset(struct gpu_processes *gpus)
{
	gpus->use_count = 0;
}
