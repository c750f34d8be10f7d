/* SPDX-License-Identifier: Apache-2.0
 *
 * The one visible list of sensor drivers, in the order in which twins are preferred.
 */
#include <string.h>

#include "measure/sensor.h"

extern const struct sensor_driver sensor_rapl_powercap, sensor_rapl_perf, sensor_rapl_msr,
    sensor_amd_energy, sensor_xe, sensor_hwmon, sensor_nvml, sensor_amdsmi, sensor_rocm_smi,
    sensor_level_zero, sensor_ipmi_dcmi, sensor_redfish, sensor_meter, sensor_battery,
    sensor_cpu_model, sensor_dram_model, sensor_replay;
extern const struct sensor_driver sensor_daemon;

/* clang-format off */
const struct sensor_driver *const sensor_drivers[] = {
	&sensor_meter,
	&sensor_rapl_powercap,
	&sensor_rapl_perf,
	&sensor_rapl_msr,
	&sensor_amd_energy,
	&sensor_nvml,
	&sensor_amdsmi,
	&sensor_rocm_smi,
	&sensor_xe,
	&sensor_hwmon,
	&sensor_level_zero,
	&sensor_ipmi_dcmi,
	&sensor_redfish,
	&sensor_battery,
	&sensor_daemon,
	&sensor_cpu_model,
	&sensor_dram_model,
	&sensor_replay,
	NULL,
};
/* clang-format on */

const struct sensor_driver *sensor_driver_find(const char *name)
{
	size_t length = strcspn(name, ":");
	for (const struct sensor_driver *const *d = sensor_drivers; *d; d++)
		if (strlen((*d)->name) == length && strncmp((*d)->name, name, length) == 0)
			return *d;
	return NULL;
}

const char *provenance_name(enum provenance provenance)
{
	switch (provenance) {
	case PROVENANCE_MEASURED:
		return "measured";
	case PROVENANCE_MODELLED:
		return "modelled";
	case PROVENANCE_ATTRIBUTED:
		return "attributed";
	}
	return "unknown";
}
