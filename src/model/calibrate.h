/* SPDX-License-Identifier: Apache-2.0
 *
 * Calibrate: fit the predictor's constants to measured cases.
 *
 * Levenberg-Marquardt (MINPACK's lmdif, through cminpack) on log residuals, log(predicted /
 * measured), made robust (pseudo-Huber) so that rows which measured something else do not steer.
 * Each file and metric counts alike, however many rows it has, and as a handful of independent
 * ones. Bounds come from calibration_fields, and so does the prior of each constant (expected,
 * width): the fit is the most probable one given both, so that a constant that the data at hand
 * does not see stays where textbooks have it. Deterministic: same cases, same constants.
 */
#ifndef ERGON_MODEL_CALIBRATE_H
#define ERGON_MODEL_CALIBRATE_H

#include <jansson.h>
#include <stdbool.h>

#include "model/calibration.h"
#include "model/eval.h"

/* Which factors of devices. */
enum { CALIBRATE_RATES = 1, CALIBRATE_ENERGIES = 2, CALIBRATE_HOSTS = 4 };

struct calibrate_options {
	const bool *fitted;      /* [CALIBRATION_COUNT]: which constants move; NULL: all */
	const bool *used;        /* [cases->count]: which cases count; NULL: all */
	const bool *device_used; /* the same for factors of devices; NULL: used */
	unsigned rounds;         /* constants, devices, constants, devices: 2; 0 counts as 1 */
	size_t evaluations;      /* of the whole set, at most; 0: 1500 */
	bool stay;        /* nothing moves: only what the data tell about constants as they are */
	unsigned devices; /* fit these factors of each device as well, in turn with the constants */
};

struct calibrate_field {
	bool fitted, identified; /* identified: the data at least halves the prior's width */
	bool at_bound;           /* within 2% of the range */
	double low95, high95;    /* confidence interval; NAN where not fitted */
	const char *partner;     /* the constant most correlated with it, or NULL */
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

/* What a fit of everything looks at: of each file, metric and device an even sample, which keeps a
 * fit short and no file from drowning another; a smaller one where it need not be thorough.
 * sampled: [cases->count]. */
ERGON_MUST_USE enum ergon_code calibrate_sample(const struct eval_cases *cases, bool thorough,
                                                bool *sampled, struct ergon_error *err);
/* The installed calibration from scratch: constants of single devices, factors of each device, then
 * the constants of interconnects, which only runs on several GPUs and collectives see.
 * Spreads stay. used: which cases, as above. thorough: constants and devices in turn, twice (a
 * minute); else once, as folds do (seconds). */
ERGON_MUST_USE enum ergon_code calibrate_all(const struct eval_cases *cases, const bool *used,
                                             bool thorough, struct calibration *calibration,
                                             struct calibrate_result *result,
                                             struct ergon_error *err);

/* Of each constant as it is, what the cases of its stage tell: interval, identified or not. */
ERGON_MUST_USE enum ergon_code calibrate_describe(const struct eval_cases *cases, const bool *used,
                                                  const struct calibration *calibration,
                                                  struct calibrate_result *result,
                                                  struct ergon_error *err);

/* Only those factors of devices, from all used rows of each. A device with a handful of rows or
 * less stays as it was. */
ERGON_MUST_USE enum ergon_code calibrate_devices(const struct eval_cases *cases, const bool *used,
                                                 unsigned which, struct calibration *calibration,
                                                 struct ergon_error *err);
/* The spreads of classes of predictions from points that were predicted without the case's group:
 * what holds 80% of measured / predicted, each file alike; a class with few cases borrows from its
 * parent. used: which cases, as above. */
ERGON_MUST_USE enum ergon_code calibrate_spreads(const struct eval_cases *cases,
                                                 const struct eval_point *points, const bool *used,
                                                 struct calibration *calibration,
                                                 struct ergon_error *err);
/* What has to be added on devices that nobody measured, from points predicted without them. */
ERGON_MUST_USE enum ergon_code calibrate_device_spread(const struct eval_cases *cases,
                                                       const struct eval_point *points,
                                                       struct calibration *calibration,
                                                       struct ergon_error *err);

/* A calibration file: values, and of each its interval and what it is correlated with. */
json_t *calibration_to_json(const struct calibration *calibration,
                            const struct calibrate_result *result, const char *provenance);

#endif
