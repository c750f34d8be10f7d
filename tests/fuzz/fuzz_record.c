/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "measure/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct record record;
	struct ergon_error err;
	arena_init(&arena);
	if (record_parse((const char *)data, size, "fuzz", &arena, &record, &err) == ERGON_OK)
		for (size_t i = 1; i < record.sample_count; i++)
			if (!(record.time_s[i] > record.time_s[i - 1]))
				abort();
	arena_fini(&arena);
	return 0;
}
