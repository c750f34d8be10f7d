/* SPDX-License-Identifier: Apache-2.0 */
#include "model/parallel.h"

#include <math.h>
#include <string.h>

static const double BUCKET_BYTES = 25e6;   /* of gradients, as frameworks group them */
static const double CONTEXT_BYTES = 0.5e9; /* driver context and library handles */
enum { DEFAULT_NODE_GPUS = 8 };

static double at_least_1(double value)
{
	return value > 1 ? value : 1;
}

void layout_init(struct layout *layout, const struct workload *workload,
                 const struct predict_settings *settings)
{
	layout->tensor = at_least_1(workload->tensor_ways);
	layout->pipeline = at_least_1(settings->pipeline);
	layout->data = at_least_1(settings->gpus);
	layout->virtual_stages = at_least_1(settings->virtual_stages);
	layout->micro = at_least_1(settings->accumulation);
	layout->bubble = (layout->pipeline - 1) / (layout->virtual_stages * layout->micro);
}

double layout_node_gpus(const struct predict_settings *settings)
{
	return settings->node_gpus ? settings->node_gpus : DEFAULT_NODE_GPUS;
}

/* What leaves a node. A node as it is sold: one 400 Gbit/s port a GPU beside 900 GB/s of NVLink,
 * one of 200 beside 600; others hang on the Ethernet of a data centre, through the host. */
static double network_bps(const struct device *device, const struct calibration *cal,
                          const struct predict_settings *settings)
{
	double port = device->nvlink_bps >= 900e9 ? 50e9 : device->nvlink_bps >= 600e9 ? 25e9 : 0;
	if (settings->network_bps > 0)
		return settings->network_bps * cal->network;
	return port > 0 ? port * layout_node_gpus(settings) * cal->network : cal->ethernet_bps;
}

/* Cards have no link to each other, unless somebody bought a bridge; that joins two. Those with
 * GDDR memory mostly lack peer access as well: what they send goes through the host's memory. */
static double link_bps(const struct device *device, const struct calibration *cal,
                       const struct predict_settings *settings, double ranks)
{
	bool gddr = strncmp(device->memory_type, "GDDR", 4) == 0;
	bool card = gddr || strstr(device->name, "PCIE");
	if (settings->staged)
		return device->pcie_bps * cal->pcie_staged;
	if (device->nvlink_bps <= 0 || (card && (ranks > 2 || !settings->bridge)))
		return device->pcie_bps * (gddr ? cal->pcie_staged : cal->pcie);
	/* Hopper's switches add up what passes through them (SHARP). */
	double share = device->nvlink_bps >= 900e9 ? cal->nvlink_switch : cal->nvlink;
	return device->nvlink_bps / 2 * share;
}

/* A ring inside a node; its messages follow each other at once. */
static double ring_s(double ranks, double bytes, double bps, double latency_s)
{
	return ranks > 1 ? 2 * (ranks - 1) * latency_s + 2 * (ranks - 1) / ranks * bytes / bps : 0;
}

/* Between nodes libraries take trees, whose depth is logarithmic, where a ring's latency would be
 * felt (Sanders et al. 2009; NCCL 2.4). */
static double nodes_s(double nodes, double bytes, double bps, double latency_s)
{
	double hops = nodes > 1 ? 2 * fmin(nodes - 1, ceil(log2(nodes))) : 0;
	return nodes > 1 ? hops * latency_s + 2 * (nodes - 1) / nodes * bytes / bps : 0;
}

/* All-reduce of data-parallel ranks: first those of a node, then between nodes. */
static double data_reduce_s(const struct layout *layout, const struct device *device,
                            const struct calibration *cal, const struct predict_settings *settings,
                            double bytes)
{
	double node = layout_node_gpus(settings);
	double inside = fmin(layout->data, fmax(1, floor(node / layout->tensor)));
	double nodes = ceil(layout->data / inside);
	/* Every other group of a node talks at the same time; each part goes its own way. */
	double rings = fmax(1, fmin(node, layout->data * layout->tensor) / inside);
	return ring_s(inside, bytes, link_bps(device, cal, settings, inside), cal->collective_s) +
	       nodes_s(nodes, bytes * rings, network_bps(device, cal, settings), cal->network_s);
}

double tensor_reduce_s(const struct layout *layout, const struct device *device,
                       const struct calibration *cal, const struct predict_settings *settings,
                       double bytes)
{
	double node = layout_node_gpus(settings), inside = fmin(layout->tensor, node);
	return ring_s(inside, bytes, link_bps(device, cal, settings, inside), cal->collective_s) +
	       nodes_s(ceil(layout->tensor / node), bytes, network_bps(device, cal, settings),
	               cal->network_s);
}

void communication_init(struct communication *out, const struct layout *layout,
                        const struct workload *workload, const struct device *device,
                        const struct calibration *cal, const struct predict_settings *settings)
{
	const struct precision_facts *facts = precision_facts(workload->precision);
	*out = (struct communication){ 0 };
	if (layout->data <= 1 || workload->infer)
		return;
	double parameters = workload->parameters / layout->pipeline;
	double bytes = parameters * facts->gradient_bytes;
	double buckets = ceil(fmax(bytes / BUCKET_BYTES, 1));
	out->bucket_s = data_reduce_s(layout, device, cal, settings, bytes / buckets);
	out->data_s = out->bucket_s * buckets;
	if (settings->zero < 3)
		return;
	/* Sharded parameters: gathered before the forward and the backward pass of every
	 * micro-batch, gradients scattered after it; each is half of an all-reduce. */
	double gather =
	    data_reduce_s(layout, device, cal, settings, parameters * facts->weight_bytes);
	double scatter =
	    data_reduce_s(layout, device, cal, settings, parameters * facts->weight_bytes);
	out->data_s = layout->micro * (gather + scatter / 2);
	out->bucket_s = out->data_s / layout->micro / at_least_1(workload->layers) / 2;
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
