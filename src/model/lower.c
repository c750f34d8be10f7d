/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over a model file's layers: repeats, blocks, residuals, branches.
 */
#include "model/lower.h"

#include <math.h>
#include <string.h>

#include "base/suggest.h"

static enum ergon_code lower_list(struct graph *graph, const json_t *list);

static enum ergon_code fail(struct graph *graph, const char *format, const char *name)
{
	return ergon_fail_at(graph->err, ERGON_BAD_INPUT, graph->file, 0, format, name);
}

enum ergon_code lower_group(struct graph *graph, const char *name)
{
	struct workload *out = graph->out;
	size_t i = 0;
	while (i < out->group_count && strcmp(out->groups[i], name) != 0)
		i++;
	if (i == GROUPS_MAX)
		return fail(graph, "group '%.40s': more groups than a table can hold", name);
	if (i == out->group_count) {
		out->groups[i] = arena_strdup(graph->arena, name);
		if (!out->groups[i])
			return ergon_fail(graph->err, ERGON_NO_MEMORY, "out of memory");
		out->group_count++;
	}
	graph->group = (uint16_t)i;
	return ERGON_OK;
}

static bool same_shape(const struct tensor *a, const struct tensor *b)
{
	return a->c == b->c && a->h == b->h && a->w == b->w;
}

static void add_tensors(struct graph *graph, double count)
{
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = tensor_elements(&graph->x),
	                                  .forward = count + 1,
	                                  .backward = count + 1,
	                                  .flops = count - 1,
	                                  .elementwise = true });
	graph->x.saved = false;
}

static enum ergon_code lower_repeat(struct graph *graph, const json_t *object, const json_t *body)
{
	struct layer layer = { .graph = graph, .object = object, .op = "repeat" };
	double repeat = layer_number(&layer, "repeat", 1, 1);
	bool shared = layer_flag(&layer, "shared", false);
	bool tied = layer_flag(&layer, "tied", false); /* to the weights of an earlier block */
	double samples = graph->samples;
	if (!layer.code && (repeat > 1000 || repeat != floor(repeat)))
		layer_fail(&layer, "expected a whole number to 1000");
	graph->samples *= layer_number(&layer, "samples", 1, 1);
	enum ergon_code code = layer.code;
	double times = graph->times, weights = graph->weights_times;
	struct tensor before = graph->x;
	double kept = graph->out->activation_bytes;
	graph->repeats += repeat > 1;
	if (tied)
		graph->weights_times = 0;
	if (!code)
		code = lower_list(graph, body);
	if (shared)
		graph->weights_times = 0;
	/* What leaves the shape alone is the same work every time. */
	if (!code && repeat > 1 && same_shape(&before, &graph->x)) {
		graph->times = times * (repeat - 1);
		graph->weights_times *= repeat - 1;
		code = lower_list(graph, body);
	} else {
		for (double i = 1; !code && i < repeat; i++)
			code = lower_list(graph, body);
	}
	graph->times = times;
	graph->weights_times = weights;
	graph->samples = samples;
	graph->repeats -= repeat > 1;
	kept = graph->out->activation_bytes - kept;
	if (repeat > 1 && kept > graph->out->block_bytes) {
		graph->out->layers = repeat;
		graph->out->block_bytes = kept;
		graph->out->boundary_bytes =
		    tensor_elements(&graph->x) * graph->facts->activation_bytes;
	}
	return code;
}

static enum ergon_code lower_block(struct graph *graph, const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "block"));
	const json_t *body = name ? json_object_get(graph->blocks, name) : NULL;
	const json_t *with = json_object_get(object, "with");
	struct scope scope = { .outer = graph->scope };
	struct layer layer = { .graph = graph, .object = with, .op = "block" };
	const char *key;
	json_t *value;
	if (!json_is_array(body))
		return fail(graph, "no block '%.40s' in \"blocks\"", name ? name : "(not a text)");
	if (with && !json_is_object(with))
		return fail(graph, "block '%.40s': with: expected an object", name);
	/* The new names see the old ones, not each other. */
	json_object_foreach((json_t *)(uintptr_t)with, key,
	                    value) if (!layer.code &&
	                               !scope_set(&scope, key, layer_need(&layer, key, -1e9)))
	    layer_fail(&layer, "more names than %d", SCOPE_NAMES_MAX);
	if (layer.code)
		return layer.code;
	const struct scope *outer = graph->scope;
	graph->scope = &scope;
	enum ergon_code code = lower_repeat(graph, object, body);
	graph->scope = outer;
	return code;
}

static enum ergon_code lower_residual(struct graph *graph, const json_t *object)
{
	struct tensor before = graph->x;
	enum ergon_code code = lower_list(graph, json_object_get(object, "residual"));
	struct tensor after = graph->x;
	if (!code && !same_shape(&before, &after)) {
		const json_t *shortcut = json_object_get(object, "shortcut");
		if (!shortcut)
			return fail(graph,
			            "%s: the body changes the shape and there is no shortcut",
			            "residual");
		graph->x = before;
		graph->x.saved = true; /* by the body, which reads it too */
		code = lower_list(graph, shortcut);
		if (!code && !same_shape(&graph->x, &after))
			return fail(graph, "%s: body and shortcut end in different shapes",
			            "residual");
	}
	graph->x = after;
	if (!code)
		add_tensors(graph, 2);
	return code;
}

static enum ergon_code lower_branches(struct graph *graph, const json_t *object)
{
	const json_t *branches = json_object_get(object, "branches");
	const char *join = json_string_value(json_object_get(object, "join"));
	struct tensor before = graph->x, joined = { 0 };
	bool concat = join && strcmp(join, "concat") == 0;
	if (!concat && !(join && strcmp(join, "add") == 0))
		return fail(graph, "%s: join: expected concat or add", "branches");
	if (!json_is_array(branches) || json_array_size(branches) < 1)
		return fail(graph, "%s: expected a list of lists of layers", "branches");
	for (size_t i = 0; i < json_array_size(branches); i++) {
		graph->x = before;
		graph->x.saved = before.saved || i > 0;
		enum ergon_code code = lower_list(graph, json_array_get(branches, i));
		if (code)
			return code;
		if (i && (graph->x.h != joined.h || graph->x.w != joined.w ||
		          (!concat && graph->x.c != joined.c)))
			return fail(graph, "%s: the branches end in different shapes", "branches");
		joined.c = concat ? joined.c + graph->x.c : graph->x.c;
		joined.h = graph->x.h;
		joined.w = graph->x.w;
		joined.grad |= graph->x.grad;
	}
	graph->x = joined;
	if (concat)
		graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
		                                  .elements = tensor_elements(&graph->x),
		                                  .forward = 2,
		                                  .backward = 2 });
	else
		add_tensors(graph, (double)json_array_size(branches));
	return ERGON_OK;
}

/* save NAME, load NAME, concat NAME, add NAME: tensors that come back later. */
static enum ergon_code lower_slot(struct graph *graph, const json_t *object, const char *verb)
{
	const char *name = json_string_value(json_object_get(object, verb));
	size_t i = 0;
	if (!name)
		return fail(graph, "%s: expected the name of a tensor", verb);
	while (i < graph->slot_count && strcmp(graph->slots[i].name, name) != 0)
		i++;
	if (strcmp(verb, "save") == 0) {
		if (i == SLOTS_MAX)
			return fail(graph, "save '%.40s': too many saved tensors", name);
		graph->slots[i] = (struct slot){ name, graph->x };
		graph->slots[i].x.saved = true; /* counted where it was made */
		graph->slot_count += i == graph->slot_count;
		return ERGON_OK;
	}
	if (i == graph->slot_count)
		return fail(graph, "no saved tensor '%.40s'", name);
	const struct tensor *slot = &graph->slots[i].x;
	if (strcmp(verb, "load") == 0) {
		graph->x = *slot;
		return ERGON_OK;
	}
	bool concat = strcmp(verb, "concat") == 0;
	if (slot->h != graph->x.h || slot->w != graph->x.w || (!concat && slot->c != graph->x.c))
		return fail(graph, "saved tensor '%.40s' has another shape", name);
	if (!concat) {
		add_tensors(graph, 2);
		return ERGON_OK;
	}
	graph->x.c += slot->c;
	graph->x.saved = false;
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = tensor_elements(&graph->x),
	                                  .forward = 2,
	                                  .backward = 2 });
	return ERGON_OK;
}

static enum ergon_code lower_op(struct graph *graph, const json_t *object, const char *name)
{
	static const char *const always[] = { "op", "group" };
	const char *names[128], *known[24];
	size_t count = 0, at;
	char hint[256];
	for (at = 0; at < op_count && strcmp(op_table[at].name, name) != 0; at++)
		names[at] = op_table[at].name;
	if (at == op_count)
		return ergon_fail_at(graph->err, ERGON_BAD_INPUT, graph->file, 0,
		                     "no operator '%.40s'%s", name,
		                     suggest_hint(hint, sizeof hint, name, names, op_count));
	known[count++] = always[0];
	known[count++] = always[1];
	for (const char *const *key = op_table[at].keys; *key; key++)
		known[count++] = *key;
	known[count] = NULL;
	struct json_place place = { graph->file, name };
	enum ergon_code code = json_only_keys(object, place, known, graph->err);
	if (code)
		return code;
	struct layer layer = { .graph = graph, .object = object, .op = op_table[at].name };
	op_table[at].lower(&layer);
	double size = tensor_elements(&graph->x);
	if (!layer.code && !(size >= 1 && size <= 1e12))
		layer_fail(&layer, "the output of %g elements is no sensible size", size);
	return layer.code;
}

static enum ergon_code lower_one(struct graph *graph, const json_t *object)
{
	static const char *const verbs[] = { "save", "load", "concat", "add" };
	const char *op = json_string_value(json_object_get(object, "op"));
	if (op)
		return lower_op(graph, object, op);
	if (json_object_get(object, "body"))
		return lower_repeat(graph, object, json_object_get(object, "body"));
	if (json_object_get(object, "block"))
		return lower_block(graph, object);
	if (json_object_get(object, "residual"))
		return lower_residual(graph, object);
	if (json_object_get(object, "branches"))
		return lower_branches(graph, object);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (json_object_get(object, verbs[i]))
			return lower_slot(graph, object, verbs[i]);
	return fail(graph, "a layer needs one of %s",
	            "\"op\", \"body\", \"block\", \"residual\", \"branches\", \"save\", "
	            "\"load\", \"concat\", \"add\"");
}

/* The names that expressions see change with the running tensor. */
static enum ergon_code lower_layer(struct graph *graph, const json_t *object)
{
	struct scope scope = { .outer = graph->scope };
	uint16_t group = graph->group;
	const json_t *name = json_object_get(object, "group");
	enum ergon_code code = ERGON_OK;
	if (!json_is_object(object))
		return fail(graph, "%s: expected an object", "layer");
	if (++graph->layers > LAYERS_MAX)
		return fail(graph, "%s: more layers than a model has", "layers");
	if (name)
		code = json_is_string(name) ? lower_group(graph, json_string_value(name))
		                            : fail(graph, "%s: expected a text", "group");
	if (code)
		return code;
	scope_set(&scope, "C", graph->x.c);
	scope_set(&scope, "H", graph->x.h);
	scope_set(&scope, "W", graph->x.w);
	const struct scope *outer = graph->scope;
	graph->scope = &scope;
	code = lower_one(graph, object);
	graph->scope = outer;
	graph->group = group;
	return code;
}

static enum ergon_code lower_list(struct graph *graph, const json_t *list)
{
	enum ergon_code code = ERGON_OK;
	if (!json_is_array(list))
		return fail(graph, "%s: expected a list of layers", "body");
	if (graph->nesting >= NESTING_MAX)
		return fail(graph, "%s: nested too deeply", "layers");
	graph->nesting++;
	for (size_t i = 0; i < json_array_size(list) && !code; i++)
		code = lower_layer(graph, json_array_get(list, i));
	graph->nesting--;
	return code;
}

enum ergon_code lower_layers(struct graph *graph, const json_t *layers)
{
	enum ergon_code code = lower_group(graph, "model");
	if (!code)
		code = lower_list(graph, layers);
	if (!code && graph->count > KERNELS_MAX)
		code = fail(graph, "%s: more different kernels than a workload holds", "layers");
	return code;
}
