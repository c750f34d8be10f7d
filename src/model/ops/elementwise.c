/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations, dropout, gates, softmax, copies, reshapes, losses: bound by memory.
 */
#include <string.h>

#include "model/graph.h"

void op_activation(struct layer *layer)
{
	struct graph *graph = layer->graph;
	bool in_place =
	    strstr(layer->op, "relu") != NULL; /* keeps its output, which the next shares */
	if (!in_place)
		graph_save(graph);
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = tensor_elements(&graph->x),
	                                  .forward = 2,
	                                  .backward = 3,
	                                  .flops = in_place ? 1 : 10,
	                                  .elementwise = true });
	graph->x.saved = false;
	if (in_place)
		graph_save(graph);
}

/* act(a) * b with a, b the halves of the running width: SwiGLU and its kin. */
void op_glu(struct layer *layer)
{
	struct graph *graph = layer->graph;
	double elements = tensor_elements(&graph->x) / 2;
	graph_save(graph);
	graph_save_bytes(graph, elements * graph->facts->activation_bytes); /* act(a) */
	bool eager = !runtime_fuses(graph->options->runtime);
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = elements,
	                                  .forward = eager ? 5 : 3,
	                                  .backward = eager ? 8 : 5,
	                                  .flops = 12,
	                                  .forward_launches = eager ? 2 : 1,
	                                  .backward_launches = eager ? 3 : 1 });
	graph->x.c /= 2;
	graph->x.saved = false;
}

void op_dropout(struct layer *layer)
{
	struct graph *graph = layer->graph;
	if (graph->options->infer)
		return;
	double mask = 1 / graph->facts->activation_bytes, elements = tensor_elements(&graph->x);
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = elements,
	                                  .forward = 2 + mask,
	                                  .backward = 2 + mask,
	                                  .flops = 4,
	                                  .elementwise = true });
	graph_save_bytes(graph, elements);
	graph->x.saved = false;
}

void op_softmax(struct layer *layer)
{
	struct graph *graph = layer->graph;
	graph_pass(graph, &(struct pass){ .family = FAMILY_SOFTMAX,
	                                  .elements = tensor_elements(&graph->x),
	                                  .forward = 2,
	                                  .backward = 3,
	                                  .flops = 8,
	                                  .elementwise = true });
	graph->x.saved = false;
	graph_save(graph);
}

/* One read, one write each way: scaling, rotary positions (of `width` channels). */
void op_elementwise(struct layer *layer)
{
	struct graph *graph = layer->graph;
	double width = layer_number(layer, "width", graph->x.c, 1);
	if (layer->code)
		return;
	graph_pass(graph,
	           &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                           .elements = width / graph->x.c * tensor_elements(&graph->x),
	                           .forward = 2,
	                           .backward = 2,
	                           .flops = 4,
	                           .elementwise = true });
	graph->x.saved = false;
}

void op_copy(struct layer *layer)
{
	struct graph *graph = layer->graph;
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = tensor_elements(&graph->x),
	                                  .forward = 2,
	                                  .backward = 2 });
	graph->x.saved = false;
}

/* A view: no kernel. flatten makes one position of all; reshape sets what it names. */
void op_reshape(struct layer *layer)
{
	struct tensor *x = &layer->graph->x;
	if (strcmp(layer->op, "flatten") == 0) {
		x->c = tensor_elements(x);
		x->h = x->w = 1;
		return;
	}
	double c = layer_number(layer, "c", x->c, 1), h = layer_number(layer, "h", x->h, 1);
	double w = layer_number(layer, "w", x->w, 1);
	x->c = c;
	x->h = h;
	x->w = w;
}

static const double LONG_ROW = 12288; /* elements in float32 of 48 KB */

/* Log-softmax over the classes and the gather of the target; float32 whatever the precision. */
void op_loss(struct layer *layer)
{
	struct graph *graph = layer->graph;
	double elements = tensor_elements(&graph->x);
	double wide = 4 / graph->facts->activation_bytes;
	/* Largest, sum and result each read a row anew where it does not fit into shared memory. */
	bool long_rows = graph->x.c > LONG_ROW && graph->options->runtime != RUNTIME_COMPILED;
	double again = long_rows ? 2 : 0;
	if (graph->options->infer)
		return;
	graph->x.grad = true;
	graph_pass(graph, &(struct pass){ .family = FAMILY_LOSS,
	                                  .elements = elements,
	                                  .forward = (2 + again) * wide,
	                                  .backward = (2 + again) * wide + 1,
	                                  .flops = 8,
	                                  .forward_launches = 2,
	                                  .backward_launches = 2 });
	graph_save_bytes(graph, elements * 4);
	graph->out->loss_bytes += elements * 4 * graph->times;
}
