/* SPDX-License-Identifier: Apache-2.0
 *
 * What moves and cuts tensors, and the integers that shapes are computed from.
 */
#include "model/import/onnx_rules.h"

#include <math.h>
#include <string.h>

static enum ergon_code reshape(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0), *wanted = onnx_input(node, 1);
	double dims[ONNX_RANK_MAX], rest = onnx_elements(x), known = 1;
	size_t open = SIZE_MAX;
	if (!onnx_has_content(wanted) || wanted->content_count > ONNX_RANK_MAX)
		return onnx_fail(file, node, "its shape is not known before it runs");
	for (size_t i = 0; i < wanted->content_count; i++) {
		int64_t size = wanted->content[i];
		if (size == 0 && i < x->rank && !onnx_integer(node, "allowzero", 0))
			size = (int64_t)x->dims[i];
		dims[i] = (double)size;
		if (size == -1)
			open = i;
		else
			known *= dims[i];
	}
	if (open != SIZE_MAX)
		dims[open] = known > 0 ? rest / known : 0;
	enum ergon_code code =
	    onnx_set_shape(file, node, node->outputs[0], wanted->content_count, dims);
	if (!code && node->outputs[0] && onnx_elements(node->outputs[0]) != rest)
		code = onnx_fail(file, node,
		                 "%g elements become %g (was it exported for a batch of more than "
		                 "one?)",
		                 rest, onnx_elements(node->outputs[0]));
	if (!code && node->outputs[0] && onnx_has_content(x))
		onnx_set_content(node->outputs[0], x->content, x->content_count);
	return code;
}

static enum ergon_code flatten(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	int64_t axis = onnx_integer(node, "axis", 1);
	double dims[2] = { 1, 1 };
	if (axis < 0)
		axis += (int64_t)x->rank;
	for (size_t i = 0; i < x->rank; i++)
		dims[(int64_t)i >= axis] *= x->dims[i];
	return onnx_set_shape(file, node, node->outputs[0], 2, dims);
}

static enum ergon_code transpose(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	const struct onnx_attribute *perm = onnx_attribute(node, "perm");
	double dims[ONNX_RANK_MAX];
	for (size_t i = 0; i < x->rank; i++) {
		int64_t from =
		    perm && i < perm->count ? perm->integers[i] : (int64_t)(x->rank - 1 - i);
		if (from < 0 || from >= (int64_t)x->rank)
			return onnx_fail(file, node, "axis %lld of %zu", (long long)from, x->rank);
		dims[i] = x->dims[from];
	}
	return onnx_set_shape(file, node, node->outputs[0], x->rank, dims);
}

static enum ergon_code squeeze(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	int64_t axes[ONNX_RANK_MAX];
	double dims[ONNX_RANK_MAX];
	size_t count = onnx_axes(node, 1, "axes", x->rank, axes), rank = 0;
	for (size_t i = 0; i < x->rank; i++)
		if (count ? !onnx_lists_axis(axes, count, i) : x->dims[i] != 1)
			dims[rank++] = x->dims[i];
	enum ergon_code code = onnx_set_shape(file, node, node->outputs[0], rank, dims);
	if (!code && onnx_has_content(x))
		onnx_set_content(node->outputs[0], x->content, x->content_count);
	return code;
}

static enum ergon_code unsqueeze(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0), *given = onnx_input(node, 1);
	const struct onnx_attribute *attribute = onnx_attribute(node, "axes");
	size_t more = onnx_has_content(given) ? given->content_count
	              : attribute             ? attribute->count
	                                      : 0;
	int64_t axes[ONNX_RANK_MAX];
	double dims[ONNX_RANK_MAX];
	if (x->rank + more > ONNX_RANK_MAX)
		return onnx_fail(file, node, "a tensor of more than %d dimensions", ONNX_RANK_MAX);
	size_t count = onnx_axes(node, 1, "axes", x->rank + more, axes), from = 0;
	for (size_t i = 0; i < x->rank + more; i++)
		dims[i] = onnx_lists_axis(axes, count, i) || from >= x->rank ? 1 : x->dims[from++];
	enum ergon_code code = onnx_set_shape(file, node, node->outputs[0], x->rank + more, dims);
	if (!code && onnx_has_content(x))
		onnx_set_content(node->outputs[0], x->content, x->content_count);
	return code;
}

static enum ergon_code concat(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	double dims[ONNX_RANK_MAX], sum = 0;
	int64_t content[ONNX_CONTENT_MAX];
	size_t axis, count = 0;
	bool folded = true;
	if (!onnx_axis(node, 1, x->rank, &axis))
		return onnx_fail(file, node, "an axis that is not there");
	memcpy(dims, x->dims, sizeof dims);
	for (size_t i = 0; i < node->input_count; i++) {
		const struct onnx_value *part = onnx_input(node, i);
		if (!part || part->rank != x->rank)
			return onnx_fail(file, node, "parts of different rank");
		sum += part->dims[axis];
		folded &= onnx_has_content(part);
		for (size_t k = 0; folded && k < part->content_count; k++) {
			folded = count < ONNX_CONTENT_MAX;
			if (folded)
				content[count++] = part->content[k];
		}
	}
	dims[axis] = sum;
	enum ergon_code code = onnx_set_shape(file, node, node->outputs[0], x->rank, dims);
	if (!code && folded)
		onnx_set_content(node->outputs[0], content, count);
	return code;
}

static enum ergon_code split(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0), *sizes = onnx_input(node, 1);
	const struct onnx_attribute *old = onnx_attribute(node, "split");
	double dims[ONNX_RANK_MAX];
	size_t axis;
	if (!onnx_axis(node, 0, x->rank, &axis) || !node->output_count)
		return onnx_fail(file, node, "an axis that is not there");
	memcpy(dims, x->dims, sizeof dims);
	double each = ceil(x->dims[axis] / (double)node->output_count), left = x->dims[axis];
	for (size_t i = 0; i < node->output_count; i++) {
		dims[axis] = fmin(each, left);
		if (onnx_has_content(sizes) && i < sizes->content_count)
			dims[axis] = (double)sizes->content[i];
		else if (old && i < old->count)
			dims[axis] = (double)old->integers[i];
		left -= dims[axis];
		enum ergon_code code = onnx_set_shape(file, node, node->outputs[i], x->rank, dims);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static int64_t clamp(int64_t value, int64_t size)
{
	if (value < 0)
		value += size;
	return value < 0 ? 0 : value > size ? size : value;
}

static enum ergon_code slice(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0), *from = onnx_input(node, 1),
				*to = onnx_input(node, 2);
	const struct onnx_value *steps = onnx_input(node, 4);
	double dims[ONNX_RANK_MAX];
	int64_t axes[ONNX_RANK_MAX];
	size_t count = onnx_axes(node, 3, "axes", x->rank, axes);
	if (!onnx_has_content(from) || !onnx_has_content(to) ||
	    from->content_count != to->content_count)
		return onnx_fail(file, node, "its bounds are not known before it runs");
	memcpy(dims, x->dims, sizeof dims);
	for (size_t i = 0; i < from->content_count; i++) {
		size_t axis = i < count ? (size_t)axes[i] : i;
		int64_t step =
		    onnx_has_content(steps) && i < steps->content_count ? steps->content[i] : 1;
		if (axis >= x->rank || step < 1)
			return onnx_fail(file, node, "an axis or step that is not there");
		int64_t size = (int64_t)x->dims[axis];
		int64_t begin = clamp(from->content[i], size), end = clamp(to->content[i], size);
		dims[axis] = end > begin ? (double)((end - begin + step - 1) / step) : 0;
		if (onnx_has_content(x) && x->rank == 1 && end > begin && step == 1)
			onnx_set_content(node->outputs[0], x->content + begin,
			                 (size_t)(end - begin));
	}
	return onnx_set_shape(file, node, node->outputs[0], x->rank, dims);
}

static enum ergon_code gather(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0), *indices = onnx_input(node, 1);
	double dims[2 * ONNX_RANK_MAX];
	size_t axis, rank = 0;
	if (!indices || !onnx_axis(node, 0, x->rank, &axis))
		return onnx_fail(file, node, "expected a table and indices");
	for (size_t i = 0; i < axis; i++)
		dims[rank++] = x->dims[i];
	for (size_t i = 0; i < indices->rank; i++)
		dims[rank++] = indices->dims[i];
	for (size_t i = axis + 1; i < x->rank; i++)
		dims[rank++] = x->dims[i];
	enum ergon_code code = onnx_set_shape(file, node, node->outputs[0], rank, dims);
	if (code || !onnx_has_content(x) || !onnx_has_content(indices))
		return code;
	int64_t content[ONNX_CONTENT_MAX];
	for (size_t i = 0; i < indices->content_count; i++) {
		int64_t at = indices->content[i];
		at += at < 0 ? (int64_t)x->content_count : 0;
		if (at < 0 || at >= (int64_t)x->content_count)
			return onnx_fail(file, node, "index %lld of %zu", (long long)at,
			                 x->content_count);
		content[i] = x->content[at];
	}
	onnx_set_content(node->outputs[0], content, indices->content_count);
	return ERGON_OK;
}

static enum ergon_code shape(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	int64_t content[ONNX_RANK_MAX];
	int64_t from = clamp(onnx_integer(node, "start", 0), (int64_t)x->rank);
	int64_t to = clamp(onnx_integer(node, "end", (int64_t)x->rank), (int64_t)x->rank);
	size_t count = 0;
	for (int64_t i = from; i < to; i++)
		content[count++] = (int64_t)x->dims[i];
	enum ergon_code code =
	    onnx_set_shape(file, node, node->outputs[0], 1, (double[]){ (double)count });
	if (!code)
		onnx_set_content(node->outputs[0], content, count);
	return code;
}

static enum ergon_code constant(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_attribute *value = onnx_attribute(node, "value");
	struct onnx_value *out = node->outputs[0];
	if (!value)
		value = onnx_attribute(node, "value_int");
	if (value && value->tensor && out) {
		enum ergon_code code =
		    onnx_set_shape(file, node, out, value->tensor->rank, value->tensor->dims);
		out->integer = value->tensor->integer;
		if (!code && value->tensor->content_known)
			onnx_set_content(out, value->tensor->content, value->tensor->content_count);
		return code;
	}
	const struct onnx_attribute *list = onnx_attribute(node, "value_ints");
	if (list && list->count) {
		enum ergon_code code =
		    onnx_set_shape(file, node, out, 1, (double[]){ (double)list->count });
		onnx_set_content(out, list->integers, list->count);
		return code;
	}
	if (value)
		onnx_set_content(out, &value->integer, 1);
	return onnx_set_shape(file, node, out, 0, NULL);
}

/* Expand, ConstantOfShape: the shape is the content of an input. */
static enum ergon_code to_shape(const struct onnx_file *file, const struct onnx_node *node)
{
	bool constant_of = strcmp(node->type, "ConstantOfShape") == 0;
	const struct onnx_value *wanted = onnx_input(node, constant_of ? 0 : 1);
	double dims[ONNX_RANK_MAX];
	if (!onnx_has_content(wanted) || wanted->content_count > ONNX_RANK_MAX)
		return onnx_fail(file, node, "its shape is not known before it runs");
	size_t rank = wanted->content_count;
	for (size_t i = 0; i < rank; i++)
		dims[i] = (double)wanted->content[i];
	if (!constant_of && !onnx_broadcast(dims, &rank, onnx_input(node, 0)))
		return onnx_fail(file, node, "shapes that do not go together");
	enum ergon_code code = onnx_set_shape(file, node, node->outputs[0], rank, dims);
	const struct onnx_attribute *value = onnx_attribute(node, "value");
	if (code || !constant_of || !node->outputs[0] || rank != 1 || dims[0] > ONNX_CONTENT_MAX)
		return code;
	bool whole = !value || (value->tensor && value->tensor->content_known &&
	                        value->tensor->content_count == 1);
	int64_t content[ONNX_CONTENT_MAX];
	for (size_t i = 0; i < (size_t)dims[0]; i++)
		content[i] = value && whole ? value->tensor->content[0] : 0;
	if (whole && value)
		onnx_set_content(node->outputs[0], content, (size_t)dims[0]);
	return ERGON_OK;
}

static enum ergon_code range(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *from = onnx_input(node, 0), *to = onnx_input(node, 1),
				*by = onnx_input(node, 2);
	if (!onnx_has_content(from) || !onnx_has_content(to) || !onnx_has_content(by) ||
	    !from->content_count || !to->content_count || !by->content_count || by->content[0] == 0)
		return onnx_fail(file, node, "its bounds are not known before it runs");
	double count = ceil((double)(to->content[0] - from->content[0]) / (double)by->content[0]);
	if (node->outputs[0])
		node->outputs[0]->integer = true;
	return onnx_set_shape(file, node, node->outputs[0], 1, (double[]){ fmax(count, 0) });
}

const struct onnx_rule onnx_layout_rules[] = {
	{ "Reshape", reshape, false },
	{ "Flatten", flatten, false },
	{ "Transpose", transpose, false },
	{ "Squeeze", squeeze, false },
	{ "Unsqueeze", unsqueeze, false },
	{ "Concat", concat, false },
	{ "Split", split, false },
	{ "Slice", slice, false },
	{ "Gather", gather, false },
	{ "Shape", shape, false },
	{ "Constant", constant, true },
	{ "ConstantOfShape", to_shape, false },
	{ "Expand", to_shape, false },
	{ "Range", range, false },
	{ NULL, NULL, false },
};
