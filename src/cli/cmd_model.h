/* SPDX-License-Identifier: Apache-2.0
 *
 * `ergon model SUBCOMMAND`: each is a row of the table in cmd_model.c and one file beside it.
 * They share one struct of options, since a command has one table of them.
 */
#ifndef ERGON_CLI_CMD_MODEL_H
#define ERGON_CLI_CMD_MODEL_H

#include "cli/command.h"

struct model_options {
	const char *json, *by, *rows, *calibration, *constants, *holdout;
	uint64_t folds;
	bool markdown, intervals;
};

/* options: struct model_options. As struct subcommand's run() says. */
int model_eval_run(struct cli *cli, const void *options, char **operands, int count);
int model_fit_run(struct cli *cli, const void *options, char **operands, int count);

#endif
