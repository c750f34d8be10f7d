/* SPDX-License-Identifier: Apache-2.0
 *
 * Intel GPUs through the oneAPI Level Zero loader (libze_loader.so.1, Sysman), opened at run time;
 * entry points declared after the Level Zero specification 1.9, "Sysman". The kernel's hwmon chips
 * (driver xe) say the same with less in between and are asked first.
 *
 * Energy: zes_power_energy_counter_t, uJ and us, of the card's power domain; where a device has
 * none, of its first domain.
 */
#include <errno.h>
#include <stdio.h>

#include "measure/sensors/gpu.h"

enum { DRIVERS_MAX = 16, DEVICES_MAX = 64 };

#define ZE_OK 0U
#define ZE_DEVICE_LOST 0x70000001U
#define ZE_NO_PERMISSION 0x70010000U
#define ZE_UNSUPPORTED 0x78000003U

struct zes_energy { /* zes_power_energy_counter_t */
	uint64_t energy_uj, time_us;
};

struct zes_api {
	unsigned (*init)(uint32_t flags);
	unsigned (*drivers)(uint32_t *count, void **drivers);
	unsigned (*devices)(void *driver, uint32_t *count, void **devices);
	unsigned (*card_domain)(void *device, void **domain);
	unsigned (*domains)(void *device, uint32_t *count, void **domains);
	unsigned (*energy)(void *domain, struct zes_energy *energy);
};
GPU_API(struct zes_api)

static int64_t zes_start(struct gpu_set *set)
{
	return api_of(set)->init(0);
}

static void zes_stop(struct gpu_set *set)
{
	(void)set; /* the interface has no counterpart to zesInit */
}

/* Device handles of all drivers, in the loader's order; -1 on failure. */
static int device_handles(struct gpu_set *set, void **handles, int max)
{
	const struct zes_api *api = api_of(set);
	void *drivers[DRIVERS_MAX];
	uint32_t count = DRIVERS_MAX;
	int total = 0;
	if (api->drivers(&count, drivers) != ZE_OK)
		return -1;
	for (uint32_t i = 0; i < count && i < DRIVERS_MAX; i++) {
		void *found[DEVICES_MAX];
		uint32_t n = DEVICES_MAX;
		if (api->devices(drivers[i], &n, found) != ZE_OK)
			continue;
		for (uint32_t k = 0; k < n && k < DEVICES_MAX && total < max; k++)
			handles[total++] = found[k];
	}
	return total;
}

static int zes_devices(struct gpu_set *set)
{
	void *handles[DEVICES_MAX];
	return device_handles(set, handles, DEVICES_MAX);
}

static bool zes_find(struct gpu_set *set, struct gpu_device *device)
{
	const struct zes_api *api = api_of(set);
	void *handles[DEVICES_MAX], *domain = NULL;
	uint32_t one = 1;
	if (device_handles(set, handles, DEVICES_MAX) <= (int)device->index)
		return false;
	void *handle = handles[device->index];
	if (!api->card_domain || api->card_domain(handle, &domain) != ZE_OK || !domain)
		if (api->domains(handle, &one, &domain) != ZE_OK || one == 0)
			return false;
	device->handle = domain;
	return true;
}

static int zes_read(struct gpu_set *set, const struct gpu_device *device, enum gpu_source source,
                    uint64_t *raw)
{
	struct zes_energy energy = { 0, 0 };
	if (source != GPU_ENERGY)
		return ENOTSUP;
	int error = gpu_errno(set, api_of(set)->energy(device->handle, &energy));
	*raw = energy.energy_uj;
	return error;
}

static void zes_list(struct gpu_set *set, struct channel *channels, int max)
{
	for (int i = 0; i < set->listed; i++) {
		struct gpu_device device = { .index = (unsigned)i };
		struct channel *channel;
		if (!zes_find(set, &device) || !gpu_best_source(set, &device) ||
		    !(channel = gpu_add(set, channels, max, &device, "gpu", "")))
			continue;
		channel->refresh_us = 1000;
		channel->resolution = 61; /* 2^-14 J */
		channel->relative_error = 0.025;
	}
}

static const struct entry_point entries[] = {
	ENTRY_POINT(struct zes_api, "zesInit", init, true),
	ENTRY_POINT(struct zes_api, "zesDriverGet", drivers, true),
	ENTRY_POINT(struct zes_api, "zesDeviceGet", devices, true),
	ENTRY_POINT(struct zes_api, "zesDeviceGetCardPowerDomain", card_domain, false),
	ENTRY_POINT(struct zes_api, "zesDeviceEnumPowerDomains", domains, true),
	ENTRY_POINT(struct zes_api, "zesPowerGetEnergyCounter", energy, true),
};

static const struct gpu_vendor vendor = {
	.driver = "level_zero",
	.sonames = (const char *const[]){ "libze_loader.so.1", NULL },
	.entries = entries,
	.entry_count = sizeof entries / sizeof *entries,
	.brand = "Intel",
	.pci = PCI_INTEL,
	.install = "sudo apt install libze1",
	.module = "xe",
	.grant = "sudo usermod -aG render,video $USER",
	.statuses = { ZE_UNSUPPORTED, ZE_NO_PERMISSION, ZE_DEVICE_LOST, GPU_NO_STATUS },
	.start = zes_start,
	.stop = zes_stop,
	.devices = zes_devices,
	.list = zes_list,
	.read = zes_read,
	.find = zes_find,
};

GPU_DRIVER(vendor, level_zero, SENSOR_SPARE,
           "Intel GPUs through libze_loader.so.1, where the kernel shows no counter");
