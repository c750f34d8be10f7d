/* SPDX-License-Identifier: Apache-2.0
 *
 * LSTM, GRU and plain recurrence: one large product for all inputs, then S steps in sequence, each
 * a thin product with the recurrent weights, as cuDNN does (Appleyard et al. 2016, arXiv
 * 1604.01946).
 */
#include <string.h>

#include "model/graph.h"

struct cell {
	double gates, hidden, ways; /* ways: directions */
	bool bias;
};

static void one_layer(struct graph *graph, const struct cell *cell)
{
	struct tensor *x = &graph->x;
	double steps = x->h * x->w, ab = graph->facts->activation_bytes;
	double wide = cell->gates * cell->hidden, weights = wide * cell->hidden;
	graph_save(graph);
	graph_product(graph, &(struct product){ .family = FAMILY_GEMM,
	                                        .m = steps,
	                                        .n = wide * cell->ways,
	                                        .k = x->c,
	                                        .batch = 1,
	                                        .axis = AXIS_M,
	                                        .in = steps * x->c,
	                                        .out = steps * wide * cell->ways,
	                                        .weights = wide * cell->ways * x->c,
	                                        .input_grad = x->grad });
	struct kernel step = { .flops = 2 * weights,
		               .bytes = (2 * cell->hidden + 2 * wide) * ab,
		               .bytes_fixed = weights * graph->facts->weight_bytes,
		               .m = 1,
		               .n = wide,
		               .k = cell->hidden,
		               .batch = 1,
		               .count = steps * cell->ways,
		               .launches =
		                   12, /* product in parts, gates, state: one after the other */
		               .issue = 0.1, /* one call issues them all */
		               .rate = graph->facts->matrix,
		               .family = FAMILY_RECURRENT,
		               .phase = PHASE_FORWARD,
		               .axis = AXIS_M };
	graph_kernel(graph, step);
	step.phase = PHASE_BACKWARD;
	graph_kernel(graph, step);
	double flops = step.flops * step.count * graph->times;
	graph->out->forward_flops += flops;
	graph->out->step_flops += 3 * flops;
	graph_kernel(graph, (struct kernel){ .flops = 2 * weights * steps,
	                                     .bytes = steps * (wide + cell->hidden) * ab,
	                                     .bytes_fixed = weights * graph->facts->gradient_bytes,
	                                     .m = cell->hidden,
	                                     .n = wide,
	                                     .k = steps,
	                                     .batch = 1,
	                                     .count = cell->ways,
	                                     .launches = 1,
	                                     .issue = 1,
	                                     .rate = graph->facts->matrix,
	                                     .family = FAMILY_GEMM,
	                                     .phase = PHASE_BACKWARD,
	                                     .axis = AXIS_K });
	graph_save_bytes(graph, steps * cell->ways * (wide + 2 * cell->hidden) * ab);
	double inputs = x->c;
	*x = (struct tensor){ .c = cell->hidden * cell->ways, .h = x->h, .w = x->w, .grad = true };
	graph_parameters(
	    graph, cell->ways * (wide * (inputs + cell->hidden) + (cell->bias ? 2 * wide : 0)),
	    cell->ways * (cell->bias ? 4 : 2));
}

void op_recurrent(struct layer *layer)
{
	struct cell cell = { .hidden = layer_need(layer, "hidden", 1) };
	double layers = layer_number(layer, "layers", 1, 1);
	cell.ways = layer_flag(layer, "bidirectional", false) ? 2 : 1;
	cell.bias = layer_flag(layer, "bias", true);
	cell.gates = strcmp(layer->op, "lstm") == 0 ? 4 : strcmp(layer->op, "gru") == 0 ? 3 : 1;
	if (!layer->code && layers > 100)
		layer_fail(layer, "layers: expected at most 100");
	for (double i = 0; !layer->code && i < layers; i++)
		one_layer(layer->graph, &cell);
}
