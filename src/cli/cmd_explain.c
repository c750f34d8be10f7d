/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/command.h"
#include "cli/document.h"
#include "cli/model_options.h"
#include "cli/predict_table.h"

struct explain_options {
	struct model_flags flags;
	const char *versus, *versus_device, *json;
};

#define FIELD(member) offsetof(struct explain_options, member)
static const struct option options[] = {
	{ "versus", 'v', OPTION_TEXT, FIELD(versus), "MODEL", NULL,
	  "the model to compare with (default: the same)", 0, 0 },
	{ "versus-device", 0, OPTION_TEXT, FIELD(versus_device), "NAME", NULL,
	  "the device to compare with (default: the same)", 0, 0 },
	PLACE_OPTIONS(struct explain_options, flags),
	WORKLOAD_OPTIONS(struct explain_options, flags),
	INPUT_OPTIONS(struct explain_options, flags),
	OPTION_JSON(struct explain_options),
	OPTION_END,
};

static enum ergon_code against(struct cli *cli, const struct explain_options *o,
                               const struct model_flags *flags, struct arena *arena,
                               const struct asked *first, struct ergon_error *err)
{
	struct model_flags other = *flags;
	struct asked *second = ARENA_NEW(arena, struct asked);
	struct comparison *comparison = ARENA_NEW(arena, struct comparison);
	if (!second || !comparison)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (o->versus)
		other.model = o->versus;
	if (o->versus_device)
		other.device = o->versus_device;
	enum ergon_code code = predict_asked(cli, &other, NULL, arena, second, err);
	if (code)
		return code;
	struct compare_side a = { &first->request, &first->prediction, &first->breakdown };
	struct compare_side b = { &second->request, &second->prediction, &second->breakdown };
	compare(&a, &b, comparison);
	if (document_shown(cli, o->json)) {
		print_prediction(cli->out, "First:  ", &first->request, &first->prediction);
		fprintf(cli->out, "\n");
		print_prediction(cli->out, "Second: ", &second->request, &second->prediction);
		fprintf(cli->out, "\n");
		print_comparison(cli->out, &a, &b, comparison);
	}
	if (!o->json)
		return ERGON_OK;
	return document_save(comparison_to_json(&a, &b, comparison), o->json, err);
}

static enum ergon_code answer(struct cli *cli, const struct explain_options *o, const char *model,
                              struct arena *arena, struct ergon_error *err)
{
	struct model_flags flags = o->flags;
	struct asked *asked = ARENA_NEW(arena, struct asked);
	flags.model = model;
	if (!flags.device)
		flags.device = "a100";
	if (!asked)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = predict_asked(cli, &flags, NULL, arena, asked, err);
	if (code)
		return code;
	if (o->versus || o->versus_device)
		return against(cli, o, &flags, arena, asked, err);
	if (document_shown(cli, o->json)) {
		print_prediction(cli->out, "", &asked->request, &asked->prediction);
		print_why(cli->out, &asked->request, &asked->prediction, &asked->breakdown);
		print_causes(cli->out, &asked->prediction);
	}
	if (!o->json)
		return ERGON_OK;
	return document_save(
	    prediction_to_json(&asked->request, &asked->prediction, &asked->breakdown), o->json,
	    err);
}

static int explain_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)count;
	struct ergon_error err = { 0 };
	struct arena arena;
	arena_init(&arena);
	enum ergon_code code = answer(cli, parsed, operands[0], &arena, &err);
	arena_fini(&arena);
	return code ? cli_fail(cli, "explain", &err) : EXIT_DONE;
}

extern const struct command command_explain;
const struct command command_explain = {
	.name = "explain",
	.pillar = PILLAR_MODEL,
	.summary = "say why a step takes what it takes, or why one takes longer than another",
	.synopsis = "MODEL [--versus MODEL] [--versus-device NAME] [options]",
	.details = "Alone: time and energy by layer group and by cause, with the bound of each. "
		   "With --versus or --versus-device: the difference by layer group, split into "
		   "more work and a different rate, and the reasons in words. On an A100 where "
		   "--device does not say otherwise. Everything is modelled.",
	.examples = "ergon explain albert-base --versus distilbert -p amp_fp16\n"
		    "ergon explain resnet50 -d v100 --versus-device a100 -b 64 -p amp_fp16",
	.options = options,
	.options_size = sizeof(struct explain_options),
	.operands_min = 1,
	.operands_max = 1,
	.run = explain_run,
};
