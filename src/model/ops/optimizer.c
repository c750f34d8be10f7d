/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of a step: casts of mixed precision and the update of the parameters, both bound by
 * memory. Elements moved per parameter, from each method's definition: SGD with momentum reads
 * weight, gradient, momentum and writes two of them; Adam has two moments; Adadelta likewise; LAMB
 * reads update and weight once more for its norms. Clearing gradients is one write.
 */
#include "model/graph.h"

struct facts {
	const char *name;
	double moved;   /* elements a parameter */
	double flops;   /* a parameter */
	double kernels; /* multi-tensor launches a group of tensors */
};

static const struct facts facts[OPTIMIZER_COUNT] = {
	[OPTIMIZER_SGD] = { "sgd", 5, 4, 3 },      [OPTIMIZER_ADAM] = { "adam", 7, 12, 8 },
	[OPTIMIZER_ADAMW] = { "adamw", 7, 14, 8 }, [OPTIMIZER_ADADELTA] = { "adadelta", 7, 14, 9 },
	[OPTIMIZER_LAMB] = { "lamb", 11, 20, 10 }, [OPTIMIZER_NONE] = { "none", 0, 0, 0 },
};
enum { TENSORS_A_LAUNCH = 40 }; /* of a multi-tensor kernel */

void graph_finish(struct graph *graph)
{
	const struct workload *out = graph->out;
	const struct facts *f = &facts[out->optimizer];
	double parameters = out->parameters, tensors = out->parameter_tensors;
	graph->times = 1;
	if (graph->facts->cast) {
		double weights = parameters - out->tables;
		graph_kernel(graph,
		             (struct kernel){ .bytes_fixed = weights / (tensors > 0 ? tensors : 1) *
		                                             (graph->facts->master_bytes +
		                                              graph->facts->weight_bytes),
		                              .count = tensors,
		                              .launches = 1,
		                              .issue = 1,
		                              .rate = RATE_FP32,
		                              .family = FAMILY_CAST,
		                              .phase = PHASE_FORWARD });
	}
	if (graph->options->infer || f->moved <= 0)
		return;
	double launches = 1 + f->kernels * (1 + tensors / TENSORS_A_LAUNCH);
	graph_kernel(graph, (struct kernel){ .flops_fixed = parameters * f->flops,
	                                     .bytes_fixed = parameters * (f->moved + 1) *
	                                                    graph->facts->master_bytes,
	                                     .count = 1,
	                                     .launches = launches,
	                                     .issue = launches,
	                                     .rate = RATE_FP32,
	                                     .family = FAMILY_OPTIMIZER,
	                                     .phase = PHASE_OPTIMIZER });
}
