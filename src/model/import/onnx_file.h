/* SPDX-License-Identifier: Apache-2.0
 *
 * An ONNX file as nodes and values, before shapes are known.
 *
 * Read are the model's main graph: its nodes in their (topological) order, initializers, inputs. Of
 * weights only the shape is looked at; of small integer tensors also the content, since shapes are
 * computed with them. Field numbers are those of onnx.proto (github.com/onnx/onnx). Everything
 * lives in the caller's arena; texts are copied.
 */
#ifndef ERGON_MODEL_IMPORT_ONNX_FILE_H
#define ERGON_MODEL_IMPORT_ONNX_FILE_H

#include "base/arena.h"
#include "ergon/error.h"
#include "model/graph.h"

enum {
	ONNX_RANK_MAX = 8,
	ONNX_CONTENT_MAX = 64, /* integers of a tensor that shapes may be computed with */
	ONNX_LINKS_MAX = 256,  /* inputs or outputs of a node */
	ONNX_NODES_MAX = 100000,
};

/* A tensor between nodes, or an initializer. */
struct onnx_value {
	const char *name;
	bool known; /* its shape is */
	bool initializer;
	bool counted;              /* a weight whose parameters are in the sum */
	struct onnx_value *weight; /* the initializer that this is a view of, or NULL */
	bool integer;
	size_t rank;
	double dims[ONNX_RANK_MAX];
	bool content_known;
	size_t content_count;
	int64_t content[ONNX_CONTENT_MAX];
	bool saved, grad, fresh; /* as struct tensor has them */
	struct onnx_value *next; /* of its bucket */
};

struct onnx_attribute {
	const char *name, *text; /* text: of a string attribute, else NULL */
	double real;
	int64_t integer;
	int64_t *integers; /* [count] */
	size_t count;
	const struct onnx_value *tensor;
};

struct onnx_node {
	const char *type, *name;
	struct onnx_value **inputs, **outputs; /* NULL where left out */
	size_t input_count, output_count;
	struct onnx_attribute *attributes;
	size_t attribute_count;
};

struct onnx_file {
	const char *file, *graph_name;
	struct arena *arena;
	struct ergon_error *err;
	struct onnx_node *nodes;
	size_t count;
	struct onnx_value **inputs; /* of the graph, initializers left out */
	size_t input_count;
	struct onnx_value **buckets; /* [ONNX_BUCKETS] */
};

ERGON_MUST_USE enum ergon_code onnx_file_read(const char *data, size_t length, const char *file,
                                              struct arena *arena, struct onnx_file *out,
                                              struct ergon_error *err);

double onnx_elements(const struct onnx_value *value);
const struct onnx_attribute *onnx_attribute(const struct onnx_node *node, const char *name);
int64_t onnx_integer(const struct onnx_node *node, const char *name, int64_t fallback);
/* An error that names the node and its operator. */
ERGON_MUST_USE enum ergon_code onnx_fail(const struct onnx_file *file, const struct onnx_node *node,
                                         const char *format, ...) ERGON_PRINTF(3, 4);

/* Shape (and small integer content) of the node's outputs from those of its inputs. */
ERGON_MUST_USE enum ergon_code onnx_infer(const struct onnx_file *file,
                                          const struct onnx_node *node);

#endif
