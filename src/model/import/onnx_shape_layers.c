/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers: windows, products, reductions, recurrences.
 */
#include "model/import/onnx_rules.h"

#include <math.h>
#include <string.h>

/* Sizes of a window's output; ONNX pads are begin..., end.... */
static enum ergon_code window(const struct onnx_file *file, const struct onnx_node *node,
                              const double *kernel, double channels)
{
	const struct onnx_value *x = onnx_input(node, 0);
	const struct onnx_attribute *strides = onnx_attribute(node, "strides");
	const struct onnx_attribute *pads = onnx_attribute(node, "pads");
	const struct onnx_attribute *dilations = onnx_attribute(node, "dilations");
	const struct onnx_attribute *out_pads = onnx_attribute(node, "output_padding");
	const struct onnx_attribute *automatic = onnx_attribute(node, "auto_pad");
	bool same = automatic && automatic->text && strncmp(automatic->text, "SAME", 4) == 0;
	bool transpose = strcmp(node->type, "ConvTranspose") == 0;
	bool up = onnx_integer(node, "ceil_mode", 0) != 0;
	double dims[ONNX_RANK_MAX] = { x->dims[0], channels };
	size_t spatial = x->rank - 2;
	for (size_t i = 0; i < spatial; i++) {
		double stride = strides && i < strides->count ? (double)strides->integers[i] : 1;
		double dilation =
		    dilations && i < dilations->count ? (double)dilations->integers[i] : 1;
		double pad = 0, in = x->dims[2 + i], span = (kernel[i] - 1) * dilation + 1;
		if (pads && pads->count == 2 * spatial)
			pad = (double)pads->integers[i] + (double)pads->integers[spatial + i];
		if (!(stride >= 1 && dilation >= 1))
			return onnx_fail(file, node, "a stride or dilation below 1");
		if (transpose)
			dims[2 + i] =
			    (in - 1) * stride - pad + span +
			    (out_pads && i < out_pads->count ? (double)out_pads->integers[i] : 0);
		else if (same)
			dims[2 + i] = ceil(in / stride);
		else if (up)
			dims[2 + i] = ceil((in + pad - span) / stride) + 1;
		else
			dims[2 + i] = floor((in + pad - span) / stride) + 1;
		if (!(dims[2 + i] >= 1))
			return onnx_fail(file, node, "the input is smaller than the kernel");
	}
	for (size_t i = 0; i < node->output_count; i++) {
		enum ergon_code code = onnx_set_shape(file, node, node->outputs[i], x->rank, dims);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code convolution(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0), *w = onnx_input(node, 1);
	double groups = (double)onnx_integer(node, "group", 1);
	bool transpose = strcmp(node->type, "ConvTranspose") == 0;
	if (!w || x->rank < 3 || w->rank != x->rank)
		return onnx_fail(file, node, "expected an input and a kernel of equal rank");
	double reads = transpose ? w->dims[0] : w->dims[1] * groups;
	if (groups < 1 || reads != x->dims[1])
		return onnx_fail(file, node, "a kernel for %g channels meets %g", reads,
		                 x->dims[1]);
	return window(file, node, w->dims + 2, transpose ? w->dims[1] * groups : w->dims[0]);
}

static enum ergon_code pool(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	const struct onnx_attribute *shape = onnx_attribute(node, "kernel_shape");
	double kernel[ONNX_RANK_MAX] = { 0 };
	if (x->rank < 3 || !shape || shape->count != x->rank - 2)
		return onnx_fail(file, node, "expected kernel_shape for an image");
	for (size_t i = 0; i < shape->count; i++)
		kernel[i] = (double)shape->integers[i];
	return window(file, node, kernel, x->dims[1]);
}

static enum ergon_code global_pool(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	double dims[ONNX_RANK_MAX];
	for (size_t i = 0; i < x->rank; i++)
		dims[i] = i < 2 ? x->dims[i] : 1;
	return onnx_set_shape(file, node, node->outputs[0], x->rank, dims);
}

static enum ergon_code product(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *a = onnx_input(node, 0), *b = onnx_input(node, 1);
	if (!b || a->rank < 1 || b->rank < 1)
		return onnx_fail(file, node, "expected two matrices");
	if (strcmp(node->type, "Gemm") == 0) {
		bool ta = onnx_integer(node, "transA", 0), tb = onnx_integer(node, "transB", 0);
		if (a->rank != 2 || b->rank != 2 || a->dims[ta ? 0 : 1] != b->dims[tb ? 1 : 0])
			return onnx_fail(file, node, "matrices that do not go together");
		double dims[2] = { a->dims[ta ? 1 : 0], b->dims[tb ? 0 : 1] };
		return onnx_set_shape(file, node, node->outputs[0], 2, dims);
	}
	if (a->rank < 2 || b->rank < 2 || a->dims[a->rank - 1] != b->dims[b->rank - 2])
		return onnx_fail(file, node, "matrices that do not go together: %g and %g",
		                 a->dims[a->rank - 1], b->rank > 1 ? b->dims[b->rank - 2] : 0);
	double dims[ONNX_RANK_MAX];
	struct onnx_value batch = *b;
	size_t rank = a->rank - 2;
	batch.rank -= 2;
	memcpy(dims, a->dims, sizeof dims);
	if (!onnx_broadcast(dims, &rank, &batch) || rank + 2 > ONNX_RANK_MAX)
		return onnx_fail(file, node, "batches of matrices that do not go together");
	dims[rank] = a->dims[a->rank - 2];
	dims[rank + 1] = b->dims[b->rank - 1];
	return onnx_set_shape(file, node, node->outputs[0], rank + 2, dims);
}

static enum ergon_code reduce(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	int64_t axes[ONNX_RANK_MAX];
	double dims[ONNX_RANK_MAX];
	size_t count = onnx_axes(node, 1, "axes", x->rank, axes), rank = 0;
	bool arg = strncmp(node->type, "Arg", 3) == 0;
	if (arg) {
		size_t axis;
		if (!onnx_axis(node, 0, x->rank, &axis))
			return onnx_fail(file, node, "an axis that is not there");
		axes[0] = (int64_t)axis;
		count = 1;
	}
	bool keep = onnx_integer(node, "keepdims", 1) != 0;
	for (size_t i = 0; i < x->rank; i++) {
		bool gone = !count || onnx_lists_axis(axes, count, i);
		if (!gone || keep)
			dims[rank++] = gone ? 1 : x->dims[i];
	}
	return onnx_set_shape(file, node, node->outputs[0], rank, dims);
}

/* Resize and Upsample: by sizes or by scales; of scales, which are floats, only "twice" is common
 * and cannot be read, so the sizes have to be there or the output is twice as large. */
static enum ergon_code resize(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0), *sizes = onnx_input(node, 3);
	double dims[ONNX_RANK_MAX];
	for (size_t i = 0; i < x->rank; i++) {
		dims[i] = i < 2 ? x->dims[i] : 2 * x->dims[i];
		if (onnx_has_content(sizes) && i < sizes->content_count)
			dims[i] = (double)sizes->content[i];
	}
	return onnx_set_shape(file, node, node->outputs[0], x->rank, dims);
}

static enum ergon_code pad(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0), *given = onnx_input(node, 1);
	const struct onnx_attribute *old = onnx_attribute(node, "pads");
	const int64_t *pads = onnx_has_content(given) ? given->content : old ? old->integers : NULL;
	size_t count = onnx_has_content(given) ? given->content_count : old ? old->count : 0;
	double dims[ONNX_RANK_MAX];
	if (!pads || count != 2 * x->rank)
		return onnx_fail(file, node, "its pads are not known before it runs");
	for (size_t i = 0; i < x->rank; i++)
		dims[i] = x->dims[i] + (double)pads[i] + (double)pads[x->rank + i];
	return onnx_set_shape(file, node, node->outputs[0], x->rank, dims);
}

/* LSTM, GRU, RNN: X [S, N, I] -> Y [S, ways, N, H], Y_h [ways, N, H]. */
static enum ergon_code recurrent(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	double hidden = (double)onnx_integer(node, "hidden_size", 0);
	const struct onnx_attribute *way = onnx_attribute(node, "direction");
	double ways = way && way->text && strcmp(way->text, "bidirectional") == 0 ? 2 : 1;
	if (x->rank != 3 || hidden < 1)
		return onnx_fail(file, node, "expected a sequence and hidden_size");
	double all[4] = { x->dims[0], ways, x->dims[1], hidden };
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < node->output_count && !code; i++)
		code = onnx_set_shape(file, node, node->outputs[i], i ? 3 : 4, i ? all + 1 : all);
	return code;
}

const struct onnx_rule onnx_layer_rules[] = {
	{ "Conv", convolution, false },
	{ "ConvTranspose", convolution, false },
	{ "MaxPool", pool, false },
	{ "AveragePool", pool, false },
	{ "GlobalAveragePool", global_pool, false },
	{ "GlobalMaxPool", global_pool, false },
	{ "MatMul", product, false },
	{ "Gemm", product, false },
	{ "ReduceMean", reduce, false },
	{ "ReduceSum", reduce, false },
	{ "ReduceMax", reduce, false },
	{ "ReduceMin", reduce, false },
	{ "ReduceProd", reduce, false },
	{ "ReduceL2", reduce, false },
	{ "ArgMax", reduce, false },
	{ "ArgMin", reduce, false },
	{ "Resize", resize, false },
	{ "Upsample", resize, false },
	{ "Pad", pad, false },
	{ "LSTM", recurrent, false },
	{ "GRU", recurrent, false },
	{ "RNN", recurrent, false },
	{ NULL, NULL, false },
};
