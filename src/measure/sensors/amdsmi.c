/* SPDX-License-Identifier: Apache-2.0
 *
 * AMD GPUs through libamd_smi.so, opened at run time; entry points declared after ROCm's published
 * API (amdsmi.h, ROCm 6 and 7).
 *
 * Energy: a 64-bit accumulator in units that the call itself states, 15.3 uJ (2^-16 J). Power:
 * amdsmi_power_info_t begins with 32-bit current and average socket power (W) up to ROCm 6.3, and
 * with one 64-bit socket power in front of them since. In both, the first 32-bit word is a power
 * unless it is all ones; then the second one tells which layout it is (0: upper half of "none").
 */
#include <errno.h>
#include <stdio.h>

#include "measure/sensors/gpu.h"

enum { /* amdsmi_status_t */
       AMDSMI_OK = 0,
       AMDSMI_NOT_SUPPORTED = 2,
       AMDSMI_NO_PERMISSION = 10,
       AMDSMI_NOT_FOUND = 31,
       AMDSMI_NO_DRIVER = 34
};
enum { INIT_GPUS = 1 << 1, SOCKETS_MAX = 64, HANDLES_MAX = 64, POWER_WORDS = 64 };

struct amdsmi_api {
	int (*init)(uint64_t flags);
	int (*shut_down)(void);
	int (*sockets)(uint32_t *count, void **handles);
	int (*processors)(void *socket, uint32_t *count, void **handles);
	int (*energy)(void *processor, uint64_t *ticks, float *unit_uj, uint64_t *time_ns);
	int (*power)(void *processor, uint32_t *info);
};
GPU_API(struct amdsmi_api)

static int64_t amdsmi_start(struct gpu_set *set)
{
	return api_of(set)->init(INIT_GPUS);
}

static void amdsmi_stop(struct gpu_set *set)
{
	api_of(set)->shut_down();
}

/* All processors of all sockets, in the library's order. */
static int processors(struct gpu_set *set, void **handles, int max)
{
	const struct amdsmi_api *api = api_of(set);
	void *sockets[SOCKETS_MAX];
	uint32_t count = 0;
	int total = 0;
	if (api->sockets(&count, NULL) != AMDSMI_OK)
		return -1;
	if (count > SOCKETS_MAX)
		count = SOCKETS_MAX;
	if (api->sockets(&count, sockets) != AMDSMI_OK)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		void *found[HANDLES_MAX];
		uint32_t n = 0;
		if (api->processors(sockets[i], &n, NULL) != AMDSMI_OK)
			continue;
		if (n > HANDLES_MAX)
			n = HANDLES_MAX;
		if (api->processors(sockets[i], &n, found) != AMDSMI_OK)
			continue;
		for (uint32_t k = 0; k < n && total < max; k++)
			handles[total++] = found[k];
	}
	return total;
}

static int amdsmi_devices(struct gpu_set *set)
{
	void *handles[GPU_CHANNELS_MAX];
	return processors(set, handles, GPU_CHANNELS_MAX);
}

static int read_power(const struct gpu_set *set, void *handle, uint64_t *power_uw)
{
	const struct amdsmi_api *api = api_of(set);
	uint32_t info[POWER_WORDS] = { 0 };
	if (!api->power)
		return ENOTSUP;
	int error = gpu_errno(set, api->power(handle, info));
	if (error)
		return error;
	uint32_t power_w = info[0];
	if (power_w == UINT32_MAX || power_w == UINT16_MAX)
		power_w = info[1] == 0 ? UINT32_MAX : info[1];
	if (power_w >= UINT16_MAX)
		return ENOTSUP;
	*power_uw = (uint64_t)power_w * 1000000;
	return 0;
}

static int amdsmi_read(struct gpu_set *set, const struct gpu_device *device, enum gpu_source source,
                       uint64_t *raw)
{
	const struct amdsmi_api *api = api_of(set);
	uint64_t ticks = 0, time_ns = 0;
	float unit_uj = 0;
	if (source == GPU_POWER)
		return read_power(set, device->handle, raw);
	if (source != GPU_ENERGY || !api->energy)
		return ENOTSUP;
	int status = api->energy(device->handle, &ticks, &unit_uj, &time_ns);
	return gpu_ticks(set, status, ticks, unit_uj, raw);
}

static bool amdsmi_find(struct gpu_set *set, struct gpu_device *device)
{
	void *handles[GPU_CHANNELS_MAX];
	if (processors(set, handles, GPU_CHANNELS_MAX) <= (int)device->index)
		return false;
	device->handle = handles[device->index];
	return true;
}

static void amdsmi_list(struct gpu_set *set, struct channel *channels, int max)
{
	void *handles[GPU_CHANNELS_MAX];
	int count = processors(set, handles, GPU_CHANNELS_MAX);
	for (int i = 0; i < count; i++) {
		struct gpu_device device = { .index = (unsigned)i, .handle = handles[i] };
		struct channel *channel;
		if (!gpu_best_source(set, &device) ||
		    !(channel = gpu_add(set, channels, max, &device, "gpu", "")))
			continue;
		channel->refresh_us = device.source == GPU_ENERGY ? 1000 : 10000;
		channel->resolution = device.source == GPU_ENERGY ? 16 : 1000000;
		channel->relative_error = 0.025; /* AMD states none; as for its RAPL twins */
	}
}

static const struct entry_point entries[] = {
	ENTRY_POINT(struct amdsmi_api, "amdsmi_init", init, true),
	ENTRY_POINT(struct amdsmi_api, "amdsmi_shut_down", shut_down, true),
	ENTRY_POINT(struct amdsmi_api, "amdsmi_get_socket_handles", sockets, true),
	ENTRY_POINT(struct amdsmi_api, "amdsmi_get_processor_handles", processors, true),
	ENTRY_POINT(struct amdsmi_api, "amdsmi_get_energy_count", energy, false),
	ENTRY_POINT(struct amdsmi_api, "amdsmi_get_power_info", power, false),
};

static const struct gpu_vendor vendor = {
	.driver = "amdsmi",
	.sonames =
	    (const char *const[]){ "libamd_smi.so.26", "libamd_smi.so.25", "libamd_smi.so.24",
	                           "libamd_smi.so", "/opt/rocm/lib/libamd_smi.so", NULL },
	.entries = entries,
	.entry_count = sizeof entries / sizeof *entries,
	.brand = "AMD",
	.pci = PCI_AMD,
	.install = "sudo apt install amd-smi-lib",
	.module = "amdgpu",
	.grant = "sudo usermod -aG render,video $USER",
	.statuses = { AMDSMI_NOT_SUPPORTED, AMDSMI_NO_PERMISSION, AMDSMI_NOT_FOUND,
	              AMDSMI_NO_DRIVER },
	.check_counters = true,
	.start = amdsmi_start,
	.stop = amdsmi_stop,
	.devices = amdsmi_devices,
	.list = amdsmi_list,
	.read = amdsmi_read,
	.find = amdsmi_find,
};

GPU_DRIVER(vendor, amdsmi, SENSOR_ALWAYS, "AMD GPUs through libamd_smi.so");
