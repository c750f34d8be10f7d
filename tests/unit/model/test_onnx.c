/* SPDX-License-Identifier: Apache-2.0
 *
 * ONNX models, which the tests write themselves: as few fields as a model needs, weights without
 * their numbers.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "model/import/import.h"
#include "model/import/protobuf.h"

/* A writer of the wire format: a message is text that grows. */
static void put_varint(struct text *out, uint64_t value)
{
	do {
		char byte = (char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		text_append(out, &byte, 1);
		value >>= 7;
	} while (value);
}

static void put_int(struct text *out, unsigned field, uint64_t value)
{
	put_varint(out, field << 3);
	put_varint(out, value);
}

static void put_bytes(struct text *out, unsigned field, const void *bytes, size_t length)
{
	put_varint(out, field << 3 | 2);
	put_varint(out, length);
	text_append(out, bytes, length);
}

static void put_name(struct text *out, unsigned field, const char *name)
{
	put_bytes(out, field, name, strlen(name));
}

/* Takes inner over. */
static void put_inner(struct text *out, unsigned field, struct text *inner)
{
	put_bytes(out, field, inner->data ? inner->data : "", inner->length);
	text_fini(inner);
	*inner = (struct text){ 0 };
}

enum { FLOAT = 1, INT64 = 7 };

static void put_weight(struct text *graph, const char *name, int type, size_t rank,
                       const uint64_t *dims, const int64_t *content, size_t count)
{
	struct text tensor = { 0 };
	for (size_t i = 0; i < rank; i++)
		put_int(&tensor, 1, dims[i]);
	put_int(&tensor, 2, (uint64_t)type);
	for (size_t i = 0; i < count; i++)
		put_int(&tensor, 7, (uint64_t)content[i]);
	put_name(&tensor, 8, name);
	put_inner(graph, 5, &tensor);
}

#define WEIGHT(graph, name, ...)                                                                   \
	put_weight(graph, name, FLOAT, sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t),     \
	           (const uint64_t[]){ __VA_ARGS__ }, NULL, 0)
#define INTEGERS(graph, name, ...)                                                                 \
	put_weight(graph, name, INT64, 1,                                                          \
	           (const uint64_t[]){ sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t) },     \
	           (const int64_t[]){ __VA_ARGS__ },                                               \
	           sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

/* Dimensions of 0 are written as names. */
static void put_graph_input(struct text *graph, const char *name, int type, size_t rank,
                            const uint64_t *dims)
{
	struct text shape = { 0 }, tensor = { 0 }, outer = { 0 }, value = { 0 }, dim = { 0 };
	for (size_t i = 0; i < rank; i++) {
		if (dims[i])
			put_int(&dim, 1, dims[i]);
		else
			put_name(&dim, 2, "batch");
		put_inner(&shape, 1, &dim);
	}
	put_int(&tensor, 1, (uint64_t)type);
	put_inner(&tensor, 2, &shape);
	put_inner(&outer, 1, &tensor);
	put_name(&value, 1, name);
	put_inner(&value, 2, &outer);
	put_inner(graph, 11, &value);
}

/* attributes: "name=1" or "name=1,2" parted by blanks. */
static void put_attributes(struct text *node, const char *attributes)
{
	char copy[160], *save = NULL;
	snprintf(copy, sizeof copy, "%s", attributes);
	for (char *at = strtok_r(copy, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
		struct text attribute = { 0 };
		char *value = strchr(at, '=');
		*value++ = '\0';
		put_name(&attribute, 1, at);
		bool list = strchr(value, ',') != NULL || strcmp(at, "axes") == 0;
		for (char *next = value; *next;) {
			put_int(&attribute, list ? 8 : 3, (uint64_t)strtoll(next, &next, 10));
			next += *next == ',';
		}
		put_inner(node, 5, &attribute);
	}
}

/* inputs and outputs parted by blanks; "-" is one that is left out. */
static void put_node(struct text *graph, const char *type, const char *name, const char *inputs,
                     const char *outputs, const char *attributes)
{
	struct text node = { 0 };
	const char *const lists[] = { inputs, outputs };
	for (unsigned side = 0; side < 2; side++) {
		char copy[160], *save = NULL;
		snprintf(copy, sizeof copy, "%s", lists[side]);
		for (char *at = strtok_r(copy, " ", &save); at; at = strtok_r(NULL, " ", &save))
			put_name(&node, 1 + side, strcmp(at, "-") == 0 ? "" : at);
	}
	put_name(&node, 3, name);
	put_name(&node, 4, type);
	put_attributes(&node, attributes);
	put_inner(graph, 1, &node);
}

static void finish(struct text *graph, struct text *model)
{
	put_int(model, 1, 8); /* ir_version */
	put_inner(model, 7, graph);
	assert_false(model->failed);
}

static enum ergon_code import(const struct text *model, const struct workload_options *options,
                              struct arena *arena, const struct workload **workload,
                              struct ergon_error *err)
{
	assert_true(onnx_like(model->data, model->length));
	return workload_parse(model->data, model->length, "test.onnx", options, arena, workload,
	                      err);
}

struct resnet {
	struct text *graph;
	int nodes;
};

/* conv + batch norm (+ relu); returns the output's name in out. */
static void put_conv(struct resnet *r, const char *in, char out[32], uint64_t from, uint64_t to,
                     uint64_t kernel, uint64_t stride, bool relu)
{
	char weight[32], inputs[160], attributes[120], conv[32], norm[32], name[48];
	int id = r->nodes++;
	uint64_t pad = kernel / 2;
	snprintf(weight, sizeof weight, "w%d", id);
	snprintf(conv, sizeof conv, "c%d", id);
	snprintf(norm, sizeof norm, "n%d", id);
	WEIGHT(r->graph, weight, to, from, kernel, kernel);
	snprintf(inputs, sizeof inputs, "%s %s", in, weight);
	snprintf(attributes, sizeof attributes,
	         "kernel_shape=%d,%d strides=%d,%d pads=%d,%d,%d,%d group=1", (int)kernel,
	         (int)kernel, (int)stride, (int)stride, (int)pad, (int)pad, (int)pad, (int)pad);
	snprintf(name, sizeof name, "/stage/%d/Conv", id);
	put_node(r->graph, "Conv", name, inputs, conv, attributes);
	for (int i = 0; i < 4; i++) {
		snprintf(weight, sizeof weight, "b%d.%d", id, i);
		WEIGHT(r->graph, weight, to);
	}
	snprintf(inputs, sizeof inputs, "%s b%d.0 b%d.1 b%d.2 b%d.3", conv, id, id, id, id);
	put_node(r->graph, "BatchNormalization", name, inputs, norm, "");
	snprintf(out, 32, "%s", norm);
	if (relu) {
		snprintf(out, 32, "r%d", id);
		put_node(r->graph, "Relu", name, norm, out, "");
	}
}

/* ResNet-50 v1.5 as its paper and torchvision have it. */
static void put_resnet50(struct text *model)
{
	static const struct {
		uint64_t width;
		int blocks;
	} stages[] = { { 64, 3 }, { 128, 4 }, { 256, 6 }, { 512, 3 } };
	struct text graph = { 0 };
	struct resnet r = { .graph = &graph };
	char x[32], y[32], skip[32], inputs[80];
	uint64_t from = 64;
	put_graph_input(&graph, "image", FLOAT, 4, (const uint64_t[]){ 0, 3, 224, 224 });
	put_conv(&r, "image", x, 3, 64, 7, 2, true);
	put_node(&graph, "MaxPool", "/pool", x, "p", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1");
	snprintf(x, sizeof x, "p");
	for (size_t s = 0; s < 4; s++)
		for (int b = 0; b < stages[s].blocks; b++) {
			uint64_t width = stages[s].width, stride = s && !b ? 2 : 1;
			char sum[32];
			put_conv(&r, x, y, from, width, 1, 1, true);
			put_conv(&r, y, y, width, width, 3, stride, true);
			put_conv(&r, y, y, width, 4 * width, 1, 1, false);
			snprintf(skip, sizeof skip, "%s", x);
			if (!b)
				put_conv(&r, x, skip, from, 4 * width, 1, stride, false);
			snprintf(inputs, sizeof inputs, "%s %s", y, skip);
			snprintf(sum, sizeof sum, "s%zu.%d", s, b);
			put_node(&graph, "Add", "/add", inputs, sum, "");
			snprintf(x, sizeof x, "o%zu.%d", s, b);
			put_node(&graph, "Relu", "/relu", sum, x, "");
			from = 4 * width;
		}
	put_node(&graph, "GlobalAveragePool", "/gap", x, "g", "");
	put_node(&graph, "Flatten", "/flatten", "g", "f", "axis=1");
	WEIGHT(&graph, "fc", 1000, 2048);
	WEIGHT(&graph, "fcb", 1000);
	put_node(&graph, "Gemm", "/fc", "f fc fcb", "y", "transB=1");
	finish(&graph, model);
}

static void resnet50_is_that_of_the_zoo(void **state)
{
	(void)state;
	struct text model = { 0 };
	struct arena arena;
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct workload_options options = { .precision = PRECISION_AMP_FP16 };
	const struct workload *w, *zoo;
	struct ergon_error err = { 0 };
	arena_init(&arena);
	ergon_env_init(&env, &storage);
	put_resnet50(&model);
	if (import(&model, &options, &arena, &w, &err))
		fail_msg("%s", err.text);
	assert_int_equal(workload_load(&env, "resnet50", &options, &arena, &zoo, &err), ERGON_OK);
	assert_close(w->parameters, 25557032, 0);
	assert_close(w->forward_flops, zoo->forward_flops, 1e-9);
	assert_close(w->step_flops, zoo->step_flops, 1e-9);
	assert_close(w->activation_bytes, zoo->activation_bytes, 0.05);
	assert_int_equal(w->resolution, 224);
	options.resolution = 448; /* four times the positions */
	assert_int_equal(import(&model, &options, &arena, &w, &err), ERGON_OK);
	assert_true(w->forward_flops > 3.9 * zoo->forward_flops);
	text_fini(&model);
	arena_fini(&arena);
}

/* One block of a transformer as exporters write it: shapes are computed by nodes. */
static void put_transformer(struct text *model)
{
	struct text graph = { 0 };
	put_graph_input(&graph, "ids", INT64, 2, (const uint64_t[]){ 0, 0 });
	WEIGHT(&graph, "table", 1000, 64);
	put_node(&graph, "Gather", "/embed/Gather", "table ids", "x", "axis=0");
	WEIGHT(&graph, "q", 64, 64);
	WEIGHT(&graph, "k", 64, 64);
	put_node(&graph, "MatMul", "/a/q", "x q", "xq", "");
	put_node(&graph, "MatMul", "/a/k", "x k", "xk", "");
	/* [1, S, 64] -> [1, S, 4, 16] with sizes taken from the tensor itself */
	INTEGERS(&graph, "zero", 0);
	INTEGERS(&graph, "one", 1);
	INTEGERS(&graph, "heads", 4, 16);
	put_node(&graph, "Shape", "/a/Shape", "x", "shape", "");
	put_node(&graph, "Gather", "/a/G0", "shape zero", "n", "axis=0");
	put_node(&graph, "Gather", "/a/G1", "shape one", "s", "axis=0");
	put_node(&graph, "Concat", "/a/Concat", "n s heads", "split", "axis=0");
	put_node(&graph, "Reshape", "/a/r1", "xq split", "q4", "");
	put_node(&graph, "Reshape", "/a/r2", "xk split", "k4", "");
	put_node(&graph, "Transpose", "/a/t1", "q4", "qt", "perm=0,2,1,3");
	put_node(&graph, "Transpose", "/a/t2", "k4", "kt", "perm=0,2,3,1");
	put_node(&graph, "MatMul", "/a/scores", "qt kt", "scores", "");
	put_node(&graph, "Softmax", "/a/softmax", "scores", "p", "axis=-1");
	put_node(&graph, "MatMul", "/a/values", "p qt", "v", "");
	put_node(&graph, "Transpose", "/a/t3", "v", "vt", "perm=0,2,1,3");
	INTEGERS(&graph, "back", 0, 0, -1);
	put_node(&graph, "Reshape", "/a/r3", "vt back", "h", "");
	put_node(&graph, "Add", "/a/Add", "h x", "sum", "");
	WEIGHT(&graph, "g", 64);
	WEIGHT(&graph, "b", 64);
	put_node(&graph, "LayerNormalization", "/norm/LN", "sum g b", "z", "axis=-1");
	put_node(&graph, "Transpose", "/head/T", "table", "tied", "perm=1,0");
	put_node(&graph, "MatMul", "/head/MatMul", "z tied", "logits", "");
	finish(&graph, model);
}

static void shapes_are_computed(void **state)
{
	(void)state;
	struct text model = { 0 };
	struct arena arena;
	struct workload_options options = { .sequence = 32 };
	const struct workload *w;
	struct ergon_error err = { 0 };
	arena_init(&arena);
	put_transformer(&model);
	if (import(&model, &options, &arena, &w, &err))
		fail_msg("%s", err.text);
	double s = 32, d = 64, projections = 2 * 2 * s * d * d;
	double attention = 2 * 2 * s * s * d, head = 2 * s * d * 1000;
	assert_close(w->forward_flops, projections + attention + head, 1e-12);
	/* the table is used twice and counted once */
	assert_close(w->parameters, 1000 * d + 2 * d * d + 2 * d, 0);
	assert_close(w->tokens, 32, 0);
	options.infer = true;
	options.sequence = 0; /* a default length */
	assert_int_equal(import(&model, &options, &arena, &w, &err), ERGON_OK);
	assert_close(w->tokens, 128, 0);
	assert_close(w->step_flops, w->forward_flops, 1e-12);
	text_fini(&model);
	arena_fini(&arena);
}

static void expect_error(struct text *graph, const char *want)
{
	struct text model = { 0 };
	struct arena arena;
	struct workload_options options = { 0 };
	const struct workload *w;
	struct ergon_error err = { 0 };
	arena_init(&arena);
	finish(graph, &model);
	enum ergon_code code = import(&model, &options, &arena, &w, &err);
	if (!code || !strstr(err.text, want))
		fail_msg("'%s' instead of '%s'", err.text, want);
	assert_string_equal(err.file, "test.onnx");
	text_fini(&model);
	arena_fini(&arena);
}

static void errors_name_the_node(void **state)
{
	(void)state;
	struct text graph = { 0 };
	put_graph_input(&graph, "x", FLOAT, 4, (const uint64_t[]){ 0, 3, 8, 8 });
	put_node(&graph, "Convv", "/a/Conv", "x", "y", "");
	expect_error(&graph, "Convv '/a/Conv': this operator is not known, did you mean 'Conv'?");
	put_node(&graph, "Relu", "/r", "nothing", "y", "");
	expect_error(&graph, "input 'nothing' comes from nowhere");
	put_graph_input(&graph, "x", FLOAT, 4, (const uint64_t[]){ 0, 3, 8, 8 });
	WEIGHT(&graph, "w", 8, 4, 3, 3);
	put_node(&graph, "Conv", "/c", "x w", "y", "");
	expect_error(&graph, "a kernel for 4 channels meets 3");
	put_graph_input(&graph, "x", FLOAT, 2, (const uint64_t[]){ 4, 8 });
	INTEGERS(&graph, "shape", 4, 8);
	put_node(&graph, "Reshape", "/r", "x shape", "y", "");
	expect_error(&graph, "was it exported for a batch of more than one?");
	put_graph_input(&graph, "x", FLOAT, 2, (const uint64_t[]){ 0, 8 });
	WEIGHT(&graph, "w", 9, 4);
	put_node(&graph, "MatMul", "/m", "x w", "y", "");
	expect_error(&graph, "do not go together: 8 and 9");
	put_graph_input(&graph, "x", FLOAT, 4, (const uint64_t[]){ 0, 3, 2, 2 });
	put_node(&graph, "MaxPool", "/p", "x", "y", "kernel_shape=5,5");
	expect_error(&graph, "smaller than the kernel");
}

/* Cut off anywhere, or with any byte changed, a file is a workload or one error. */
static void damage_is_one_error(void **state)
{
	(void)state;
	struct text model = { 0 };
	struct workload_options options = { .sequence = 16 };
	const struct workload *w;
	size_t refused = 0;
	put_transformer(&model);
	for (size_t length = 3; length < model.length; length++) {
		struct arena arena;
		struct ergon_error err = { 0 };
		arena_init(&arena);
		char *cut = malloc(length); /* so that a sanitizer sees the end */
		memcpy(cut, model.data, length);
		if (workload_parse(cut, length, "cut.onnx", &options, &arena, &w, &err)) {
			assert_true(err.text[0]);
			refused++;
		}
		free(cut);
		arena_fini(&arena);
	}
	assert_int_equal(refused, model.length - 3); /* the graph is one field: none is whole */
	for (size_t at = 2; at < model.length; at++) {
		struct arena arena;
		struct ergon_error err = { 0 };
		char was = model.data[at];
		arena_init(&arena);
		model.data[at] = (char)(was ^ 0x55);
		if (workload_parse(model.data, model.length, "bad.onnx", &options, &arena, &w,
		                   &err))
			assert_true(err.text[0]);
		model.data[at] = was;
		arena_fini(&arena);
	}
	text_fini(&model);
}

static void the_wire_format_is_checked(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		bool good;
	} rows[] = {
		{ "\x08\x96\x01", 3, true },
		{ "\x08\x96", 2, false },      /* a varint without an end */
		{ "\x12\x05hello", 7, true },  /* bytes */
		{ "\x12\x06hello", 7, false }, /* longer than what is there */
		{ "\x0d\x01\x02\x03\x04", 5, true },
		{ "\x0d\x01\x02\x03", 4, false },
		{ "\x0b", 1, false },     /* a group */
		{ "\x00\x01", 2, false }, /* field 0 */
		{ "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, false },
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pb pb = pb_open(rows[i].bytes, rows[i].length);
		struct pb_field field;
		size_t fields = 0;
		while (pb_next(&pb, &field))
			fields++;
		assert_int_equal(pb.bad, !rows[i].good);
		assert_int_equal(fields, rows[i].good);
	}
	assert_false(onnx_like("{\"a\":1}", 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resnet50_is_that_of_the_zoo),
		cmocka_unit_test(shapes_are_computed),
		cmocka_unit_test(errors_name_the_node),
		cmocka_unit_test(damage_is_one_error),
		cmocka_unit_test(the_wire_format_is_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
