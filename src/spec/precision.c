/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/precision.h"

#include <string.h>

#include "base/suggest.h"

static const struct precision_facts facts[PRECISION_COUNT] = {
	[PRECISION_FP32] = { "fp32", RATE_FP32, 4, 4, 4, 4, 4, false },
	[PRECISION_TF32] = { "tf32", RATE_TF32, 4, 4, 4, 4, 4, false },
	[PRECISION_FP16] = { "fp16", RATE_FP16, 2, 2, 2, 2, 2, false },
	[PRECISION_BF16] = { "bf16", RATE_BF16, 2, 2, 2, 2, 2, false },
	[PRECISION_AMP_FP16] = { "amp_fp16", RATE_FP16, 2, 2, 2, 4, 4, true },
	[PRECISION_AMP_BF16] = { "amp_bf16", RATE_BF16, 2, 2, 2, 4, 4, true },
	/* Activations stay in bf16; products read 8-bit copies. */
	[PRECISION_FP8] = { "fp8", RATE_FP8, 2, 1, 1, 4, 4, true },
	[PRECISION_FP64] = { "fp64", RATE_FP64, 8, 8, 8, 8, 8, false },
	/* OCP Microscaling v1.0: 4 bits and a shared exponent of 8 for each 32. */
	[PRECISION_MXFP4] = { "mxfp4", RATE_BF16, 2, 2, 4.25 / 8, 2, 2, false },
};

const struct precision_facts *precision_facts(enum precision precision)
{
	return &facts[precision];
}

const char *rate_name(enum rate rate)
{
	static const char *const names[RATE_COUNT] = {
		"fp64", "fp32", "tf32", "fp16", "bf16", "fp8"
	};
	return names[rate];
}

enum ergon_code precision_parse(const char *name, enum precision *precision,
                                struct ergon_error *err)
{
	const char *names[PRECISION_COUNT];
	for (int i = 0; i < PRECISION_COUNT; i++) {
		names[i] = facts[i].name;
		if (strcmp(name, names[i]) == 0) {
			*precision = (enum precision)i;
			return ERGON_OK;
		}
	}
	char hint[256];
	return ergon_fail(err, ERGON_NOT_FOUND, "no precision '%.32s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, names, PRECISION_COUNT));
}
