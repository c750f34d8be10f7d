/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of an ONNX graph, operator by operator, and the integer arithmetic that computes them
 * (Shape, Gather, Concat, Reshape, ...). Rules: the operator schemas of onnx.ai.
 */
#include <math.h>
#include <string.h>

#include "model/import/onnx_file.h"

typedef enum ergon_code rule(const struct onnx_file *file, const struct onnx_node *node);

static const double ELEMENTS_MAX = 1e13;

static const struct onnx_value *input(const struct onnx_node *node, size_t i)
{
	return i < node->input_count ? node->inputs[i] : NULL;
}

static enum ergon_code set_shape(const struct onnx_file *file, const struct onnx_node *node,
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

static enum ergon_code like_first(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0);
	for (size_t i = 0; i < node->output_count; i++) {
		enum ergon_code code = set_shape(file, node, node->outputs[i], x->rank, x->dims);
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

static bool need_content(const struct onnx_value *value)
{
	return value && value->content_known;
}

static void set_content(struct onnx_value *out, const int64_t *content, size_t count)
{
	if (!out || count > ONNX_CONTENT_MAX)
		return;
	memcpy(out->content, content, count * sizeof *content);
	out->content_count = count;
	out->content_known = out->integer = true;
}

/* A list of axes from an input or an attribute (either, by the version of the operator). */
static size_t axes_of(const struct onnx_node *node, size_t at, const char *name, size_t rank,
                      int64_t out[ONNX_RANK_MAX])
{
	const struct onnx_value *value = input(node, at);
	const struct onnx_attribute *attribute = onnx_attribute(node, name);
	const int64_t *list = attribute ? attribute->integers : NULL;
	size_t count = attribute ? attribute->count : 0, kept = 0;
	if (need_content(value)) {
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

static bool has(const int64_t *axes, size_t count, size_t axis)
{
	for (size_t i = 0; i < count; i++)
		if (axes[i] == (int64_t)axis)
			return true;
	return false;
}

static bool axis_of(const struct onnx_node *node, int64_t fallback, size_t rank, size_t *out)
{
	int64_t axis = onnx_integer(node, "axis", fallback);
	if (axis < 0)
		axis += (int64_t)rank;
	*out = (size_t)axis;
	return axis >= 0 && axis < (int64_t)rank;
}

static bool broadcast(double *dims, size_t *rank, const struct onnx_value *x)
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
		const struct onnx_value *x = input(node, i);
		if (!x)
			continue;
		if (!broadcast(dims, &rank, x))
			return onnx_fail(file, node, "shapes that do not go together");
		integer &= x->integer;
		folded &= need_content(x);
	}
	enum ergon_code code = set_shape(file, node, node->outputs[0], rank, dims);
	struct onnx_value *out = node->outputs[0];
	if (code || !out)
		return code;
	out->integer = integer;
	size_t count = (size_t)fmin(onnx_elements(out), ONNX_CONTENT_MAX + 1);
	if (!folded || node->input_count < 2 || rank > 1 || count > ONNX_CONTENT_MAX)
		return ERGON_OK;
	const struct onnx_value *a = input(node, 0), *b = input(node, 1), *c = input(node, 2);
	bool where = strcmp(node->type, "Where") == 0 && c;
	for (size_t i = 0; i < count; i++) {
		int64_t x = a->content[a->content_count > 1 ? i : 0];
		int64_t y = b->content[b->content_count > 1 ? i : 0];
		if (where)
			content[i] = x ? y : c->content[c->content_count > 1 ? i : 0];
		else if (!fold(node->type, x, y, &content[i]))
			return ERGON_OK;
	}
	set_content(out, content, count);
	return ERGON_OK;
}

/* Sizes of a window's output; ONNX pads are begin..., end.... */
static enum ergon_code window(const struct onnx_file *file, const struct onnx_node *node,
                              const double *kernel, double channels)
{
	const struct onnx_value *x = input(node, 0);
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
		enum ergon_code code = set_shape(file, node, node->outputs[i], x->rank, dims);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code convolution(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0), *w = input(node, 1);
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
	const struct onnx_value *x = input(node, 0);
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
	const struct onnx_value *x = input(node, 0);
	double dims[ONNX_RANK_MAX];
	for (size_t i = 0; i < x->rank; i++)
		dims[i] = i < 2 ? x->dims[i] : 1;
	return set_shape(file, node, node->outputs[0], x->rank, dims);
}

static enum ergon_code product(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *a = input(node, 0), *b = input(node, 1);
	if (!b || a->rank < 1 || b->rank < 1)
		return onnx_fail(file, node, "expected two matrices");
	if (strcmp(node->type, "Gemm") == 0) {
		bool ta = onnx_integer(node, "transA", 0), tb = onnx_integer(node, "transB", 0);
		if (a->rank != 2 || b->rank != 2 || a->dims[ta ? 0 : 1] != b->dims[tb ? 1 : 0])
			return onnx_fail(file, node, "matrices that do not go together");
		double dims[2] = { a->dims[ta ? 1 : 0], b->dims[tb ? 0 : 1] };
		return set_shape(file, node, node->outputs[0], 2, dims);
	}
	if (a->rank < 2 || b->rank < 2 || a->dims[a->rank - 1] != b->dims[b->rank - 2])
		return onnx_fail(file, node, "matrices that do not go together: %g and %g",
		                 a->dims[a->rank - 1], b->rank > 1 ? b->dims[b->rank - 2] : 0);
	double dims[ONNX_RANK_MAX];
	struct onnx_value batch = *b;
	size_t rank = a->rank - 2;
	batch.rank -= 2;
	memcpy(dims, a->dims, sizeof dims);
	if (!broadcast(dims, &rank, &batch) || rank + 2 > ONNX_RANK_MAX)
		return onnx_fail(file, node, "batches of matrices that do not go together");
	dims[rank] = a->dims[a->rank - 2];
	dims[rank + 1] = b->dims[b->rank - 1];
	return set_shape(file, node, node->outputs[0], rank + 2, dims);
}

static enum ergon_code reshape(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0), *wanted = input(node, 1);
	double dims[ONNX_RANK_MAX], rest = onnx_elements(x), known = 1;
	size_t open = SIZE_MAX;
	if (!need_content(wanted) || wanted->content_count > ONNX_RANK_MAX)
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
	enum ergon_code code = set_shape(file, node, node->outputs[0], wanted->content_count, dims);
	if (!code && node->outputs[0] && onnx_elements(node->outputs[0]) != rest)
		code = onnx_fail(file, node,
		                 "%g elements become %g (was it exported for a batch of more than "
		                 "one?)",
		                 rest, onnx_elements(node->outputs[0]));
	if (!code && node->outputs[0] && need_content(x))
		set_content(node->outputs[0], x->content, x->content_count);
	return code;
}

static enum ergon_code flatten(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0);
	int64_t axis = onnx_integer(node, "axis", 1);
	double dims[2] = { 1, 1 };
	if (axis < 0)
		axis += (int64_t)x->rank;
	for (size_t i = 0; i < x->rank; i++)
		dims[(int64_t)i >= axis] *= x->dims[i];
	return set_shape(file, node, node->outputs[0], 2, dims);
}

static enum ergon_code transpose(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0);
	const struct onnx_attribute *perm = onnx_attribute(node, "perm");
	double dims[ONNX_RANK_MAX];
	for (size_t i = 0; i < x->rank; i++) {
		int64_t from =
		    perm && i < perm->count ? perm->integers[i] : (int64_t)(x->rank - 1 - i);
		if (from < 0 || from >= (int64_t)x->rank)
			return onnx_fail(file, node, "axis %lld of %zu", (long long)from, x->rank);
		dims[i] = x->dims[from];
	}
	return set_shape(file, node, node->outputs[0], x->rank, dims);
}

static enum ergon_code squeeze(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0);
	int64_t axes[ONNX_RANK_MAX];
	double dims[ONNX_RANK_MAX];
	size_t count = axes_of(node, 1, "axes", x->rank, axes), rank = 0;
	for (size_t i = 0; i < x->rank; i++)
		if (count ? !has(axes, count, i) : x->dims[i] != 1)
			dims[rank++] = x->dims[i];
	enum ergon_code code = set_shape(file, node, node->outputs[0], rank, dims);
	if (!code && need_content(x))
		set_content(node->outputs[0], x->content, x->content_count);
	return code;
}

static enum ergon_code unsqueeze(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0), *given = input(node, 1);
	const struct onnx_attribute *attribute = onnx_attribute(node, "axes");
	size_t more = need_content(given) ? given->content_count : attribute ? attribute->count : 0;
	int64_t axes[ONNX_RANK_MAX];
	double dims[ONNX_RANK_MAX];
	if (x->rank + more > ONNX_RANK_MAX)
		return onnx_fail(file, node, "a tensor of more than %d dimensions", ONNX_RANK_MAX);
	size_t count = axes_of(node, 1, "axes", x->rank + more, axes), from = 0;
	for (size_t i = 0; i < x->rank + more; i++)
		dims[i] = has(axes, count, i) || from >= x->rank ? 1 : x->dims[from++];
	enum ergon_code code = set_shape(file, node, node->outputs[0], x->rank + more, dims);
	if (!code && need_content(x))
		set_content(node->outputs[0], x->content, x->content_count);
	return code;
}

static enum ergon_code concat(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0);
	double dims[ONNX_RANK_MAX], sum = 0;
	int64_t content[ONNX_CONTENT_MAX];
	size_t axis, count = 0;
	bool folded = true;
	if (!axis_of(node, 1, x->rank, &axis))
		return onnx_fail(file, node, "an axis that is not there");
	memcpy(dims, x->dims, sizeof dims);
	for (size_t i = 0; i < node->input_count; i++) {
		const struct onnx_value *part = input(node, i);
		if (!part || part->rank != x->rank)
			return onnx_fail(file, node, "parts of different rank");
		sum += part->dims[axis];
		folded &= need_content(part);
		for (size_t k = 0; folded && k < part->content_count; k++) {
			folded = count < ONNX_CONTENT_MAX;
			if (folded)
				content[count++] = part->content[k];
		}
	}
	dims[axis] = sum;
	enum ergon_code code = set_shape(file, node, node->outputs[0], x->rank, dims);
	if (!code && folded)
		set_content(node->outputs[0], content, count);
	return code;
}

static enum ergon_code split(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0), *sizes = input(node, 1);
	const struct onnx_attribute *old = onnx_attribute(node, "split");
	double dims[ONNX_RANK_MAX];
	size_t axis;
	if (!axis_of(node, 0, x->rank, &axis) || !node->output_count)
		return onnx_fail(file, node, "an axis that is not there");
	memcpy(dims, x->dims, sizeof dims);
	double each = ceil(x->dims[axis] / (double)node->output_count), left = x->dims[axis];
	for (size_t i = 0; i < node->output_count; i++) {
		dims[axis] = fmin(each, left);
		if (need_content(sizes) && i < sizes->content_count)
			dims[axis] = (double)sizes->content[i];
		else if (old && i < old->count)
			dims[axis] = (double)old->integers[i];
		left -= dims[axis];
		enum ergon_code code = set_shape(file, node, node->outputs[i], x->rank, dims);
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
	const struct onnx_value *x = input(node, 0), *from = input(node, 1), *to = input(node, 2);
	const struct onnx_value *steps = input(node, 4);
	double dims[ONNX_RANK_MAX];
	int64_t axes[ONNX_RANK_MAX];
	size_t count = axes_of(node, 3, "axes", x->rank, axes);
	if (!need_content(from) || !need_content(to) || from->content_count != to->content_count)
		return onnx_fail(file, node, "its bounds are not known before it runs");
	memcpy(dims, x->dims, sizeof dims);
	for (size_t i = 0; i < from->content_count; i++) {
		size_t axis = i < count ? (size_t)axes[i] : i;
		int64_t step =
		    need_content(steps) && i < steps->content_count ? steps->content[i] : 1;
		if (axis >= x->rank || step < 1)
			return onnx_fail(file, node, "an axis or step that is not there");
		int64_t size = (int64_t)x->dims[axis];
		int64_t begin = clamp(from->content[i], size), end = clamp(to->content[i], size);
		dims[axis] = end > begin ? (double)((end - begin + step - 1) / step) : 0;
		if (need_content(x) && x->rank == 1 && end > begin && step == 1)
			set_content(node->outputs[0], x->content + begin, (size_t)(end - begin));
	}
	return set_shape(file, node, node->outputs[0], x->rank, dims);
}

static enum ergon_code gather(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0), *indices = input(node, 1);
	double dims[2 * ONNX_RANK_MAX];
	size_t axis, rank = 0;
	if (!indices || !axis_of(node, 0, x->rank, &axis))
		return onnx_fail(file, node, "expected a table and indices");
	for (size_t i = 0; i < axis; i++)
		dims[rank++] = x->dims[i];
	for (size_t i = 0; i < indices->rank; i++)
		dims[rank++] = indices->dims[i];
	for (size_t i = axis + 1; i < x->rank; i++)
		dims[rank++] = x->dims[i];
	enum ergon_code code = set_shape(file, node, node->outputs[0], rank, dims);
	if (code || !need_content(x) || !need_content(indices))
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
	set_content(node->outputs[0], content, indices->content_count);
	return ERGON_OK;
}

static enum ergon_code shape(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0);
	int64_t content[ONNX_RANK_MAX];
	int64_t from = clamp(onnx_integer(node, "start", 0), (int64_t)x->rank);
	int64_t to = clamp(onnx_integer(node, "end", (int64_t)x->rank), (int64_t)x->rank);
	size_t count = 0;
	for (int64_t i = from; i < to; i++)
		content[count++] = (int64_t)x->dims[i];
	enum ergon_code code =
	    set_shape(file, node, node->outputs[0], 1, (double[]){ (double)count });
	if (!code)
		set_content(node->outputs[0], content, count);
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
		    set_shape(file, node, out, value->tensor->rank, value->tensor->dims);
		out->integer = value->tensor->integer;
		if (!code && value->tensor->content_known)
			set_content(out, value->tensor->content, value->tensor->content_count);
		return code;
	}
	const struct onnx_attribute *list = onnx_attribute(node, "value_ints");
	if (list && list->count) {
		enum ergon_code code =
		    set_shape(file, node, out, 1, (double[]){ (double)list->count });
		set_content(out, list->integers, list->count);
		return code;
	}
	if (value)
		set_content(out, &value->integer, 1);
	return set_shape(file, node, out, 0, NULL);
}

/* Expand, ConstantOfShape: the shape is the content of an input. */
static enum ergon_code to_shape(const struct onnx_file *file, const struct onnx_node *node)
{
	bool constant_of = strcmp(node->type, "ConstantOfShape") == 0;
	const struct onnx_value *wanted = input(node, constant_of ? 0 : 1);
	double dims[ONNX_RANK_MAX];
	if (!need_content(wanted) || wanted->content_count > ONNX_RANK_MAX)
		return onnx_fail(file, node, "its shape is not known before it runs");
	size_t rank = wanted->content_count;
	for (size_t i = 0; i < rank; i++)
		dims[i] = (double)wanted->content[i];
	if (!constant_of && !broadcast(dims, &rank, input(node, 0)))
		return onnx_fail(file, node, "shapes that do not go together");
	enum ergon_code code = set_shape(file, node, node->outputs[0], rank, dims);
	const struct onnx_attribute *value = onnx_attribute(node, "value");
	if (code || !constant_of || !node->outputs[0] || rank != 1 || dims[0] > ONNX_CONTENT_MAX)
		return code;
	bool whole = !value || (value->tensor && value->tensor->content_known &&
	                        value->tensor->content_count == 1);
	int64_t content[ONNX_CONTENT_MAX];
	for (size_t i = 0; i < (size_t)dims[0]; i++)
		content[i] = value && whole ? value->tensor->content[0] : 0;
	if (whole && value)
		set_content(node->outputs[0], content, (size_t)dims[0]);
	return ERGON_OK;
}

static enum ergon_code range(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *from = input(node, 0), *to = input(node, 1), *by = input(node, 2);
	if (!need_content(from) || !need_content(to) || !need_content(by) || !from->content_count ||
	    !to->content_count || !by->content_count || by->content[0] == 0)
		return onnx_fail(file, node, "its bounds are not known before it runs");
	double count = ceil((double)(to->content[0] - from->content[0]) / (double)by->content[0]);
	if (node->outputs[0])
		node->outputs[0]->integer = true;
	return set_shape(file, node, node->outputs[0], 1, (double[]){ fmax(count, 0) });
}

static enum ergon_code reduce(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0);
	int64_t axes[ONNX_RANK_MAX];
	double dims[ONNX_RANK_MAX];
	size_t count = axes_of(node, 1, "axes", x->rank, axes), rank = 0;
	bool arg = strncmp(node->type, "Arg", 3) == 0;
	if (arg) {
		size_t axis;
		if (!axis_of(node, 0, x->rank, &axis))
			return onnx_fail(file, node, "an axis that is not there");
		axes[0] = (int64_t)axis;
		count = 1;
	}
	bool keep = onnx_integer(node, "keepdims", 1) != 0;
	for (size_t i = 0; i < x->rank; i++) {
		bool gone = !count || has(axes, count, i);
		if (!gone || keep)
			dims[rank++] = gone ? 1 : x->dims[i];
	}
	return set_shape(file, node, node->outputs[0], rank, dims);
}

/* Resize and Upsample: by sizes or by scales; of scales, which are floats, only "twice" is common
 * and cannot be read, so the sizes have to be there or the output is twice as large. */
static enum ergon_code resize(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0), *sizes = input(node, 3);
	double dims[ONNX_RANK_MAX];
	for (size_t i = 0; i < x->rank; i++) {
		dims[i] = i < 2 ? x->dims[i] : 2 * x->dims[i];
		if (need_content(sizes) && i < sizes->content_count)
			dims[i] = (double)sizes->content[i];
	}
	return set_shape(file, node, node->outputs[0], x->rank, dims);
}

static enum ergon_code pad(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0), *given = input(node, 1);
	const struct onnx_attribute *old = onnx_attribute(node, "pads");
	const int64_t *pads = need_content(given) ? given->content : old ? old->integers : NULL;
	size_t count = need_content(given) ? given->content_count : old ? old->count : 0;
	double dims[ONNX_RANK_MAX];
	if (!pads || count != 2 * x->rank)
		return onnx_fail(file, node, "its pads are not known before it runs");
	for (size_t i = 0; i < x->rank; i++)
		dims[i] = x->dims[i] + (double)pads[i] + (double)pads[x->rank + i];
	return set_shape(file, node, node->outputs[0], x->rank, dims);
}

/* LSTM, GRU, RNN: X [S, N, I] -> Y [S, ways, N, H], Y_h [ways, N, H]. */
static enum ergon_code recurrent(const struct onnx_file *file, const struct onnx_node *node)
{
	const struct onnx_value *x = input(node, 0);
	double hidden = (double)onnx_integer(node, "hidden_size", 0);
	const struct onnx_attribute *way = onnx_attribute(node, "direction");
	double ways = way && way->text && strcmp(way->text, "bidirectional") == 0 ? 2 : 1;
	if (x->rank != 3 || hidden < 1)
		return onnx_fail(file, node, "expected a sequence and hidden_size");
	double all[4] = { x->dims[0], ways, x->dims[1], hidden };
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < node->output_count && !code; i++)
		code = set_shape(file, node, node->outputs[i], i ? 3 : 4, i ? all + 1 : all);
	return code;
}

static const struct {
	const char *type;
	rule *rule;
} rules[] = {
	{ "Conv", convolution },
	{ "ConvTranspose", convolution },
	{ "MaxPool", pool },
	{ "AveragePool", pool },
	{ "GlobalAveragePool", global_pool },
	{ "GlobalMaxPool", global_pool },
	{ "MatMul", product },
	{ "Gemm", product },
	{ "Reshape", reshape },
	{ "Flatten", flatten },
	{ "Transpose", transpose },
	{ "Squeeze", squeeze },
	{ "Unsqueeze", unsqueeze },
	{ "Concat", concat },
	{ "Split", split },
	{ "Slice", slice },
	{ "Gather", gather },
	{ "Shape", shape },
	{ "Constant", constant },
	{ "ConstantOfShape", to_shape },
	{ "Expand", to_shape },
	{ "Range", range },
	{ "ReduceMean", reduce },
	{ "ReduceSum", reduce },
	{ "ReduceMax", reduce },
	{ "ReduceMin", reduce },
	{ "ReduceProd", reduce },
	{ "ReduceL2", reduce },
	{ "ArgMax", reduce },
	{ "ArgMin", reduce },
	{ "Resize", resize },
	{ "Upsample", resize },
	{ "Pad", pad },
	{ "LSTM", recurrent },
	{ "GRU", recurrent },
	{ "RNN", recurrent },
	{ "Add", elementwise },
	{ "Sub", elementwise },
	{ "Mul", elementwise },
	{ "Div", elementwise },
	{ "Pow", elementwise },
	{ "Max", elementwise },
	{ "Min", elementwise },
	{ "Where", elementwise },
	{ "Equal", elementwise },
	{ "Greater", elementwise },
	{ "Less", elementwise },
	{ "And", elementwise },
	{ "Or", elementwise },
	{ "GreaterOrEqual", elementwise },
	{ "LessOrEqual", elementwise },
	{ "Sum", elementwise },
	{ "Mod", elementwise },
	{ "Xor", elementwise },
	{ "Mean", elementwise },
};

enum ergon_code onnx_infer(const struct onnx_file *file, const struct onnx_node *node)
{
	if (!node->output_count)
		return ERGON_OK;
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strcmp(rules[i].type, node->type) == 0) {
			bool alone = rules[i].rule == constant;
			if (!alone && !input(node, 0))
				return onnx_fail(file, node, "it has no input");
			return rules[i].rule(file, node);
		}
	/* Everything else keeps the shape of its first input: activations, norms, casts. */
	return input(node, 0) ? like_first(file, node) : onnx_fail(file, node, "it has no input");
}
