/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a table: parsed or refused, and what was parsed can be walked through.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct csv csv;
	struct ergon_error err = { 0 };
	arena_init(&arena);
	if (csv_parse((const char *)data, size, "fuzz", size % 2 ? ',' : '\t', &arena, &csv,
	              &err)) {
		if (!err.text[0] || memchr(err.text, '\n', strlen(err.text)))
			abort(); /* an error is one line that says something */
	} else {
		size_t bytes = 0;
		double real;
		uint64_t count;
		for (size_t row = 0; row < csv.rows; row++)
			for (size_t i = 0; i < csv.columns; i++) {
				bytes += strlen(csv_cell(&csv, row, i));
				bytes += csv_real(&csv, row, i, -1, 1, &real, &err) == ERGON_OK;
				bytes += csv_count(&csv, row, i, 0, 9, &count, &err) == ERGON_OK;
			}
		if (bytes > 2 * size + 2 * csv.rows * csv.columns)
			abort();
	}
	arena_fini(&arena);
	return 0;
}
