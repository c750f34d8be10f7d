/* SPDX-License-Identifier: Apache-2.0
 *
 * A recorded series: whatever the table holds, the phases cover it and lie behind one another.
 */
#include <stddef.h>
#include <stdint.h>

#include "understand/phase_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct phase_table *t)
{
	size_t at = 0;
	for (size_t p = 0; p < t->phases.count; p++) {
		if (t->phases.items[p].begin != at || t->phases.items[p].end <= at)
			__builtin_trap();
		at = t->phases.items[p].end;
	}
	if (at != t->count)
		__builtin_trap();
	json_t *root = phase_table_to_json(t);
	if (!root)
		__builtin_trap();
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct phase_request requests[] = {
		{ .time = "t", .power = "p", .idle_power_w = 20 },
		{ .time = "t", .series = "p,gbps", .options = { .min_length = 2, .effect = -1 } },
	};
	struct arena arena;
	struct csv csv;
	arena_init(&arena);
	if (csv_parse((const char *)data, size, "fuzz", ',', &arena, &csv, NULL) == ERGON_OK)
		for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
			struct phase_table table;
			if (!phase_table_analyse(&csv, &requests[i], &arena, &table, NULL))
				check(&table);
			phase_table_fini(&table);
		}
	arena_fini(&arena);
	return 0;
}
