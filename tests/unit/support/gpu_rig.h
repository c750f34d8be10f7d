/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine whose only sensor is one GPU vendor's made-up library, with a clock that the test
 * turns.
 */
#ifndef ERGON_TESTS_GPU_RIG_H
#define ERGON_TESTS_GPU_RIG_H

#include "../../fixtures/fake_gpu.h"
#include "measure/meter.h"
#include "support/support.h"

struct gpu_rig {
	struct fake_clock clock;
	struct ergon_env env;
	struct ergon_dl dl;
	struct fake_gpu *fake; /* of the library */
	struct fake_gpu before;
	const char *driver; /* "nvml" */
	const char *file;   /* the made-up library */
	const char *soname; /* what a name must begin with to be it */
	void *library;
	char logged[512]; /* the latest remark */
};

/* nvml, rocm_smi, amdsmi, level_zero. Energies do not move by themselves. */
void gpu_rig_init(struct gpu_rig *rig, const char *driver);
void gpu_rig_fini(struct gpu_rig *rig); /* every init must have had its shutdown */

/* A meter on the rig's driver, read by hand. */
struct meter *gpu_rig_meter(struct gpu_rig *rig);

#endif
