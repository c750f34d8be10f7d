/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/model_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"

enum ergon_code calibration_from(struct cli *cli, const char *path, struct calibration *calibration,
                                 struct ergon_error *err)
{
	char *text;
	size_t length;
	if (!path)
		return calibration_load(cli->env, calibration, err);
	enum ergon_code code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = calibration_parse(text, length, path, calibration, err);
	free(text);
	return code;
}

enum ergon_code option_needed(const char *value, const char *name, struct ergon_error *err)
{
	return value ? ERGON_OK : ergon_fail(err, ERGON_BAD_INPUT, "--%s is needed", name);
}

enum ergon_code workload_from_flags(const struct model_flags *o, struct workload_options *out,
                                    struct ergon_error *err)
{
	enum ergon_code code;
	*out = (struct workload_options){ .infer = o->infer,
		                          .sequence = o->sequence,
		                          .resolution = o->resolution,
		                          .dims = o->dims,
		                          .tensor_ways = (unsigned)o->tensor,
		                          .expert_ways = (unsigned)o->expert_ranks,
		                          .sequence_parallel = o->sequence_parallel };
	if ((code = precision_parse(o->precision ? o->precision : "fp32", &out->precision, err)) ||
	    (code = runtime_parse(o->runtime ? o->runtime : "eager", &out->runtime, err)) ||
	    (code = attention_parse(o->attention ? o->attention : "materialised", &out->attention,
	                            err)) ||
	    (code = layout_parse(o->layout ? o->layout : "nhwc", &out->layout, err)))
		return code;
	if (!o->optimizer)
		return ERGON_OK;
	out->optimizer_given = true;
	return optimizer_parse(o->optimizer, &out->optimizer, err);
}

static enum ergon_code settings_from_flags(const struct model_flags *o,
                                           struct predict_settings *settings,
                                           struct ergon_error *err)
{
	uint64_t copy = o->tensor * o->pipeline;
	enum recompute recompute;
	enum ergon_code code = recompute_parse(o->recompute, &recompute, err);
	if (code)
		return code;
	if (o->gpus % copy)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--gpus %llu: expected a multiple of tensor x pipeline, %llu",
		                  (unsigned long long)o->gpus, (unsigned long long)copy);
	if (o->expert_ranks > 1 && o->gpus / copy % o->expert_ranks)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--expert-ranks %llu: expected a divisor of the %llu "
		                  "data-parallel ranks",
		                  (unsigned long long)o->expert_ranks,
		                  (unsigned long long)(o->gpus / copy));
	*settings = (struct predict_settings){
		.batch = o->batch,
		.gpus = (unsigned)(o->gpus / copy),
		.pipeline = (unsigned)o->pipeline,
		.virtual_stages = (unsigned)o->virtual_stages,
		.zero = (unsigned)o->zero,
		.recompute = recompute,
		.node_gpus = (unsigned)o->node_gpus,
		.bridge = o->bridge,
		.network_bps = o->network_gbits * 1e9 / 8,
		.era = (unsigned)o->era,
		.power_cap_w = o->power_cap_w,
		.loading_s = seconds_from_ns(o->loading_ns),
		.accumulation = (unsigned)o->accumulate,
	};
	return ERGON_OK;
}

enum ergon_code change_device(const struct text_list *changes, struct device *device,
                              struct ergon_error *err)
{
	for (size_t i = 0; i < changes->count; i++) {
		char name[64];
		const char *equals = strchr(changes->items[i], '=');
		size_t length = equals ? (size_t)(equals - changes->items[i]) : 0;
		double value;
		if (!length || length >= sizeof name || !parse_real(equals + 1, &value))
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "--set %.60s: expected NUMBER=VALUE, such as l2_mb=80",
			                  changes->items[i]);
		memcpy(name, changes->items[i], length);
		name[length] = '\0';
		enum ergon_code code = device_set(device, name, value, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

void input_from_flags(const struct model_flags *flags, struct input_pipeline *input)
{
	*input = (struct input_pipeline){ .samples_per_s = flags->input_rate,
		                          .bytes_per_sample = 1e3 * flags->input_kb,
		                          .storage_bps = 1e6 * flags->storage_mbs,
		                          .cpu_s_per_sample = 1e-3 * flags->input_cpu_ms,
		                          .cores = flags->input_cores };
}

static enum ergon_code add_input(const struct model_flags *flags, struct asked *asked,
                                 struct ergon_error *err)
{
	struct input_pipeline input;
	struct predict_settings *settings = &asked->request.settings;
	input_from_flags(flags, &input);
	if (input.bytes_per_sample > 0 && input.storage_bps <= 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "--input-kb needs --storage MB/S");
	settings->loading_s =
	    fmax(settings->loading_s,
	         input_step_s(&input, asked->request.workload, settings, &asked->input));
	return ERGON_OK;
}

enum ergon_code predict_asked(struct cli *cli, const struct model_flags *flags,
                              const struct text_list *changes, struct arena *arena,
                              struct asked *asked, struct ergon_error *err)
{
	struct workload_options wanted;
	const struct workload *workload;
	enum ergon_code code;
	if ((code = option_needed(flags->model, "model", err)) ||
	    (code = option_needed(flags->device, "device", err)) ||
	    (code = workload_from_flags(flags, &wanted, err)) ||
	    (code = device_load(cli->env, flags->device, &asked->device, err)) ||
	    (changes && (code = change_device(changes, &asked->device, err))) ||
	    (code = workload_load(cli->env, flags->model, &wanted, arena, &workload, err)) ||
	    (code = calibration_from(cli, flags->calibration, &asked->calibration, err)))
		return code;
	asked->request = (struct predict_request){ .workload = workload, .device = &asked->device };
	asked->input = INPUT_NONE;
	struct predict_settings *settings = &asked->request.settings;
	if ((code = settings_from_flags(flags, settings, err)) ||
	    (code = add_input(flags, asked, err)) ||
	    (code = predict_check(workload, &asked->device, settings, err)))
		return code;
	predict_explain(workload, &asked->device, &asked->calibration, settings, &asked->prediction,
	                &asked->breakdown);
	if (!isfinite(asked->prediction.step_time_s) || asked->prediction.step_time_s <= 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "these settings give no finite step time");
	return ERGON_OK;
}
