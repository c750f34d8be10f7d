/* SPDX-License-Identifier: Apache-2.0
 *
 * AMD GPUs through librocm_smi64.so, opened at run time; entry points declared after ROCm's
 * published API (rocm_smi.h, ROCm 5 to 7). AMD replaces it by amdsmi, which is asked first.
 *
 * Energy: a 64-bit accumulator in units that the call itself states, 15.3 uJ (2^-16 J) on MI100 and
 * later. Where it is missing: socket power in uW, of the moment or a mean as the board gives it.
 */
#include <errno.h>
#include <stdio.h>

#include "measure/sensors/gpu.h"

enum { /* rsmi_status_t */
       RSMI_OK = 0,
       RSMI_NOT_SUPPORTED = 2,
       RSMI_PERMISSION = 4,
       RSMI_NOT_FOUND = 11
};

struct rsmi_api {
	int (*init)(uint64_t flags);
	int (*shut_down)(void);
	int (*count)(uint32_t *count);
	int (*energy)(uint32_t device, uint64_t *ticks, float *unit_uj, uint64_t *time_ns);
	int (*power)(uint32_t device, uint64_t *power_uw, int *type);
	int (*power_average)(uint32_t device, uint32_t sensor, uint64_t *power_uw);
};
GPU_API(struct rsmi_api)

static int64_t rsmi_start(struct gpu_set *set)
{
	return api_of(set)->init(0);
}

static void rsmi_stop(struct gpu_set *set)
{
	api_of(set)->shut_down();
}

static int rsmi_devices(struct gpu_set *set)
{
	uint32_t count = 0;
	return api_of(set)->count(&count) == RSMI_OK && count < GPU_CHANNELS_MAX ? (int)count : -1;
}

static int rsmi_read(struct gpu_set *set, const struct gpu_device *device, enum gpu_source source,
                     uint64_t *raw)
{
	const struct rsmi_api *api = api_of(set);
	uint64_t ticks = 0, time_ns = 0;
	float unit_uj = 0;
	int type = 0, status, error = ENOTSUP;
	switch (source) {
	case GPU_ENERGY:
		if (!api->energy)
			return ENOTSUP;
		status = api->energy(device->index, &ticks, &unit_uj, &time_ns);
		return gpu_ticks(set, status, ticks, unit_uj, raw);
	case GPU_POWER:
		if (api->power)
			error = gpu_errno(set, api->power(device->index, raw, &type));
		if (error && api->power_average)
			error = gpu_errno(set, api->power_average(device->index, 0, raw));
		return error;
	default:
		return ENOTSUP;
	}
}

/* An index stands for the device whatever becomes of it. */
static bool rsmi_find(struct gpu_set *set, struct gpu_device *device)
{
	return rsmi_devices(set) > (int)device->index;
}

static void rsmi_list(struct gpu_set *set, struct channel *channels, int max)
{
	for (int i = 0; i < set->listed; i++) {
		struct gpu_device device = { .index = (unsigned)i };
		struct channel *channel;
		if (!gpu_best_source(set, &device) ||
		    !(channel = gpu_add(set, channels, max, &device, "gpu", "")))
			continue;
		channel->refresh_us = device.source == GPU_ENERGY ? 1000 : 10000;
		channel->resolution = 16;
		channel->relative_error = 0.025; /* AMD states none; as for its RAPL twins */
	}
}

static const struct entry_point entries[] = {
	ENTRY_POINT(struct rsmi_api, "rsmi_init", init, true),
	ENTRY_POINT(struct rsmi_api, "rsmi_shut_down", shut_down, true),
	ENTRY_POINT(struct rsmi_api, "rsmi_num_monitor_devices", count, true),
	ENTRY_POINT(struct rsmi_api, "rsmi_dev_energy_count_get", energy, false),
	ENTRY_POINT(struct rsmi_api, "rsmi_dev_power_get", power, false),
	ENTRY_POINT(struct rsmi_api, "rsmi_dev_power_ave_get", power_average, false),
};

static const struct gpu_vendor vendor = {
	.driver = "rocm_smi",
	.sonames =
	    (const char *const[]){ "librocm_smi64.so.1", "librocm_smi64.so.7", "librocm_smi64.so.6",
	                           "librocm_smi64.so.5", "librocm_smi64.so",
	                           "/opt/rocm/lib/librocm_smi64.so", NULL },
	.entries = entries,
	.entry_count = sizeof entries / sizeof *entries,
	.brand = "AMD",
	.pci = PCI_AMD,
	.install = "sudo apt install librocm-smi64-1",
	.module = "amdgpu",
	.grant = "sudo usermod -aG render,video $USER",
	.statuses = { RSMI_NOT_SUPPORTED, RSMI_PERMISSION, RSMI_NOT_FOUND, GPU_NO_STATUS },
	.check_counters = true,
	.start = rsmi_start,
	.stop = rsmi_stop,
	.devices = rsmi_devices,
	.list = rsmi_list,
	.read = rsmi_read,
	.find = rsmi_find,
};

GPU_DRIVER(vendor, rocm_smi, SENSOR_SPARE, "AMD GPUs through librocm_smi64.so");
