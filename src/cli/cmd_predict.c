/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/table.h"
#include "cli/wrap.h"
#include "model/document.h"

struct predict_options {
	const char *model, *device, *precision, *optimizer, *runtime, *attention, *dims;
	const char *calibration, *json;
	double batch, power_cap_w, network_gbits;
	const char *recompute;
	uint64_t gpus, node_gpus, sequence, resolution, accumulate, loading_ns;
	uint64_t tensor, pipeline, virtual_stages, zero;
	struct text_list changes;
	bool infer, sequence_parallel;
};

#define FIELD(member) offsetof(struct predict_options, member)
static const struct option options[] = {
	{ "model", 'm', OPTION_TEXT, FIELD(model), "NAME", NULL,
	  "a model of the zoo, or a model file (with / or .json)", 0, 0 },
	{ "device", 'd', OPTION_TEXT, FIELD(device), "NAME", NULL,
	  "a device of data/devices, or a device file", 0, 0 },
	{ "batch", 'b', OPTION_REAL, FIELD(batch), "N", "32",
	  "samples per GPU (per model copy and micro-batch, where it is split)", 0.001, 1e7 },
	{ "gpus", 'g', OPTION_COUNT, FIELD(gpus), "N", "1",
	  "all GPUs; a multiple of tensor x pipeline, the rest is data parallel", 1, 1000000 },
	{ "tensor", 't', OPTION_COUNT, FIELD(tensor), "N", "1", "tensor-parallel ranks", 1, 1024 },
	{ "sequence-parallel", 0, OPTION_FLAG, FIELD(sequence_parallel), NULL, NULL,
	  "norms and dropout split among the tensor-parallel ranks too", 0, 0 },
	{ "pipeline", 0, OPTION_COUNT, FIELD(pipeline), "N", "1", "pipeline stages", 1, 4096 },
	{ "virtual", 0, OPTION_COUNT, FIELD(virtual_stages), "N", "1",
	  "interleaved stages of a pipeline rank", 1, 1024 },
	{ "zero", 0, OPTION_COUNT, FIELD(zero), "0..3", "0",
	  "sharded among data-parallel ranks: 1 optimizer, 2 gradients too, 3 parameters too", 0,
	  3 },
	{ "recompute", 0, OPTION_TEXT, FIELD(recompute), "KIND", "none",
	  "none, selective (attention scores) or full (blocks)", 0, 0 },
	{ "precision", 'p', OPTION_TEXT, FIELD(precision), "P", "fp32",
	  "fp32, tf32, fp16, bf16, amp_fp16, amp_bf16, fp8 or fp64", 0, 0 },
	{ "power-cap", 0, OPTION_POWER, FIELD(power_cap_w), "POWER", NULL,
	  "limit of one GPU's board power (default: the device's own)", 1, 1e5 },
	{ "seq", 's', OPTION_COUNT, FIELD(sequence), "N", NULL,
	  "tokens (or frames) a sample (default: the model's)", 1, 10000000 },
	{ "resolution", 'r', OPTION_COUNT, FIELD(resolution), "N", NULL,
	  "pixels a side (default: the model's)", 1, 100000 },
	{ "optimizer", 0, OPTION_TEXT, FIELD(optimizer), "NAME", NULL,
	  "sgd, adam, adamw, adadelta, lamb or none (default: the model's)", 0, 0 },
	{ "runtime", 0, OPTION_TEXT, FIELD(runtime), "NAME", "eager",
	  "eager, compiled (elementwise chains fused), or instrumented (hooks on gradients)", 0,
	  0 },
	{ "attention", 0, OPTION_TEXT, FIELD(attention), "KIND", "materialised",
	  "materialised or flash", 0, 0 },
	{ "infer", 0, OPTION_FLAG, FIELD(infer), NULL, NULL, "forward pass only", 0, 0 },
	{ "dims", 0, OPTION_TEXT, FIELD(dims), "NAME=N,...", NULL,
	  "replace dimensions of the model: layers=24,d=1024", 0, 0 },
	{ "accumulate", 0, OPTION_COUNT, FIELD(accumulate), "N", "1",
	  "micro-batches before the optimizer's step", 1, 100000 },
	{ "node-gpus", 0, OPTION_COUNT, FIELD(node_gpus), "N", "8", "GPUs that share a node", 1,
	  1024 },
	{ "network", 0, OPTION_REAL, FIELD(network_gbits), "GBIT/S", NULL,
	  "links of a node to the others (default: as such a node is sold)", 0.01, 1e5 },
	{ "loading", 0, OPTION_DURATION, FIELD(loading_ns), "DURATION", NULL,
	  "time the input pipeline needs for a step", 0, 1e5 },
	{ "set", 0, OPTION_LIST, FIELD(changes), "NUMBER=VALUE", NULL,
	  "change a number of the device file and compare: l2_mb=80 (may be repeated)", 0, 0 },
	{ "calibration", 0, OPTION_TEXT, FIELD(calibration), "FILE", NULL,
	  "constants of the predictor (default: data/calibration/default.json)", 0, 0 },
	OPTION_JSON(struct predict_options),
	OPTION_END,
};

static enum ergon_code load_calibration(struct cli *cli, const char *path,
                                        struct calibration *calibration, struct ergon_error *err)
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

static enum ergon_code need(const char *value, const char *name, struct ergon_error *err)
{
	return value ? ERGON_OK : ergon_fail(err, ERGON_BAD_INPUT, "--%s is needed", name);
}

static enum ergon_code workload_from(const struct predict_options *o, struct workload_options *out,
                                     struct ergon_error *err)
{
	enum ergon_code code;
	*out = (struct workload_options){ .infer = o->infer,
		                          .sequence = o->sequence,
		                          .resolution = o->resolution,
		                          .dims = o->dims,
		                          .tensor_ways = (unsigned)o->tensor,
		                          .sequence_parallel = o->sequence_parallel };
	if ((code = precision_parse(o->precision, &out->precision, err)) ||
	    (code = runtime_parse(o->runtime, &out->runtime, err)) ||
	    (code = attention_parse(o->attention, &out->attention, err)))
		return code;
	if (!o->optimizer)
		return ERGON_OK;
	out->optimizer_given = true;
	return optimizer_parse(o->optimizer, &out->optimizer, err);
}

static void print_answer(FILE *out, const struct predict_request *request,
                         const struct prediction *p)
{
	const struct workload *workload = request->workload;
	const struct device *device = request->device;
	char a[48], b[48], c[48];
	fprintf(out, "%s on %s\n", workload->title, device->name);
	double gpus = prediction_gpus(request);
	fprintf(out, "%.0f GPU%s, batch %g a GPU, %s, %s, %s: modelled\n\n", gpus,
	        gpus == 1 ? "" : "s", request->settings.batch,
	        precision_facts(workload->precision)->name, runtime_name(workload->runtime),
	        workload->infer ? "inference" : "training");
	fprintf(out, "  step    %s (80%%: %s to %s), %.4g samples/s\n",
	        format_si(a, sizeof a, p->step_time_s, "s"),
	        format_si(b, sizeof b, p->time_low_s, "s"),
	        format_si(c, sizeof c, p->time_high_s, "s"), p->samples / p->step_time_s);
	fprintf(out, "  power   %.0f W a GPU (80%%: %.0f to %.0f W)\n", p->power_w, p->power_low_w,
	        p->power_high_w);
	fprintf(out, "  clock   %.0f MHz%s\n", p->clock_hz / 1e6,
	        p->at_minimum_clock ? ", the lowest: the cap cannot be held"
	        : p->capped         ? ", held down by the power limit"
	                            : "");
	fprintf(out, "  energy  %s a step, %s a sample\n",
	        format_si(a, sizeof a, p->energy_per_step_j, "J"),
	        format_si(b, sizeof b, p->energy_per_step_j / p->samples, "J"));
	if (p->tokens > 0)
		fprintf(out, "          %s a token, %.0f tokens/s\n",
		        format_si(a, sizeof a, p->energy_per_step_j / p->tokens, "J"),
		        p->tokens / p->step_time_s);
	fprintf(out, "  memory  %s of %s%s\n", format_si(a, sizeof a, p->memory_bytes, "B"),
	        format_si(b, sizeof b, device->memory_bytes, "B"), p->fits ? "" : ": DOES NOT FIT");
	enum rate rate = precision_facts(workload->precision)->matrix;
	if (!device->native[rate])
		fprintf(out, "  note    %s has no %s units: products run at its fp32 rate\n",
		        device->name, rate_name(rate));
}

static void print_why(FILE *out, const struct predict_request *request, const struct prediction *p,
                      const struct breakdown *breakdown)
{
	static const char *const header[] = { "group",  "time ms", "share",   "compute",
		                              "memory", "launch",  "energy J" };
	struct table table;
	char reasons[REASONS_MAX][REASON_SIZE];
	table_init(&table, "lrrrrrr", header);
	for (size_t i = 0; i < breakdown->count; i++) {
		const struct breakdown_row *row = &breakdown->rows[i];
		table_row(&table, "%.24s\t%.3f\t%.1f%%\t%.3f\t%.3f\t%.3f\t%#.3g", row->group,
		          1e3 * row->time_s, 100 * row->time_s / p->step_time_s,
		          1e3 * row->cause_s[CAUSE_COMPUTE], 1e3 * row->cause_s[CAUSE_MEMORY],
		          1e3 * row->cause_s[CAUSE_LAUNCH], row->energy_j);
	}
	fprintf(out, "\n");
	table_print(&table, out);
	table_fini(&table);
	size_t count = prediction_reasons(request, p, breakdown, reasons);
	fprintf(out, "\nWhy (times of one GPU; compute, memory and launch in ms):\n");
	for (size_t i = 0; i < count; i++)
		wrap_printf(out, "", 2, "%s", reasons[i]);
}

static enum ergon_code change_device(const struct text_list *changes, struct device *device,
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

/* What the changed numbers do to the answer. */
static void print_change(FILE *out, const struct prediction *before, const struct prediction *after)
{
	const struct {
		const char *name;
		double before, after;
	} rows[] = {
		{ "step time", before->step_time_s, after->step_time_s },
		{ "power", before->power_w, after->power_w },
		{ "energy", before->energy_per_step_j, after->energy_per_step_j },
		{ "  compute", before->cause_s[CAUSE_COMPUTE], after->cause_s[CAUSE_COMPUTE] },
		{ "  memory", before->cause_s[CAUSE_MEMORY], after->cause_s[CAUSE_MEMORY] },
		{ "  communication", before->cause_s[CAUSE_COMMUNICATION],
		  after->cause_s[CAUSE_COMMUNICATION] },
	};
	fprintf(out, "\nAgainst the device as it is:\n");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].before > 0)
			fprintf(out, "  %-16s %+.2f%%\n", rows[i].name,
			        100 * (rows[i].after / rows[i].before - 1));
}

static enum ergon_code answer(struct cli *cli, const struct predict_options *o, struct arena *arena,
                              struct ergon_error *err)
{
	struct device device, plain;
	struct calibration calibration;
	struct workload_options wanted;
	const struct workload *workload;
	enum ergon_code code;
	if ((code = need(o->model, "model", err)) || (code = need(o->device, "device", err)) ||
	    (code = workload_from(o, &wanted, err)) ||
	    (code = device_load(cli->env, o->device, &plain, err)) ||
	    (device = plain, code = change_device(&o->changes, &device, err)) ||
	    (code = workload_load(cli->env, o->model, &wanted, arena, &workload, err)) ||
	    (code = load_calibration(cli, o->calibration, &calibration, err)))
		return code;
	uint64_t copy = o->tensor * o->pipeline;
	enum recompute recompute;
	if ((code = recompute_parse(o->recompute, &recompute, err)))
		return code;
	if (o->gpus % copy)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--gpus %llu: expected a multiple of tensor x pipeline, %llu",
		                  (unsigned long long)o->gpus, (unsigned long long)copy);
	struct predict_request request = { .workload = workload, .device = &device };
	request.settings = (struct predict_settings){
		.batch = o->batch,
		.gpus = (unsigned)(o->gpus / copy),
		.pipeline = (unsigned)o->pipeline,
		.virtual_stages = (unsigned)o->virtual_stages,
		.zero = (unsigned)o->zero,
		.recompute = recompute,
		.node_gpus = (unsigned)o->node_gpus,
		.network_bps = o->network_gbits * 1e9 / 8,
		.power_cap_w = o->power_cap_w,
		.loading_s = seconds_from_ns(o->loading_ns),
		.accumulation = (unsigned)o->accumulate,
	};
	struct prediction prediction;
	struct breakdown breakdown;
	if ((code = predict_check(workload, &device, &request.settings, err)))
		return code;
	predict_explain(workload, &device, &calibration, &request.settings, &prediction,
	                &breakdown);
	if (!isfinite(prediction.step_time_s) || prediction.step_time_s <= 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "these settings give no finite step time");
	if (!o->json || strcmp(o->json, "-") != 0) {
		print_answer(cli->out, &request, &prediction);
		print_why(cli->out, &request, &prediction, &breakdown);
		struct prediction before;
		predict(workload, &plain, &calibration, &request.settings, &before);
		if (o->changes.count)
			print_change(cli->out, &before, &prediction);
	}
	if (!o->json)
		return ERGON_OK;
	return document_save(prediction_to_json(&request, &prediction, &breakdown), o->json, err);
}

static int predict_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	struct ergon_error err = { 0 };
	struct arena arena;
	arena_init(&arena);
	enum ergon_code code = answer(cli, parsed, &arena, &err);
	arena_fini(&arena);
	return code ? cli_fail(cli, "predict", &err) : EXIT_DONE;
}

extern const struct command command_predict;
const struct command command_predict = {
	.name = "predict",
	.pillar = PILLAR_MODEL,
	.summary = "predict time, power, energy and memory of a step, and why",
	.synopsis = "--model NAME --device NAME [options]",
	.details = "The batch is per GPU. Everything printed is modelled; docs/method.md has the "
		   "formulas, docs/accuracy.md how far they are off.",
	.examples = "ergon predict -m resnet50 -d a100 -b 128 -p amp_fp16\n"
		    "ergon predict -m bert-base -d v100 -b 16 --power-cap 150W\n"
		    "ergon predict -m tinyllama-1.1b -d h100 -b 4 -p amp_bf16 --gpus 8",
	.options = options,
	.options_size = sizeof(struct predict_options),
	.run = predict_run,
};

static int whatif_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	const struct predict_options *o = parsed;
	struct ergon_error err = { 0 };
	if (o->changes.count)
		return predict_run(cli, parsed, operands, count);
	(void)ergon_fail(&err, ERGON_BAD_INPUT,
	                 "--set is needed: which number of the device changes");
	return cli_fail(cli, "whatif", &err);
}

extern const struct command command_whatif;
const struct command command_whatif = {
	.name = "whatif",
	.pillar = PILLAR_MODEL,
	.summary = "predict a step on a device with other numbers",
	.synopsis = "--model NAME --device NAME --set NUMBER=VALUE... [options]",
	.details = "Numbers have the names of the device files: sm_count, boost_mhz, l2_mb, "
		   "memory_bandwidth_gbs, peak_tflops.fp16, nvlink_gbs, tdp_w, ...",
	.examples = "ergon whatif -m bert-base -d a100 -p amp_fp16 --set l2_mb=80\n"
		    "ergon whatif -m resnet50 -d v100 -b 64 --set memory_bandwidth_gbs=1800",
	.options = options,
	.options_size = sizeof(struct predict_options),
	.run = whatif_run,
};
