/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd_model.h"

static const struct option options_table[] = {
	{ .name = "by",
	  .letter = 'b',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, by),
	  .value = "KEY[,KEY]",
	  .help = "group by gpu, model, precision, source, task, gpu_count, batch as well" },
	{ .name = "rows",
	  .kind = OPTION_OUTPUT,
	  .field = offsetof(struct model_options, rows),
	  .value = "FILE.csv",
	  .help = "write every row's measured and predicted number" },
	{ .name = "holdout",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, holdout),
	  .value = "KEY",
	  .help = "fit constants anew without each group of model, gpu or random in turn, "
	          "and judge it with those" },
	{ .name = "folds",
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct model_options, folds),
	  .value = "N",
	  .help = "so many groups at once (default: 10; each GPU on its own)",
	  .min = 2,
	  .max = 200 },
	{ .name = "markdown",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct model_options, markdown),
	  .help = "print the page docs/accuracy.md (both cross-validations: minutes)" },
	{ .name = "calibration",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, calibration),
	  .value = "FILE",
	  .help = "the predictor's constants (default: the installed ones)" },
	{ .name = "constants",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct model_options, constants),
	  .value = "NAME[,NAME]",
	  .help = "only these (default: all)" },
	{ .name = "intervals",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct model_options, intervals),
	  .help = "only how wide predictions' intervals are, from held-out errors (minutes)" },
	OPTION_JSON(struct model_options),
	OPTION_END,
};

static const struct subcommand subcommands[] = {
	{ "eval", "FILE.csv...", "predict every row, and say how far off",
	  "by rows holdout folds markdown calibration json", 1, -1, model_eval_run },
	{ "fit", "FILE.csv...", "fit the predictor's constants",
	  "calibration constants intervals json", 1, -1, model_fit_run },
	SUBCOMMAND_END,
};

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
		    "ergon model eval *.csv --by gpu --json result.json --rows rows.txt\n"
		    "ergon model eval *.csv --holdout model --folds 5",
	.options = options_table,
	.options_size = sizeof(struct model_options),
	.operands_min = 1,
	.operands_max = -1,
	.subcommands = subcommands,
};
