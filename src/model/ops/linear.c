/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layers, plain products and mixtures of experts.
 *
 * Tensor parallelism (Shoeybi et al. 2019, arXiv 1909.08053): a layer split by "column" holds N/t
 * outputs, one split by "row" reads K/t inputs and ends in an all-reduce.
 */
#include <math.h>
#include <string.h>

#include "base/stats.h"
#include "model/graph.h"

static void all_reduce(struct graph *graph, enum phase phase)
{
	const struct tensor *x = &graph->x; /* whole, however it is split before or after */
	struct kernel kernel = { .bytes = x->c * x->h * x->w * graph->facts->activation_bytes,
		                 .count = 1,
		                 .launches = 1,
		                 .issue = 1,
		                 .family = FAMILY_COLLECTIVE,
		                 .phase = (uint8_t)phase };
	graph_kernel(graph, kernel);
}

void op_linear(struct layer *layer)
{
	struct graph *graph = layer->graph;
	struct tensor *x = &graph->x;
	double out = layer_need(layer, "out", 1);
	bool bias = layer_flag(layer, "bias", true), tied = layer_flag(layer, "tied", false);
	const char *split = layer_text(layer, "split", "none");
	if (strcmp(split, "none") != 0 && strcmp(split, "column") != 0 && strcmp(split, "row") != 0)
		layer_fail(layer, "split: expected column, row or none");
	if (layer->code)
		return;
	/* The running width stays that of the whole model; a row layer reads its share of it. */
	bool column = split[0] == 'c', row = split[0] == 'r';
	double tokens = x->h * x->w;
	double k = row ? x->c / graph->ways : x->c;
	double n = column ? out / graph->ways : out;
	struct product product = { .family = FAMILY_GEMM,
		                   .m = tokens,
		                   .n = n,
		                   .k = k,
		                   .batch = 1,
		                   .axis = AXIS_M,
		                   .in = tokens * k,
		                   .out = tokens * n,
		                   .weights = k * n,
		                   .input_grad = x->grad };
	graph_save(graph);
	graph_product(graph, &product);
	if (column && graph->ways > 1) /* the gradient of the input is a sum over ranks */
		all_reduce(graph, PHASE_BACKWARD);
	double share = column || graph->options->sequence_parallel ? graph->ways : 1;
	*x = (struct tensor){ .c = out, .h = x->h, .w = x->w, .share = share, .grad = true };
	if (row && graph->ways > 1)
		all_reduce(graph, PHASE_FORWARD);
	graph_parameters(graph, (tied ? 0 : k * n) + (bias ? n : 0),
	                 (tied ? 0 : 1) + (bias ? 1 : 0));
	if (bias) /* added by the product's epilogue; its gradient is a reduction */
		graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
		                                  .elements = tokens * n,
		                                  .backward = 1 });
}

/* A product of two activations that is neither a layer nor attention: {m, n, k} a sample. */
void op_matmul(struct layer *layer)
{
	struct graph *graph = layer->graph;
	double m = layer_need(layer, "m", 1), n = layer_need(layer, "n", 1);
	double k = layer_need(layer, "k", 1), batch = layer_number(layer, "batch", 1, 1);
	if (layer->code)
		return;
	graph_save(graph);
	graph_product(graph, &(struct product){ .family = FAMILY_GEMM,
	                                        .m = m,
	                                        .n = n,
	                                        .k = k,
	                                        .batch = batch,
	                                        .axis = AXIS_BATCH,
	                                        .in = m * k * batch,
	                                        .out = m * n * batch,
	                                        .weights = n * k * batch,
	                                        .second_is_input = true,
	                                        .input_grad = graph->x.grad });
	graph->x = (struct tensor){ .c = n * batch, .h = m, .w = 1, .grad = true };
}

/* Experts that some token of the batch is sent to: those that no one chooses are not read. */
static double experts_used(const struct graph *graph, double experts, double active, double tokens)
{
	double all = graph->options->sequences * tokens;
	return all > 0 ? experts * (1 - pow(1 - active / experts, all)) : experts;
}

/* What the busiest of `ranks` has more of than all on average, where each of many choices is for
 * one of them: counts spread as their roots; the largest of n (Blom 1958). */
static double busiest(double ranks, double mean)
{
	if (ranks <= 1 || !(mean > 0))
		return 1;
	double z = normal_quantile((ranks - 0.375) / (ranks + 0.25));
	return fmin(1 + z * sqrt((1 - 1 / ranks) / mean), ranks);
}

/* From each rank to those that hold the experts of its tokens, and back again. */
static void exchange_tokens(struct graph *graph, double elements)
{
	struct kernel kernel = { .bytes = elements * graph->facts->activation_bytes,
		                 .count = 2,
		                 .launches = 1,
		                 .issue = 1,
		                 .family = FAMILY_COLLECTIVE,
		                 .collective = COLLECTIVE_EXPERTS,
		                 .phase = PHASE_FORWARD };
	graph_kernel(graph, kernel);
	kernel.phase = PHASE_BACKWARD;
	graph_kernel(graph, kernel);
}

/* Router, dispatch, `active` of `experts` feed-forward layers a token, combine (Fedus et al. 2021,
 * arXiv 2101.03961). Tokens spread evenly: the loss that balances them is taken at its word. Where
 * ranks of a server share experts, all wait for the one with most of a step's few tokens. */
void op_moe(struct layer *layer)
{
	struct graph *graph = layer->graph;
	struct tensor x = graph->x;
	double experts = layer_need(layer, "experts", 1),
	       active = layer_number(layer, "active", 1, 1);
	double ffn = layer_need(layer, "ffn", 1);
	bool gated = layer_flag(layer, "gated", false);
	if (!layer->code && active > experts)
		layer_fail(layer, "active: expected at most experts, %g", experts);
	if (layer->code)
		return;
	/* Servers' kernels gather their rows themselves. */
	bool grouped = graph->options->infer && runtime_fuses(graph->options->runtime);
	double tokens = x.h * x.w, routed = tokens * active, up = gated ? 2 * ffn : ffn;
	graph_save(graph);
	graph_product(graph, &(struct product){ .family = FAMILY_GEMM,
	                                        .m = tokens,
	                                        .n = experts,
	                                        .k = x.c,
	                                        .batch = 1,
	                                        .axis = AXIS_M,
	                                        .in = tokens * x.c,
	                                        .out = tokens * experts,
	                                        .weights = experts * x.c,
	                                        .input_grad = true });
	graph_pass(graph, &(struct pass){ .family = FAMILY_EMBEDDING,
	                                  .elements = routed * x.c,
	                                  .forward = grouped ? 2 : 4,
	                                  .backward = 4,
	                                  .forward_launches = grouped ? 3 : 6,
	                                  .backward_launches = 6 });
	graph_save_bytes(graph, routed * (x.c + up + ffn) * graph->facts->activation_bytes);
	/* Ranks share the experts where a model is served, each expert where it is trained, unless
	 * data-parallel ones are told to (arXiv 2006.16668): as many tokens, for fewer experts. */
	double ways = graph->ways, local = graph->options->infer && experts >= ways ? ways : 1;
	double shared = graph->options->infer ? 1 : fmin(graph->expert_ways, experts);
	double whole = up, chosen = graph->options->sequences * routed;
	double used = experts_used(graph, experts, active, tokens) / local / shared;
	used = used > 1 ? used : 1;
	if (shared > 1)
		exchange_tokens(graph, routed * x.c);
	routed *= busiest(local, chosen / local) / local;
	ffn /= ways / local;
	up /= ways / local;
	struct product expert = { .family = FAMILY_GEMM,
		                  .m = routed / used,
		                  .n = up,
		                  .k = x.c,
		                  .batch = used,
		                  .axis = AXIS_M,
		                  .in = routed * x.c,
		                  .out = routed * up,
		                  .weights = used * x.c * up,
		                  .weight_bytes = graph->facts->expert_bytes,
		                  .input_grad = true };
	graph_product(graph, &expert);
	graph_pass(graph, &(struct pass){ .family = FAMILY_ELEMENTWISE,
	                                  .elements = routed * up,
	                                  .forward = gated ? 1.5 : 2,
	                                  .backward = 3,
	                                  .flops = 8,
	                                  .elementwise = true });
	expert.n = x.c;
	expert.k = ffn;
	expert.in = routed * ffn;
	expert.out = routed * x.c;
	expert.weights = used * x.c * ffn;
	graph_product(graph, &expert);
	graph->x = (struct tensor){ .c = x.c, .h = x.h, .w = x.w, .grad = true };
	if (ways > 1) {
		all_reduce(graph, PHASE_FORWARD);
		all_reduce(graph, PHASE_BACKWARD);
	}
	double held = experts * x.c * (whole + layer_need(layer, "ffn", 1)) / ways / shared;
	graph_parameters(graph, held + experts * x.c, 3);
	if (shared > 1)
		graph->out->expert_parameters += held * graph->weights_times;
}
