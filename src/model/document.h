/* SPDX-License-Identifier: Apache-2.0
 *
 * A prediction as a document (kind "ergon.predict") and as sentences.
 */
#ifndef ERGON_MODEL_DOCUMENT_H
#define ERGON_MODEL_DOCUMENT_H

#include <jansson.h>

#include "model/predict.h"

/* What was asked: the document repeats it, so that it stands alone. */
struct predict_request {
	const struct workload *workload;
	const struct device *device;
	struct predict_settings settings;
};

/* All of them: data x tensor x pipeline. */
double prediction_gpus(const struct predict_request *request);

/* A new reference; NULL when memory is out. Times in s, energy in J, power in W, memory in bytes;
 * every number is modelled. */
json_t *prediction_to_json(const struct predict_request *request,
                           const struct prediction *prediction, const struct breakdown *breakdown);

/* The three biggest reasons why the step takes what it takes, each one sentence; returns how many
 * (fewer where a step has fewer). */
enum { REASONS_MAX = 3, REASON_SIZE = 200 };
size_t prediction_reasons(const struct predict_request *request,
                          const struct prediction *prediction, const struct breakdown *breakdown,
                          char reasons[REASONS_MAX][REASON_SIZE]);

#endif
