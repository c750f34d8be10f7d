/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine profile as `ergon phases --profile` reads it: roofs are positive or unknown, and a
 * phase gets a class of the list and a reason with each of them.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "understand/phase_class.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct phase_machine *machine)
{
	static const double rates[] = { 0, 1e6, 1e10, 1e12 };
	const struct class_roofs *r = &machine->roofs;
	if (r->f64_flops_per_s <= 0 || r->f32_flops_per_s <= 0 || r->bytes_per_s <= 0 ||
	    r->cache_bytes_per_s <= 0)
		__builtin_trap();
	for (size_t i = 0; i < 16; i++) {
		struct phase_means m = { .power_w = (double)NAN, .power_error_w = (double)NAN };
		for (int q = 0; q < PHASE_QUANTITIES; q++)
			m.of[q] = (double)NAN;
		m.of[PHASE_BYTES] = rates[i % 4];
		m.of[PHASE_F64] = rates[i / 4];
		struct workload_verdict v = phase_classify(&m, machine);
		if (!workload_class_name(v.class) || !v.because[0])
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct phase_machine machine = { .idle_power_w = (double)NAN };
	json_t *root;
	if (json_parse((const char *)data, size, "fuzz", &root, NULL))
		return 0;
	if (phase_machine_from_json(root, "fuzz", &machine, NULL) == ERGON_OK)
		check(&machine);
	json_decref(root);
	return 0;
}
