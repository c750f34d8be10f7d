/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever bytes an ONNX file has, it is a workload or one error.
 */
#include <stdint.h>

#include "model/import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct workload_options options = { .precision = PRECISION_AMP_FP16, .sequence = 16 };
	const struct workload *workload;
	struct ergon_error err = { 0 };
	struct arena arena;
	arena_init(&arena);
	(void)!onnx_import((const char *)data, size, "fuzz", &options, &arena, &workload, &err);
	arena_fini(&arena);
	return 0;
}
