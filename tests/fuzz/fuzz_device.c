/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "spec/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device device;
	struct ergon_error err = { 0 };
	enum ergon_code code = device_parse((const char *)data, size, "fuzz", &device, &err);
	if (!code && !(device.peak_flops[RATE_FP8] > 0))
		__builtin_trap();
	return 0;
}
