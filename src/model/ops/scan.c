/* SPDX-License-Identifier: Apache-2.0
 *
 * Selective state space layer (Dao and Gu 2024, arXiv 2405.21060, Mamba-2), between its two
 * projections: a causal convolution of four taps over inputs and both state projections, the scan,
 * and a gated norm. The running width is 2 inner + 2 groups state + heads with inner = heads
 * head_dim; the output's is inner.
 *
 * Over a sequence the scan is a chain of products over chunks: each token meets the others of its
 * chunk and the state once in and once out. Token by token the state of each sequence is read and
 * written instead, in float32.
 */
#include "model/graph.h"

static const double CHUNK = 256, TAPS = 4, STATE_BYTES = 4;

struct cell {
	double tokens, inner, heads, dim, state, groups;
};

static void scan(struct graph *graph, const struct cell *c)
{
	double ab = graph->facts->activation_bytes, states = c->inner * c->state;
	double moved = c->tokens * (3 * c->inner + 2 * c->groups * c->state) * ab;
	bool step = graph->options->context > 0;
	double flops = c->tokens * (4 * states + (step ? 0 : CHUNK * (c->inner + c->state)));
	struct kernel kernel = { .flops = flops,
		                 .bytes = moved + (step ? 2 * states * STATE_BYTES : 0),
		                 .m = step ? 0 : c->tokens,
		                 .n = c->dim,
		                 .k = c->state,
		                 .batch = c->heads,
		                 .count = 1,
		                 .launches = step ? 1 : 5,
		                 .issue = 1,
		                 .rate = step ? RATE_FP32 : graph->facts->matrix,
		                 .family = step ? FAMILY_ELEMENTWISE : FAMILY_GEMM,
		                 .phase = PHASE_FORWARD,
		                 .axis = step ? AXIS_NONE : AXIS_BATCH };
	graph_kernel(graph, kernel);
	graph->out->forward_flops += flops * graph->times;
	graph->out->step_flops += 3 * flops * graph->times;
	kernel.flops *= 2;
	kernel.bytes *= 2;
	kernel.launches *= 2;
	kernel.phase = PHASE_BACKWARD;
	graph_kernel(graph, kernel);
}

void op_scan(struct layer *layer)
{
	struct graph *graph = layer->graph;
	struct tensor *x = &graph->x;
	struct cell c = { .tokens = x->h * x->w,
		          .heads = layer_need(layer, "heads", 1),
		          .dim = layer_need(layer, "head_dim", 1),
		          .state = layer_need(layer, "state", 1),
		          .groups = layer_number(layer, "groups", 1, 1) };
	double whole = c.heads * c.dim, wide = whole + 2 * c.groups * c.state;
	if (!layer->code && x->c != whole + wide + c.heads)
		layer_fail(layer, "the input has %g channels, expected %g", x->c,
		           whole + wide + c.heads);
	if (layer->code)
		return;
	graph_save(graph);
	c.heads /= graph->ways;
	c.inner = whole / graph->ways;
	graph_pass(graph, &(struct pass){ .family = FAMILY_DEPTHWISE,
	                                  .elements = c.tokens * wide / graph->ways,
	                                  .forward = 2,
	                                  .backward = 4,
	                                  .flops = 2 * TAPS });
	scan(graph, &c);
	graph_pass(graph, &(struct pass){ .family = FAMILY_NORM,
	                                  .elements = c.tokens * c.inner,
	                                  .forward = 3,
	                                  .backward = 6,
	                                  .flops = 10 });
	*x =
	    (struct tensor){ .c = whole, .share = graph->ways, .h = x->h, .w = x->w, .grad = true };
	graph_parameters(graph,
	                 ((TAPS + 1) * wide + whole + 3 * c.heads * graph->ways) / graph->ways, 6);
}
