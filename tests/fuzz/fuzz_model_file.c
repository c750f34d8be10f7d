/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever parses as a model can be predicted without a crash or an endless loop.
 */
#include <stdint.h>

#include "model/predict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device device = { .name = "fuzz",
		                 .sm_count = 80,
		                 .boost_hz = 1e9,
		                 .min_hz = 1e8,
		                 .memory_bytes = 1e10,
		                 .memory_bandwidth_bps = 1e12,
		                 .l2_bytes = 1e6,
		                 .pcie_bps = 1e10,
		                 .tdp_w = 300,
		                 .idle_w = 30,
		                 .process_nm = 12 };
	struct workload_options options = { .precision = PRECISION_AMP_FP16 };
	struct predict_settings settings = { .batch = 8, .gpus = 4 };
	struct calibration calibration;
	struct prediction prediction;
	struct breakdown breakdown;
	const struct workload *workload;
	struct ergon_error err = { 0 };
	struct arena arena;
	for (int rate = 0; rate < RATE_COUNT; rate++)
		device.peak_flops[rate] = 1e13;
	arena_init(&arena);
	calibration_init(&calibration);
	if (!workload_parse((const char *)data, size, "fuzz", &options, &arena, &workload, &err))
		predict_explain(workload, &device, &calibration, &settings, &prediction,
		                &breakdown);
	arena_fini(&arena);
	return 0;
}
