/* SPDX-License-Identifier: Apache-2.0
 *
 * sensors.json, and the address that follows a driver's name on the command line.
 */
#include <stdlib.h>
#include <string.h>

#include "measure/sensors/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const drivers[] = { "redfish", "ipmi_dcmi", "meter" };
	struct remote_source sources[4], one;
	struct ergon_error err;
	char *text = malloc(size + 1), host[64];
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	int count = remote_parse(text, size, "fuzz", NULL, sources, 4, &err);
	if (count > 4)
		abort();
	for (int i = 0; i < 3; i++)
		(void)remote_from_argument(drivers[i], text, &one, &err);
	remote_host(text, host, sizeof host);
	free(text);
	return 0;
}
