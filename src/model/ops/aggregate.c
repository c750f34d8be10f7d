/* SPDX-License-Identifier: Apache-2.0
 *
 * A network of which only totals are known: FLOPs of the forward pass, elements that its products
 * write (activations), parameters, and about how many layers.
 *
 * FLOPs over twice the activations is the mean inner dimension of its products (channels x window
 * of a convolution), which decides how far from the peak they run; activations are what the
 * memory-bound layers in between read and write: a norm and an activation for each product, as in
 * most networks for images, or for a share of them (norms, gates). Products are convolutions, or
 * plain ones where dense. Convolutions in a few wide groups (grouped) had no kernels for matrix
 * units that train channels last.
 */
#include <math.h>

#include "model/graph.h"

void op_aggregate(struct layer *layer)
{
	struct graph *graph = layer->graph;
	double flops = 1e6 * layer_need(layer, "mflops", 1e-6);
	double activations = layer_need(layer, "activations", 1);
	double parameters = layer_need(layer, "parameters", 1);
	double layers = floor(layer_number(layer, "layers", 50, 1));
	double norms = layer_number(layer, "norms", 1, 0),
	       gates = layer_number(layer, "gates", 1, 0);
	bool dense = layer_number(layer, "dense", 0, 0) > 0;
	bool grouped = layer_number(layer, "grouped", 0, 0) > 0;
	if (!layer->code && layers > 10000)
		layer_fail(layer, "layers: expected at most 10000");
	if (layer->code)
		return;
	double inner = fmax(flops / (2 * activations), 1);
	/* As wide as deep: a product's output channels are the next one's inner dimension. */
	double width = fmin(fmax(inner, 16), 1024);
	double out = activations / layers, times = graph->times, sets = graph->weights_times;
	graph->times = times * layers;
	graph->weights_times = sets * layers;
	graph->x = (struct tensor){ .c = width, .h = out / width, .w = 1, .grad = true };
	graph_save(graph);
	graph_product(graph, &(struct product){ .family = dense ? FAMILY_GEMM : FAMILY_CONV,
	                                        .m = out / width,
	                                        .n = width,
	                                        .k = inner,
	                                        .batch = 1,
	                                        .axis = AXIS_M,
	                                        .in = out,
	                                        .out = out,
	                                        .weights = parameters / layers,
	                                        .input_grad = true,
	                                        .vector = grouped &&
	                                                  graph->options->layout == LAYOUT_NHWC &&
	                                                  !graph->options->infer });
	graph_pass(graph, &(struct pass){ .family = FAMILY_NORM,
	                                  .elements = norms * out,
	                                  .forward = graph->options->infer ? 2 : 3,
	                                  .backward = 5,
	                                  .flops = 6 });
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = gates * out,
	                                  .forward = 2,
	                                  .backward = 3,
	                                  .flops = 1,
	                                  .elementwise = true });
	graph->x.saved = false;
	graph_save(graph);
	graph_parameters(graph, parameters / layers, 3);
	graph->times = times;
	graph->weights_times = sets;
}
