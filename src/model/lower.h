/* SPDX-License-Identifier: Apache-2.0
 *
 * Lowering: from the layers of a model file to kernels; see graph.h for the format.
 */
#ifndef ERGON_MODEL_LOWER_H
#define ERGON_MODEL_LOWER_H

#include "model/graph.h"

/* Walks the list; graph->x is the input's shape before and the output's after. */
ERGON_MUST_USE enum ergon_code lower_layers(struct graph *graph, const json_t *layers);
/* Kernels from here on belong to the layer group of that name. */
ERGON_MUST_USE enum ergon_code lower_group(struct graph *graph, const char *name);

#endif
