/* SPDX-License-Identifier: Apache-2.0
 *
 * A command of `ergon`, as a row of one table.
 *
 * commands.c lists every command; one file cmd_NAME.c holds each. A command declares its options as
 * data, so that parsing, errors with suggestions, `--help`, the man page, shell completion and the
 * reference in docs/ all come from the same rows. A command's run() only translates: options in,
 * library call, result out; what it computes lives in the library.
 *
 * To add a command: one file beside this one, one line in commands.c, one golden test.
 */
#ifndef ERGON_CLI_COMMAND_H
#define ERGON_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ergon/env.h"
#include "ergon/error.h"

/* Exit statuses that commands share; a command's page lists its own besides. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,    /* the machine refused: I/O, permission, memory */
	EXIT_BAD_INPUT = 2, /* the user can mend it: a file, a name, an option */
};

/* What an option's value is, and the type of the field that it fills. */
enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char * (borrowed from argv) */
	OPTION_OUTPUT, /* the same, naming a file to write: refused before any work if it cannot be
	                */
	OPTION_LIST,   /* struct text_list: may be given several times */
	OPTION_COUNT,  /* uint64_t in [min, max] */
	OPTION_REAL,   /* double in [min, max] */
	OPTION_DURATION, /* uint64_t ns; min and max in seconds */
	OPTION_POWER,    /* double W */
	OPTION_FRACTION, /* double; "5%" or 0.05 */
};

struct text_list {
	const char **items; /* [count], freed by the caller of run() */
	size_t count;
};

struct option {
	const char *name; /* "interval" for --interval */
	char letter;      /* 'i' for -i; 0 for none */
	enum option_kind kind;
	size_t field;         /* offsetof in the command's options struct */
	const char *value;    /* name of the value in help: "DURATION"; NULL for flags */
	const char *fallback; /* default, parsed like a value; NULL: zeroed field */
	const char *help;     /* one line, without a full stop */
	double min, max;      /* both 0: only finite and not negative */
};
#define OPTION_END                                                                                 \
	{                                                                                          \
		.name = NULL                                                                       \
	}
/* Every command understands --help; options that most share: */
#define OPTION_JSON(type)                                                                          \
	{                                                                                          \
		.name = "json", .kind = OPTION_OUTPUT, .field = offsetof(type, json),              \
		.value = "FILE",                                                                   \
		.help = "write the result as JSON to FILE; - for standard output, and nothing "    \
			"else there"                                                               \
	}

struct cli {
	struct ergon_env *env;
	const char *program; /* path of the running ergon, for commands that start another */
	FILE *out, *errors;
	bool quiet;       /* --quiet: no progress, no table on the terminal */
	bool interactive; /* errors is a terminal: progress may be drawn */
	bool color;
	unsigned width; /* of the terminal; 80 where unknown */
};

/* The pillars, in the order of data flow; help groups by them. */
enum pillar {
	PILLAR_MEASURE,
	PILLAR_UNDERSTAND,
	PILLAR_MODEL,
	PILLAR_OPTIMIZE,
	PILLAR_CYCLE,
	PILLAR_HELP,
	PILLAR_COUNT
};

/* What a command can do, where it is several things: `ergon trace info FILE`. The first operand
 * names the row; the command's options are one table, of which each row takes its own. */
struct subcommand {
	const char *name;
	const char *operands; /* those behind the name, as help shows them: "FILE"; NULL for none */
	const char *summary;  /* one line, no full stop */
	const char *takes;    /* the options that are its own, parted by blanks; NULL: all */
	int operands_min, operands_max; /* behind the name; -1: any number */
	/* operands: [count], those behind the name. Returns the exit status. */
	int (*run)(struct cli *cli, const void *options, char **operands, int count);
};
#define SUBCOMMAND_END                                                                             \
	{                                                                                          \
		.name = NULL                                                                       \
	}

struct command {
	const char *name;
	enum pillar pillar;
	const char *summary;  /* one line, no full stop: "measure the energy of a command" */
	const char *synopsis; /* after the name: "[options] -- COMMAND [ARG...]" */
	const char *details;  /* paragraphs, parted by a blank line; a single newline is a blank */
	const char *examples; /* lines, at least one */
	const char *statuses; /* "0  ...\n1  ..." beyond the shared ones; NULL for none */
	const struct option *options; /* ends with OPTION_END; NULL for none */
	size_t options_size;
	int operands_min, operands_max; /* -1: any number */
	bool runs_command;              /* operands after the first non-option belong to CMD */
	const struct subcommand *subcommands; /* ends with SUBCOMMAND_END; NULL for none */
	/* options: parsed struct; operands: [count]. Returns the exit status. NULL where there are
	 * subcommands: theirs is called. */
	int (*run)(struct cli *cli, const void *options, char **operands, int count);
};

extern const struct command *const commands[]; /* ends with NULL */

/* Options that every command takes, before or after its name; they fill struct cli and its env. */
struct global_options {
	const char *sysfs, *procfs, *devfs, *data, *state, *store; /* NULL: as the machine has it */
	bool quiet;
};
extern const struct option global_options[];

/* Parses argv[0..argc) into options (options_size zeroed bytes) and *operands (points into argv).
 * Values out of range, unknown options, missing values: BAD_INPUT with a suggestion. */
ERGON_MUST_USE enum ergon_code options_parse(const struct command *command, int argc, char **argv,
                                             void *options, struct global_options *globals,
                                             char ***operands, int *count, bool *help,
                                             struct ergon_error *err);
/* Parses the options that stand before the command's name; *at moves to the first other word. */
ERGON_MUST_USE enum ergon_code options_parse_globals(int argc, char **argv, int *at,
                                                     struct global_options *globals,
                                                     struct ergon_error *err);
void options_fini(const struct command *command, void *options);

/* The row that operands[0] names, once options_parse has found all in order. */
const struct subcommand *subcommand_find(const struct command *command, const char *name);
/* Does the row take this option of its command? */
bool subcommand_takes(const struct subcommand *subcommand, const char *option);
/* "eval, fit: " where only some of a command's rows take the option, or "". */
const char *subcommands_that_take(char *out, size_t size, const struct command *command,
                                  const char *option);

/* Prints "ergon NAME: text" on cli->errors and returns the exit status that the code deserves:
 *     if (code) return cli_fail(cli, "simulate", &err); */
int cli_fail(struct cli *cli, const char *command, const struct ergon_error *err);

/* Says that there is no such command, and which is near; returns the exit status. */
int unknown_command(struct cli *cli, const char *name);

/* Help of one command, and of all, as plain text of at most 80 columns. */
void help_command(FILE *out, const struct command *command);
void help_all(FILE *out);

#endif
