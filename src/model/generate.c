/* SPDX-License-Identifier: Apache-2.0 */
#include "model/generate.h"

#include <math.h>

#include "base/json.h"
#include "model/parallel.h"

enum ergon_code generation_load(const struct ergon_env *env, const char *model,
                                const struct workload_options *options, struct arena *arena,
                                struct generation_request *request, struct ergon_error *err)
{
	struct workload_options wanted = *options;
	wanted.infer = true;
	wanted.sequence = (uint64_t)request->prompt;
	enum ergon_code code = workload_load(env, model, &wanted, arena, &request->prefill, err);
	if (!code && (request->prefill->tokens <= 0 || !request->prefill->generates))
		code = ergon_fail(err, ERGON_BAD_INPUT,
		                  "%s does not generate text: expected a decoder over tokens",
		                  request->prefill->name);
	wanted.sequence = 1;
	wanted.sequences = request->settings.batch;
	for (int i = 0; i < 3 && !code; i++) {
		wanted.context = (uint64_t)(request->prompt + request->output * i / 2);
		code = workload_load(env, model, &wanted, arena, &request->decode[i], err);
	}
	return code;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* Memory of one GPU: weights, workspace of whichever phase has more, the cache at its longest. */
static void fill_memory(const struct generation_request *request, struct generation *out)
{
	const struct device *device = request->device;
	struct layout layout;
	layout_init(&layout, request->prefill, &request->settings);
	double each =
	    request->prefill->cache_bytes * (request->prompt + request->output) / layout.pipeline;
	double weights = out->prefill.parameter_bytes;
	double work = larger(out->prefill.workspace_bytes, out->decode.workspace_bytes);
	out->cache_bytes = request->settings.batch * each;
	out->memory_bytes = weights + work + out->cache_bytes;
	out->fits = out->memory_bytes <= device->memory_bytes;
	double room = floor((device->memory_bytes - weights - work) / each);
	out->largest_batch = larger(room, 0);
}

void generate(const struct generation_request *request, const struct calibration *calibration,
              struct generation *out)
{
	static const double simpson[3] = { 1.0 / 6, 4.0 / 6, 1.0 / 6 };
	struct predict_settings alone = request->settings;
	double batch = request->settings.batch;
	double decode_s = 0, decode_j = 0, low_s = 0, high_s = 0;
	*out = (struct generation){ 0 };
	alone.batch = 1;
	predict(request->prefill, request->device, calibration, &alone, &out->prefill);
	for (int i = 0; i < 3; i++) {
		struct prediction at;
		predict(request->decode[i], request->device, calibration, &request->settings, &at);
		decode_s += simpson[i] * at.step_time_s;
		decode_j += simpson[i] * at.energy_per_step_j;
		low_s += simpson[i] * at.time_low_s;
		high_s += simpson[i] * at.time_high_s;
		if (i == 1)
			out->decode = at;
	}
	/* While a sequence writes its output, each of the others is once replaced. */
	double copies = out->decode.samples / batch; /* data-parallel: each serves its own */
	double prefills_s = batch * out->prefill.step_time_s;
	double prefills_j = batch * out->prefill.energy_per_step_j;
	double all_s = request->output * decode_s + prefills_s;
	double all_j = request->output * decode_j + prefills_j;
	struct layout layout;
	layout_init(&layout, request->prefill, &request->settings);
	double gpus = layout.data * layout.tensor * layout.pipeline;
	out->first_token_s = out->prefill.step_time_s;
	out->token_s = decode_s;
	out->token_low_s = low_s;
	out->token_high_s = high_s;
	out->request_s = all_s;
	out->prefill_share = prefills_s / all_s;
	out->tokens_per_s = copies * batch * request->output / all_s;
	out->power_w = all_j / all_s / gpus;
	out->token_j = all_j / (copies * batch * request->output);
	out->prefill_token_j = out->prefill.energy_per_step_j / (copies * request->prompt);
	double spread = out->prefill.energy_high_j / out->prefill.energy_per_step_j;
	out->token_low_j = out->token_j / spread;
	out->token_high_j = out->token_j * spread;
	fill_memory(request, out);
}

json_t *generation_to_json(const struct generation_request *request, const struct generation *g)
{
	const struct workload *workload = request->prefill;
	const struct {
		const char *name;
		double value;
	} numbers[] = {
		{ "first_token_s", g->first_token_s },
		{ "token_s", g->token_s },
		{ "tokens_per_s", g->tokens_per_s },
		{ "request_s", g->request_s },
		{ "prefill_share", g->prefill_share },
		{ "power_w", g->power_w },
		{ "energy_per_token_j", g->token_j },
		{ "energy_per_prompt_token_j", g->prefill_token_j },
		{ "cache_bytes", g->cache_bytes },
		{ "memory_bytes", g->memory_bytes },
		{ "largest_batch", g->largest_batch },
		{ "prefill_time_s", g->prefill.step_time_s },
		{ "decode_time_s", g->token_s },
	};
	struct layout layout;
	layout_init(&layout, workload, &request->settings);
	json_t *out = json_pack("{s:s, s:i, s:s}", "kind", "ergon.generate", "version", 1,
	                        "provenance", "modelled");
	if (!out)
		return NULL;
	json_object_set_new(out, "request",
	                    json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "model",
	                              workload->name, "device", request->device->name, "precision",
	                              precision_facts(workload->precision)->name, "prompt_tokens",
	                              request->prompt, "output_tokens", request->output, "batch",
	                              request->settings.batch, "data", layout.data, "tensor",
	                              layout.tensor, "pipeline", layout.pipeline));
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		json_object_set_new(out, numbers[i].name, json_number(numbers[i].value));
	json_object_set_new(
	    out, "token_interval80_s",
	    json_pack("[o, o]", json_number(g->token_low_s), json_number(g->token_high_s)));
	json_object_set_new(
	    out, "energy_per_token_interval80_j",
	    json_pack("[o, o]", json_number(g->token_low_j), json_number(g->token_high_j)));
	json_object_set_new(out, "fits", json_boolean(g->fits));
	json_object_set_new(out, "prefill_bound", json_string(cause_name(g->prefill.bound)));
	json_object_set_new(out, "decode_bound", json_string(cause_name(g->decode.bound)));
	return out;
}
