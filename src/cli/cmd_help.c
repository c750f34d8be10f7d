/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/command.h"

extern const struct command command_help;

static int help_run(struct cli *cli, const void *options, char **operands, int count)
{
	(void)options;
	if (count == 0) {
		help_all(cli->out);
		return EXIT_DONE;
	}
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, operands[0]) == 0) {
			help_command(cli->out, *c);
			return EXIT_DONE;
		}
	return unknown_command(cli, operands[0]);
}

const struct command command_help = {
	.name = "help",
	.pillar = PILLAR_HELP,
	.summary = "say what a command does",
	.synopsis = "[COMMAND]",
	.examples = "ergon help measure",
	.operands_max = 1,
	.run = help_run,
};
