/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/suggest.h"
#include "cli/command.h"
#include "cli/emit.h"

extern const struct command command_help;

struct options {
	bool man, markdown;
	const char *completion;
};

static const struct option options_table[] = {
	{ .name = "man",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct options, man),
	  .help = "write the man page ergon(1)" },
	{ .name = "markdown",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct options, markdown),
	  .help = "write the reference of all commands" },
	{ .name = "completion",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, completion),
	  .value = "SHELL",
	  .help = "write what completes ergon's words in SHELL: bash, zsh or fish" },
	OPTION_END,
};

static int completion(struct cli *cli, const char *shell)
{
	if (emit_completion(cli->out, shell))
		return EXIT_DONE;
	size_t count = 0;
	while (emit_shells[count])
		count++;
	char hint[128];
	struct ergon_error err = { 0 };
	ergon_fail(&err, ERGON_NOT_FOUND, "--completion: no shell '%.40s'%s", shell,
	           suggest_hint(hint, sizeof hint, shell, emit_shells, count));
	return cli_fail(cli, "help", &err);
}

static int help_run(struct cli *cli, const void *options, char **operands, int count)
{
	const struct options *o = options;
	if (o->completion)
		return completion(cli, o->completion);
	if (o->man || o->markdown) {
		(o->man ? emit_man : emit_markdown)(cli->out);
		return EXIT_DONE;
	}
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
	.summary = "say what a command does; write man page, reference, completion",
	.synopsis = "[COMMAND]",
	.examples =
	    "ergon help measure\n"
	    "ergon help --man | man -l -\n"
	    "ergon help --completion bash >~/.local/share/bash-completion/completions/ergon",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_max = 1,
	.run = help_run,
};
