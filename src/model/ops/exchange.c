/* SPDX-License-Identifier: Apache-2.0
 *
 * Exchange between ranks that share one sample's positions (Jacobs et al. 2023, arXiv 2309.14509):
 * before attention each gives up its positions for a share of the heads, behind it the reverse. A
 * rank sends (n - 1) / n of what it holds.
 */
#include "model/graph.h"

void op_exchange(struct layer *layer)
{
	struct graph *graph = layer->graph;
	struct tensor *x = &graph->x;
	double ways = graph->ways;
	if (ways <= 1)
		return;
	bool to_heads = x->share <= 1;
	struct kernel kernel = { .bytes = tensor_elements(x) * graph->facts->activation_bytes,
		                 .count = 1,
		                 .launches = 1,
		                 .issue = 1,
		                 .family = FAMILY_COLLECTIVE,
		                 .collective = COLLECTIVE_EXCHANGE,
		                 .phase = PHASE_FORWARD };
	graph_kernel(graph, kernel);
	kernel.phase = PHASE_BACKWARD;
	graph_kernel(graph, kernel);
	x->h *= to_heads ? ways : 1 / ways;
	x->share = to_heads ? ways : 1;
	x->saved = false;
}
