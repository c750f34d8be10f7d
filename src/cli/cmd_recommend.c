/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "cli/document.h"
#include "cli/experiment_options.h"
#include "cli/simulate_table.h"
#include "cli/wrap.h"
#include "optimize/recommend.h"

struct recommend_options {
	struct experiment_flags x;
	const char *json;
	bool deadlines, fairness;
};

static const struct option options[] = {
	EXPERIMENT_OPTIONS(struct recommend_options, x, "60s", "30s"),
	{ .name = "strict-deadlines",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct recommend_options, deadlines),
	  .help = "deadlines are strict" },
	{ .name = "fairness",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct recommend_options, fairness),
	  .help = "no job may fare much worse than the others" },
	OPTION_JSON(struct recommend_options),
	OPTION_END,
};

static enum ergon_code answer(struct cli *cli, const struct recommend_options *given,
                              struct experiment *x, struct recommendation *r,
                              struct ergon_error *err)
{
	struct experiment_options wanted;
	const struct recommend_wishes wishes = { .strict_deadlines = given->deadlines,
		                                 .fairness_first = given->fairness };
	enum ergon_code code = experiment_from_flags(&given->x, true, &wanted, err);
	if (code)
		return code;
	wanted.audit = true;
	code = experiment_load(cli->env, &wanted, x, err);
	if (!code)
		code = experiment_bound(x, err);
	if (!code)
		code = recommend(x, &wishes, r, err);
	if (code)
		return code;
	if (document_shown(cli, given->json)) {
		wrap_print(cli->out, r->verdict, 0, 0);
		fputc('\n', cli->out);
		for (size_t i = 0; i < r->step_count; i++)
			fprintf(cli->out, "  %s\n", r->steps[i]);
		fprintf(cli->out, "\nBest first, by %s:\n\n", r->goal);
		print_experiment(cli, x, r->results, r->count);
	}
	if (!given->json)
		return ERGON_OK;
	return document_save(recommendation_to_json(x, r), given->json, err);
}

static int run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	struct experiment experiment = { 0 };
	struct recommendation recommendation = { 0 };
	struct ergon_error err = { 0 };
	enum ergon_code code = answer(cli, parsed, &experiment, &recommendation, &err);
	recommendation_fini(&recommendation);
	experiment_fini(&experiment);
	return code ? cli_fail(cli, "recommend", &err) : EXIT_DONE;
}

extern const struct command command_recommend;
const struct command command_recommend = {
	.name = "recommend",
	.pillar = PILLAR_OPTIMIZE,
	.summary = "recommend a scheduling policy, checked on your own trace",
	.synopsis = "--cluster CLUSTER --trace FILE [options]",
	.details =
	    "Walks a decision tree (a hard power budget: charon; strict deadlines: aurachronos; "
	    "fairness first: hades; else zeus) and then checks its advice: every policy that can "
	    "keep what you demand is simulated on your trace, and where another one does better "
	    "by more than 1%, it says that the tree is wrong.",
	.examples = "ergon recommend --cluster 16x4:t4 --trace jobs.csv\n"
		    "ergon recommend --cluster 4x8:a100 --trace jobs.csv --power-budget 10kW",
	.options = options,
	.options_size = sizeof(struct recommend_options),
	.operands_max = 0,
	.run = run,
};
