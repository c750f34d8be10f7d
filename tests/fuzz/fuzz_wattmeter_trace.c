/* SPDX-License-Identifier: Apache-2.0
 *
 * A wattmeter's CSV, as `ergon calibrate meter` reads it.
 */
#include <stdlib.h>

#include "measure/calibration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct trace trace;
	struct ergon_error err;
	arena_init(&arena);
	if (calibration_trace_parse((const char *)data, size, "fuzz", NULL, &arena, &trace, &err) ==
	    ERGON_OK)
		for (size_t i = 1; i < trace.count; i++)
			if (!(trace.time_s[i] > trace.time_s[i - 1]) || !(trace.value[i] >= 0))
				abort();
	arena_fini(&arena);
	return 0;
}
