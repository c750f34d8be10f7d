/* SPDX-License-Identifier: Apache-2.0
 *
 * Embedding tables: forward gathers one row a token, backward scatters into a dense gradient that
 * is cleared first.
 */
#include <string.h>

#include "model/graph.h"

/* Parameters that are only added (class tokens, position tables of a vision transformer). */
static void bare_parameters(struct layer *layer)
{
	double elements = layer_need(layer, "elements", 1);
	if (!layer->code)
		graph_parameters(layer->graph, elements, 1);
}

void op_embedding(struct layer *layer)
{
	struct graph *graph = layer->graph;
	if (strcmp(layer->op, "parameters") == 0) {
		bare_parameters(layer);
		return;
	}
	double rows = layer_need(layer, "rows", 1), width = layer_need(layer, "width", 1);
	double tables = layer_number(layer, "tables", 1, 1);
	double positions = layer_number(layer, "positions", 0, 0); /* rows of added small tables */
	double tokens = layer_number(layer, "tokens", graph->x.h * graph->x.w, 1);
	bool sparse =
	    layer_flag(layer, "sparse", false); /* the gradient holds only the rows used */
	if (layer->code)
		return;
	rows /= graph->ways; /* vocabulary parallelism */
	double elements = tokens * width * tables, ab = graph->facts->activation_bytes;
	struct kernel kernel = { .bytes = 2 * elements * ab,
		                 .count = 1,
		                 .launches = tables,
		                 .issue = tables,
		                 .rate = RATE_FP32,
		                 .family = FAMILY_EMBEDDING,
		                 .phase = PHASE_FORWARD };
	double adds = positions > 0 ? 2 : 0;
	kernel.bytes += adds * 3 * elements * ab;
	kernel.launches += 2 * adds;
	kernel.issue += 2 * adds;
	graph_kernel(graph, kernel);
	kernel.phase = PHASE_BACKWARD;
	kernel.bytes = 3 * elements * ab;
	if (!sparse)
		kernel.bytes_fixed =
		    (rows * tables + positions) * width * graph->facts->gradient_bytes;
	else /* gradient rows are written, and applied to the table at once */
		kernel.bytes *= 2;
	kernel.launches = kernel.issue = 3 * tables + 2 * adds;
	graph_kernel(graph, kernel);
	graph->x = (struct tensor){ .c = width * tables, .h = tokens, .w = 1, .grad = true };
	graph->out->tables += rows * width * tables * graph->weights_times;
	if (sparse)
		graph->sparse += rows * width * tables * graph->weights_times;
	graph_parameters(graph, (rows * tables + positions) * width, tables + adds);
}
