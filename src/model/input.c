/* SPDX-License-Identifier: Apache-2.0 */
#include "model/input.h"

#include <math.h>

#include "model/parallel.h"

const char *input_stage_name(enum input_stage stage)
{
	static const char *const names[] = { "none", "the stated rate", "storage", "CPU cores" };
	return names[stage];
}

double input_step_s(const struct input_pipeline *input, const struct workload *workload,
                    const struct predict_settings *settings, enum input_stage *stage)
{
	struct layout layout;
	layout_init(&layout, workload, settings);
	double gpus = layout.data * layout.tensor * layout.pipeline;
	double nodes = ceil(gpus / links_node_gpus(settings));
	double samples = settings->batch * layout.micro * layout.data / nodes;
	const double each_s[] = {
		[INPUT_NONE] = 0,
		[INPUT_RATE] = input->samples_per_s > 0 ? 1 / input->samples_per_s : 0,
		[INPUT_STORAGE] =
		    input->storage_bps > 0 ? input->bytes_per_sample / input->storage_bps : 0,
		[INPUT_CPU] = input->cores > 0 ? input->cpu_s_per_sample / input->cores : 0,
	};
	enum input_stage slowest = INPUT_NONE;
	for (int at = INPUT_RATE; at <= INPUT_CPU; at++)
		if (each_s[at] > each_s[slowest])
			slowest = (enum input_stage)at;
	if (stage)
		*stage = slowest;
	return samples * each_s[slowest];
}
