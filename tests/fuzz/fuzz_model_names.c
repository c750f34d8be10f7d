/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "spec/model_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct model_names names;
	struct measured_run run = { .source = "s",
		                    .model = "resnet50",
		                    .config = "d=1",
		                    .task = "",
		                    .notes = "",
		                    .precision = "fp32" };
	arena_init(&arena);
	if (model_names_parse((const char *)data, size, "fuzz", &arena, &names, NULL) == ERGON_OK) {
		const struct model_rule *rule = model_names_find(&names, &run);
		if (rule && !rule->zoo == !rule->skip)
			__builtin_trap();
		if (!model_names_machine(&names, &run))
			__builtin_trap();
	}
	arena_fini(&arena);
	return 0;
}
