/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/gpu_activity.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/library.h"

enum { NVML_OK = 0, GPM_VERSION = 1, GPM_ENTRIES = 333, PERIOD_MS = 100 };

struct utilization {          /* nvmlUtilization_t */
	unsigned gpu, memory; /* percent */
};
struct gpm_support { /* nvmlGpmSupport_t */
	unsigned version, supported;
};
struct gpm_metric { /* nvmlGpmMetric_t */
	unsigned id;
	int status;
	double value; /* percent */
	char *short_name, *long_name, *unit;
};
_Static_assert(sizeof(struct gpm_metric) == 40, "nvmlGpmMetric_t has 40 bytes");
struct gpm_request { /* nvmlGpmMetricsGet_t, as long as the longest so far */
	unsigned version, count;
	void *first, *second;
	struct gpm_metric metrics[GPM_ENTRIES];
};

static const struct {
	unsigned id; /* nvmlGpmMetricId_t */
	size_t field;
} metrics[] = {
	{ 2, offsetof(struct gpu_use, sm) },    { 5, offsetof(struct gpu_use, tensor) },
	{ 10, offsetof(struct gpu_use, dram) }, { 11, offsetof(struct gpu_use, fp64) },
	{ 12, offsetof(struct gpu_use, fp32) }, { 13, offsetof(struct gpu_use, fp16) },
};
enum { METRICS = sizeof metrics / sizeof *metrics };

static const char *const sonames[] = { "libnvidia-ml.so.1", NULL };
static const struct entry_point entries[] = {
	ENTRY_POINT(struct nvml_activity_api, "nvmlInit_v2", init, true),
	ENTRY_POINT(struct nvml_activity_api, "nvmlShutdown", shutdown, true),
	ENTRY_POINT(struct nvml_activity_api, "nvmlDeviceGetCount_v2", count, true),
	ENTRY_POINT(struct nvml_activity_api, "nvmlDeviceGetHandleByIndex_v2", by_index, true),
	ENTRY_POINT(struct nvml_activity_api, "nvmlDeviceGetUtilizationRates", utilization, true),
	ENTRY_POINT(struct nvml_activity_api, "nvmlGpmQueryDeviceSupport", gpm_support, false),
	ENTRY_POINT(struct nvml_activity_api, "nvmlGpmSampleAlloc", gpm_alloc, false),
	ENTRY_POINT(struct nvml_activity_api, "nvmlGpmSampleFree", gpm_free, false),
	ENTRY_POINT(struct nvml_activity_api, "nvmlGpmSampleGet", gpm_sample, false),
	ENTRY_POINT(struct nvml_activity_api, "nvmlGpmMetricsGet", gpm_metrics, false),
};

static void sample(struct gpu_activity *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct utilization u = { 0, 0 };
		if (a->api.utilization(a->gpus[i].device, &u) != NVML_OK)
			continue;
		a->gpus[i].busy += 0.01 * u.gpu;
		a->gpus[i].memory_busy += 0.01 * u.memory;
		a->gpus[i].samples++;
	}
	dcgm_profile_sample(&a->dcgm);
}

static void *watch(void *user)
{
	struct gpu_activity *a = user;
	struct pollfd end = { .fd = a->stop[0], .events = POLLIN };
	do
		sample(a);
	while (poll(&end, 1, PERIOD_MS) == 0);
	return NULL;
}

static bool has_gpm(const struct gpu_activity *a, void *device)
{
	const struct nvml_activity_api *api = &a->api;
	struct gpm_support support = { .version = GPM_VERSION };
	return api->gpm_support && api->gpm_alloc && api->gpm_free && api->gpm_sample &&
	       api->gpm_metrics && api->gpm_support(device, &support) == NVML_OK &&
	       support.supported;
}

static void free_gpm(const struct gpu_activity *a, void *gpm[2])
{
	for (int i = 0; i < 2; i++) {
		if (gpm[i])
			a->api.gpm_free(gpm[i]);
		gpm[i] = NULL;
	}
}

static void begin_gpm(struct gpu_activity *a, void *device, void *gpm[2])
{
	if (!has_gpm(a, device))
		return;
	for (int i = 0; i < 2; i++)
		if (a->api.gpm_alloc(&gpm[i]) != NVML_OK)
			gpm[i] = NULL;
	if (!gpm[0] || !gpm[1] || a->api.gpm_sample(device, gpm[0]) != NVML_OK)
		free_gpm(a, gpm);
}

static void end_gpm(struct gpu_activity *a, void *device, void *gpm[2], struct gpu_use *use)
{
	struct gpm_request *request = calloc(1, sizeof *request);
	if (!request || a->api.gpm_sample(device, gpm[1]) != NVML_OK) {
		free(request);
		return;
	}
	request->version = GPM_VERSION;
	request->count = METRICS;
	request->first = gpm[0];
	request->second = gpm[1];
	for (size_t i = 0; i < METRICS; i++)
		request->metrics[i].id = metrics[i].id;
	if (a->api.gpm_metrics(request) == NVML_OK)
		for (size_t i = 0; i < METRICS; i++) {
			double share = 0.01 * request->metrics[i].value;
			if (request->metrics[i].status == NVML_OK && share >= 0 && share <= 1.01)
				memcpy((char *)use + metrics[i].field, &share, sizeof share);
		}
	free(request);
}

static void units_by_dcgm(struct gpu_activity *a)
{
	double units[DCGM_UNITS];
	if (!dcgm_profile_units(&a->dcgm, a->use.gpu, units)) {
		snprintf(a->no_units, sizeof a->no_units, "%s", a->dcgm.reason);
		return;
	}
	a->use.sm = units[DCGM_SM];
	a->use.tensor = units[DCGM_TENSOR];
	a->use.fp64 = units[DCGM_FP64];
	a->use.fp32 = units[DCGM_FP32];
	a->use.fp16 = units[DCGM_FP16];
	a->use.dram = units[DCGM_DRAM];
}

static bool open_library(struct gpu_activity *a)
{
	char why[160];
	if (!a->env->dl)
		return false;
	a->library = library_open(a->env, sonames, entries, sizeof entries / sizeof *entries,
	                          &a->api, why, sizeof why);
	if (a->library && a->api.init() == NVML_OK)
		return true;
	library_close(a->env, a->library);
	a->library = NULL;
	return false;
}

void gpu_activity_begin(struct gpu_activity *a, const struct ergon_env *env)
{
	const double nan = (double)NAN;
	unsigned count = 0;
	bool without_gpm = false;
	*a = (struct gpu_activity){ .env = env,
		                    .use = { 0, nan, nan, nan, nan, nan, nan, nan, nan } };
	if (!open_library(a) || a->api.count(&count) != NVML_OK)
		return;
	for (unsigned i = 0; i < count && a->count < ACTIVITY_GPUS_MAX; i++)
		if (a->api.by_index(i, &a->gpus[a->count].device) == NVML_OK) {
			a->gpus[a->count].index = i;
			begin_gpm(a, a->gpus[a->count].device, a->gpus[a->count].gpm);
			without_gpm = without_gpm || !a->gpus[a->count].gpm[0];
			a->count++;
		}
	if (without_gpm)
		dcgm_profile_begin(&a->dcgm, env);
	if (a->count == 0 || pipe2(a->stop, O_CLOEXEC) != 0)
		return;
	a->running = pthread_create(&a->thread, NULL, watch, a) == 0;
	if (!a->running) {
		close(a->stop[0]);
		close(a->stop[1]);
	}
}

static void stop_watch(struct gpu_activity *a)
{
	if (!a->running)
		return;
	close(a->stop[1]); /* the reader sees the end of the pipe */
	pthread_join(a->thread, NULL);
	close(a->stop[0]);
	a->running = false;
}

static double busy(const struct gpu_activity *a, size_t i)
{
	return a->gpus[i].samples ? a->gpus[i].busy / a->gpus[i].samples : -1;
}

void gpu_activity_end(struct gpu_activity *a)
{
	size_t b = 0;
	stop_watch(a);
	dcgm_profile_end(&a->dcgm);
	for (size_t i = 1; i < a->count; i++)
		if (busy(a, i) > busy(a, b))
			b = i;
	if (a->count > 0 && a->gpus[b].samples > 0) {
		a->use.gpu = a->gpus[b].index;
		a->use.busy = busy(a, b);
		a->use.memory_busy = a->gpus[b].memory_busy / a->gpus[b].samples;
		if (a->gpus[b].gpm[0])
			end_gpm(a, a->gpus[b].device, a->gpus[b].gpm, &a->use);
		else
			units_by_dcgm(a);
	}
	for (size_t i = 0; i < a->count; i++)
		free_gpm(a, a->gpus[i].gpm);
	if (a->library) {
		a->api.shutdown();
		library_close(a->env, a->library);
	}
	a->library = NULL;
}
