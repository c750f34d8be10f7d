/* SPDX-License-Identifier: Apache-2.0 */
#include "model/parallel.h"

#include <math.h>

static const double BUCKET_BYTES = 25e6;   /* of gradients, as frameworks group them */
static const double LAST_BUCKET = 0.5;     /* of one: how full the last is on average */
static const double CONTEXT_BYTES = 0.5e9; /* driver context and library handles */

/* Transformer Engine 0.9 and Megatron-LM overlap the sums of tensor parallelism with products. */
enum { OVERLAP_ERA = 2023 };

static double at_least_1(double value)
{
	return value > 1 ? value : 1;
}

bool overlaps(const struct predict_settings *settings)
{
	return !settings->era || settings->era >= OVERLAP_ERA;
}

void layout_init(struct layout *layout, const struct workload *workload,
                 const struct predict_settings *settings)
{
	layout->tensor = at_least_1(workload->tensor_ways);
	layout->pipeline = at_least_1(settings->pipeline);
	layout->data = at_least_1(settings->gpus);
	layout->expert = at_least_1(workload->expert_ways);
	layout->virtual_stages = at_least_1(settings->virtual_stages);
	layout->micro = at_least_1(settings->accumulation);
	layout->bubble = (layout->pipeline - 1) / (layout->virtual_stages * layout->micro);
}

/* Data-parallel ranks: first those of a node, then other nodes. */
static struct group data_group(const struct layout *layout, double node)
{
	double inside = fmin(layout->data, fmax(1, floor(node / layout->tensor)));
	/* Every other group of a node talks at the same time; each part goes its own way. */
	double rings = fmax(1, fmin(node, layout->data * layout->tensor) / inside);
	return (struct group){ inside, ceil(layout->data / inside), rings };
}

static struct group tensor_group(const struct layout *layout, double node)
{
	return (struct group){ fmin(layout->tensor, node), ceil(layout->tensor / node), 1 };
}

/* Experts live on neighbours among the data-parallel ranks. */
static struct group expert_group(const struct layout *layout, double node)
{
	struct layout experts = { .tensor = layout->tensor, .data = layout->expert };
	return data_group(&experts, node);
}

static double stage_send_s(const struct layout *layout, const struct timetable *times,
                           const struct predict_settings *settings)
{
	double node = links_node_gpus(settings), ahead = layout->data * layout->tensor;
	double bytes = times->workload->boundary_bytes * times->batch;
	struct fabric fabric;
	fabric_init(&fabric, times->device, &times->constants, settings, node);
	/* Tensor-parallel ranks each send a part; the next stage starts behind all ranks of this
	 * one. */
	return send_s(&fabric, 2 * ahead <= node, node, bytes / layout->tensor);
}

/* Ranks with the same experts: one of each neighbourhood that shares them. */
static struct group copies_group(const struct layout *layout, double node)
{
	struct layout copies = { .tensor = layout->tensor * layout->expert,
		                 .data = fmax(1, layout->data / layout->expert) };
	return data_group(&copies, node);
}

void layer_waits_init(struct layer_waits *out, const struct layout *layout,
                      const struct timetable *times, const double weight[KERNEL_CLASS_COUNT],
                      const struct predict_settings *settings)
{
	*out = (struct layer_waits){ 0 };
	if (!times->workload->infer && layout->pipeline > 1) {
		/* Each part of a rank receives once forward and once backward. Where ranks have
		 * several parts, software since 2023 works on another one meanwhile, once the
		 * pipeline is full. */
		bool beside = layout->virtual_stages > 1 && overlaps(settings);
		double passes = 2 * layout->virtual_stages * (beside ? 1 : layout->micro);
		out->shown_s = passes * stage_send_s(layout, times, settings);
	}
	if (!times->collective_count)
		return;
	double node = links_node_gpus(settings);
	struct group tensor = tensor_group(layout, node), expert = expert_group(layout, node);
	struct fabric among_tensor, among_experts;
	fabric_init(&among_tensor, times->device, &times->constants, settings, tensor.inside);
	fabric_init(&among_experts, times->device, &times->constants, settings, expert.inside);
	for (size_t i = 0; i < times->collective_count; i++) {
		const struct kernel *kernel = &times->workload->kernels[times->collectives[i]];
		double bytes = kernel->bytes * times->batch + kernel->bytes_fixed;
		double often = weight[kernel_class(kernel)] * kernel->count;
		switch ((enum collective)kernel->collective) {
		case COLLECTIVE_SUM:
			out->sums_s += often * all_reduce_s(&among_tensor, tensor, bytes);
			break;
		case COLLECTIVE_EXCHANGE:
			out->sums_s += often * all_to_all_s(&among_tensor, tensor, bytes);
			break;
		case COLLECTIVE_EXPERTS:
			out->shown_s += often * all_to_all_s(&among_experts, expert, bytes);
			break;
		case COLLECTIVE_SEND:
			out->sums_s += often * send_s(&among_tensor, tensor.nodes <= 1, 1, bytes);
			break;
		}
	}
}

static double buckets_s(const struct fabric *fabric, struct group group, double bytes,
                        double *bucket_s)
{
	double buckets = ceil(fmax(bytes / BUCKET_BYTES, 1));
	*bucket_s = all_reduce_s(fabric, group, bytes / buckets);
	return *bucket_s * buckets;
}

double last_bucket_share(const struct workload *workload)
{
	double bytes = workload->parameters * precision_facts(workload->precision)->gradient_bytes;
	return LAST_BUCKET / ceil(fmax(bytes / BUCKET_BYTES, 1));
}

void communication_init(struct communication *out, const struct layout *layout,
                        const struct workload *workload, const struct device *device,
                        const struct calibration *cal, const struct predict_settings *settings)
{
	const struct precision_facts *facts = precision_facts(workload->precision);
	*out = (struct communication){ 0 };
	if (layout->data <= 1 || workload->infer)
		return;
	struct group group = data_group(layout, links_node_gpus(settings));
	struct fabric fabric;
	fabric_init(&fabric, device, cal, settings, group.inside);
	double parameters = workload->parameters / layout->pipeline;
	double experts = workload->expert_parameters / layout->pipeline;
	double bucket_s;
	out->data_s =
	    buckets_s(&fabric, group, (parameters - experts) * facts->gradient_bytes, &bucket_s);
	out->last_s = bucket_s * LAST_BUCKET;
	if (experts > 0) /* of which only every so many rank has the same */
		out->data_s += buckets_s(&fabric, copies_group(layout, links_node_gpus(settings)),
		                         experts * facts->gradient_bytes, &bucket_s);
	if (settings->zero < 3)
		return;
	/* Sharded parameters: gathered block by block before the forward and the backward pass of
	 * every micro-batch, gradients scattered after it. */
	double blocks = fmax(1, workload->layers / layout->pipeline);
	/* In 16 bits at least: those of 8 are made anew before each product. */
	double once = gather_s(&fabric, group, parameters * fmax(facts->weight_bytes, 2) / blocks);
	out->data_s = 3 * layout->micro * blocks * once;
	out->last_s = once;
	out->everywhere = true;
}

static double optimizer_elements(enum optimizer_kind kind)
{
	static const double elements[OPTIMIZER_COUNT] = {
		[OPTIMIZER_SGD] = 1,      [OPTIMIZER_ADAM] = 2, [OPTIMIZER_ADAMW] = 2,
		[OPTIMIZER_ADADELTA] = 2, [OPTIMIZER_LAMB] = 2, [OPTIMIZER_NONE] = 0,
	};
	return elements[kind];
}

/* Kept for the backward pass of one micro-batch: in the repeated blocks, all stages together, and
 * before and after them. */
struct kept {
	double blocks, before, after;
};

static struct kept activations(const struct workload *workload,
                               const struct predict_settings *settings)
{
	double blocks = workload->block_bytes, rest = workload->activation_bytes - blocks;
	double after = fmin(workload->loss_bytes, rest);
	if (settings->recompute == RECOMPUTE_SELECTIVE)
		blocks -= fmin(workload->score_bytes, blocks);
	if (settings->recompute == RECOMPUTE_FULL && workload->layers > 1)
		/* the inputs of the blocks, and one block at a time */
		blocks = workload->layers * workload->boundary_bytes + blocks / workload->layers;
	double batch = settings->batch;
	return (struct kept){ blocks * batch, (rest - after) * batch, after * batch };
}

/* Micro-batches whose blocks of one stage are kept at once, on the first and on the last stage:
 * 1F1B fills the pipeline first, interleaving (Narayanan et al. 2021) with v parts a rank fills it
 * with 2 (p - 1) + (v - 1) p and (v - 1) p of them. */
static void in_flight(const struct layout *layout, double *first, double *last)
{
	double p = layout->pipeline, v = layout->virtual_stages;
	*first = v > 1 ? (2 * (p - 1) + (v - 1) * p + 1) / v : p;
	*last = v > 1 ? ((v - 1) * p + 1) / v : 1;
	*first = p > 1 ? fmin(*first, layout->micro) : 1;
	*last = p > 1 ? fmin(*last, layout->micro) : 1;
}

/* Parameters, gradients, optimizer: as much on the first stage as on the last, which both hold the
 * embedding tables besides their share. */
static void fill_state(const struct layout *layout, const struct workload *workload,
                       const struct predict_settings *settings, struct prediction *out)
{
	const struct precision_facts *facts = precision_facts(workload->precision);
	double tables = fmin(workload->tables, workload->parameters);
	double parameters = (workload->parameters - tables) / layout->pipeline + tables;
	double copy = facts->cast ? facts->weight_bytes : 0, shards = layout->data;
	out->parameter_bytes =
	    parameters * (workload->infer ? facts->weight_bytes : facts->master_bytes + copy);
	if (workload->infer)
		return;
	/* With a sharded optimizer the master copy is sharded as well. */
	double master = parameters * facts->master_bytes;
	out->parameter_bytes = copy > 0 && settings->zero >= 1 ? master / shards + parameters * copy
	                                                       : out->parameter_bytes;
	if (settings->zero >= 3)
		out->parameter_bytes = parameters * (facts->master_bytes + copy) / shards;
	out->gradient_bytes =
	    parameters * facts->gradient_bytes / (settings->zero >= 2 ? shards : 1);
	out->optimizer_bytes =
	    master * optimizer_elements(workload->optimizer) / (settings->zero >= 1 ? shards : 1);
}

void memory_fill(const struct layout *layout, const struct workload *workload,
                 const struct device *device, const struct predict_settings *settings,
                 struct prediction *out)
{
	fill_state(layout, workload, settings, out);
	double state = out->parameter_bytes + out->gradient_bytes + out->optimizer_bytes;
	/* The widest layer once more: its gradient, or the logits beside their float32 copy. */
	double widest = workload->largest_bytes * settings->batch;
	double last_bytes = 0;
	if (!workload->infer) {
		struct kept kept = activations(workload, settings);
		double first, last, share = kept.blocks / layout->pipeline;
		in_flight(layout, &first, &last);
		double first_bytes = first * share + kept.before;
		last_bytes = last * share + kept.after;
		if (layout->pipeline <= 1) {
			first_bytes = 0;
			last_bytes += kept.before;
		}
		bool at_end = last_bytes + widest >= first_bytes;
		out->activation_bytes = at_end ? last_bytes : first_bytes;
		out->workspace_bytes = CONTEXT_BYTES + (at_end ? widest : 0);
	} else {
		out->workspace_bytes = CONTEXT_BYTES + 2 * widest;
		last_bytes = widest;
	}
	out->memory_bytes = state + out->activation_bytes + out->workspace_bytes;
	out->last_stage_bytes = state + last_bytes + widest;
	out->fits = out->memory_bytes <= device->memory_bytes;
}
