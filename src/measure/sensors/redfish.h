/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Redfish service says about power, taken out of its JSON resources (DMTF DSP2046): pure
 * functions, any text may come in.
 */
#ifndef ERGON_MEASURE_SENSORS_REDFISH_H
#define ERGON_MEASURE_SENSORS_REDFISH_H

#include "base/json.h"

enum { REDFISH_PATH_SIZE = 192, REDFISH_MEMBERS_MAX = 16 };

/* Power of an EnvironmentMetrics ("PowerWatts"), Power ("PowerControl"), PowerSupplyMetrics
 * ("InputPowerWatts") or Sensor ("Reading" in W) resource. False where it holds none. window_s: of
 * the mean that it states ("IntervalInMin"), else 0. */
bool redfish_power_w(const json_t *resource, double *power_w, double *window_s);

/* The @odata.id that `key` links to; false where there is none, or none below /redfish/. */
bool redfish_link(const json_t *resource, const char *key, char *path, size_t size);

/* The @odata.ids of a collection's members; returns how many, at most max. */
int redfish_members(const json_t *collection, char paths[][REDFISH_PATH_SIZE], int max);

#endif
