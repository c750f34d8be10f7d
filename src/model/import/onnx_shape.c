/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of an ONNX graph, operator by operator, and the integer arithmetic that computes them
 * (Shape, Gather, Concat, Reshape, ...). Rules: the operator schemas of onnx.ai.
 */
#include <math.h>
#include <string.h>

#include "model/import/onnx_rules.h"

static const double ELEMENTS_MAX = 1e13;

const struct onnx_value *onnx_input(const struct onnx_node *node, size_t i)
{
	return i < node->input_count ? node->inputs[i] : NULL;
}

enum ergon_code onnx_set_shape(const struct onnx_file *file, const struct onnx_node *node,
                               struct onnx_value *out, size_t rank, const double *dims)
{
	double elements = 1;
	if (!out)
		return ERGON_OK;
	if (rank > ONNX_RANK_MAX)
		return onnx_fail(file, node, "a tensor of more than %d dimensions", ONNX_RANK_MAX);
	for (size_t i = 0; i < rank; i++) {
		if (!(dims[i] >= 0 && dims[i] <= 1e9 && dims[i] == floor(dims[i])))
			return onnx_fail(file, node, "dimension %zu of the result is %g", i,
			                 dims[i]);
		elements *= dims[i];
		out->dims[i] = dims[i];
	}
	if (elements > ELEMENTS_MAX)
		return onnx_fail(file, node, "a tensor of %g elements", elements);
	out->rank = rank;
	out->known = true;
	return ERGON_OK;
}

enum ergon_code onnx_like_first(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = onnx_input(node, 0);
	for (size_t i = 0; i < node->output_count; i++) {
		enum ergon_code code =
		    onnx_set_shape(file, node, node->outputs[i], x->rank, x->dims);
		if (code)
			return code;
	}
	struct onnx_value *out = node->outputs[0];
	if (out && x->content_known) { /* Cast, Identity of a shape */
		out->content_known = true;
		out->content_count = x->content_count;
		memcpy(out->content, x->content, sizeof x->content);
	}
	if (out)
		out->integer = x->integer;
	return ERGON_OK;
}

bool onnx_has_content(const struct onnx_value *value)
{
	return value && value->content_known;
}

void onnx_set_content(struct onnx_value *out, const int64_t *content, size_t count)
{
	if (!out || count > ONNX_CONTENT_MAX)
		return;
	memcpy(out->content, content, count * sizeof *content);
	out->content_count = count;
	out->content_known = out->integer = true;
}

/* A list of axes from an input or an attribute (either, by the version of the operator). */
size_t onnx_axes(const struct onnx_node *node, size_t at, const char *name, size_t rank,
                 int64_t out[ONNX_RANK_MAX])
{
	const struct onnx_value *value = onnx_input(node, at);
	const struct onnx_attribute *attribute = onnx_attribute(node, name);
	const int64_t *list = attribute ? attribute->integers : NULL;
	size_t count = attribute ? attribute->count : 0, kept = 0;
	if (onnx_has_content(value)) {
		list = value->content;
		count = value->content_count;
	}
	for (size_t i = 0; i < count && kept < ONNX_RANK_MAX; i++) {
		int64_t axis = list[i] < 0 ? list[i] + (int64_t)rank : list[i];
		if (axis >= 0 && axis < (int64_t)rank)
			out[kept++] = axis;
	}
	return kept;
}

bool onnx_lists_axis(const int64_t *axes, size_t count, size_t axis)
{
	for (size_t i = 0; i < count; i++)
		if (axes[i] == (int64_t)axis)
			return true;
	return false;
}

bool onnx_axis(const struct onnx_node *node, int64_t fallback, size_t rank, size_t *out)
{
	int64_t axis = onnx_integer(node, "axis", fallback);
	if (axis < 0)
		axis += (int64_t)rank;
	*out = (size_t)axis;
	return axis >= 0 && axis < (int64_t)rank;
}

bool onnx_broadcast(double *dims, size_t *rank, const struct onnx_value *x)
{
	double out[ONNX_RANK_MAX] = { 0 };
	size_t wide = *rank > x->rank ? *rank : x->rank;
	for (size_t i = 0; i < wide; i++) {
		double a = i < *rank ? dims[*rank - 1 - i] : 1;
		double b = i < x->rank ? x->dims[x->rank - 1 - i] : 1;
		if (a != b && a != 1 && b != 1)
			return false;
		out[wide - 1 - i] = a == 1 ? b : a;
	}
	*rank = wide;
	memcpy(dims, out, wide * sizeof *out);
	return true;
}

/* One integer operation of shape arithmetic; false where there is none. */
static bool fold(const char *type, int64_t a, int64_t b, int64_t *out)
{
	static const int64_t LARGE = INT64_C(1) << 40;
	if (a > LARGE || a < -LARGE || b > LARGE || b < -LARGE)
		return false;
	if (strcmp(type, "Add") == 0)
		*out = a + b;
	else if (strcmp(type, "Sub") == 0)
		*out = a - b;
	else if (strcmp(type, "Mul") == 0 && a > -1000000 && a < 1000000 && b > -1000000 &&
	         b < 1000000)
		*out = a * b;
	else if (strcmp(type, "Div") == 0 && b != 0)
		*out = a / b;
	else if (strcmp(type, "Equal") == 0)
		*out = a == b;
	else
		return false;
	return true;
}

static enum ergon_code elementwise(const struct onnx_file *file, const struct onnx_node *node)
{
	double dims[ONNX_RANK_MAX] = { 0 };
	size_t rank = 0;
	int64_t content[ONNX_CONTENT_MAX];
	bool integer = true, folded = true;
	for (size_t i = 0; i < node->input_count; i++) {
		const struct onnx_value *x = onnx_input(node, i);
		if (!x)
			continue;
		if (!onnx_broadcast(dims, &rank, x))
			return onnx_fail(file, node, "shapes that do not go together");
		integer &= x->integer;
		folded &= onnx_has_content(x);
	}
	enum ergon_code code = onnx_set_shape(file, node, node->outputs[0], rank, dims);
	struct onnx_value *out = node->outputs[0];
	if (code || !out)
		return code;
	out->integer = integer;
	size_t count = (size_t)fmin(onnx_elements(out), ONNX_CONTENT_MAX + 1);
	if (!folded || node->input_count < 2 || rank > 1 || count > ONNX_CONTENT_MAX)
		return ERGON_OK;
	const struct onnx_value *a = onnx_input(node, 0), *b = onnx_input(node, 1),
				*c = onnx_input(node, 2);
	bool where = strcmp(node->type, "Where") == 0 && c;
	for (size_t i = 0; i < count; i++) {
		int64_t x = a->content[a->content_count > 1 ? i : 0];
		int64_t y = b->content[b->content_count > 1 ? i : 0];
		if (where)
			content[i] = x ? y : c->content[c->content_count > 1 ? i : 0];
		else if (!fold(node->type, x, y, &content[i]))
			return ERGON_OK;
	}
	onnx_set_content(out, content, count);
	return ERGON_OK;
}

static const struct onnx_rule elementwise_rules[] = {
	{ "Add", elementwise, false },         { "Sub", elementwise, false },
	{ "Mul", elementwise, false },         { "Div", elementwise, false },
	{ "Pow", elementwise, false },         { "Max", elementwise, false },
	{ "Min", elementwise, false },         { "Where", elementwise, false },
	{ "Equal", elementwise, false },       { "Greater", elementwise, false },
	{ "Less", elementwise, false },        { "And", elementwise, false },
	{ "Or", elementwise, false },          { "GreaterOrEqual", elementwise, false },
	{ "LessOrEqual", elementwise, false }, { "Sum", elementwise, false },
	{ "Mod", elementwise, false },         { "Xor", elementwise, false },
	{ "Mean", elementwise, false },        { NULL, NULL, false },
};

static const struct onnx_rule *find(const char *type)
{
	const struct onnx_rule *const tables[] = { onnx_layer_rules, onnx_layout_rules,
		                                   elementwise_rules };
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct onnx_rule *rule = tables[t]; rule->type; rule++)
			if (strcmp(rule->type, type) == 0)
				return rule;
	return NULL;
}

enum ergon_code onnx_infer(const struct onnx_file *file, const struct onnx_node *node)
{
	if (!node->output_count)
		return ERGON_OK;
	const struct onnx_rule *rule = find(node->type);
	if (!(rule && rule->without_input) && !onnx_input(node, 0))
		return onnx_fail(file, node, "it has no input");
	/* Everything else keeps the shape of its first input: activations, norms, casts. */
	return rule ? rule->apply(file, node) : onnx_like_first(file, node);
}
