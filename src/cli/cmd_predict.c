/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/model_options.h"
#include "cli/table.h"
#include "cli/wrap.h"

struct predict_options {
	struct model_flags flags;
	const char *json;
	struct text_list changes;
};

#define FIELD(member) offsetof(struct predict_options, member)
static const struct option options[] = {
	MODEL_OPTION(struct predict_options, flags),
	PLACE_OPTIONS(struct predict_options, flags),
	WORKLOAD_OPTIONS(struct predict_options, flags),
	{ "set", 0, OPTION_LIST, FIELD(changes), "NUMBER=VALUE", NULL,
	  "change a number of the device file and compare: l2_mb=80 (may be repeated)", 0, 0 },
	OPTION_JSON(struct predict_options),
	OPTION_END,
};

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
	const struct model_flags *flags = &o->flags;
	struct device device, plain;
	struct calibration calibration;
	struct workload_options wanted;
	const struct workload *workload;
	enum ergon_code code;
	if ((code = option_needed(flags->model, "model", err)) ||
	    (code = option_needed(flags->device, "device", err)) ||
	    (code = workload_from_flags(flags, &wanted, err)) ||
	    (code = device_load(cli->env, flags->device, &plain, err)) ||
	    (device = plain, code = change_device(&o->changes, &device, err)) ||
	    (code = workload_load(cli->env, flags->model, &wanted, arena, &workload, err)) ||
	    (code = calibration_from(cli, flags->calibration, &calibration, err)))
		return code;
	struct predict_request request = { .workload = workload, .device = &device };
	if ((code = settings_from_flags(flags, &request.settings, err)))
		return code;
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
