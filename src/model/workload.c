/* SPDX-License-Identifier: Apache-2.0 */
#include "model/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"
#include "model/import/import.h"
#include "model/lower.h"
#include "spec/catalogue.h"

static const char *const root_keys[] = { "name",      "aliases", "title",     "source",
	                                 "published", "family",  "optimizer", "input",
	                                 "dims",      "blocks",  "layers",    NULL };

/* "layers=24,d=1024" onto the dims of the file, which must know each name. */
static enum ergon_code override_dims(struct scope *scope, struct arena *arena, const char *dims,
                                     struct ergon_error *err)
{
	char *text = dims ? arena_strdup(arena, dims) : NULL;
	for (char *save = NULL, *item = text ? strtok_r(text, ",;", &save) : NULL; item;
	     item = strtok_r(NULL, ",;", &save)) {
		char *equals = strchr(item, '=');
		double value;
		if (!equals)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "dimension '%.60s': expected NAME=NUMBER", item);
		*equals = '\0';
		if (!scope_get(scope, item, strlen(item), &value))
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "the model has no dimension '%.60s'", item);
		if (!parse_real(equals + 1, &value) || !(value > 0 && value <= 1e15))
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "dimension %.40s: expected a number over 0", item);
		scope_set(scope, item, value);
	}
	return ERGON_OK;
}

static enum ergon_code read_dims(struct graph *graph, const json_t *root, struct scope *scope)
{
	const json_t *dims = json_object_get(root, "dims");
	struct layer layer = { .graph = graph, .object = dims, .op = "dims" };
	const char *key;
	json_t *value;
	graph->scope = scope;
	if (dims && !json_is_object(dims))
		layer_fail(&layer, "expected an object of numbers");
	/* The user's numbers first, so that expressions over them follow. */
	if (!layer.code && dims) {
		json_object_foreach((json_t *)(uintptr_t)dims, key,
		                    value) if (!scope_set(scope, key, json_number_value(value)))
		    layer_fail(&layer, "more than %d names", SCOPE_NAMES_MAX);
		if (!layer.code)
			layer.code =
			    override_dims(scope, graph->arena, graph->options->dims, graph->err);
		json_object_foreach((json_t *)(uintptr_t)dims, key, value)
		{
			double old;
			if (layer.code || !json_is_string(value) ||
			    (scope_get(scope, key, strlen(key), &old) && old != 0))
				continue;
			scope_set(scope, key, layer_need(&layer, key, -1e9));
		}
	} else if (!layer.code && graph->options->dims && graph->options->dims[0]) {
		layer_fail(&layer, "the model has no dimensions to replace");
	}
	return layer.code;
}

/* The input's shape; S, and resolution, as asked or as the file says. */
static enum ergon_code read_input(struct graph *graph, const json_t *root, struct scope *scope)
{
	const struct workload_options *options = graph->options;
	struct workload *out = graph->out;
	struct layer layer = { .graph = graph,
		               .object = json_object_get(root, "input"),
		               .op = "input" };
	if (!json_is_object(layer.object))
		layer_fail(&layer, "expected an object with \"kind\"");
	const char *kind = layer.code ? "" : layer_text(&layer, "kind", "");
	if (strcmp(kind, "image") == 0) {
		double side = layer_need(&layer, "resolution", 1);
		if (options->resolution)
			side = (double)options->resolution;
		graph->x = (struct tensor){ .c = layer_number(&layer, "channels", 3, 1),
			                    .h = side,
			                    .w = side };
		out->resolution = (uint64_t)side;
		if (!layer.code && options->sequence)
			layer_fail(&layer, "an image model has no sequence length");
	} else if (strcmp(kind, "tokens") == 0 || strcmp(kind, "signal") == 0) {
		double length = layer_need(&layer, "sequence", 1);
		if (options->sequence)
			length = (double)options->sequence;
		bool tokens = kind[0] == 't';
		double beside = options->context ? options->prefill : 0;
		out->serves = options->context > 0 && options->runtime == RUNTIME_GRAPH;
		graph->x = tokens ? (struct tensor){ .c = 1, .h = length + beside, .w = 1 }
		                  : (struct tensor){ .c = layer_number(&layer, "channels", 1, 1),
			                             .h = layer_number(&layer, "height", 1, 1),
			                             .w = length };
		scope_set(scope, "S", length);
		out->sequence = (uint64_t)length;
		out->tokens = tokens ? length * layer_number(&layer, "streams", 1, 1) : 0;
		if (!layer.code && options->resolution)
			layer_fail(&layer, "a sequence model has no resolution");
	} else if (strcmp(kind, "features") == 0) {
		graph->x = (struct tensor){ .c = layer_need(&layer, "width", 1), .h = 1, .w = 1 };
		if (!layer.code && (options->sequence || options->resolution))
			layer_fail(&layer, "the model has neither sequence length nor resolution");
	} else {
		layer_fail(&layer, "kind: expected image, tokens, signal or features");
	}
	if (!layer.code && !(tensor_elements(&graph->x) <= 1e10))
		layer_fail(&layer, "over 1e10 elements");
	return layer.code;
}

static enum ergon_code read_names(struct graph *graph, const json_t *root)
{
	struct workload *out = graph->out;
	struct json_place place = { graph->file, "" };
	const char *name, *title, *optimizer = "sgd";
	enum ergon_code code;
	if ((code = json_only_keys(root, place, root_keys, graph->err)) ||
	    (code = json_need_text(root, place, "name", &name, graph->err)))
		return code;
	title = name;
	if ((code = json_want_text(root, place, "title", &title, graph->err)) ||
	    (code = json_want_text(root, place, "optimizer", &optimizer, graph->err)))
		return code;
	out->name = arena_strdup(graph->arena, name);
	out->title = arena_strdup(graph->arena, title);
	if (!out->name || !out->title)
		return ergon_fail(graph->err, ERGON_NO_MEMORY, "out of memory");
	out->optimizer = graph->options->optimizer;
	if (graph->options->infer)
		out->optimizer = OPTIMIZER_NONE;
	else if (!graph->options->optimizer_given)
		code = optimizer_parse(optimizer, &out->optimizer, graph->err);
	return code;
}

void graph_init(struct graph *graph, const char *file, const struct workload_options *options,
                struct workload *out, struct kernel *kernels, struct arena *arena,
                struct ergon_error *err)
{
	*graph = (struct graph){ .file = file,
		                 .err = err,
		                 .options = options,
		                 .facts = precision_facts(options->precision),
		                 .out = out,
		                 .kernels = kernels,
		                 .times = 1,
		                 .samples = 1,
		                 .weights_times = 1,
		                 .ways = options->tensor_ways > 1 ? options->tensor_ways : 1,
		                 .expert_ways = options->expert_ways > 1 ? options->expert_ways : 1,
		                 .arena = arena };
	out->precision = options->precision;
	out->runtime = options->runtime;
	out->infer = options->infer;
	out->tensor_ways = (unsigned)graph->ways;
	out->expert_ways = (unsigned)graph->expert_ways;
}

enum ergon_code graph_close(struct graph *graph)
{
	struct workload *out = graph->out;
	enum ergon_code code = lower_group(graph, "parameters");
	if (code)
		return code;
	graph_finish(graph);
	if (graph->count > KERNELS_MAX || !(out->step_flops < 1e24) || out->parameters > 1e15)
		return ergon_fail_at(graph->err, ERGON_BAD_INPUT, graph->file, 0,
		                     "the model is larger than any that exists");
	struct kernel *kernels = ARENA_ARRAY(graph->arena, struct kernel, graph->count + 1);
	if (!kernels)
		return ergon_fail(graph->err, ERGON_NO_MEMORY, "out of memory");
	for (int class = 0; class < KERNEL_CLASS_COUNT; class ++)
		for (size_t i = 0; i < graph->count; i++)
			if ((int)kernel_class(&graph->kernels[i]) == class)
				kernels[out->count++] = graph->kernels[i];
	out->kernels = kernels;
	return ERGON_OK;
}

static enum ergon_code build(struct graph *graph, const json_t *root)
{
	struct scope scope = { 0 };
	enum ergon_code code;
	if (!json_is_object(root))
		return ergon_fail_at(graph->err, ERGON_BAD_INPUT, graph->file, 1,
		                     "expected an object that describes a model");
	graph->blocks = json_object_get(root, "blocks");
	scope_set(&scope, "ways", graph->ways);
	if ((code = read_names(graph, root)) || (code = read_input(graph, root, &scope)) ||
	    (code = read_dims(graph, root, &scope)) ||
	    (code = lower_layers(graph, json_object_get(root, "layers"))))
		return code;
	return graph_close(graph);
}

/* From a parsed model file. */
static enum ergon_code workload_build(const json_t *root, const char *file,
                                      const struct workload_options *options, struct arena *arena,
                                      const struct workload **workload, struct ergon_error *err)
{
	enum ergon_code code;
	struct workload *out = ARENA_NEW(arena, struct workload);
	struct kernel *kernels = calloc(KERNELS_MAX, sizeof *kernels);
	struct graph graph;
	if (!out || !kernels) {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	} else {
		graph_init(&graph, file, options, out, kernels, arena, err);
		code = build(&graph, root);
	}
	free(kernels);
	if (!code)
		*workload = out;
	return code;
}

enum ergon_code workload_parse(const char *text, size_t length, const char *file,
                               const struct workload_options *options, struct arena *arena,
                               const struct workload **workload, struct ergon_error *err)
{
	json_t *root, *model = NULL;
	*workload = NULL;
	if (onnx_like(text, length))
		return onnx_import(text, length, file, options, arena, workload, err);
	enum ergon_code code = json_parse(text, length, file, &root, err);
	if (code)
		return code;
	if (hf_config_like(root))
		code = hf_config_import(root, file, &model, err);
	if (!code)
		code = workload_build(model ? model : root, file, options, arena, workload, err);
	json_decref(model);
	json_decref(root);
	return code;
}

/* "params=5e6,flops=1e9,activations=4e6": the model file of totals, with these dimensions. All
 * three, since its defaults are those of one network. */
static enum ergon_code read_totals(const char *name, const struct workload_options *options,
                                   char *dims, size_t size, struct ergon_error *err)
{
	static const char *const needed[] = { "params=", "flops=", "activations=" };
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!strstr(name, needed[i]))
			return ergon_fail(
			    err, ERGON_BAD_INPUT,
			    "a model given by its totals needs params=, flops= (forward, "
			    "a sample) and activations=: '%.80s' has no %s",
			    name, needed[i]);
	const char *more = options->dims && options->dims[0] ? options->dims : NULL;
	int used = snprintf(dims, size, "%s%s%s", name, more ? "," : "", more ? more : "");
	if (used < 0 || (size_t)used >= size)
		return ergon_fail(err, ERGON_BAD_INPUT, "the totals of the model are too long");
	return ERGON_OK;
}

/* A folder as models are downloaded, an ONNX file, or whatever the catalogue makes of the name. */
static enum ergon_code find_model(const struct ergon_env *env, const char *name,
                                  char path[CATALOGUE_PATH_MAX], struct ergon_error *err)
{
	size_t length = strlen(name);
	bool onnx = length > 5 && strcmp(name + length - 5, ".onnx") == 0;
	if (strchr(name, '/') && file_is_dir(name)) {
		if (file_join(path, CATALOGUE_PATH_MAX, name, "config.json"))
			return ERGON_OK;
	} else if (onnx && length < CATALOGUE_PATH_MAX) {
		memcpy(path, name, length + 1);
		return ERGON_OK;
	}
	return catalogue_find(env, "models", "model", name, path, err);
}

enum ergon_code workload_load(const struct ergon_env *env, const char *name,
                              const struct workload_options *options, struct arena *arena,
                              const struct workload **workload, struct ergon_error *err)
{
	char path[CATALOGUE_PATH_MAX];
	char *text;
	char totals[512];
	size_t length;
	struct workload_options with = *options;
	enum ergon_code code = ERGON_OK;
	if (strchr(name, '=') && !strchr(name, '/')) {
		code = read_totals(name, options, totals, sizeof totals, err);
		with.dims = totals;
		name = "aggregate";
	}
	if (!code)
		code = find_model(env, name, path, err);
	if (!code)
		code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = workload_parse(text, length, path, &with, arena, workload, err);
	free(text);
	return code;
}

enum ergon_code model_list(const struct ergon_env *env, struct arena *arena,
                           const char *const **names, size_t *count, struct ergon_error *err)
{
	return catalogue_list(env, "models", arena, names, count, err);
}
