/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalisation. Batch norm in training reads its input for the statistics and again to apply them
 * (3 elements moved), and its backward reads input and gradient twice (5). Layer norm does the same
 * for each row, of which little is still in a cache (2.8); its backward has one more pass over both
 * for the parameters' gradients (6.5).
 */
#include <string.h>

#include "model/graph.h"

void op_batchnorm(struct layer *layer)
{
	struct graph *graph = layer->graph;
	double elements = tensor_elements(&graph->x), channels = graph->x.c;
	bool infer = graph->options->infer;
	graph_save(graph);
	graph->x.grad = true;
	graph_pass(graph, &(struct pass){ .family = FAMILY_NORM,
	                                  .elements = elements,
	                                  .forward = infer ? 2 : 3,
	                                  .backward = 5,
	                                  .flops = 6 });
	graph->x.saved = false;
	graph->x.fresh = true;
	graph_parameters(graph, 2 * channels, 2);
}

void op_layernorm(struct layer *layer)
{
	struct graph *graph = layer->graph;
	double elements = tensor_elements(&graph->x), width = graph->x.c;
	bool both = strcmp(layer->op, "rmsnorm") != 0 && layer_flag(layer, "bias", true);
	graph_save(graph);
	graph->x.grad = true;
	graph_pass(graph, &(struct pass){ .family = FAMILY_NORM,
	                                  .elements = elements,
	                                  .forward = 2.8,
	                                  .backward = 6.5,
	                                  .flops = 8,
	                                  .backward_launches = 2,
	                                  .elementwise = true });
	graph->x.saved = false;
	graph_parameters(graph, (both ? 2 : 1) * width, both ? 2 : 1);
}
