/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/simulate_table.h"
#include "optimize/recommend.h"

struct recommend_options {
	const char *cluster, *trace, *format, *oracle, *objective, *json;
	uint64_t interval_ns, restart_ns, seed;
	double power_budget_w;
	bool deadlines, fairness, lenient;
};

#define AT(field) offsetof(struct recommend_options, field)
static const struct option options[] = {
	{ .name = "cluster",
	  .letter = 'c',
	  .kind = OPTION_TEXT,
	  .field = AT(cluster),
	  .value = "CLUSTER",
	  .help = "NODESxGPUS:TYPE[,...], such as 16x4:t4, or a JSON file" },
	{ .name = "trace",
	  .letter = 't',
	  .kind = OPTION_TEXT,
	  .field = AT(trace),
	  .value = "FILE",
	  .help = "your jobs; - for standard input" },
	{ .name = "oracle",
	  .letter = 'o',
	  .kind = OPTION_TEXT,
	  .field = AT(oracle),
	  .value = "ORACLE",
	  .help = "measured:DIR, model or duration; default: by the trace" },
	{ .name = "power-budget",
	  .kind = OPTION_POWER,
	  .field = AT(power_budget_w),
	  .value = "POWER",
	  .help = "the cluster must never draw more" },
	{ .name = "deadlines",
	  .kind = OPTION_FLAG,
	  .field = AT(deadlines),
	  .help = "the trace's deadlines are strict" },
	{ .name = "fairness",
	  .kind = OPTION_FLAG,
	  .field = AT(fairness),
	  .help = "no job may fare much worse than the others" },
	{ .name = "objective",
	  .kind = OPTION_TEXT,
	  .field = AT(objective),
	  .value = "NAME",
	  .fallback = "edp",
	  .help = "edp, ed2p, energy, time, or A,B for T^A E^B" },
	{ .name = "interval",
	  .letter = 'i',
	  .kind = OPTION_DURATION,
	  .field = AT(interval_ns),
	  .value = "DURATION",
	  .fallback = "60s",
	  .help = "decide every DURATION only; 0: whenever something happens",
	  .max = 86400 },
	{ .name = "restart-cost",
	  .kind = OPTION_DURATION,
	  .field = AT(restart_ns),
	  .value = "DURATION",
	  .fallback = "30s",
	  .help = "time without progress after each change of placement",
	  .max = 86400 },
	{ .name = "seed",
	  .kind = OPTION_COUNT,
	  .field = AT(seed),
	  .value = "N",
	  .fallback = "1",
	  .help = "of every random choice",
	  .max = 1e15 },
	{ .name = "format",
	  .kind = OPTION_TEXT,
	  .field = AT(format),
	  .value = "NAME",
	  .help = "of the trace; default: found out from the file" },
	{ .name = "lenient",
	  .kind = OPTION_FLAG,
	  .field = AT(lenient),
	  .help = "skip and count malformed rows of the trace" },
	OPTION_JSON(struct recommend_options),
	OPTION_END,
};

/* Words in lines of at most 80 columns. */
static void print_wrapped(FILE *out, const char *text)
{
	size_t column = 0;
	while (*text) {
		size_t length = strcspn(text, " ");
		if (column && column + 1 + length > 80) {
			fputc('\n', out);
			column = 0;
		} else if (column) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, length, out);
		column += length;
		text += length + (text[length] == ' ');
	}
	fputs("\n\n", out);
}

static enum ergon_code answer(struct cli *cli, const struct recommend_options *given,
                              struct experiment *x, struct recommendation *r,
                              struct ergon_error *err)
{
	const struct experiment_options wanted = { .cluster = given->cluster,
		                                   .trace = given->trace,
		                                   .trace_format = given->format,
		                                   .oracle = given->oracle,
		                                   .lenient = given->lenient,
		                                   .audit = true,
		                                   .seed = given->seed,
		                                   .interval_ns = given->interval_ns,
		                                   .restart_ns = given->restart_ns,
		                                   .power_budget_w = given->power_budget_w,
		                                   .objective = given->objective };
	const struct recommend_wishes wishes = { given->deadlines, given->fairness };
	if (!given->cluster || !given->trace)
		return ergon_fail(err, ERGON_BAD_INPUT, "--cluster and --trace are needed");
	enum ergon_code code = experiment_load(cli->env, &wanted, x, err);
	if (!code)
		code = recommend(x, &wishes, r, err);
	if (code)
		return code;
	if (!(given->json && strcmp(given->json, "-") == 0) && !cli->quiet) {
		print_wrapped(cli->out, r->verdict);
		for (size_t i = 0; i < r->step_count; i++)
			fprintf(cli->out, "  %s\n", r->steps[i]);
		fprintf(cli->out, "\nBest first, by %s:\n\n", r->goal);
		print_experiment(cli, x, r->results, r->count);
	}
	if (!given->json)
		return ERGON_OK;
	json_t *root = recommendation_to_json(x, r);
	code = root ? json_save(root, given->json, err)
	            : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	json_decref(root);
	return code;
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
	    "Walks a decision tree (a hard power budget: charon; strict deadlines: aurachronos;\n"
	    "fairness first: hades; else zeus) and then checks its advice: every policy that can\n"
	    "keep what you demand is simulated on your trace, and where another one does better\n"
	    "by more than 1%, it says that the tree is wrong.",
	.examples = "ergon recommend --cluster 16x4:t4 --trace jobs.csv\n"
		    "ergon recommend --cluster 4x8:a100 --trace jobs.csv --power-budget 10kW",
	.options = options,
	.options_size = sizeof(struct recommend_options),
	.operands_max = 0,
	.run = run,
};
