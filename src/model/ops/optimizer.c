/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of a step: casts of mixed precision and the update of the parameters, both bound by
 * memory. Elements moved per parameter, from each method's definition: SGD with momentum reads
 * weight, gradient, momentum and writes two of them; Adam has two moments; Adadelta likewise; LAMB
 * reads update and weight once more for its norms. An eager runtime updates each tensor operator by
 * operator; a compiled one has multi-tensor kernels.
 */
#include "model/graph.h"

struct facts {
	const char *name;
	double moved, loose_moved; /* elements a parameter: one fused pass, operator by operator */
	double flops;              /* a parameter */
	double kernels;            /* operators of the update */
};

static const struct facts facts[OPTIMIZER_COUNT] = {
	[OPTIMIZER_SGD] = { "sgd", 5, 11, 4, 4 },
	[OPTIMIZER_ADAM] = { "adam", 7, 18, 12, 7 },
	[OPTIMIZER_ADAMW] = { "adamw", 7, 20, 14, 8 },
	[OPTIMIZER_ADADELTA] = { "adadelta", 7, 24, 14, 9 },
	[OPTIMIZER_LAMB] = { "lamb", 11, 17, 20, 8 },
	[OPTIMIZER_NONE] = { "none", 0, 0, 0, 0 },
};
enum { TENSORS_A_LAUNCH = 40 };           /* of a multi-tensor kernel */
static const double UPDATE_ISSUE = 0.1;   /* an operator without a module and autograd around it */
static const double GRADIENT_ISSUE = 0.3; /* clearing it, and adding to it */

void graph_finish(struct graph *graph)
{
	const struct workload *out = graph->out;
	const struct facts *f = &facts[out->optimizer];
	double parameters = out->parameters - graph->sparse, tensors = out->parameter_tensors;
	graph->times = 1;
	/* Autocast casts in every forward pass; others once, after the update. */
	bool once = runtime_fuses(graph->options->runtime) && !graph->options->infer;
	enum phase when = once ? PHASE_OPTIMIZER : PHASE_FORWARD;
	/* A model that is served in 8 bits is stored so. */
	if (graph->facts->cast && !(graph->options->infer && graph->facts->matrix == RATE_FP8)) {
		double weights = out->parameters - out->tables;
		graph_kernel(graph,
		             (struct kernel){ .bytes_fixed = weights / (tensors > 0 ? tensors : 1) *
		                                             (graph->facts->master_bytes +
		                                              graph->facts->weight_bytes),
		                              .count = tensors,
		                              .launches = 1,
		                              .issue = 1,
		                              .rate = RATE_FP32,
		                              .family = FAMILY_CAST,
		                              .phase = (uint8_t)when });
	}
	if (graph->options->infer)
		return;
	/* Every gradient tensor is cleared, and filled by an operator of its own; tuned software
	 * clears once a step, and products add to what is there. */
	double share = tensors > 0 ? parameters / tensors : 0;
	bool eager = !runtime_fuses(graph->options->runtime);
	graph_kernel(
	    graph, (struct kernel){ .bytes_fixed = share * graph->facts->master_bytes,
	                            .count = tensors,
	                            .launches = eager ? 1 : 0,
	                            .issue = eager ? GRADIENT_ISSUE : GRADIENT_ISSUE / 2,
	                            .rate = RATE_FP32,
	                            .family = FAMILY_OPTIMIZER,
	                            .phase = (uint8_t)(eager ? PHASE_BACKWARD : PHASE_OPTIMIZER) });
	if (f->moved <= 0)
		return;
	double count =
	    eager ? tensors * f->kernels : 1 + f->kernels * (1 + tensors / TENSORS_A_LAUNCH);
	double moved = eager ? f->loose_moved : f->moved;
	if (count <= 0)
		return;
	graph_kernel(graph, (struct kernel){ .flops_fixed = parameters * f->flops / count,
	                                     .bytes_fixed = parameters * moved *
	                                                    graph->facts->master_bytes / count,
	                                     .count = count,
	                                     .launches = 1,
	                                     .issue = UPDATE_ISSUE,
	                                     .rate = RATE_FP32,
	                                     .family = FAMILY_OPTIMIZER,
	                                     .phase = PHASE_OPTIMIZER });
}
