/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd_model.h"

#include <string.h>

#include "base/suggest.h"

static const struct option options_table[] = {
	{ .name = "by",
	  .letter = 'b',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, by),
	  .value = "KEY[,KEY]",
	  .help = "eval: group by gpu, model, precision, source, task, gpu_count, batch as well" },
	{ .name = "rows",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, rows),
	  .value = "FILE.csv",
	  .help = "eval: write every row's measured and predicted number" },
	{ .name = "holdout",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, holdout),
	  .value = "KEY",
	  .help = "eval: fit constants anew without each group of model, gpu or random in turn, "
	          "and judge it with those" },
	{ .name = "folds",
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct model_options, folds),
	  .value = "N",
	  .help = "eval: so many groups at once (default: 10; each GPU on its own)",
	  .min = 2,
	  .max = 200 },
	{ .name = "markdown",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct model_options, markdown),
	  .help = "eval: print the page docs/accuracy.md (both cross-validations: minutes)" },
	{ .name = "calibration",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, calibration),
	  .value = "FILE",
	  .help = "the predictor's constants (default: the installed ones)" },
	{ .name = "constants",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, constants),
	  .value = "NAME[,NAME]",
	  .help = "fit: only these (default: all)" },
	OPTION_JSON(struct model_options),
	OPTION_END,
};

static const struct model_subcommand subcommands[] = {
	{ "eval", model_eval_run },
	{ "fit", model_fit_run },
};

static int model_run(struct cli *cli, const void *options, char **operands, int count)
{
	enum { COUNT = sizeof subcommands / sizeof *subcommands };
	const char *names[COUNT];
	char hint[160];
	struct ergon_error err = { 0 };
	for (size_t i = 0; i < COUNT; i++) {
		names[i] = subcommands[i].name;
		if (strcmp(operands[0], names[i]) == 0)
			return subcommands[i].run(cli, options, operands + 1, count - 1);
	}
	(void)ergon_fail(&err, ERGON_BAD_INPUT, "there is no 'ergon model %.40s'%s", operands[0],
	                 suggest_hint(hint, sizeof hint, operands[0], names, COUNT));
	return cli_fail(cli, "model", &err);
}

const struct command command_model = {
	.name = "model",
	.pillar = PILLAR_MODEL,
	.summary = "judge the predictor on published measurements, or fit it to them",
	.synopsis = "eval|fit FILE.csv... [options]",
	.details = "eval predicts every row of tables of measurements from the configuration that "
		   "the row states, and prints the relative error by file, split, metric and what "
		   "binds (host or device): mean and median of the absolute error, its 95th "
		   "percentile, the signed mean (bias), and how many measured numbers lie inside "
		   "the predicted 80% interval. Rows that cannot be predicted are counted, with "
		   "the reason.\n\nA table states whole runs (run_id, ..., metric, value, notes, "
		   "perhaps split) or single kernels; the names of networks are looked up in "
		   "model_names.json of the data folder.\n\nfit fits the predictor's constants to "
		   "such tables (Levenberg-Marquardt on log residuals) and says which ones the "
		   "tables cannot tell; --json writes a calibration file.",
	.examples = "ergon model eval zeus_training_power.csv\n"
		    "ergon model eval *.csv --by gpu --json result.json --rows rows.csv\n"
		    "ergon model eval *.csv --holdout model --folds 5",
	.options = options_table,
	.options_size = sizeof(struct model_options),
	.operands_min = 1,
	.operands_max = -1,
	.run = model_run,
};
