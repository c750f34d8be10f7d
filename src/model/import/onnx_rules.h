/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rules for the shapes of ONNX operators share. A rule reads its node's inputs and sets
 * its outputs; each family of operators is one file with one table. Sources: the operator schemas
 * of onnx.ai.
 */
#ifndef ERGON_MODEL_IMPORT_ONNX_RULES_H
#define ERGON_MODEL_IMPORT_ONNX_RULES_H

#include "model/import/onnx_file.h"

struct onnx_rule {
	const char *type; /* of the operator; NULL ends a table */
	enum ergon_code (*apply)(const struct onnx_file *file, const struct onnx_node *node);
	bool without_input; /* it needs none */
};
extern const struct onnx_rule onnx_layer_rules[], onnx_layout_rules[];

/* NULL: there is none. */
const struct onnx_value *onnx_input(const struct onnx_node *node, size_t i);
/* out may be NULL: nobody wants that output. */
enum ergon_code onnx_set_shape(const struct onnx_file *file, const struct onnx_node *node,
                               struct onnx_value *out, size_t rank, const double *dims);
enum ergon_code onnx_like_first(const struct onnx_file *file, const struct onnx_node *node);
/* The integers of a shape, where they are known. */
bool onnx_has_content(const struct onnx_value *value);
void onnx_set_content(struct onnx_value *out, const int64_t *content, size_t count);
/* A list of axes from an input or an attribute (either, by the version of the operator). */
size_t onnx_axes(const struct onnx_node *node, size_t at, const char *name, size_t rank,
                 int64_t out[ONNX_RANK_MAX]);
bool onnx_lists_axis(const int64_t *axes, size_t count, size_t axis);
/* The attribute "axis"; false where it lies outside. */
bool onnx_axis(const struct onnx_node *node, int64_t fallback, size_t rank, size_t *out);
/* Widens dims to what it and x have in common; false where they do not fit. */
bool onnx_broadcast(double *dims, size_t *rank, const struct onnx_value *x);

#endif
