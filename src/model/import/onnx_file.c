/* SPDX-License-Identifier: Apache-2.0 */
#include "model/import/onnx_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/import/protobuf.h"

enum { ONNX_BUCKETS = 4096, INT32 = 6, INT64 = 7, VALUES_MAX = 400000 };

enum ergon_code onnx_fail(const struct onnx_file *file, const struct onnx_node *node,
                          const char *format, ...)
{
	char text[192];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	return ergon_fail_at(file->err, ERGON_BAD_INPUT, file->file, 0, "%.24s '%.64s': %s",
	                     node->type, node->name, text);
}

static enum ergon_code malformed(const struct onnx_file *file, const char *what)
{
	return ergon_fail_at(file->err, ERGON_BAD_INPUT, file->file, 0,
	                     "malformed ONNX: %s is cut off or is no protobuf", what);
}

static enum ergon_code no_memory(const struct onnx_file *file)
{
	return ergon_fail(file->err, ERGON_NO_MEMORY, "out of memory");
}

double onnx_elements(const struct onnx_value *value)
{
	double elements = 1;
	for (size_t i = 0; i < value->rank; i++)
		elements *= value->dims[i];
	return elements;
}

const struct onnx_attribute *onnx_attribute(const struct onnx_node *node, const char *name)
{
	for (size_t i = 0; i < node->attribute_count; i++)
		if (strcmp(node->attributes[i].name, name) == 0)
			return &node->attributes[i];
	return NULL;
}

int64_t onnx_integer(const struct onnx_node *node, const char *name, int64_t fallback)
{
	const struct onnx_attribute *attribute = onnx_attribute(node, name);
	return attribute ? attribute->integer : fallback;
}

/* The value of that name, made where it is new; NULL when memory is out. */
static struct onnx_value *value_of(struct onnx_file *file, const uint8_t *name, size_t length)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ name[i]) * 1099511628211u;
	struct onnx_value **at = &file->buckets[hash % ONNX_BUCKETS];
	for (; *at; at = &(*at)->next)
		if (strlen((*at)->name) == length && memcmp((*at)->name, name, length) == 0)
			return *at;
	struct onnx_value *value = ARENA_NEW(file->arena, struct onnx_value);
	if (value)
		value->name = arena_strndup(file->arena, (const char *)name, length);
	if (value && value->name)
		*at = value;
	return value && value->name ? value : NULL;
}

static const char *text_of(struct onnx_file *file, const struct pb_field *field)
{
	const char *bytes = field->bytes ? (const char *)field->bytes : ""; /* no text at all */
	return arena_strndup(file->arena, bytes, field->length);
}

/* Little-endian integers of `size` bytes each. */
static void read_raw(struct onnx_value *value, const struct pb_field *field, size_t size)
{
	for (size_t i = 0; i + size <= field->length && value->content_count < ONNX_CONTENT_MAX;
	     i += size) {
		uint64_t bits = 0;
		for (size_t k = 0; k < size; k++)
			bits |= (uint64_t)field->bytes[i + k] << (8 * k);
		int64_t one = size == 4 ? (int32_t)(uint32_t)bits : (int64_t)bits;
		value->content[value->content_count++] = one;
	}
}

/* TensorProto: dims 1, data_type 2, int32_data 5, int64_data 7, name 8, raw_data 9. */
static enum ergon_code read_tensor(struct onnx_file *file, struct pb pb, struct onnx_value **out)
{
	struct onnx_value read = { .known = true, .initializer = true };
	struct pb_field field, name = { 0 }, data = { 0 };
	int64_t dims[ONNX_RANK_MAX], type = 0;
	bool whole = true;
	while (pb_next(&pb, &field)) {
		if (field.number == 1 && !pb_integers(&field, dims, ONNX_RANK_MAX, &read.rank))
			return malformed(file, "the shape of a tensor");
		if (field.number == 2)
			type = (int64_t)field.value;
		if (field.number == 5 || field.number == 7) /* packed, or one at a time */
			whole &= pb_integers(&field, read.content, ONNX_CONTENT_MAX,
			                     &read.content_count);
		if (field.number == 9)
			data = field;
		if (field.number == 8 && field.type == PB_BYTES)
			name = field;
	}
	if (pb.bad)
		return malformed(file, "a tensor");
	for (size_t i = 0; i < read.rank; i++) {
		if (dims[i] < 0 || dims[i] > 1000000000)
			return malformed(file, "the shape of a tensor");
		read.dims[i] = (double)dims[i];
	}
	read.integer = type == INT64 || type == INT32;
	double elements = onnx_elements(&read);
	if (!(elements <= 1e15))
		return malformed(file, "the shape of a tensor");
	if (read.integer && data.bytes && !read.content_count)
		read_raw(&read, &data, type == INT64 ? 8 : 4);
	read.content_known = read.integer && whole && (double)read.content_count == elements;
	struct onnx_value *value = name.bytes ? value_of(file, name.bytes, name.length)
	                                      : ARENA_NEW(file->arena, struct onnx_value);
	if (!value)
		return no_memory(file);
	read.name = value->name ? value->name : "";
	read.next = value->next;
	*value = read;
	*out = value;
	return ERGON_OK;
}

/* AttributeProto: name 1, f 2, i 3, s 4, t 5, g 6, floats 7, ints 8. */
static enum ergon_code read_attribute(struct onnx_file *file, struct pb pb,
                                      struct onnx_attribute *out)
{
	enum { INTS_MAX = 64 };
	struct pb_field field;
	struct onnx_value *tensor;
	int64_t ints[INTS_MAX];
	enum ergon_code code;
	out->name = "";
	while (pb_next(&pb, &field)) {
		float real;
		uint32_t bits = (uint32_t)field.value;
		if (field.number == 1)
			out->name = text_of(file, &field);
		if (field.number == 2) {
			memcpy(&real, &bits, sizeof real);
			out->real = (double)real;
		}
		if (field.number == 3)
			out->integer = (int64_t)field.value;
		if (field.number == 4)
			out->text = text_of(file, &field);
		if (field.number == 5) {
			if ((code = read_tensor(file, pb_message(&field), &tensor)))
				return code;
			out->tensor = tensor;
		}
		if (field.number == 8 && !pb_integers(&field, ints, INTS_MAX, &out->count))
			return malformed(file, "a list of integers");
	}
	if (pb.bad || !out->name)
		return malformed(file, "an attribute");
	if (out->count) {
		out->integers = ARENA_ARRAY(file->arena, int64_t, out->count);
		if (!out->integers)
			return no_memory(file);
		memcpy(out->integers, ints, out->count * sizeof *ints);
	}
	return ERGON_OK;
}

/* How many fields of that number there are. */
static size_t count_of(struct pb pb, uint32_t number)
{
	struct pb_field field;
	size_t count = 0;
	while (pb_next(&pb, &field))
		count += field.number == number && field.type == PB_BYTES;
	return count;
}

/* NodeProto: input 1, output 2, name 3, op_type 4, attribute 5. */
static enum ergon_code read_node(struct onnx_file *file, struct pb pb, struct onnx_node *out)
{
	struct pb_field field;
	size_t inputs = count_of(pb, 1), outputs = count_of(pb, 2), attributes = count_of(pb, 5);
	out->type = out->name = "";
	if (inputs > ONNX_LINKS_MAX || outputs > ONNX_LINKS_MAX || attributes > ONNX_LINKS_MAX)
		return malformed(file, "a node");
	out->inputs = ARENA_ARRAY(file->arena, struct onnx_value *, inputs + 1);
	out->outputs = ARENA_ARRAY(file->arena, struct onnx_value *, outputs + 1);
	out->attributes = ARENA_ARRAY(file->arena, struct onnx_attribute, attributes + 1);
	if (!out->inputs || !out->outputs || !out->attributes)
		return no_memory(file);
	while (pb_next(&pb, &field)) {
		if (field.type != PB_BYTES)
			continue;
		if (field.number == 1 || field.number == 2) {
			struct onnx_value *value = NULL;
			if (field.length && !(value = value_of(file, field.bytes, field.length)))
				return no_memory(file);
			if (field.number == 1)
				out->inputs[out->input_count++] = value;
			else
				out->outputs[out->output_count++] = value;
		} else if (field.number == 3 || field.number == 4) {
			const char *text = text_of(file, &field);
			if (!text)
				return no_memory(file);
			*(field.number == 3 ? &out->name : &out->type) = text;
		} else if (field.number == 5) {
			enum ergon_code code = read_attribute(
			    file, pb_message(&field), &out->attributes[out->attribute_count++]);
			if (code)
				return code;
		}
	}
	return pb.bad ? malformed(file, "a node") : ERGON_OK;
}

/* A dimension of TensorShapeProto: dim_value 1; -1 where it is a name. */
static double read_dimension(struct pb pb)
{
	struct pb_field field;
	double size = -1;
	while (pb_next(&pb, &field))
		if (field.number == 1 && field.type == PB_VARINT && field.value > 0 &&
		    field.value <= 1000000000)
			size = (double)field.value;
	return pb.bad ? 0 : size;
}

/* TensorShapeProto: dim 1. False where it is malformed or has too many. */
static bool read_shape(struct pb pb, struct onnx_value *out)
{
	struct pb_field field;
	while (pb_next(&pb, &field)) {
		if (field.number != 1)
			continue;
		if (out->rank == ONNX_RANK_MAX)
			return false;
		out->dims[out->rank++] = read_dimension(pb_message(&field));
	}
	return !pb.bad;
}

/* TypeProto { tensor_type 1 { elem_type 1, shape 2 } }. */
static bool read_type(struct pb pb, struct onnx_value *out)
{
	struct pb_field field, inner;
	while (pb_next(&pb, &field)) {
		struct pb tensor = pb_message(&field);
		while (field.number == 1 && pb_next(&tensor, &inner)) {
			if (inner.number == 1)
				out->integer = inner.value == INT64 || inner.value == INT32;
			if (inner.number == 2 && !read_shape(pb_message(&inner), out))
				return false;
		}
		if (field.number == 1 && tensor.bad)
			return false;
	}
	return !pb.bad;
}

/* ValueInfoProto of an input: name 1, type 2. Dimensions that are names stay -1. */
static enum ergon_code read_input(struct onnx_file *file, struct pb pb)
{
	struct pb_field field;
	struct onnx_value *value = NULL;
	struct onnx_value read = { 0 };
	bool good = true;
	while (good && pb_next(&pb, &field)) {
		if (field.number == 1 && field.type == PB_BYTES)
			value = value_of(file, field.bytes, field.length);
		if (field.number == 2)
			good = read_type(pb_message(&field), &read);
	}
	if (pb.bad || !good || !value)
		return malformed(file, "an input");
	if (value->initializer) /* old files list weights among the inputs */
		return ERGON_OK;
	value->rank = read.rank;
	value->integer = read.integer;
	value->known = true;
	memcpy(value->dims, read.dims, sizeof read.dims);
	file->inputs[file->input_count++] = value;
	return ERGON_OK;
}

/* GraphProto: node 1, name 2, initializer 5, input 11. */
static enum ergon_code read_graph(struct onnx_file *file, struct pb whole)
{
	struct pb_field field;
	struct onnx_value *value;
	size_t nodes = count_of(whole, 1), inputs = count_of(whole, 11);
	if (nodes > ONNX_NODES_MAX || inputs > VALUES_MAX)
		return ergon_fail_at(file->err, ERGON_BAD_INPUT, file->file, 0,
		                     "more nodes than the %d that a model may have",
		                     ONNX_NODES_MAX);
	file->nodes = ARENA_ARRAY(file->arena, struct onnx_node, nodes + 1);
	file->inputs = ARENA_ARRAY(file->arena, struct onnx_value *, inputs + 1);
	if (!file->nodes || !file->inputs)
		return no_memory(file);
	/* Initializers first: inputs may repeat them. */
	for (int pass = 0; pass < 2; pass++) {
		struct pb pb = whole;
		enum ergon_code code = ERGON_OK;
		while (!code && pb_next(&pb, &field)) {
			if (field.type != PB_BYTES)
				continue;
			if (pass == 0 && field.number == 5)
				code = read_tensor(file, pb_message(&field), &value);
			if (pass == 1 && field.number == 1)
				code = read_node(file, pb_message(&field),
				                 &file->nodes[file->count++]);
			if (pass == 1 && field.number == 2 &&
			    !(file->graph_name = text_of(file, &field)))
				code = no_memory(file);
			if (pass == 1 && field.number == 11)
				code = read_input(file, pb_message(&field));
		}
		if (code)
			return code;
		if (pb.bad)
			return malformed(file, "the graph");
	}
	return ERGON_OK;
}

enum ergon_code onnx_file_read(const char *data, size_t length, const char *file,
                               struct arena *arena, struct onnx_file *out, struct ergon_error *err)
{
	struct pb pb = pb_open(data, length);
	struct pb_field field, graph = { 0 };
	*out = (struct onnx_file){ .file = file, .arena = arena, .err = err };
	out->buckets = ARENA_ARRAY(arena, struct onnx_value *, ONNX_BUCKETS);
	if (!out->buckets)
		return no_memory(out);
	while (pb_next(&pb, &field))
		if (field.number == 7 && field.type == PB_BYTES)
			graph = field;
	if (pb.bad)
		return malformed(out, "the model");
	if (!graph.bytes)
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "expected an ONNX model with a graph");
	return read_graph(out, pb_message(&graph));
}
