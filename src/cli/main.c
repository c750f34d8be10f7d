/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/suggest.h"
#include "cli/command.h"
#include "cli/document.h"
#include "ergon/version.h"

enum { COMMANDS_MAX = 64 };

extern const struct command command_help;

int cli_fail(struct cli *cli, const char *command, const struct ergon_error *err)
{
	char text[1024];
	fprintf(cli->errors, "ergon %s: %s\n", command,
	        ergon_error_describe(err, text, sizeof text));
	switch (err->code) {
	case ERGON_BAD_INPUT:
	case ERGON_NOT_FOUND:
	case ERGON_INFEASIBLE:
		return EXIT_BAD_INPUT;
	default:
		return EXIT_FAILED;
	}
}

static void log_to_stderr(void *user, enum ergon_log_level level, const char *text)
{
	const struct cli *cli = user;
	if (level >= ERGON_LOG_WARNING)
		fprintf(cli->errors, "ergon: %s\n", text);
}

static void cli_init(struct cli *cli, struct ergon_env *env, const char *program)
{
	*cli = (struct cli){
		.env = env, .program = program, .out = stdout, .errors = stderr, .width = 80
	};
	cli->interactive = isatty(STDERR_FILENO);
	cli->color = cli->interactive && !getenv("NO_COLOR");
	struct winsize size;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
		cli->width = size.ws_col;
	env->log = log_to_stderr;
	env->log_user = cli;
}

static const struct command *find_command(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

int unknown_command(struct cli *cli, const char *name)
{
	const char *names[COMMANDS_MAX];
	size_t count = 0;
	for (const struct command *const *c = commands; *c && count < COMMANDS_MAX; c++)
		names[count++] = (*c)->name;
	char hint[256];
	fprintf(cli->errors, "ergon: unknown command '%.60s'%s\n", name,
	        suggest_hint(hint, sizeof hint, name, names, count));
	return EXIT_BAD_INPUT;
}

static void apply_globals(struct cli *cli, const struct global_options *globals)
{
	const char **roots[] = { &cli->env->sysfs_root, &cli->env->procfs_root,
		                 &cli->env->devfs_root, &cli->env->data_dir,
		                 &cli->env->state_dir,  &cli->env->store_url };
	const char *const given[] = { globals->sysfs, globals->procfs, globals->devfs,
		                      globals->data,  globals->state,  globals->store };
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
		if (given[i])
			*roots[i] = given[i];
	/* Another machine's files: the server of this one has nothing to say of it. */
	const char *named = getenv("ERGON_SOCKET");
	if (globals->sysfs && !(named && *named))
		cli->env->socket_path = NULL;
	cli->quiet = globals->quiet;
}

/* `ergon --help` and `ergon --version`; -1 where the words ask for something else. */
static int answer_at_once(struct cli *cli, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	if (strcmp(word, "--version") == 0) {
		fprintf(cli->out, "ergon %s\n", ergon_version());
		return EXIT_DONE;
	}
	if (argc > 1 && strcmp(word, "--help") != 0 && strcmp(word, "-h") != 0)
		return -1;
	help_all(argc > 1 ? cli->out : cli->errors);
	return argc > 1 ? EXIT_DONE : EXIT_BAD_INPUT;
}

/* A result that nobody could keep is refused before it is worked for. */
static enum ergon_code check_written(const struct command *command, const void *parsed,
                                     struct ergon_error *err)
{
	for (const struct option *o = command->options; o && o->name; o++)
		if (o->kind == OPTION_OUTPUT) {
			const char *path;
			memcpy(&path, (const char *)parsed + o->field, sizeof path);
			enum ergon_code code = document_check(o->name, path, err);
			if (code)
				return code;
		}
	return ERGON_OK;
}

static int run_command(struct cli *cli, const struct command *command, int argc, char **argv,
                       struct global_options *globals)
{
	struct ergon_error err = { 0 };
	void *options = calloc(1, command->options_size + 1);
	if (!options) {
		fprintf(cli->errors, "ergon: out of memory\n");
		return EXIT_FAILED;
	}
	char **operands;
	int count, status;
	bool help;
	enum ergon_code code =
	    options_parse(command, argc, argv, options, globals, &operands, &count, &help, &err);
	apply_globals(cli, globals);
	if (!code && !help)
		code = check_written(command, options, &err);
	if (code) {
		status = cli_fail(cli, command->name, &err);
	} else if (help) {
		help_command(cli->out, command);
		status = EXIT_DONE;
	} else if (command->subcommands) {
		status = subcommand_find(command, operands[0])
		             ->run(cli, options, operands + 1, count - 1);
	} else {
		status = command->run(cli, options, operands, count);
	}
	options_fini(command, options);
	free(options);
	return status;
}

int main(int argc, char **argv)
{
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct cli cli;
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write(), not a death */
	signal(SIGXFSZ, SIG_IGN); /* and so is a file that may grow no further */
	ergon_env_init(&env, &storage);
	cli_init(&cli, &env, argv[0]);
	int status = answer_at_once(&cli, argc, argv);
	if (status >= 0)
		return status;
	struct global_options globals = { 0 };
	struct ergon_error err = { 0 };
	int at = 1;
	if (options_parse_globals(argc, argv, &at, &globals, &err)) {
		char text[1024];
		fprintf(stderr, "ergon: %s\n", ergon_error_describe(&err, text, sizeof text));
		return EXIT_BAD_INPUT;
	}
	const struct command *command = at < argc ? find_command(argv[at]) : &command_help;
	if (!command)
		return unknown_command(&cli, argv[at]);
	status = run_command(&cli, command, at < argc ? argc - at - 1 : 0, argv + at + 1, &globals);
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_DONE) {
		if (errno != EPIPE) /* `ergon ... | head` has seen enough: nothing to tell */
			fprintf(stderr, "ergon: cannot write to standard output: %s\n",
			        strerror(errno));
		status = EXIT_FAILED;
	}
	return status;
}
