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

#endif
