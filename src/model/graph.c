/* SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void layer_fail(struct layer *layer, const char *format, ...)
{
	if (layer->code)
		return;
	char text[256];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	layer->code = ergon_fail_at(layer->graph->err, ERGON_BAD_INPUT, layer->graph->file, 0,
	                            "layer '%s': %s", layer->op, text);
}

static double number_of(struct layer *layer, const char *key, const json_t *item, double min)
{
	double value = 0;
	if (json_is_number(item)) {
		value = json_number_value(item);
	} else if (json_is_string(item)) {
		struct ergon_error inner = { 0 };
		if (expr_eval(json_string_value(item), layer->graph->scope, &value, &inner))
			layer_fail(layer, "%s: %.200s", key, inner.text);
	} else {
		layer_fail(layer, "%s: expected a number or an expression", key);
	}
	if (!layer->code && !(value >= min && value <= 1e12))
		layer_fail(layer, "%s: expected %g to 1e12, found %g", key, min, value);
	return layer->code ? min : value;
}

double layer_number(struct layer *layer, const char *key, double fallback, double min)
{
	const json_t *item = json_object_get(layer->object, key);
	return item ? number_of(layer, key, item, min) : fallback;
}

double layer_need(struct layer *layer, const char *key, double min)
{
	const json_t *item = json_object_get(layer->object, key);
	if (!item)
		layer_fail(layer, "%s is missing", key);
	return item ? number_of(layer, key, item, min) : min;
}

bool layer_flag(struct layer *layer, const char *key, bool fallback)
{
	const json_t *item = json_object_get(layer->object, key);
	if (item && !json_is_boolean(item))
		layer_fail(layer, "%s: expected true or false", key);
	return item ? json_is_true(item) : fallback;
}

const char *layer_text(struct layer *layer, const char *key, const char *fallback)
{
	const json_t *item = json_object_get(layer->object, key);
	if (item && !json_is_string(item))
		layer_fail(layer, "%s: expected a text", key);
	return json_is_string(item) ? json_string_value(item) : fallback;
}

static bool same_kernel(const struct kernel *a, const struct kernel *b)
{
	return a->flops == b->flops && a->flops_fixed == b->flops_fixed && a->bytes == b->bytes &&
	       a->bytes_fixed == b->bytes_fixed && a->m == b->m && a->n == b->n && a->k == b->k &&
	       a->batch == b->batch && a->collective == b->collective &&
	       a->row_bytes == b->row_bytes && a->waste == b->waste && a->accesses == b->accesses &&
	       a->launches == b->launches && a->issue == b->issue && a->rate == b->rate &&
	       a->family == b->family && a->phase == b->phase && a->axis == b->axis &&
	       a->narrow == b->narrow && a->winograd == b->winograd && a->early == b->early &&
	       a->repeated == b->repeated && a->scores == b->scores && a->group == b->group;
}

void graph_kernel(struct graph *graph, struct kernel kernel)
{
	kernel.group = graph->group;
	kernel.repeated = graph->repeats > 0;
	kernel.scores = graph->scores;
	kernel.count *= graph->times;
	if (graph->samples != 1) {
		double *const sizes[] = { [AXIS_M] = &kernel.m,
			                  [AXIS_N] = &kernel.n,
			                  [AXIS_K] = &kernel.k,
			                  [AXIS_BATCH] = &kernel.batch };
		if (kernel.axis != AXIS_NONE)
			*sizes[kernel.axis] *= graph->samples;
		kernel.flops *= graph->samples;
		kernel.bytes *= graph->samples;
	}
	if (graph->options->infer && kernel.phase != PHASE_FORWARD)
		return;
	for (size_t i = graph->count; i-- > 0;)
		if (same_kernel(&graph->kernels[i], &kernel)) {
			graph->kernels[i].count += kernel.count;
			return;
		}
	if (graph->count < KERNELS_MAX)
		graph->kernels[graph->count] = kernel;
	graph->count++; /* past the limit: an error at the end */
}

void graph_parameters(struct graph *graph, double elements, double tensors)
{
	graph->out->parameters += elements * graph->weights_times;
	graph->out->parameter_tensors += tensors * graph->weights_times;
	graph->x.grad = true;
}

void graph_save_bytes(struct graph *graph, double bytes_per_sample)
{
	if (!graph->options->infer)
		graph->out->activation_bytes += bytes_per_sample * graph->times * graph->samples;
	if (graph->scores && !graph->options->infer)
		graph->out->score_bytes += bytes_per_sample * graph->times * graph->samples;
}

void graph_save(struct graph *graph)
{
	if (graph->x.saved)
		return;
	graph->x.saved = true;
	graph_save_bytes(graph, tensor_elements(&graph->x) * graph->facts->activation_bytes);
}

static enum rate product_rate(const struct graph *graph, const struct product *product)
{
	if (product->family == FAMILY_DEPTHWISE || product->vector) /* too narrow, or no kernel */
		return graph->facts->matrix == RATE_FP64 ? RATE_FP64 : RATE_FP32;
	if (graph->facts->matrix == RATE_FP8 && product->second_is_input)
		return RATE_BF16;
	return graph->facts->matrix;
}

/* Convolutions on matrix units read and write channels last: channels first, their operands are
 * copied, before and after (one row a group, since only bytes count). */
static void add_copies(struct graph *graph, const struct kernel *product, double elements,
                       enum phase phase)
{
	bool matrix = product->rate != RATE_FP32 && product->rate != RATE_FP64;
	if (graph->options->layout != LAYOUT_NCHW || product->family != FAMILY_CONV || !matrix)
		return;
	graph_kernel(graph, (struct kernel){ .bytes = 2 * elements * graph->facts->activation_bytes,
	                                     .count = 1,
	                                     .rate = RATE_FP32,
	                                     .family = FAMILY_LAYOUT,
	                                     .phase = (uint8_t)phase });
}

/* A server's products in 8 bits read a copy of their input that a kernel of its own scales. */
static void quantise(struct graph *graph, const struct product *p)
{
	const double bytes = graph->facts->activation_bytes + 1;
	if (!graph->options->infer || graph->facts->matrix != RATE_FP8 || p->second_is_input)
		return;
	graph_kernel(graph, (struct kernel){ .bytes = p->in * bytes,
	                                     .count = 1,
	                                     .launches = 1,
	                                     .issue = 1,
	                                     .rate = RATE_FP32,
	                                     .family = FAMILY_CAST,
	                                     .phase = PHASE_FORWARD });
}

void graph_product(struct graph *graph, const struct product *p)
{
	const struct precision_facts *facts = graph->facts;
	quantise(graph, p);
	double flops = 2 * p->m * p->n * p->k * p->batch;
	double moved = (p->in + p->out) * facts->activation_bytes;
	double fixed = 0;
	if (p->second_is_input)
		moved += p->weights * facts->activation_bytes;
	else
		fixed = p->weights * (p->weight_bytes > 0 ? p->weight_bytes : facts->weight_bytes);
	struct kernel kernel = { .flops = flops,
		                 .bytes = moved,
		                 .bytes_fixed = fixed,
		                 .m = p->m,
		                 .n = p->n,
		                 .k = p->k,
		                 .batch = p->batch,
		                 .count = 1,
		                 .launches = 1,
		                 .issue = 1,
		                 .rate = product_rate(graph, p),
		                 .family = (uint8_t)p->family,
		                 .phase = PHASE_FORWARD,
		                 .axis = (uint8_t)p->axis,
		                 .outputs = p->winograd ? p->n : 0,
		                 .winograd = p->winograd };
	double taps = fmax(p->taps, 1), channels = p->k / taps;
	/* Matrix units take 8 channels at once. */
	if (p->family == FAMILY_CONV && kernel.rate != RATE_FP32 && kernel.rate != RATE_FP64)
		kernel.waste = ceil(channels / 8) * 8 / channels - 1;
	graph_kernel(graph, kernel);
	kernel.waste = 0;
	add_copies(graph, &kernel, p->in + p->out, PHASE_FORWARD);
	double times = graph->times * graph->samples;
	graph->out->forward_flops += flops * times;
	graph->out->step_flops += flops * times;
	double widest = fmax(p->in, p->out) * facts->activation_bytes * graph->samples;
	graph->out->largest_bytes = fmax(graph->out->largest_bytes, widest);
	if (graph->options->infer)
		return;
	add_copies(graph, &kernel, (p->input_grad ? 2 : 1) * (p->in + p->out), PHASE_BACKWARD);
	kernel.phase = PHASE_BACKWARD;
	kernel.issue = 0.75; /* one autograd node issues both */
	if (p->input_grad) {
		/* Each position of the input gathers from the results whose window it is in. */
		double strides = fmax(p->strides, 1);
		kernel.m = p->m * strides;
		kernel.n = p->k / taps;
		kernel.k = p->n * taps / strides;
		kernel.waste = fmax(strides / taps - 1, 0);
		graph_kernel(graph, kernel);
		graph->out->step_flops += flops * times;
	}
	kernel.m = p->k;
	kernel.n = p->n;
	kernel.k = p->m;
	kernel.waste = 0;
	kernel.axis = (uint8_t)(p->axis == AXIS_M ? AXIS_K : p->axis);
	if (!p->second_is_input) {
		/* A parameter used again adds to the gradient that is there. */
		double touches = graph->weights_times > 0 ? 1 : 3;
		kernel.bytes_fixed = p->weights * facts->gradient_bytes * touches;
	}
	graph_kernel(graph, kernel);
	graph->out->step_flops += flops * times;
}

void graph_pass(struct graph *graph, const struct pass *pass)
{
	double bytes = graph->facts->activation_bytes * pass->elements;
	bool fused = pass->elementwise && graph->x.fresh && runtime_fuses(graph->options->runtime);
	/* Fused, the tensor between two passes is neither written nor read. */
	double forward = fused ? fmax(pass->forward - 2, 0) : pass->forward;
	double backward = fused ? fmax(pass->backward - 2, 0) : pass->backward;
	double launches = pass->forward_launches > 0 ? pass->forward_launches : 1;
	struct kernel kernel = { .flops = pass->flops * pass->elements,
		                 .bytes = forward * bytes,
		                 .count = 1,
		                 .launches = fused ? 0 : launches,
		                 .issue = fused ? 0 : launches,
		                 .row_bytes = pass->row * graph->facts->activation_bytes,
		                 .narrow = graph->facts->activation_bytes < 4,
		                 .rate = RATE_FP32,
		                 .family = (uint8_t)pass->family,
		                 .phase = PHASE_FORWARD };
	graph_kernel(graph, kernel);
	graph->x.fresh = pass->elementwise;
	if (pass->backward <= 0 || !graph->x.grad)
		return;
	launches = pass->backward_launches > 0 ? pass->backward_launches : 1;
	kernel.flops *= 2;
	kernel.bytes = backward * bytes;
	kernel.launches = kernel.issue = fused ? 0 : launches;
	kernel.phase = PHASE_BACKWARD;
	graph_kernel(graph, kernel);
}
