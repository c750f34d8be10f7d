/* SPDX-License-Identifier: Apache-2.0
 *
 * What devices answer: lines of wattmeters, JSON of plugs and of Redfish services, DCMI's bytes.
 */
#include <stdlib.h>

#include "measure/sensors/dcmi.h"
#include "measure/sensors/meter_line.h"
#include "measure/sensors/redfish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void believable(double power_w)
{
	if (!(power_w >= 0 && power_w <= 1e9))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char paths[4][REDFISH_PATH_SIZE];
	struct dcmi_power power;
	double power_w, window_s;
	if (size == 0)
		return 0;
	unsigned column = data[0] % 8;
	if (meter_line_power((const char *)data, size, column, &power_w))
		believable(power_w);
	if (dcmi_parse(data, size, &power) == 0 && power.period_ms == 0)
		abort();
	json_t *json = json_loadb((const char *)data, size, 0, NULL);
	if (tasmota_power(json, &power_w))
		believable(power_w);
	if (shelly_power(json, &power_w))
		believable(power_w);
	if (redfish_power_w(json, &power_w, &window_s)) {
		believable(power_w);
		believable(window_s);
	}
	(void)redfish_link(json, "Power", paths[0], sizeof paths[0]);
	if (redfish_members(json, paths, 4) > 4)
		abort();
	json_decref(json);
	return 0;
}
