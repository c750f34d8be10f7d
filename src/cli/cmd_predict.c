/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/model_options.h"
#include "cli/predict_table.h"
#include "cli/wrap.h"
#include "model/generate.h"

struct predict_options {
	struct model_flags flags;
	const char *json;
	struct text_list changes;
	const char *mode;
	uint64_t prefill, decode;
	bool explain, sensitivity;
};

#define FIELD(member) offsetof(struct predict_options, member)
static const struct option options[] = {
	MODEL_OPTION(struct predict_options, flags),
	PLACE_OPTIONS(struct predict_options, flags),
	WORKLOAD_OPTIONS(struct predict_options, flags),
	INPUT_OPTIONS(struct predict_options, flags),
	{ "mode", 0, OPTION_TEXT, FIELD(mode), "MODE", "training",
	  "training or inference (--infer is short for it)", 0, 0 },
	{ "prefill", 0, OPTION_COUNT, FIELD(prefill), "TOKENS", NULL,
	  "inference of a language model: tokens of a prompt; --batch sequences are in flight", 1,
	  10000000 },
	{ "decode", 0, OPTION_COUNT, FIELD(decode), "TOKENS", NULL, "and tokens that it writes", 1,
	  10000000 },
	{ "explain", 'e', OPTION_FLAG, FIELD(explain), NULL, NULL,
	  "also by cause, with what would shorten each", 0, 0 },
	{ "sensitivity", 0, OPTION_FLAG, FIELD(sensitivity), NULL, NULL,
	  "how much each parameter matters: d ln time / d ln parameter", 0, 0 },
	{ "set", 0, OPTION_LIST, FIELD(changes), "NUMBER=VALUE", NULL,
	  "change a number of the device file and compare: l2_mb=80 (may be repeated)", 0, 0 },
	OPTION_JSON(struct predict_options),
	OPTION_END,
};

static void print_input(FILE *out, const struct asked *asked)
{
	if (asked->input == INPUT_NONE)
		return;
	double loading = asked->request.settings.loading_s;
	fprintf(out, "  input   %.4g ms a step, bound by %s: %s\n", 1e3 * loading,
	        input_stage_name(asked->input),
	        asked->prediction.cause_s[CAUSE_LOADING] > 0 ? "the device waits for it"
	                                                     : "hidden behind the device");
}

/* What L2 keeps between two kernels hardly shows in measured training, so that its fitted share is
 * uncertain: the most that the constant may be bounds what a larger L2 can do. Change of time. */
static double l2_bound(const struct asked *now, const struct asked *plain)
{
	struct calibration most = now->calibration;
	struct prediction with, without;
	most.l2_share = calibration_fields[CALIBRATION_AT_l2_share].high;
	predict(now->request.workload, &now->device, &most, &now->request.settings, &with);
	predict(plain->request.workload, &plain->device, &most, &plain->request.settings, &without);
	return with.step_time_s / without.step_time_s - 1;
}

static void add_l2_bound(struct cli *cli, const struct predict_options *o, const struct asked *now,
                         const struct asked *plain, json_t *document)
{
	double share = calibration_fields[CALIBRATION_AT_l2_share].high;
	double change = l2_bound(now, plain);
	json_object_set_new(document, "l2_bound",
	                    json_pack("{s:f, s:f}", "l2_share", share, "time_change", change));
	if (document_shown(cli, o->json))
		wrap_printf(
		    cli->out, "", 0,
		    "How much L2 keeps between kernels hardly shows in measured training. "
		    "Were it %.0f%% of its size, the most that the constant allows, the step "
		    "would take %+.1f%%.",
		    100 * share, 100 * change);
}

/* The device with other numbers against the device as it is. */
static enum ergon_code add_change(struct cli *cli, const struct predict_options *o,
                                  struct arena *arena, const struct asked *now, json_t **document,
                                  struct ergon_error *err)
{
	struct asked *plain = ARENA_NEW(arena, struct asked);
	struct comparison *comparison = ARENA_NEW(arena, struct comparison);
	if (!plain || !comparison)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = predict_asked(cli, &o->flags, NULL, arena, plain, err);
	if (code)
		return code;
	struct compare_side a = { &now->request, &now->prediction, &now->breakdown };
	struct compare_side b = { &plain->request, &plain->prediction, &plain->breakdown };
	compare(&a, &b, comparison);
	if (document_shown(cli, o->json)) {
		fprintf(cli->out, "\nAgainst the device as it is:\n");
		print_comparison(cli->out, &a, &b, comparison);
	}
	if (now->device.l2_bytes != plain->device.l2_bytes)
		add_l2_bound(cli, o, now, plain, *document);
	json_t *changes = json_array();
	for (size_t i = 0; i < o->changes.count; i++)
		json_array_append_new(changes, json_string(o->changes.items[i]));
	json_object_set_new(*document, "changes", changes);
	json_object_set_new(*document, "against", comparison_to_json(&a, &b, comparison));
	return ERGON_OK;
}

static void show(struct cli *cli, const struct predict_options *o, const struct asked *asked,
                 const struct sensitivity *items, size_t count)
{
	print_prediction(cli->out, "", &asked->request, &asked->prediction);
	print_input(cli->out, asked);
	if (!o->changes.count || o->explain)
		print_why(cli->out, &asked->request, &asked->prediction, &asked->breakdown);
	if (o->explain)
		print_causes(cli->out, &asked->prediction);
	if (o->sensitivity)
		print_sensitivities(cli->out, items, count);
}

static enum ergon_code answer(struct cli *cli, const struct predict_options *o, struct arena *arena,
                              struct ergon_error *err)
{
	struct asked *asked = ARENA_NEW(arena, struct asked);
	struct sensitivity items[SENSITIVITIES_MAX];
	size_t count = 0;
	if (!asked)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = predict_asked(cli, &o->flags, &o->changes, arena, asked, err);
	if (code)
		return code;
	if (o->sensitivity)
		count = sensitivities(asked->request.workload, &asked->device, &asked->calibration,
		                      &asked->request.settings, items);
	if (document_shown(cli, o->json))
		show(cli, o, asked, items, count);
	json_t *document =
	    prediction_to_json(&asked->request, &asked->prediction, &asked->breakdown);
	if (!document)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (o->sensitivity)
		json_object_set_new(document, "sensitivities", sensitivities_to_json(items, count));
	if (o->changes.count)
		code = add_change(cli, o, arena, asked, &document, err);
	if (!code && o->json)
		return document_save(document, o->json, err);
	json_decref(document);
	return code;
}

static void print_generation(FILE *out, const struct generation_request *request,
                             const struct generation *g)
{
	char a[48], b[48], c[48];
	const struct workload *workload = request->prefill;
	double gpus = prediction_gpus(
	    &(struct predict_request){ workload, request->device, request->settings });
	wrap_printf(out, "", 0, "%s on %s", workload->title, request->device->name);
	fprintf(out, "%.0f GPU%s, %g sequences in flight on each copy, %s, %s: modelled\n", gpus,
	        gpus == 1 ? "" : "s", request->settings.batch,
	        precision_facts(workload->precision)->name, runtime_name(workload->runtime));
	fprintf(out, "Prompts of %.0f tokens, %.0f tokens written\n\n", request->prompt,
	        request->output);
	fprintf(out, "  first token  %s (a prompt alone), bound by %s\n",
	        format_si(a, sizeof a, g->first_token_s, "s"), cause_name(g->prefill.bound));
	fprintf(out, "  each token   %s (80%%: %s to %s), bound by %s\n",
	        format_si(a, sizeof a, g->token_s, "s"),
	        format_si(b, sizeof b, g->token_low_s, "s"),
	        format_si(c, sizeof c, g->token_high_s, "s"), cause_name(g->decode.bound));
	fprintf(out, "  rate         %.4g tokens/s of all GPUs, prefills take %.0f%% of the time\n",
	        g->tokens_per_s, 100 * g->prefill_share);
	fprintf(out, "  request      %s from prompt to last token\n",
	        format_si(a, sizeof a, g->request_s, "s"));
	fprintf(out, "  power        %.0f W a GPU\n", g->power_w);
	fprintf(out, "  energy       %s a token written (80%%: %s to %s),\n",
	        format_si(a, sizeof a, g->token_j, "J"),
	        format_si(b, sizeof b, g->token_low_j, "J"),
	        format_si(c, sizeof c, g->token_high_j, "J"));
	fprintf(out, "               %s a token of a prompt\n",
	        format_si(a, sizeof a, g->prefill_token_j, "J"));
	fprintf(out, "  memory       %s of %s, %s of it cached keys and values%s\n",
	        format_si(a, sizeof a, g->memory_bytes, "B"),
	        format_si(b, sizeof b, request->device->memory_bytes, "B"),
	        format_si(c, sizeof c, g->cache_bytes, "B"), g->fits ? "" : ":");
	if (g->fits)
		fprintf(out, "               %.0f such sequences would fit\n", g->largest_batch);
	else
		fprintf(out, "               DOES NOT FIT; %.0f sequences would\n",
		        g->largest_batch);
}

/* Prefill and decode. */
static enum ergon_code answer_generation(struct cli *cli, const struct predict_options *o,
                                         struct arena *arena, struct ergon_error *err)
{
	struct model_flags flags = o->flags;
	struct asked *asked = ARENA_NEW(arena, struct asked);
	struct workload_options wanted;
	struct generation generation;
	struct generation_request request = { .prompt = (double)(o->prefill ? o->prefill : 1),
		                              .output = (double)(o->decode ? o->decode : 1) };
	if (!asked)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (o->changes.count || o->sensitivity || o->explain || flags.sequence)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--prefill and --decode go without --set, --seq, --explain and "
		                  "--sensitivity");
	flags.infer = true;
	flags.precision = flags.precision ? flags.precision : "bf16";
	flags.runtime = flags.runtime ? flags.runtime : "compiled";
	flags.attention = flags.attention ? flags.attention : "flash";
	enum ergon_code code = predict_asked(cli, &flags, NULL, arena, asked, err);
	if (code || (code = workload_from_flags(&flags, &wanted, err)))
		return code;
	request.device = &asked->device;
	request.settings = asked->request.settings;
	if ((code = generation_load(cli->env, flags.model, &wanted, arena, &request, err)))
		return code;
	generate(&request, &asked->calibration, &generation);
	if (document_shown(cli, o->json))
		print_generation(cli->out, &request, &generation);
	if (!o->json)
		return ERGON_OK;
	return document_save(generation_to_json(&request, &generation), o->json, err);
}

static enum ergon_code answer_mode(struct cli *cli, const struct predict_options *o,
                                   struct arena *arena, struct ergon_error *err)
{
	struct predict_options with = *o;
	bool infer = strcmp(o->mode, "inference") == 0;
	if (!infer && strcmp(o->mode, "training") != 0)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--mode %.40s: expected training or inference", o->mode);
	with.flags.infer |= infer;
	if (!o->prefill && !o->decode)
		return answer(cli, &with, arena, err);
	if (!with.flags.infer)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--prefill and --decode need --mode inference");
	return answer_generation(cli, &with, arena, err);
}

static int run(struct cli *cli, const char *name, const void *parsed)
{
	struct ergon_error err = { 0 };
	struct arena arena;
	arena_init(&arena);
	enum ergon_code code = answer_mode(cli, parsed, &arena, &err);
	arena_fini(&arena);
	return code ? cli_fail(cli, name, &err) : EXIT_DONE;
}

static int predict_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	return run(cli, "predict", parsed);
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
	(void)operands;
	(void)count;
	const struct predict_options *o = parsed;
	struct ergon_error err = { 0 };
	if (o->changes.count)
		return run(cli, "whatif", parsed);
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
