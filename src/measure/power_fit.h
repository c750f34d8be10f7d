/* SPDX-License-Identifier: Apache-2.0
 *
 * A linear model of power in what the machine does, fitted against a real sensor:
 *
 *     P = sum over features k of c_k * rate_k         (rate of time: 1)
 *
 * with a ridge that is chosen by cross-validation over phases: each phase of load (idle, a kernel
 * on so many threads) is predicted by a fit to the others, so that the error that is kept is that
 * of a load never seen. Coefficients in J per unit of the feature (features.h). Pure functions.
 */
#ifndef ERGON_MEASURE_POWER_FIT_H
#define ERGON_MEASURE_POWER_FIT_H

#include "base/json.h"
#include "measure/features.h"

struct power_sample {
	double power_w;             /* of the sensor */
	double rate[FEATURE_COUNT]; /* per second */
	unsigned phase;             /* 0, 1, ...: samples of one phase are alike */
};

struct power_model {
	bool uses[FEATURE_COUNT];
	double coefficient[FEATURE_COUNT];
	double relative_error; /* 1 sigma of phases left out, relative to their mean power */
	double mean_power_w;
	size_t samples;
	unsigned phases;
};

/* Fits to the features that are wanted; those that never change are left out. BAD_INPUT where fewer
 * than three phases differ. */
ERGON_MUST_USE enum ergon_code power_fit(const struct power_sample *samples, size_t count,
                                         const bool wanted[FEATURE_COUNT],
                                         struct power_model *model, struct ergon_error *err);

/* Energy in J of a change of all features; never negative. */
double power_model_j(const struct power_model *model, const double change[FEATURE_COUNT]);

/* {"coefficients":{"time":...},"relative_error",...}, and back. */
json_t *power_model_to_json(const struct power_model *model);
ERGON_MUST_USE enum ergon_code power_model_from_json(const json_t *object, struct json_place place,
                                                     struct power_model *model,
                                                     struct ergon_error *err);

#endif
