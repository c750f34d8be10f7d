/* SPDX-License-Identifier: Apache-2.0
 *
 * Calibrate: fit the predictor's constants to measured cases.
 *
 * Levenberg-Marquardt (MINPACK's lmdif, through cminpack) on log residuals, log(predicted /
 * measured), made robust (pseudo-Huber) so that rows which measured something else do not steer.
 * Each file and metric counts alike, however many rows it has. Bounds come from
 * calibration_fields; a weak prior pulls a constant that the data does not see to its start value.
 * Deterministic: same cases, same constants.
 */
#ifndef ERGON_MODEL_CALIBRATE_H
#define ERGON_MODEL_CALIBRATE_H

#include <jansson.h>
#include <stdbool.h>

#include "model/calibration.h"
#include "model/eval.h"

struct calibrate_options {
	const bool *fitted; /* [CALIBRATION_COUNT]: which constants move; NULL: all */
	const bool *used;   /* [cases->count]: which cases count; NULL: all */
	size_t evaluations; /* of the whole set, at most; 0: 1500 */
	bool spreads;       /* set time_spread and power_spread from the residuals */
};

struct calibrate_field {
	bool fitted, identified; /* identified: the data narrows the prior at least threefold */
	bool at_bound;
	double low95, high95; /* confidence interval; NAN where not fitted */
	const char *partner;  /* the constant most correlated with it, or NULL */
	double correlation;
};

struct calibrate_result {
	struct calibrate_field fields[CALIBRATION_COUNT];
	double rms_before, rms_after; /* of the weighted, robust log residuals */
	size_t cases, evaluations;
};

/* *calibration: in, where to begin; out, the fit. */
ERGON_MUST_USE enum ergon_code calibrate(const struct eval_cases *cases,
                                         const struct calibrate_options *options,
                                         struct calibration *calibration,
                                         struct calibrate_result *result, struct ergon_error *err);

/* A calibration file: values, and of each its interval and what it is correlated with. */
json_t *calibration_to_json(const struct calibration *calibration,
                            const struct calibrate_result *result, const char *provenance);

#endif
