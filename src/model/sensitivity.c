/* SPDX-License-Identifier: Apache-2.0 */
#include "model/sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static const double STEP = 0.05;

enum knob {
	KNOB_MATRIX,
	KNOB_VECTOR,
	KNOB_BANDWIDTH,
	KNOB_L2,
	KNOB_NVLINK,
	KNOB_NETWORK,
	KNOB_CAP,
	KNOB_HOST,
	KNOB_LAUNCH,
	KNOB_BATCH,
	KNOB_COUNT
};

static const struct {
	const char *name, *meaning;
} knobs[KNOB_COUNT] = {
	[KNOB_MATRIX] = { "matrix_peak", "peak rate of the products' precision" },
	[KNOB_VECTOR] = { "fp32_peak", "peak rate of the float32 units" },
	[KNOB_BANDWIDTH] = { "memory_bandwidth", "bandwidth of the device memory" },
	[KNOB_L2] = { "l2", "size of the L2 cache" },
	[KNOB_NVLINK] = { "links", "bandwidth between GPUs of a node" },
	[KNOB_NETWORK] = { "network", "bandwidth between nodes" },
	[KNOB_CAP] = { "power_cap", "limit of board power" },
	[KNOB_HOST] = { "host_speed", "operators a second that the host issues" },
	[KNOB_LAUNCH] = { "launch_rate", "kernels a second that the device can start" },
	[KNOB_BATCH] = { "batch", "samples a GPU; time and energy are of a sample" },
};

struct point {
	struct device device;
	struct calibration calibration;
	struct predict_settings settings;
};

/* False where the parameter has no say: it is absent. */
static bool turn(struct point *p, const struct workload *workload, enum knob knob, double factor)
{
	enum rate rate = precision_facts(workload->precision)->matrix;
	bool vector = rate == RATE_FP32 || !p->device.native[rate];
	switch (knob) {
	case KNOB_MATRIX:
		p->device.peak_flops[rate] *= factor;
		if (rate == RATE_FP32)
			p->device.matrix_fp32_flops *= factor;
		return !vector || rate == RATE_FP32;
	case KNOB_VECTOR:
		p->device.peak_flops[RATE_FP32] *= factor;
		return rate != RATE_FP32;
	case KNOB_BANDWIDTH:
		p->device.memory_bandwidth_bps *= factor;
		return true;
	case KNOB_L2:
		p->device.l2_bytes *= factor;
		return p->device.l2_bytes > 0;
	case KNOB_NVLINK:
		p->device.nvlink_bps *= factor;
		p->device.pcie_bps *= factor;
		return p->settings.gpus > 1 || workload->tensor_ways > 1;
	case KNOB_NETWORK:
		p->settings.network_bps *= factor;
		return p->settings.network_bps > 0;
	case KNOB_CAP:
		if (p->settings.power_cap_w <= 0)
			p->settings.power_cap_w = p->device.tdp_w;
		p->settings.power_cap_w *= factor;
		return true;
	case KNOB_HOST:
		p->calibration.host_issue_s /= factor;
		p->calibration.host_step_s /= factor;
		return true;
	case KNOB_LAUNCH:
		p->calibration.launch_s /= factor;
		return true;
	case KNOB_BATCH:
		p->settings.batch *= factor;
		p->settings.loading_s *= factor;
		return true;
	default:
		return false;
	}
}

static int by_size(const void *left, const void *right)
{
	const struct sensitivity *x = left, *y = right;
	double a = fabs(x->time), b = fabs(y->time);
	if (a != b)
		return (a < b) - (a > b);
	a = fabs(x->energy);
	b = fabs(y->energy);
	return a != b ? (a < b) - (a > b) : strcmp(x->name, y->name);
}

size_t sensitivities(const struct workload *workload, const struct device *device,
                     const struct calibration *calibration, const struct predict_settings *settings,
                     struct sensitivity out[SENSITIVITIES_MAX])
{
	size_t count = 0;
	for (int knob = 0; knob < KNOB_COUNT; knob++) {
		struct prediction at[2];
		bool there = true;
		double width = log(1 + STEP) - log(1 - STEP);
		for (int side = 0; side < 2; side++) {
			struct point p = { *device, *calibration, *settings };
			there &= turn(&p, workload, (enum knob)knob, side ? 1 + STEP : 1 - STEP);
			predict(workload, &p.device, &p.calibration, &p.settings, &at[side]);
		}
		if (!there)
			continue;
		double a = at[0].samples, b = at[1].samples;
		out[count++] = (struct sensitivity){
			.name = knobs[knob].name,
			.meaning = knobs[knob].meaning,
			.time = log(at[1].step_time_s / b / (at[0].step_time_s / a)) / width,
			.energy = log(at[1].energy_per_step_j / b / (at[0].energy_per_step_j / a)) /
			          width,
		};
	}
	qsort(out, count, sizeof *out, by_size);
	return count;
}

json_t *sensitivities_to_json(const struct sensitivity *items, size_t count)
{
	json_t *out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, json_pack("{s:s, s:s, s:o, s:o}", "parameter",
		                                     items[i].name, "meaning", items[i].meaning,
		                                     "time", json_number(items[i].time), "energy",
		                                     json_number(items[i].energy)));
	return out;
}
