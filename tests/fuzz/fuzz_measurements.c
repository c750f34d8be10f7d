/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "spec/measurements.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct csv csv;
	struct measurements measurements;
	arena_init(&arena);
	if (csv_parse((const char *)data, size, "fuzz", ',', &arena, &csv, NULL) == ERGON_OK &&
	    measurements_from_csv(&csv, &arena, &measurements, NULL) == ERGON_OK) {
		size_t values = 0;
		for (size_t i = 0; i < measurements.run_count; i++) {
			double number;
			char text[8];
			values += measurements.runs[i].value_count;
			(void)config_number(measurements.runs[i].config, "layers", &number);
			(void)config_text(measurements.runs[i].config, "d", text, sizeof text);
		}
		if (values != measurements.value_count)
			__builtin_trap();
	}
	arena_fini(&arena);
	return 0;
}
