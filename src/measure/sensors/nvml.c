/* SPDX-License-Identifier: Apache-2.0
 *
 * NVIDIA GPUs through libnvidia-ml.so.1, opened at run time. The few entry points and types below
 * are declared here after NVIDIA's published API (nvml.h, NVML API reference r535), so that neither
 * header nor library is needed to build.
 *
 * Each GPU offers one channel, the best that its driver supports: the total-energy counter (Volta
 * and later, mJ since the driver was loaded), else the instant-power field (186), else the power
 * usage, which on some generations is a mean over a second. A Grace superchip also shows its module
 * (GPU, CPU and memory) as module-N.
 *
 * MIG: NVML shows no energy for an instance. Each is a channel gpu-N/mig-I, attributed: the GPU's
 * energy by the instance's share of compute slices. They are shown and never added up.
 *
 * Part-time sampling: on A100 and H100 the power behind all of these is looked at for 24-25 ms of
 * every 101 ms (Yang, Adamek, Armour, SC 2024, "Part-time Power Measurements"). What happens in
 * between is not seen, so the channel says observed_share = 0.25 and the meter widens its interval;
 * repeats with shifted phase narrow it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "measure/sensors/gpu.h"

enum { MIG_MAX = 8, MIG_ON = 1 };

enum { /* nvmlReturn_t */
       NVML_OK = 0,
       NVML_NOT_SUPPORTED = 3,
       NVML_NO_PERMISSION = 4,
       NVML_DRIVER_NOT_LOADED = 9,
       NVML_GPU_IS_LOST = 15
};

enum { FIELD_POWER_INSTANT = 186, SCOPE_GPU = 0, SCOPE_MODULE = 1 };
enum { VALUE_DOUBLE, VALUE_UINT, VALUE_ULONG, VALUE_ULLONG };

typedef struct nvml_device *nvml_device;

struct nvml_field { /* nvmlFieldValue_t */
	unsigned field, scope;
	long long timestamp, latency_us;
	int type, status;
	union {
		double real;
		unsigned u32;
		unsigned long ul;
		unsigned long long u64;
	} value;
};

struct nvml_mig_attributes { /* nvmlDeviceAttributes_t */
	unsigned multiprocessors, copy_engines, decoders, encoders, jpegs, ofas;
	unsigned gpu_slices, compute_slices;
	unsigned long long memory_mib;
};

struct nvml_api {
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned *count);
	int (*by_index)(unsigned index, nvml_device *device);
	int (*name)(nvml_device device, char *name, unsigned length);
	int (*energy)(nvml_device device, unsigned long long *energy_mj);
	int (*fields)(nvml_device device, int count, struct nvml_field *fields);
	int (*power)(nvml_device device, unsigned *power_mw);
	int (*mig_mode)(nvml_device device, unsigned *current, unsigned *pending);
	int (*mig_device)(nvml_device device, unsigned index, nvml_device *mig);
	int (*attributes)(nvml_device mig, struct nvml_mig_attributes *attributes);
};
GPU_API(struct nvml_api)

static int64_t nvml_start(struct gpu_set *set)
{
	return api_of(set)->init();
}

static void nvml_stop(struct gpu_set *set)
{
	api_of(set)->shutdown();
}

static int nvml_devices(struct gpu_set *set)
{
	unsigned count = 0;
	return api_of(set)->count(&count) == NVML_OK && count < GPU_CHANNELS_MAX ? (int)count : -1;
}

static bool nvml_find(struct gpu_set *set, struct gpu_device *device)
{
	nvml_device handle;
	if (api_of(set)->by_index(device->index, &handle) != NVML_OK)
		return false;
	device->handle = handle;
	return true;
}

/* --- readings ------------------------------------------------------------------ */

static int field_power(const struct gpu_set *set, nvml_device device, unsigned scope,
                       uint64_t *power_mw)
{
	const struct nvml_api *api = api_of(set);
	struct nvml_field field = { .field = FIELD_POWER_INSTANT, .scope = scope };
	if (!api->fields)
		return ENOTSUP;
	int status = api->fields(device, 1, &field);
	if (status == NVML_OK)
		status = field.status;
	if (status != NVML_OK)
		return gpu_errno(set, status);
	switch (field.type) {
	case VALUE_UINT:
		*power_mw = field.value.u32;
		return 0;
	case VALUE_ULONG:
		*power_mw = field.value.ul;
		return 0;
	case VALUE_ULLONG:
		*power_mw = field.value.u64;
		return 0;
	case VALUE_DOUBLE:
		*power_mw = field.value.real > 0 ? (uint64_t)field.value.real : 0;
		return field.value.real >= 0 ? 0 : EIO;
	default:
		return ENOTSUP;
	}
}

static int nvml_read(struct gpu_set *set, const struct gpu_device *device, enum gpu_source source,
                     uint64_t *raw)
{
	const struct nvml_api *api = api_of(set);
	unsigned long long energy_mj = 0;
	unsigned power_mw = 0;
	uint64_t value = 0;
	int error = ENOTSUP;
	switch (source) {
	case GPU_ENERGY:
		if (api->energy)
			error = gpu_errno(set, api->energy(device->handle, &energy_mj));
		value = energy_mj;
		break;
	case GPU_POWER:
		if (api->power)
			error = gpu_errno(set, api->power(device->handle, &power_mw));
		value = power_mw;
		break;
	case GPU_INSTANT:
		error = field_power(set, device->handle, SCOPE_GPU, &value);
		break;
	case GPU_MODULE:
		error = field_power(set, device->handle, SCOPE_MODULE, &value);
		break;
	case GPU_SHARE:
		break;
	}
	if (!error && value == UINT32_MAX)
		error = EIO; /* "not available", handed through */
	*raw = value * 1000;
	return error;
}

/* --- channels ------------------------------------------------------------------ */

static bool name_has(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (strstr(name, *words))
			return true;
	return false;
}

static void describe(const char *model, struct channel *channel)
{
	static const char *const part_time[] = { "A100", "H100", "H200", "GH200", NULL };
	channel->refresh_us = 100000;
	channel->resolution = 1000;
	channel->relative_error = 0.025; /* NVML documents +-5% for power readings */
	if (name_has(model, part_time))
		channel->observed_share = 0.25;
}

/* All instances of a GPU in MIG mode, each with its part of the GPU's compute slices. */
static void add_instances(struct gpu_set *set, const struct gpu_device *gpu, const char *model,
                          struct channel *channels, int max)
{
	const struct nvml_api *api = api_of(set);
	unsigned slices[MIG_MAX] = { 0 }, now = 0, pending = 0, total = 7;
	if (!api->mig_mode || !api->mig_device || !api->attributes ||
	    api->mig_mode(gpu->handle, &now, &pending) != NVML_OK || now != MIG_ON)
		return;
	unsigned sum = 0;
	for (unsigned i = 0; i < MIG_MAX; i++) {
		nvml_device mig;
		struct nvml_mig_attributes attributes = { 0 };
		if (api->mig_device(gpu->handle, i, &mig) == NVML_OK &&
		    api->attributes(mig, &attributes) == NVML_OK)
			slices[i] = attributes.compute_slices;
		sum += slices[i];
	}
	if (sum > total)
		total = sum;
	for (unsigned i = 0; i < MIG_MAX; i++) {
		char suffix[16];
		if (!slices[i])
			continue;
		struct gpu_device part = *gpu;
		part.whole = gpu->source;
		part.source = GPU_SHARE;
		part.share = (double)slices[i] / total;
		snprintf(suffix, sizeof suffix, "/mig-%u", i);
		struct channel *channel = gpu_add(set, channels, max, &part, "gpu", suffix);
		if (!channel)
			return;
		describe(model, channel);
		channel->provenance = PROVENANCE_ATTRIBUTED;
		channel->relative_error = 0.5; /* slices say what it may use, not what it did */
	}
}

static void add_gpu(struct gpu_set *set, unsigned index, struct channel *channels, int max)
{
	static const char *const superchips[] = { "GH200", "GB200", "GB300", NULL };
	const struct nvml_api *api = api_of(set);
	struct gpu_device device = { .index = index };
	struct channel *channel;
	char model[96] = "";
	uint64_t raw;
	if (!nvml_find(set, &device))
		return;
	if (api->name && api->name(device.handle, model, sizeof model) != NVML_OK)
		model[0] = '\0';
	model[sizeof model - 1] = '\0';
	if (gpu_best_source(set, &device)) {
		if ((channel = gpu_add(set, channels, max, &device, "gpu", "")))
			describe(model, channel);
		add_instances(set, &device, model, channels, max);
	}
	device.source = GPU_MODULE;
	if (name_has(model, superchips) && nvml_read(set, &device, GPU_MODULE, &raw) == 0 &&
	    (channel = gpu_add(set, channels, max, &device, "module", "")))
		describe(model, channel);
}

static void nvml_list(struct gpu_set *set, struct channel *channels, int max)
{
	for (int i = 0; i < set->listed; i++)
		add_gpu(set, (unsigned)i, channels, max);
}

static const struct entry_point entries[] = {
	ENTRY_POINT(struct nvml_api, "nvmlInit_v2", init, true),
	ENTRY_POINT(struct nvml_api, "nvmlShutdown", shutdown, true),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetCount_v2", count, true),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetHandleByIndex_v2", by_index, true),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetName", name, false),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetTotalEnergyConsumption", energy, false),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetFieldValues", fields, false),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetPowerUsage", power, false),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetMigMode", mig_mode, false),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetMigDeviceHandleByIndex", mig_device, false),
	ENTRY_POINT(struct nvml_api, "nvmlDeviceGetAttributes_v2", attributes, false),
};

static const struct gpu_vendor vendor = {
	.driver = "nvml",
	.sonames = (const char *const[]){ "libnvidia-ml.so.1", NULL },
	.entries = entries,
	.entry_count = sizeof entries / sizeof *entries,
	.brand = "NVIDIA",
	.pci = PCI_NVIDIA,
	.install = "sudo apt install nvidia-driver",
	.module = "nvidia",
	.grant = "sudo chmod a+rw /dev/nvidia*",
	.statuses = { NVML_NOT_SUPPORTED, NVML_NO_PERMISSION, NVML_GPU_IS_LOST,
	              NVML_DRIVER_NOT_LOADED },
	.start = nvml_start,
	.stop = nvml_stop,
	.devices = nvml_devices,
	.list = nvml_list,
	.read = nvml_read,
	.find = nvml_find,
};

GPU_DRIVER(vendor, nvml, SENSOR_ALWAYS, "NVIDIA GPUs through libnvidia-ml.so.1");
