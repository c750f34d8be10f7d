/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution as an implicit matrix product (Chetlur et al. 2014, arXiv 1410.0759): M = positions
 * of the output, N = output channels, K = input channels x kernel, per group. One group a channel
 * (depthwise) is bound by memory and runs on vector units.
 */
#include <math.h>

#include "model/graph.h"

struct pair {
	double h, w;
};

/* A number, an expression or [h, w]. */
static struct pair pair_of(struct layer *layer, const char *key, double fallback, double min)
{
	const json_t *item = json_object_get(layer->object, key);
	if (!json_is_array(item)) {
		double value = layer_number(layer, key, fallback, min);
		return (struct pair){ value, value };
	}
	double h = json_number_value(json_array_get(item, 0));
	double w = json_number_value(json_array_get(item, 1));
	if (json_array_size(item) != 2 || !(h >= min && w >= min && h <= 1e6 && w <= 1e6))
		layer_fail(layer, "%s: expected a number or two", key);
	return (struct pair){ h, w };
}

static double out_size(double in, double kernel, double stride, double pad)
{
	return floor((in + 2 * pad - kernel) / stride) + 1;
}

void op_conv(struct layer *layer)
{
	struct graph *graph = layer->graph;
	struct tensor *x = &graph->x;
	double out = layer_need(layer, "out", 1), groups = layer_number(layer, "groups", 1, 1);
	struct pair kernel = pair_of(layer, "kernel", 1, 1);
	struct pair stride = pair_of(layer, "stride", 1, 1);
	double dilation = layer_number(layer, "dilation", 1, 1);
	struct pair span = { (kernel.h - 1) * dilation + 1, (kernel.w - 1) * dilation + 1 };
	struct pair pad = { floor(span.h / 2), floor(span.w / 2) };
	if (json_object_get(layer->object, "pad"))
		pad = pair_of(layer, "pad", 0, 0);
	bool bias = layer_flag(layer, "bias", false);
	bool transpose = layer_flag(layer, "transpose", false);
	struct tensor y = { .c = out, .grad = true };
	y.h = transpose ? x->h * stride.h : out_size(x->h, span.h, stride.h, pad.h);
	y.w = transpose ? x->w * stride.w : out_size(x->w, span.w, stride.w, pad.w);
	if (!layer->code && !(y.h >= 1 && y.w >= 1))
		layer_fail(layer, "the input of %g x %g is smaller than the kernel", x->h, x->w);
	if (!layer->code && (fmod(x->c, groups) != 0 || fmod(out, groups) != 0))
		layer_fail(layer, "groups: %g does not divide %g input and %g output channels",
		           groups, x->c, out);
	if (layer->code)
		return;
	bool depthwise = groups == x->c && groups > 1;
	bool square3 = kernel.h == 3 && kernel.w == 3 && stride.h == 1 && stride.w == 1;
	double taps = kernel.h * kernel.w;
	struct product product = {
		.family = depthwise ? FAMILY_DEPTHWISE : FAMILY_CONV,
		.m = transpose ? x->h * x->w : y.h * y.w,
		.n = out / groups,
		.k = x->c / groups * taps,
		.batch = groups,
		.axis = AXIS_M,
		.in = tensor_elements(x),
		.out = tensor_elements(&y),
		.weights = x->c / groups * taps * out,
		.input_grad = x->grad,
		.taps = taps,
		.strides = transpose ? 1 : stride.h * stride.w,
		.winograd = square3 && groups == 1 && graph->facts->matrix == RATE_FP32,
	};
	graph_save(graph);
	graph_product(graph, &product);
	*x = y;
	graph_parameters(graph, product.weights + (bias ? out : 0), bias ? 2 : 1);
	if (bias)
		graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
		                                  .elements = tensor_elements(x),
		                                  .forward = 2,
		                                  .backward = 1,
		                                  .flops = 1,
		                                  .elementwise = true });
}
