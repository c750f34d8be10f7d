/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "understand/pareto_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct csv csv;
	arena_init(&arena);
	static const char *const filter[] = { "n.k=*" };
	static const struct pareto_request requests[] = {
		{ .groups = "g,n.k", .time = "t", .power = "p", .slowdown = 0.05 },
		{ .time = "t", .energy = "p", .lever = "g", .filters = filter, .filter_count = 1 },
	};
	if (csv_parse((const char *)data, size, "fuzz", ',', &arena, &csv, NULL) == ERGON_OK) {
		for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
			struct pareto_table table;
			if (pareto_table_analyse(&csv, &requests[i], &arena, &table, NULL))
				continue;
			json_t *root = pareto_table_to_json(&table);
			if (!root)
				__builtin_trap();
			json_decref(root);
		}
	}
	arena_fini(&arena);
	return 0;
}
