/* SPDX-License-Identifier: Apache-2.0
 *
 * An ONNX graph as a workload: each node costs what its operator family costs.
 *
 * One sample: the first dimension of every input of the graph is 1. Weights are counted where they
 * are first used; what is computed from shapes alone costs nothing. There is no loss in an ONNX
 * file; training adds the backward pass and the optimizer, as for model files.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "model/import/import.h"
#include "model/import/onnx_file.h"
#include "model/import/protobuf.h"
#include "model/lower.h"

enum { DEFAULT_TOKENS = 128, DEFAULT_SIDE = 224, DEFAULT_CHANNELS = 3, GROUPS_USED = 40 };

struct walk {
	struct graph *graph;
	const struct onnx_file *file;
	const struct onnx_node *node;
	struct onnx_value *x, *y; /* first input and output */
};

typedef void cost(struct walk *walk);

static struct onnx_value *input(const struct walk *walk, size_t i)
{
	return i < walk->node->input_count ? walk->node->inputs[i] : NULL;
}

/* A value as the running tensor: channels (or width) by positions. */
static void enter(struct walk *walk, const struct onnx_value *value)
{
	double elements = onnx_elements(value);
	bool image = value->rank == 4;
	double c = image ? value->dims[1] : value->rank ? value->dims[value->rank - 1] : 1;
	c = c > 0 ? c : 1;
	walk->graph->x = (struct tensor){ .c = c,
		                          .h = image ? value->dims[2] : fmax(elements / c, 1),
		                          .w = image ? value->dims[3] : 1,
		                          .saved = value->saved,
		                          .grad = value->grad,
		                          .fresh = value->fresh };
}

/* The running tensor's marks go to the output, and what the input is now known for, back to it. */
static void leave(struct walk *walk)
{
	for (size_t i = 0; i < walk->node->output_count; i++) {
		struct onnx_value *out = walk->node->outputs[i];
		if (!out)
			continue;
		out->grad |= walk->graph->x.grad;
		out->saved = walk->graph->x.saved;
		out->fresh = walk->graph->x.fresh;
	}
}

/* Adds a weight's parameters where they are new. */
static void add_weight(struct walk *walk, struct onnx_value *value)
{
	struct onnx_value *weight = value ? value->weight : NULL;
	double elements = weight ? onnx_elements(weight) : 0;
	if (!weight || weight->counted || weight->integer || elements <= 1)
		return;
	weight->counted = true;
	graph_parameters(walk->graph, elements, 1);
}

static bool is_weight(const struct onnx_value *value)
{
	return value && value->weight;
}

/* A product with a weight, or of two activations. */
static void multiply(struct walk *walk, struct product product, struct onnx_value *other)
{
	struct graph *graph = walk->graph;
	bool again = is_weight(other) && other->weight->counted;
	product.input_grad = walk->x->grad;
	graph_save(graph);
	walk->x->saved = true;
	if (!is_weight(other)) {
		product.second_is_input = true;
		product.input_grad |= other->grad;
		if (!other->saved)
			graph_save_bytes(graph,
			                 onnx_elements(other) * graph->facts->activation_bytes);
		other->saved = true;
	}
	graph->weights_times = again ? 0 : 1;
	graph_product(graph, &product);
	graph->weights_times = 1;
	add_weight(walk, other);
	graph->x.grad |= product.input_grad;
	graph->x.saved = graph->x.fresh = false;
}

static void cost_matmul(struct walk *walk)
{
	struct onnx_value *a = walk->x, *b = input(walk, 1);
	double n = b->dims[b->rank - 1], k = b->dims[b->rank - 2];
	if (is_weight(a) && !is_weight(b)) { /* x W written as W' x' */
		n = a->dims[a->rank - 2];
		enter(walk, b);
		walk->x = b;
		b = a;
	}
	double rows = k > 0 ? onnx_elements(walk->x) / k : 0;
	bool weight = is_weight(b);
	double batch = 1, m = rows;
	if (!weight) {
		m = walk->x->dims[walk->x->rank - 2];
		batch = m > 0 ? onnx_elements(walk->y) / (m * n) : 0;
	}
	struct product product = { .family = FAMILY_GEMM,
		                   .m = m,
		                   .n = n,
		                   .k = k,
		                   .batch = batch,
		                   .axis = weight ? AXIS_M : AXIS_BATCH,
		                   .in = onnx_elements(walk->x),
		                   .out = onnx_elements(walk->y),
		                   .weights = onnx_elements(b) };
	multiply(walk, product, b);
}

static void cost_gemm(struct walk *walk)
{
	struct onnx_value *b = input(walk, 1);
	double m = walk->y->dims[0], n = walk->y->dims[1];
	double k = m > 0 ? onnx_elements(walk->x) / m : 0;
	struct product product = { .family = FAMILY_GEMM,
		                   .m = m,
		                   .n = n,
		                   .k = k,
		                   .batch = 1,
		                   .axis = AXIS_M,
		                   .in = m * k,
		                   .out = m * n,
		                   .weights = k * n };
	multiply(walk, product, b);
	add_weight(walk, input(walk, 2));
}

static void cost_conv(struct walk *walk)
{
	struct onnx_value *w = input(walk, 1);
	const struct onnx_value *x = walk->x, *y = walk->y;
	bool transpose = strcmp(walk->node->type, "ConvTranspose") == 0;
	double groups = (double)onnx_integer(walk->node, "group", 1), taps = 1;
	for (size_t i = 2; i < w->rank; i++)
		taps *= w->dims[i];
	double in = x->dims[1], out = y->dims[1];
	double positions = onnx_elements(transpose ? x : y) / (transpose ? in : out);
	bool depthwise = groups == in && groups > 1;
	const struct onnx_attribute *strides = onnx_attribute(walk->node, "strides");
	bool dense = !strides || !strides->count || strides->integers[0] == 1;
	struct product product = {
		.family = depthwise ? FAMILY_DEPTHWISE : FAMILY_CONV,
		.m = positions,
		.n = out / groups,
		.k = in / groups * taps,
		.batch = groups,
		.axis = AXIS_M,
		.in = onnx_elements(x),
		.out = onnx_elements(y),
		.weights = onnx_elements(w),
		.winograd =
		    taps == 9 && dense && groups == 1 && walk->graph->facts->matrix == RATE_FP32,
	};
	multiply(walk, product, w);
	if (input(walk, 2)) {
		add_weight(walk, input(walk, 2));
		graph_pass(walk->graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
		                                        .elements = onnx_elements(y),
		                                        .forward = 2,
		                                        .backward = 1,
		                                        .flops = 1,
		                                        .elementwise = true });
	}
}

/* Calls the operator of model files that this node is an instance of. */
static void as_layer(struct walk *walk, const char *name, void (*lower)(struct layer *))
{
	json_t *object = json_object();
	struct layer layer = { .graph = walk->graph, .object = object, .op = name };
	lower(&layer);
	json_decref(object);
}

/* Norms: scale and shift are weights, running statistics are not. */
static void cost_norm(struct walk *walk)
{
	struct graph *graph = walk->graph;
	bool batch = strcmp(walk->node->type, "BatchNormalization") == 0;
	double parameters = graph->out->parameters, tensors = graph->out->parameter_tensors;
	as_layer(walk, batch ? "batchnorm" : "layernorm", batch ? op_batchnorm : op_layernorm);
	graph->out->parameters = parameters; /* counted from the initializers */
	graph->out->parameter_tensors = tensors;
	walk->x->saved = true;
	add_weight(walk, input(walk, 1));
	add_weight(walk, input(walk, 2));
}

static void cost_activation(struct walk *walk)
{
	bool relu =
	    strstr(walk->node->type, "elu") != NULL || strcmp(walk->node->type, "Clip") == 0;
	as_layer(walk, relu ? "relu" : "gelu", op_activation);
	walk->x->saved |= !relu;
	add_weight(walk, input(walk, 1)); /* slopes of PRelu */
}

/* Reads every operand, writes the result. */
static void cost_elementwise(struct walk *walk)
{
	double all = onnx_elements(walk->y), read = 0;
	bool product = strcmp(walk->node->type, "Mul") == 0 || strcmp(walk->node->type, "Div") == 0;
	for (size_t i = 0; i < walk->node->input_count; i++) {
		struct onnx_value *value = input(walk, i);
		if (!value)
			continue;
		add_weight(walk, value);
		walk->graph->x.grad |= value->grad;
		read += fmin(onnx_elements(value), all);
		if (product && !is_weight(value) && onnx_elements(value) > 1 && !value->saved) {
			value->saved = true;
			graph_save_bytes(walk->graph, onnx_elements(value) *
			                                  walk->graph->facts->activation_bytes);
		}
	}
	double moved = all > 0 ? 1 + read / all : 0;
	graph_pass(walk->graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                        .elements = all,
	                                        .forward = moved,
	                                        .backward = moved,
	                                        .flops = 1,
	                                        .elementwise = true });
	walk->graph->x.saved = false;
}

static void cost_softmax(struct walk *walk)
{
	as_layer(walk, "softmax", op_softmax);
}

static void cost_dropout(struct walk *walk)
{
	as_layer(walk, "dropout", op_dropout);
}

static void cost_copy(struct walk *walk)
{
	struct graph *graph = walk->graph;
	bool weights = true;
	for (size_t i = 0; i < walk->node->input_count; i++) {
		weights &= !input(walk, i) || is_weight(input(walk, i));
		graph->x.grad |= input(walk, i) && input(walk, i)->grad;
	}
	if (weights) {
		add_weight(walk, walk->x);
		return;
	}
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = onnx_elements(walk->y),
	                                  .forward = 2,
	                                  .backward = 2 });
	graph->x.saved = false;
}

/* Pooling, resampling, reductions: what is read and what is written. */
static void cost_resample(struct walk *walk)
{
	struct graph *graph = walk->graph;
	double in = onnx_elements(walk->x), out = onnx_elements(walk->y);
	bool max = strcmp(walk->node->type, "MaxPool") == 0;
	if (max) {
		graph_save(graph);
		walk->x->saved = true;
		graph_save_bytes(graph, 8 * out);
	}
	graph_pass(graph, &(struct pass){ .family = FAMILY_POOLING,
	                                  .elements = in,
	                                  .forward = 1 + out / in,
	                                  .backward = 1 + out / in,
	                                  .flops = 1 });
	graph->x.saved = graph->x.fresh = false;
}

static void cost_gather(struct walk *walk)
{
	struct graph *graph = walk->graph;
	double out = onnx_elements(walk->y), ab = graph->facts->activation_bytes;
	struct kernel kernel = { .bytes = 2 * out * ab,
		                 .count = 1,
		                 .launches = 1,
		                 .issue = 1,
		                 .rate = RATE_FP32,
		                 .family = FAMILY_EMBEDDING,
		                 .phase = PHASE_FORWARD };
	bool table = is_weight(walk->x);
	graph_kernel(graph, kernel);
	if (table) {
		if (!walk->x->weight->counted && !walk->x->weight->integer)
			graph->out->tables += onnx_elements(walk->x->weight);
		add_weight(walk, walk->x);
		kernel.bytes_fixed = onnx_elements(walk->x) * graph->facts->gradient_bytes;
	}
	kernel.phase = PHASE_BACKWARD;
	kernel.bytes = 3 * out * ab;
	kernel.launches = kernel.issue = 3;
	if (graph->x.grad)
		graph_kernel(graph, kernel);
	graph->x.saved = graph->x.fresh = false;
}

static void cost_recurrent(struct walk *walk)
{
	const char *type = walk->node->type;
	const char *name = type[0] == 'L' ? "lstm" : type[0] == 'G' ? "gru" : "rnn";
	struct graph *graph = walk->graph;
	double parameters = graph->out->parameters;
	bool both = walk->y && walk->y->rank == 4 && walk->y->dims[1] == 2;
	json_t *object = json_pack("{s:I, s:b}", "hidden",
	                           (json_int_t)onnx_integer(walk->node, "hidden_size", 1),
	                           "bidirectional", (int)both);
	struct layer layer = { .graph = graph, .object = object, .op = name };
	op_recurrent(&layer);
	json_decref(object);
	graph->out->parameters = parameters;
	for (size_t i = 1; i <= 3; i++)
		add_weight(walk, input(walk, i));
}

/* Nothing moves: a view, a shape, a constant. */
static void cost_nothing(struct walk *walk)
{
	if (walk->y && is_weight(walk->x) && walk->node->input_count && !walk->y->weight)
		walk->y->weight = walk->x->weight;
}

static const struct {
	const char *type;
	cost *cost;
} costs[] = {
	{ "Conv", cost_conv },
	{ "ConvTranspose", cost_conv },
	{ "MatMul", cost_matmul },
	{ "Gemm", cost_gemm },
	{ "BatchNormalization", cost_norm },
	{ "LayerNormalization", cost_norm },
	{ "InstanceNormalization", cost_norm },
	{ "GroupNormalization", cost_norm },
	{ "SimplifiedLayerNormalization", cost_norm },
	{ "LRN", cost_norm },
	{ "LpNormalization", cost_norm },
	{ "Relu", cost_activation },
	{ "LeakyRelu", cost_activation },
	{ "PRelu", cost_activation },
	{ "Elu", cost_activation },
	{ "Selu", cost_activation },
	{ "Gelu", cost_activation },
	{ "Clip", cost_activation },
	{ "Sigmoid", cost_activation },
	{ "HardSigmoid", cost_activation },
	{ "HardSwish", cost_activation },
	{ "Mish", cost_activation },
	{ "Softplus", cost_activation },
	{ "Tanh", cost_activation },
	{ "Erf", cost_activation },
	{ "Exp", cost_activation },
	{ "Log", cost_activation },
	{ "Sqrt", cost_activation },
	{ "Reciprocal", cost_activation },
	{ "Sin", cost_activation },
	{ "Cos", cost_activation },
	{ "Abs", cost_activation },
	{ "Neg", cost_activation },
	{ "Sign", cost_activation },
	{ "Floor", cost_activation },
	{ "Not", cost_activation },
	{ "IsNaN", cost_activation },
	{ "Add", cost_elementwise },
	{ "Sub", cost_elementwise },
	{ "Mul", cost_elementwise },
	{ "Div", cost_elementwise },
	{ "Pow", cost_elementwise },
	{ "Max", cost_elementwise },
	{ "Min", cost_elementwise },
	{ "Sum", cost_elementwise },
	{ "Mean", cost_elementwise },
	{ "Mod", cost_elementwise },
	{ "Where", cost_elementwise },
	{ "Equal", cost_elementwise },
	{ "Greater", cost_elementwise },
	{ "GreaterOrEqual", cost_elementwise },
	{ "Less", cost_elementwise },
	{ "LessOrEqual", cost_elementwise },
	{ "And", cost_elementwise },
	{ "Or", cost_elementwise },
	{ "Xor", cost_elementwise },
	{ "Softmax", cost_softmax },
	{ "LogSoftmax", cost_softmax },
	{ "Dropout", cost_dropout },
	{ "Transpose", cost_copy },
	{ "Concat", cost_copy },
	{ "Pad", cost_copy },
	{ "MaxPool", cost_resample },
	{ "AveragePool", cost_resample },
	{ "GlobalAveragePool", cost_resample },
	{ "GlobalMaxPool", cost_resample },
	{ "ReduceMean", cost_resample },
	{ "ReduceSum", cost_resample },
	{ "ReduceMax", cost_resample },
	{ "ReduceMin", cost_resample },
	{ "ReduceProd", cost_resample },
	{ "ReduceL2", cost_resample },
	{ "ArgMax", cost_resample },
	{ "ArgMin", cost_resample },
	{ "Resize", cost_resample },
	{ "Upsample", cost_resample },
	{ "Gather", cost_gather },
	{ "LSTM", cost_recurrent },
	{ "GRU", cost_recurrent },
	{ "RNN", cost_recurrent },
	{ "Reshape", cost_nothing },
	{ "Flatten", cost_nothing },
	{ "Squeeze", cost_nothing },
	{ "Unsqueeze", cost_nothing },
	{ "Identity", cost_nothing },
	{ "Cast", cost_nothing },
	{ "Split", cost_nothing },
	{ "Slice", cost_nothing },
	{ "Expand", cost_nothing },
	{ "Shape", cost_nothing },
	{ "Constant", cost_nothing },
	{ "ConstantOfShape", cost_nothing },
	{ "Range", cost_nothing },
};
enum { COSTS = sizeof costs / sizeof *costs };

/* Layer groups by the first part of the node's path: "/layer1/conv1/Conv" belongs to "layer1". */
static enum ergon_code choose_group(struct walk *walk)
{
	char name[48];
	const char *path = walk->node->name + (walk->node->name[0] == '/');
	size_t length = strcspn(path, "/");
	if (!path[length] || !length || walk->graph->out->group_count >= GROUPS_USED)
		return lower_group(walk->graph, "model");
	snprintf(name, sizeof name, "%.*s", (int)(length < 40 ? length : 40), path);
	return lower_group(walk->graph, name);
}

static enum ergon_code lower_node(struct walk *walk)
{
	const struct onnx_node *node = walk->node;
	const char *names[COSTS];
	char hint[200];
	size_t at = 0;
	for (; at < COSTS && strcmp(costs[at].type, node->type) != 0; at++)
		names[at] = costs[at].type;
	if (at == COSTS)
		return onnx_fail(walk->file, node, "this operator is not known%s",
		                 suggest_hint(hint, sizeof hint, node->type, names, COSTS));
	for (size_t i = 0; i < node->input_count; i++)
		if (node->inputs[i] && !node->inputs[i]->known)
			return onnx_fail(walk->file, node, "input '%.60s' comes from nowhere",
			                 node->inputs[i]->name);
	enum ergon_code code = onnx_infer(walk->file, node);
	walk->x = input(walk, 0);
	walk->y = node->output_count ? node->outputs[0] : NULL;
	if (code || !walk->y)
		return code;
	if (walk->x)
		enter(walk, walk->x);
	/* What only shapes are computed from is not work, nor is what has no elements. */
	bool work = walk->x && !walk->y->content_known && onnx_elements(walk->y) > 0 &&
	            onnx_elements(walk->x) > 0;
	if (work && (costs[at].cost == cost_nothing || !(code = choose_group(walk))))
		costs[at].cost(walk);
	if (work)
		leave(walk);
	return code;
}

/* Inputs are one sample; what a file leaves open is what the options, or this kind of input, say.
 */
static enum ergon_code fix_inputs(struct walk *walk)
{
	const struct onnx_file *file = walk->file;
	const struct workload_options *options = walk->graph->options;
	struct workload *out = walk->graph->out;
	for (size_t i = 0; i < file->input_count; i++) {
		struct onnx_value *value = file->inputs[i];
		bool image = value->rank == 4;
		double side = options->resolution ? (double)options->resolution : DEFAULT_SIDE;
		double tokens = options->sequence ? (double)options->sequence : DEFAULT_TOKENS;
		if (value->rank)
			value->dims[0] = 1;
		for (size_t k = 1; k < value->rank; k++) {
			double wanted = image ? (k == 1 ? DEFAULT_CHANNELS : side) : tokens;
			bool given = image ? k > 1 && options->resolution
			                   : k == 1 && value->integer && options->sequence;
			if (value->dims[k] < 0 || given)
				value->dims[k] = wanted;
		}
		if (!(onnx_elements(value) >= 1 && onnx_elements(value) <= 1e10))
			return ergon_fail_at(walk->graph->err, ERGON_BAD_INPUT, file->file, 0,
			                     "input '%.60s' has no sensible size", value->name);
		if (image)
			out->resolution = (uint64_t)value->dims[2];
		if (value->rank == 2 && value->integer) {
			out->sequence = (uint64_t)value->dims[1];
			out->tokens = value->dims[1];
		}
	}
	return ERGON_OK;
}

static enum ergon_code lower_all(struct walk *walk)
{
	const struct onnx_file *file = walk->file;
	enum ergon_code code = fix_inputs(walk);
	for (size_t i = 0; i < file->count && !code; i++) {
		walk->node = &file->nodes[i];
		for (size_t k = 0; k < walk->node->input_count; k++) {
			struct onnx_value *value = walk->node->inputs[k];
			if (value && value->initializer)
				value->weight = value;
		}
		code = lower_node(walk);
	}
	return code ? code : graph_close(walk->graph);
}

static enum ergon_code name_it(struct walk *walk, struct workload *out)
{
	const struct workload_options *options = walk->graph->options;
	const char *base = strrchr(walk->file->file, '/');
	char title[160];
	base = base ? base + 1 : walk->file->file;
	snprintf(title, sizeof title, "%.100s (ONNX)", base);
	out->name = arena_strdup(walk->graph->arena, base);
	out->title = arena_strdup(walk->graph->arena, title);
	out->optimizer = options->infer             ? OPTIMIZER_NONE
	                 : options->optimizer_given ? options->optimizer
	                                            : OPTIMIZER_ADAMW;
	if (!out->name || !out->title)
		return ergon_fail(walk->graph->err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

/* ModelProto begins with ir_version, field 1, a small varint; no text does. */
bool onnx_like(const char *data, size_t length)
{
	return length > 2 && data[0] == 0x08 && data[1] > 0 && data[1] < 32;
}

enum ergon_code onnx_import(const char *data, size_t length, const char *file,
                            const struct workload_options *options, struct arena *arena,
                            const struct workload **workload, struct ergon_error *err)
{
	struct onnx_file read;
	struct graph graph;
	*workload = NULL;
	enum ergon_code code = onnx_file_read(data, length, file, arena, &read, err);
	if (code)
		return code;
	if (options->dims && options->dims[0])
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "an ONNX model has no dimensions to replace");
	if (options->tensor_ways > 1)
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "an ONNX model cannot be split into tensor-parallel ranks");
	struct workload *out = ARENA_NEW(arena, struct workload);
	struct kernel *kernels = calloc(KERNELS_MAX, sizeof *kernels);
	if (!out || !kernels) {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	} else {
		graph_init(&graph, file, options, out, kernels, arena, err);
		struct walk walk = { .graph = &graph, .file = &read };
		if (!(code = name_it(&walk, out)))
			code = lower_all(&walk);
	}
	free(kernels);
	if (!code)
		*workload = out;
	return code;
}
