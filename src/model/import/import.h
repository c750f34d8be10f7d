/* SPDX-License-Identifier: Apache-2.0
 *
 * Import: models in other people's formats, as workloads.
 *
 * Each format is one file beside this one. They rest on the same operator families as model files,
 * so that what is imported is timed, counted and explained alike. Input is untrusted: every size is
 * bounded, and a malformed file is one error that names the file and the place.
 */
#ifndef ERGON_MODEL_IMPORT_IMPORT_H
#define ERGON_MODEL_IMPORT_IMPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "model/workload.h"

/* Does this object look like the config.json of a Hugging Face model rather than a model file? */
bool hf_config_like(const json_t *root);
/* Makes a model file of a config.json: families of transformers by "model_type", heads by
 * "architectures". The caller decrefs *model. */
ERGON_MUST_USE enum ergon_code hf_config_import(const json_t *config, const char *file,
                                                json_t **model, struct ergon_error *err);

/* Does this look like an ONNX model rather than text? */
bool onnx_like(const char *data, size_t length);
/* Lowers the main graph of an ONNX model (protobuf) operator by operator, inferring shapes and
 * folding the integer arithmetic that computes them. Inputs that are not fixed are one sample of
 * options->sequence or options->resolution. */
ERGON_MUST_USE enum ergon_code onnx_import(const char *data, size_t length, const char *file,
                                           const struct workload_options *options,
                                           struct arena *arena, const struct workload **workload,
                                           struct ergon_error *err);

#endif
