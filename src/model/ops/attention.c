/* SPDX-License-Identifier: Apache-2.0
 *
 * Scaled dot-product attention over a running tensor of width (heads + 2 kv_heads) head_dim.
 *
 * Materialised: two batched products and several passes over heads x S x context elements. Flash
 * (Dao et al. 2022, arXiv 2205.14135): one kernel, no S x S tensor in memory; its backward
 * recomputes and has 2.5 times the forward's FLOPs; half of all where causal.
 */
#include <math.h>

#include "model/graph.h"

struct shape {
	double heads, kv, dim, tokens, context;
	bool causal, dropout;
};

static void flash(struct graph *graph, const struct shape *s)
{
	double flops = 4 * s->tokens * s->context * s->heads * s->dim * (s->causal ? 0.5 : 1);
	double elements = 2 * s->tokens * s->heads * s->dim + 2 * s->context * s->kv * s->dim;
	enum rate rate = graph->facts->matrix == RATE_FP8 ? RATE_BF16 : graph->facts->matrix;
	/* One token against a cache is a stream of the cache: heads a key-value head FLOPs a byte.
	 */
	bool stream = graph->options->context > 0 && s->tokens < 2;
	struct kernel kernel = { .flops = flops,
		                 .bytes = elements * graph->facts->activation_bytes,
		                 .m = stream ? 0 : s->tokens,
		                 .n = s->context,
		                 .k = s->dim,
		                 .batch = s->heads,
		                 .count = 1,
		                 .launches = 1,
		                 .issue = 1,
		                 .rate = rate,
		                 .family = FAMILY_ATTENTION,
		                 .early = graph->options->attention == ATTENTION_FLASH1,
		                 .phase = PHASE_FORWARD,
		                 .axis = AXIS_BATCH };
	graph_kernel(graph, kernel);
	/* The FLOPs of a model are those of full attention by convention (Narayanan et al. 2021,
	 * arXiv 2104.04473), and recomputation is no useful work. */
	double whole = flops * (s->causal ? 2 : 1) * graph->times * graph->samples;
	graph->out->forward_flops += whole;
	graph->out->step_flops += 3 * whole;
	kernel.flops *= 2.5;
	kernel.bytes *= 2.5;
	kernel.launches = 2;
	kernel.phase = PHASE_BACKWARD;
	graph_kernel(graph, kernel);
	graph_save_bytes(graph, s->tokens * s->heads * s->dim * graph->facts->activation_bytes);
}

static void materialised(struct graph *graph, const struct shape *s)
{
	double scores = s->heads * s->tokens * s->context, ab = graph->facts->activation_bytes;
	double q = s->tokens * s->heads * s->dim, kv = s->context * s->kv * s->dim;
	struct product product = { .family = FAMILY_GEMM,
		                   .m = s->tokens,
		                   .n = s->context,
		                   .k = s->dim,
		                   .batch = s->heads,
		                   .axis = AXIS_BATCH,
		                   .in = q,
		                   .weights = kv,
		                   .out = scores,
		                   .second_is_input = true,
		                   .input_grad = true };
	graph->x.grad = true;
	/* heads before tokens: copies of q, k, v, and of the output */
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = q + 2 * kv,
	                                  .forward = 2,
	                                  .backward = 2,
	                                  .forward_launches = 3,
	                                  .backward_launches = 3 });
	graph->scores = true;
	graph_product(graph, &product);
	graph->x.fresh = false;
	/* scale and mask: two operators, or one with the softmax after it */
	double operators = runtime_fuses(graph->options->runtime) ? 1 : 2;
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = scores,
	                                  .forward = 2 * operators,
	                                  .backward = 2,
	                                  .flops = 2,
	                                  .forward_launches = operators,
	                                  .elementwise = true });
	graph_pass(graph, &(struct pass){ .family = FAMILY_SOFTMAX,
	                                  .elements = scores,
	                                  .row = s->context,
	                                  .forward = 2,
	                                  .backward = 3,
	                                  .flops = 8,
	                                  .elementwise = true });
	graph_save_bytes(graph, scores * ab);
	if (s->dropout && !graph->options->infer) {
		double mask = 1 / ab;
		graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
		                                  .elements = scores,
		                                  .forward = 2 + mask,
		                                  .backward = 2 + mask,
		                                  .flops = 4,
		                                  .elementwise = true });
		graph_save_bytes(graph, scores * (ab + 1));
	}
	graph->scores = false;
	product.n = s->dim;
	product.k = s->context;
	product.in = scores;
	product.out = q;
	graph_product(graph, &product);
	graph_pass(graph,
	           &(struct pass){
		       .family = FAMILY_ELEMENTWISE, .elements = q, .forward = 2, .backward = 2 });
}

void op_attention(struct layer *layer)
{
	struct graph *graph = layer->graph;
	struct tensor *x = &graph->x;
	struct shape s = { .heads = layer_need(layer, "heads", 1), .tokens = x->h * x->w };
	s.kv = layer_number(layer, "kv_heads", s.heads, 1);
	s.dim = layer_number(layer, "head_dim", x->c / (s.heads + 2 * s.kv), 1);
	s.context = layer_number(layer, "context", s.tokens, 1);
	s.causal = layer_flag(layer, "causal", false);
	double window = layer_number(layer, "window", HUGE_VAL, 1);
	s.dropout = layer_flag(layer, "dropout", true);
	if (layer->code)
		return;
	/* An encoder beside the decoder is not run again for each token. */
	bool cross = json_object_get(layer->object, "context") != NULL;
	graph->out->generates = s.causal && !cross && (graph->out->generates || !graph->attended);
	graph->attended = true;
	if (graph->options->context > 0 && s.context == s.tokens) {
		s.context = (double)graph->options->context + s.tokens;
		s.causal = false; /* all that is cached came before */
	}
	/* Of a sliding window only a triangle at its start is half empty. */
	if (window < s.context) {
		s.context = window;
		s.causal = false;
	}
	double width = s.heads * s.dim;
	/* Ranks that share positions, or hold the whole, have all heads. */
	double ways = x->share > 1 ? graph->ways : 1;
	s.heads /= ways;
	s.kv = s.kv < ways ? 1 : s.kv / ways;
	if (graph->options->infer)
		graph->out->cache_bytes +=
		    2 * s.kv * s.dim * graph->facts->activation_bytes * graph->times;
	graph_save(graph);
	if (graph->options->attention != ATTENTION_MATERIALISED)
		flash(graph, &s);
	else
		materialised(graph, &s);
	*x = (struct tensor){ .c = width,
		              .share = ways,
		              .h = x->h,
		              .w = x->w,
		              .grad = true,
		              .saved = graph->options->attention != ATTENTION_MATERIALISED };
}
