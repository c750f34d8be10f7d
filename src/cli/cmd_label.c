/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/model_options.h"
#include "cli/wrap.h"
#include "model/label.h"
#include "report/label.h"
#include "spec/grid.h"
#include "spec/recipes.h"

enum { PROMPT_TOKENS = 512, ANSWER_TOKENS = 256, INFERENCE_BATCH = 32 };

struct label_options {
	struct model_flags flags;
	const char *target, *grid, *svg, *html, *json;
	double epochs, dataset, tokens, pue, price;
};

#define FIELD(member) offsetof(struct label_options, member)
static const struct option options[] = {
	MODEL_OPTION(struct label_options, flags),
	{ "epochs", 0, OPTION_REAL, FIELD(epochs), "N", NULL,
	  "epochs of training (default: the model's recipe in data/recipes.json)", 1e-6, 1e6 },
	{ "dataset", 0, OPTION_REAL, FIELD(dataset), "N", NULL, "of a data set of N samples", 1,
	  1e15 },
	{ "tokens", 0, OPTION_REAL, FIELD(tokens), "N", NULL, "or: tokens of training", 1, 1e18 },
	{ "target", 0, OPTION_TEXT, FIELD(target), "TEXT", NULL, "what it is trained to", 0, 0 },
	PLACE_OPTIONS(struct label_options, flags),
	WORKLOAD_OPTIONS(struct label_options, flags),
	{ "price", 0, OPTION_REAL, FIELD(price), "AMOUNT", "0.15", "of a kWh", 0, 1e4 },
	{ "grid", 0, OPTION_TEXT, FIELD(grid), "CODE", "WORLD", "whose carbon intensity counts", 0,
	  0 },
	{ "pue", 0, OPTION_REAL, FIELD(pue), "X", "1", "facility energy over that of the GPUs", 1,
	  10 },
	{ "svg", 0, OPTION_OUTPUT, FIELD(svg), "FILE", NULL, "write the label as a picture", 0, 0 },
	{ "html", 0, OPTION_OUTPUT, FIELD(html), "FILE", NULL, "and as a page", 0, 0 },
	OPTION_JSON(struct label_options),
	OPTION_END,
};

/* How much training there is. */
static enum ergon_code read_terms(struct cli *cli, const struct label_options *o,
                                  const struct workload *workload, struct recipe *recipe,
                                  struct label_terms *terms, struct ergon_error *err)
{
	struct grid grid;
	bool epochs = o->epochs > 0 || o->dataset > 0;
	*recipe = (struct recipe){ .target = "the end of the stated training",
		                   .source = "stated by whoever made the label" };
	if (epochs && (o->epochs <= 0 || o->dataset <= 0))
		return ergon_fail(err, ERGON_BAD_INPUT, "--epochs and --dataset go together");
	if (epochs && o->tokens > 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "either --epochs or --tokens");
	recipe->epochs = o->epochs;
	recipe->samples = o->dataset;
	recipe->tokens = o->tokens;
	enum ergon_code code = ERGON_OK;
	if (!epochs && o->tokens <= 0) {
		code = recipe_find(cli->env->data_dir, workload->name, recipe, err);
		if (code == ERGON_NOT_FOUND)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "%s has no recipe in data/recipes.json: say --epochs N "
			                  "--dataset SAMPLES, or --tokens N",
			                  workload->name);
	}
	if (!code)
		code = grid_find(cli->env->data_dir, o->grid, &grid, err);
	if (code)
		return code;
	if (recipe->tokens > 0 && workload->tokens <= 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "--tokens: %s reads none", workload->name);
	if (o->target)
		snprintf(recipe->target, sizeof recipe->target, "%s", o->target);
	*terms =
	    (struct label_terms){ .target = recipe->target,
		                  .source = recipe->source,
		                  .epochs = recipe->epochs,
		                  .samples = recipe->tokens > 0 ? recipe->tokens / workload->tokens
		                                                : recipe->epochs * recipe->samples,
		                  .pue = o->pue,
		                  .price_per_kwh = o->price,
		                  .g_per_kwh = grid.g_per_kwh,
		                  .grid = o->grid };
	return ERGON_OK;
}

/* Inference of a model on the GPUs of one copy. */
static enum ergon_code infer(struct cli *cli, const struct model_flags *given, const char *model,
                             double pue, struct arena *arena, struct label_inference *out,
                             struct ergon_error *err)
{
	struct model_flags flags = *given;
	struct asked *asked = ARENA_NEW(arena, struct asked);
	struct workload_options wanted;
	if (!asked)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	bool itself = strcmp(flags.model, model) == 0;
	flags.model = model;
	flags.infer = true;
	flags.gpus = flags.tensor;
	flags.pipeline = flags.virtual_stages = flags.accumulate = 1;
	flags.zero = 0;
	flags.recompute = "none";
	flags.runtime = flags.runtime ? flags.runtime : "compiled";
	flags.attention = flags.attention ? flags.attention : "flash";
	flags.batch = INFERENCE_BATCH;
	if (!itself) { /* the reference is of its own size */
		flags.sequence = flags.resolution = 0;
		flags.dims = NULL;
	}
	enum ergon_code code = predict_asked(cli, &flags, NULL, arena, asked, err);
	if (code || (code = workload_from_flags(&flags, &wanted, err)))
		return code;
	if (label_unit_of(asked->request.workload) != LABEL_WRITTEN_TOKENS) {
		label_inference_from(asked->request.workload, &asked->prediction, flags.batch, pue,
		                     out);
		return ERGON_OK;
	}
	struct generation_request request = { .prompt = PROMPT_TOKENS,
		                              .output = ANSWER_TOKENS,
		                              .device = &asked->device,
		                              .settings = asked->request.settings };
	struct generation generation;
	if ((code = generation_load(cli->env, model, &wanted, arena, &request, err)))
		return code;
	generate(&request, &asked->calibration, &generation);
	label_generation_from(&request, &generation, pue, out);
	return ERGON_OK;
}

static void print_label(FILE *out, const struct asked *asked, const struct label_terms *terms,
                        const struct label *l)
{
	const struct predict_request *request = &asked->request;
	const struct label_inference *inference = &l->inference;
	char a[48], b[48], c[48];
	double gpus = prediction_gpus(request);
	wrap_printf(out, "", 0, "Energy label of %s (modelled)", request->workload->title);
	if (l->reference)
		fprintf(out, "Class %c: inference takes %.3g times the energy of %s\n\n", l->letter,
		        l->index, l->reference);
	else
		fprintf(out, "No class: there is no reference of its kind\n\n");
	fprintf(out, "  training   %sWh (80%%: %sWh to %sWh)\n",
	        format_si(a, sizeof a, l->energy_j / 3600, ""),
	        format_si(b, sizeof b, l->energy_low_j / 3600, ""),
	        format_si(c, sizeof c, l->energy_high_j / 3600, ""));
	wrap_printf(out, "             ", 13, "to %s", terms->target);
	fprintf(out, "  time       %s on %.0f x %s\n", format_duration(a, sizeof a, l->time_s),
	        gpus, request->device->name);
	fprintf(out, "             (80%%: %s to %s)%s\n",
	        format_duration(a, sizeof a, l->time_low_s),
	        format_duration(b, sizeof b, l->time_high_s),
	        asked->prediction.fits ? "" : "; it DOES NOT FIT in memory");
	bool tonnes = l->co2_g >= 1e6;
	fprintf(out, "  CO2e       %s (grid %s, %.4g g/kWh, PUE %.3g)\n",
	        format_si(a, sizeof a, tonnes ? l->co2_g / 1e6 : l->co2_g, tonnes ? "t" : "g"),
	        terms->grid, terms->g_per_kwh, terms->pue);
	fprintf(out, "  cost       %.4g for electricity, at %.3g a kWh\n", l->cost,
	        terms->price_per_kwh);
	fprintf(out, "  inference  %s for 1,000 %s (80%%: %s to %s)\n",
	        format_si(a, sizeof a, 1000 * inference->unit_j, "J"),
	        label_unit_name(inference->unit),
	        format_si(b, sizeof b, 1000 * inference->low_j, "J"),
	        format_si(c, sizeof c, 1000 * inference->high_j, "J"));
	fprintf(out, "             in batches of %g, %.4g a second\n\n", inference->batch,
	        inference->units_per_s);
	wrap_printf(out, "", 0, "Length of training: %s.", terms->source);
	fprintf(out, "Class: energy of a unit of inference over that of the reference model,\n"
	             "same device, precision and runtime: A to 1/4, B to 1/2, C to 1, D to 2,\n"
	             "E to 4, F to 8, G above.\n");
}

static enum ergon_code save_picture(const json_t *document, const char *path,
                                    enum ergon_code (*draw)(const json_t *, char **,
                                                            struct ergon_error *),
                                    struct ergon_error *err)
{
	char *text = NULL;
	if (!path)
		return ERGON_OK;
	enum ergon_code code = draw(document, &text, err);
	if (!code)
		code = file_write(path, text, strlen(text), err);
	free(text);
	return code;
}

static enum ergon_code answer(struct cli *cli, const struct label_options *o, struct arena *arena,
                              struct ergon_error *err)
{
	struct model_flags flags = o->flags;
	struct asked *asked = ARENA_NEW(arena, struct asked);
	struct recipe recipe;
	struct label_terms terms;
	struct label_inference own, other, *reference = NULL;
	struct label label;
	if (!asked)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	flags.device = flags.device ? flags.device : "a100";
	flags.precision = flags.precision ? flags.precision : "amp_fp16";
	enum ergon_code code = predict_asked(cli, &flags, NULL, arena, asked, err);
	if (code || (code = read_terms(cli, o, asked->request.workload, &recipe, &terms, err)) ||
	    (code = infer(cli, &flags, flags.model, o->pue, arena, &own, err)))
		return code;
	const char *against = label_reference(own.unit);
	if (against) {
		if ((code = infer(cli, &flags, against, o->pue, arena, &other, err)))
			return code;
		reference = &other;
	}
	label_make(&asked->request, &asked->prediction, &terms, &own, reference, &label);
	if (document_shown(cli, o->json))
		print_label(cli->out, asked, &terms, &label);
	json_t *document = label_to_json(&asked->request, &asked->prediction, &terms, &label);
	if (!document)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	code = save_picture(document, o->svg, label_svg, err);
	if (!code)
		code = save_picture(document, o->html, label_html, err);
	if (!code && o->json)
		return document_save(document, o->json, err);
	json_decref(document);
	return code;
}

static int label_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	struct ergon_error err = { 0 };
	struct arena arena;
	arena_init(&arena);
	enum ergon_code code = answer(cli, parsed, &arena, &err);
	arena_fini(&arena);
	return code ? cli_fail(cli, "label", &err) : EXIT_DONE;
}

extern const struct command command_label;
const struct command command_label = {
	.name = "label",
	.pillar = PILLAR_MODEL,
	.summary = "the energy label of a model that is not trained yet",
	.synopsis = "--model NAME [options]",
	.details =
	    "Energy, time, cost and CO2e of training to a target, energy of inference, and "
	    "a class with a stated rule; as a picture for a model card with --svg. How long "
	    "training takes comes from data/recipes.json, each entry with its source, or from "
	    "--epochs and --dataset, or --tokens. On an A100 with amp_fp16 where the options "
	    "do not say otherwise; models that generate text answer prompts of 512 tokens "
	    "with 256. Everything is modelled.",
	.examples =
	    "ergon label -m resnet50 -g 8 -b 128 --svg label.svg\n"
	    "ergon label -m llama3-8b -d h100 -p amp_bf16 -g 256 -b 1 --seq 2048 --zero 1 \\\n"
	    "  --attention flash --grid FR --pue 1.1",
	.options = options,
	.options_size = sizeof(struct label_options),
	.run = label_run,
};
