/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "measure/sensors/smbios.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_module modules[8];
	size_t count = smbios_modules(data, size, modules, 8);
	for (size_t i = 0; i < count && i < 8; i++)
		if (modules[i].size_mib == 0)
			abort();
	return 0;
}
