/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/gpu_temperature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"

enum { NVML_OK = 0, NVML_TEMPERATURE_GPU = 0, GPU_INDEX_MAX = 4096 };

static const char *const sonames[] = { "libnvidia-ml.so.1", NULL };
static const struct entry_point entries[] = {
	{ "nvmlInit_v2", offsetof(struct nvml_thermometer_api, init), true },
	{ "nvmlShutdown", offsetof(struct nvml_thermometer_api, shutdown), true },
	{ "nvmlDeviceGetHandleByIndex_v2", offsetof(struct nvml_thermometer_api, by_index), true },
	{ "nvmlDeviceGetTemperature", offsetof(struct nvml_thermometer_api, temperature), true },
};

static bool sets_a_gpu(const struct lever_setting *l)
{
	return l->lever->numbered && strncmp(l->lever->name, "gpuN.", 5) == 0;
}

static bool start(struct gpu_thermometer *t)
{
	char why[160];
	t->library = library_open(t->env, sonames, entries, sizeof entries / sizeof *entries,
	                          &t->api, why, sizeof why);
	if (t->library && t->api.init() == NVML_OK)
		return true;
	library_close(t->env, t->library);
	t->library = NULL;
	return false;
}

void gpu_thermometer_open(struct gpu_thermometer *t, const struct ergon_env *env,
                          const struct lever_setting *settings, size_t count)
{
	*t = (struct gpu_thermometer){ .env = env };
	for (size_t i = 0; i < count && t->count < SWEEP_LEVERS_MAX; i++) {
		if (!sets_a_gpu(&settings[i]))
			continue;
		if (!t->library && !start(t))
			return;
		/* The member is what stands in the N's place: "0.power". */
		unsigned long index = strtoul(settings[i].member, NULL, 10);
		if (index <= GPU_INDEX_MAX &&
		    t->api.by_index((unsigned)index, &t->devices[t->count]) == NVML_OK)
			t->count++;
	}
}

double gpu_thermometer_c(const struct gpu_thermometer *t)
{
	double highest = (double)NAN;
	for (size_t i = 0; i < t->count; i++) {
		unsigned degrees;
		if (t->api.temperature(t->devices[i], NVML_TEMPERATURE_GPU, &degrees) == NVML_OK)
			highest = fmax(highest, degrees); /* the other one where one is NaN */
	}
	return highest;
}

void gpu_thermometer_close(struct gpu_thermometer *t)
{
	if (t->library) {
		t->api.shutdown();
		library_close(t->env, t->library);
	}
	*t = (struct gpu_thermometer){ 0 };
}
