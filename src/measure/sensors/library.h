/* SPDX-License-Identifier: Apache-2.0
 *
 * What the drivers of vendors' libraries share beside the opener (base/library.h): is the hardware
 * there at all?
 */
#ifndef ERGON_MEASURE_SENSORS_LIBRARY_H
#define ERGON_MEASURE_SENSORS_LIBRARY_H

#include "base/library.h"

/* Display and compute controllers of a vendor on the PCI bus, after sysfs. */
int pci_display_count(const struct ergon_env *env, const char *vendor);

#endif
