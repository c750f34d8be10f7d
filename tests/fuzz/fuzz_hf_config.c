/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever config.json says, it becomes a model file that lowers, or one error.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/import/import.h"
#include "model/workload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct workload_options options = { .precision = PRECISION_AMP_FP16 };
	const struct workload *workload;
	struct ergon_error err = { 0 };
	struct arena arena;
	json_t *config, *model;
	if (json_parse((const char *)data, size, "fuzz", &config, &err))
		return 0;
	arena_init(&arena);
	if (!hf_config_import(config, "fuzz", &model, &err)) {
		char *text = json_text(model);
		json_decref(model);
		if (text)
			(void)!workload_parse(text, strlen(text), "fuzz", &options, &arena,
			                      &workload, &err);
		free(text);
	}
	json_decref(config);
	arena_fini(&arena);
	return 0;
}
