/* SPDX-License-Identifier: Apache-2.0 */
#include "model/spread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/links.h"

const struct spread_facts spread_facts[SPREAD_COUNT] = {
#define SPREAD_FACTS(id, name, why, parent) { name, why, SPREAD_##parent },
	SPREAD_CLASSES(SPREAD_FACTS)
#undef SPREAD_FACTS
};

void spread_init(struct doubt spreads[SPREAD_COUNT])
{
	for (int i = 0; i < SPREAD_COUNT; i++)
		spreads[i] = (struct doubt){ -0.7, 0.7 };
}

struct doubt spread_join(struct doubt one, struct doubt other)
{
	return (struct doubt){ -sqrt(one.low * one.low + other.low * other.low),
		               sqrt(one.high * one.high + other.high * other.high) };
}

/* PyTorch 1.7 and TensorFlow 2.4, CUDA 11: matrix units of Ampere, fused optimizers, loaders. */
enum { OLD_ERA = 2021 };
static const double MOSTLY_LOADING = 0.25; /* of a step */
static const double LINKED = 0.15;         /* of a step, communication that is felt */
static const double SHORT_S = 1e-4;        /* kernels whose call is felt */

/* By the host or the input pipeline. */
static bool held_up(const struct prediction *p)
{
	return p->host_time_s > p->device_time_s ||
	       p->cause_s[CAUSE_LOADING] > MOSTLY_LOADING * p->step_time_s;
}

static bool has(unsigned families, enum family family)
{
	return families >> family & 1;
}

static enum spread_class of_kernel(const struct kernel *kernel, const struct prediction *p)
{
	bool tensor = kernel->rate != RATE_FP32 && kernel->rate != RATE_FP64;
	switch ((enum family)kernel->family) {
	case FAMILY_GEMM:
	case FAMILY_ATTENTION:
		return tensor ? SPREAD_KERNEL_TENSOR : SPREAD_KERNEL_VECTOR;
	case FAMILY_CONV:
	case FAMILY_DEPTHWISE:
		return SPREAD_KERNEL_CONV;
	case FAMILY_RECURRENT:
		return SPREAD_KERNEL_RECURRENT;
	default:
		return tensor                       ? SPREAD_KERNEL_HALF
		       : p->device_time_s < SHORT_S ? SPREAD_KERNEL_SHORT
		                                    : SPREAD_KERNEL;
	}
}

static enum spread_class of_collective(const struct workload *workload, const struct device *device,
                                       const struct predict_settings *settings)
{
	if (workload->tensor_ways > links_node_gpus(settings))
		return SPREAD_COLLECTIVE_NODES;
	bool card = strncmp(device->memory_type, "GDDR", 4) == 0 || strstr(device->name, "PCIE");
	return card || !(device->nvlink_bps > 0) ? SPREAD_COLLECTIVE_CARDS : SPREAD_COLLECTIVE;
}

enum spread_class spread_of_time(const struct workload *workload, unsigned families,
                                 const struct device *device,
                                 const struct predict_settings *settings,
                                 const struct prediction *p)
{
	if (workload->count == 1 && workload->kernels[0].family == FAMILY_COLLECTIVE)
		return of_collective(workload, device, settings);
	if (workload->count == 1)
		return of_kernel(workload->kernels, p);
	bool host = held_up(p), many = settings->gpus > 1;
	bool sharded = workload->tensor_ways > 1 || settings->pipeline > 1;
	if (workload->serves)
		return SPREAD_SERVE;
	bool totals = strcmp(workload->name, "aggregate") == 0;
	if (workload->infer)
		return sharded  ? host ? SPREAD_INFER_MANY_HOST : SPREAD_INFER_MANY
		       : host   ? SPREAD_INFER_HOST
		       : totals ? SPREAD_INFER_TOTALS
		                : SPREAD_INFER;
	if (workload->runtime == RUNTIME_INSTRUMENTED)
		return SPREAD_TRAIN_HOOKED;
	if (sharded || settings->zero)
		return host ? SPREAD_TRAIN_SHARDED_HOST : SPREAD_TRAIN_SHARDED;
	if (settings->era && settings->era < OLD_ERA)
		return SPREAD_TRAIN_OLD;
	if (settings->collated > 0)
		return SPREAD_TRAIN_TABLE;
	if (host)
		return SPREAD_TRAIN_HOST;
	if (totals)
		return SPREAD_TRAIN_TOTALS;
	if (has(families, FAMILY_RECURRENT))
		return many ? SPREAD_TRAIN_MANY_RECURRENT : SPREAD_TRAIN_RECURRENT;
	if (many && p->cause_s[CAUSE_COMMUNICATION] > LINKED * p->step_time_s)
		return SPREAD_TRAIN_LINKED;
	if (workload->tokens > 0)
		return many ? SPREAD_TRAIN_MANY_TEXT : SPREAD_TRAIN_TEXT;
	return many ? SPREAD_TRAIN_MANY : SPREAD_TRAIN;
}

enum spread_class spread_of_power(const struct workload *workload, unsigned families,
                                  const struct prediction *p, bool held)
{
	bool host = held_up(p);
	if (workload->serves)
		return SPREAD_POWER_SERVE;
	if (workload->infer)
		return host ? SPREAD_POWER_INFER_HOST : SPREAD_POWER_INFER;
	if (held)
		return SPREAD_POWER_CAPPED;
	if (host)
		return SPREAD_POWER_HOST;
	return has(families, FAMILY_RECURRENT) ? SPREAD_POWER_RECURRENT : SPREAD_POWER;
}

const char *spread_words(char words[SPREAD_WORDS], const struct prediction *p)
{
	const char *why = spread_facts[p->time_class].why;
	snprintf(words, SPREAD_WORDS, "%s%s%s", p->unmeasured ? "nobody measured this device" : "",
	         p->unmeasured && *why ? "; " : "", why);
	return words;
}
