/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory modules from the SMBIOS tables, as firmware lists them (DMTF DSP0134, "Memory Device",
 * type 17), read from /sys/firmware/dmi/tables/DMI. Empty slots are not listed. Pure; any bytes may
 * come in.
 */
#ifndef ERGON_MEASURE_SENSORS_SMBIOS_H
#define ERGON_MEASURE_SENSORS_SMBIOS_H

#include <stddef.h>
#include <stdint.h>

struct memory_module {
	uint64_t size_mib;
	unsigned type;      /* SMBIOS memory type: 26 DDR4, 34 DDR5, ... */
	unsigned speed_mts; /* configured speed, else the module's; 0 unknown */
	unsigned ranks;     /* 0 unknown */
};

/* Fills at most max modules; returns how many there are (which may be more). */
size_t smbios_modules(const uint8_t *table, size_t length, struct memory_module *modules,
                      size_t max);

#endif
