/* SPDX-License-Identifier: Apache-2.0
 *
 * Sensitivity: by how many percent time and energy of a step change for each percent of one
 * parameter, d ln T / d ln x: -1 is a pure bottleneck, 0 does not matter.
 *
 * Central differences over +-5%, wide enough to look past the steps of wave quantisation. The power
 * cap stays what it is: that of the device unless settings say otherwise.
 */
#ifndef ERGON_MODEL_SENSITIVITY_H
#define ERGON_MODEL_SENSITIVITY_H

#include <jansson.h>

#include "model/predict.h"

enum { SENSITIVITIES_MAX = 12 };
struct sensitivity {
	const char *name, *meaning;
	double time, energy; /* elasticities */
};
/* By falling |time|, then |energy|. Returns how many. */
size_t sensitivities(const struct workload *workload, const struct device *device,
                     const struct calibration *calibration, const struct predict_settings *settings,
                     struct sensitivity out[SENSITIVITIES_MAX]);
json_t *sensitivities_to_json(const struct sensitivity *items, size_t count);

#endif
