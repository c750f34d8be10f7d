/* SPDX-License-Identifier: Apache-2.0
 *
 * Pooling and resampling: bound by memory; the backward of max pooling reads an index as well.
 */
#include <math.h>
#include <string.h>

#include "model/graph.h"

/* One kernel that reads `in` elements and writes `out`, and its backward. */
static void resample(struct graph *graph, double in, double out, double kept_bytes)
{
	double ab = graph->facts->activation_bytes;
	struct kernel kernel = { .flops = in,
		                 .bytes = (in + out) * ab + kept_bytes * out,
		                 .count = 1,
		                 .launches = 1,
		                 .issue = 1,
		                 .rate = RATE_FP32,
		                 .family = FAMILY_POOLING,
		                 .phase = PHASE_FORWARD };
	graph_kernel(graph, kernel);
	kernel.phase = PHASE_BACKWARD;
	kernel.bytes = (2 * in + out) * ab + kept_bytes * out;
	if (graph->x.grad)
		graph_kernel(graph, kernel);
	graph_save_bytes(graph, kept_bytes * out);
}

void op_pool(struct layer *layer)
{
	struct graph *graph = layer->graph;
	struct tensor *x = &graph->x, y = *x;
	double kernel = layer_need(layer, "kernel", 1);
	double stride = layer_number(layer, "stride", kernel, 1);
	double pad = layer_number(layer, "pad", 0, 0);
	double up = layer_flag(layer, "ceil", false) ? stride - 1 : 0; /* a last, partial window */
	if (layer->code)
		return;
	y.h = fmax(floor((x->h + 2 * pad - kernel + up) / stride) + 1, 1);
	y.w = fmax(floor((x->w + 2 * pad - kernel + up) / stride) + 1, 1);
	y.saved = y.fresh = false;
	if (strcmp(layer->op, "maxpool") == 0)
		graph_save(graph);
	resample(graph, tensor_elements(x), tensor_elements(&y), layer->op[0] == 'm' ? 8 : 0);
	*x = y;
}

void op_global_pool(struct layer *layer)
{
	struct graph *graph = layer->graph;
	resample(graph, tensor_elements(&graph->x), graph->x.c, 0);
	graph->x.h = graph->x.w = 1;
	graph->x.saved = graph->x.fresh = false;
}

void op_upsample(struct layer *layer)
{
	struct graph *graph = layer->graph;
	double by = layer_number(layer, "by", 2, 1), in = tensor_elements(&graph->x);
	if (layer->code)
		return;
	graph->x.h *= by;
	graph->x.w *= by;
	graph->x.saved = graph->x.fresh = false;
	resample(graph, in, tensor_elements(&graph->x), 0);
}
