/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/emit.h"

const char *const emit_shells[] = { "bash", "zsh", "fish", NULL };

/* Options whose value is a path are completed with files. */
static bool takes_path(const struct option *o)
{
	return o->value && (strstr(o->value, "FILE") || strstr(o->value, "DIR"));
}

/* Text between single quotes of a shell. fish knows \' inside them, bash and zsh do not. */
static void quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

static void option_words(FILE *out, const struct option *options, bool paths_only)
{
	for (const struct option *o = options; o && o->name; o++) {
		if (paths_only && !takes_path(o))
			continue;
		fprintf(out, " --%s", o->name);
		if (o->letter)
			fprintf(out, " -%c", o->letter);
	}
}

/* Options with a value that is no path: nothing can be proposed after them. */
static void value_words(FILE *out, const struct option *options)
{
	for (const struct option *o = options; o && o->name; o++) {
		if (o->kind == OPTION_FLAG || takes_path(o))
			continue;
		fprintf(out, " --%s", o->name);
		if (o->letter)
			fprintf(out, " -%c", o->letter);
	}
}

static void subcommand_words(FILE *out, const struct command *command)
{
	for (const struct subcommand *s = command->subcommands; s && s->name; s++)
		fprintf(out, "%s%s", s == command->subcommands ? "" : " ", s->name);
}

/* The first word that is no option and no option's value is the command; after a command that runs
 * another one, that one's own completion goes on. */
static const char bash_tail[] =
    "_ergon() {\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= i word\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tword=${COMP_WORDS[i]}\n"
    "\t\tif [[ $word == -* ]]; then\n"
    "\t\t\t[[ \" $_ergon_global_values \" == *\" $word \"* ]] && ((i++))\n"
    "\t\telse\n"
    "\t\t\tcommand=$word\n"
    "\t\t\tbreak\n"
    "\t\tfi\n"
    "\tdone\n"
    "\tlocal options paths values runs subcommands\n"
    "\t_ergon_command \"$command\"\n"
    "\tif [[ -n $runs ]]; then\n"
    "\t\tfor ((i++; i < COMP_CWORD; i++)); do\n"
    "\t\t\tword=${COMP_WORDS[i]}\n"
    "\t\t\tif [[ $word == -- ]]; then ((i++)); break; fi\n"
    "\t\t\t[[ $word == -* ]] || break\n"
    "\t\t\t[[ \" $paths $values $_ergon_global_values \" == *\" $word \"* ]] && ((i++))\n"
    "\t\tdone\n"
    "\t\tif ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then\n"
    "\t\t\t_command_offset \"$i\"\n"
    "\t\t\treturn\n"
    "\t\tfi\n"
    "\tfi\n"
    "\tCOMPREPLY=()\n"
    "\tif [[ \" $paths $_ergon_global_values \" == *\" $prev \"* ]]; then\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "\telif [[ \" $values \" == *\" $prev \"* ]]; then\n"
    "\t\t:\n"
    "\telif [[ $cur == -* ]]; then\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options $_ergon_globals\" -- \"$cur\")\n"
    "\telif [[ -z $command ]]; then\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$_ergon_commands\" -- \"$cur\")\n"
    "\telif [[ -n $subcommands && \" $subcommands \" != *\" $prev \"* && $prev == \"$command\" ]]; "
    "then\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$subcommands\" -- \"$cur\")\n"
    "\telif [[ $command == help ]]; then\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$_ergon_commands\" -- \"$cur\")\n"
    "\telse\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "\tfi\n"
    "}\n"
    "complete -o filenames -F _ergon ergon\n";

static void bash(FILE *out)
{
	fputs("# bash completion for ergon; made by `ergon help --completion bash`.\n"
	      "_ergon_commands='",
	      out);
	for (const struct command *const *c = commands; *c; c++)
		fprintf(out, "%s%s", c == commands ? "" : " ", (*c)->name);
	fputs("'\n_ergon_globals='--help -h", out);
	option_words(out, global_options, false);
	fputs("'\n_ergon_global_values='", out);
	option_words(out, global_options, true);
	fputs("'\n_ergon_command() {\n\toptions= paths= values= runs= subcommands=\n\tcase $1 in\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, "\t%s)\n\t\toptions='", (*c)->name);
		option_words(out, (*c)->options, false);
		fputs("'\n\t\tpaths='", out);
		option_words(out, (*c)->options, true);
		fputs("'\n\t\tvalues='", out);
		value_words(out, (*c)->options);
		fputs("'\n\t\tsubcommands='", out);
		subcommand_words(out, *c);
		fprintf(out, "'\n\t\truns=%s ;;\n", (*c)->runs_command ? "yes" : "");
	}
	fputs("\tesac\n}\n", out);
	fputs(bash_tail, out);
}

/* '(-x --long)'{-x,--long}'[help]:VALUE:_files' with what zsh reads in them escaped. */
static void zsh_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (strchr("[]:\\", *text))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void zsh_option(FILE *out, const struct option *o)
{
	fputs(" \\\n\t\t\t", out);
	const char *star = o->kind == OPTION_LIST ? "*" : "";
	if (o->letter)
		fprintf(out, "'%s'{-%c,--%s}'[", star, o->letter, o->name);
	else
		fprintf(out, "'%s--%s[", star, o->name);
	zsh_text(out, o->help);
	fputc(']', out);
	if (o->value) {
		fputc(':', out);
		zsh_text(out, o->value);
		fputs(takes_path(o) ? ":_files" : ": ", out);
	}
	fputc('\'', out);
}

static void zsh(FILE *out)
{
	fputs("#compdef ergon\n# zsh completion for ergon; made by `ergon help --completion "
	      "zsh`.\n_ergon() {\n"
	      "\tlocal context state state_descr line\n\ttypeset -A opt_args\n"
	      "\tlocal -a names globals\n\tnames=(\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, "\t\t'%s:", (*c)->name);
		zsh_text(out, (*c)->summary);
		fputs("'\n", out);
	}
	fputs("\t)\n\tglobals=(", out);
	zsh_option(out, &option_help);
	for (const struct option *o = global_options; o->name; o++)
		zsh_option(out, o);
	fputs("\n\t)\n\t_arguments -C $globals '1: :->command' '*:: :->rest'\n\tcase $state in\n"
	      "\tcommand) _describe command names ;;\n\trest)\n\t\tcase $words[1] in\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, "\t\t%s) _arguments $globals", (*c)->name);
		for (const struct option *o = (*c)->options; o && o->name; o++)
			zsh_option(out, o);
		if ((*c)->subcommands) {
			fputs(" \\\n\t\t\t'1: :(", out);
			subcommand_words(out, *c);
			fputs(")'", out);
		}
		fprintf(out, " \\\n\t\t\t'*:%s' ;;\n",
		        (*c)->runs_command ? ":_normal" : " :_files");
	}
	fputs("\t\tesac ;;\n\tesac\n}\n_ergon \"$@\"\n", out);
}

static void fish_option(FILE *out, const char *condition, const struct option *o)
{
	fprintf(out, "complete -c ergon -n '%s' -l %s", condition, o->name);
	if (o->letter)
		fprintf(out, " -s %c", o->letter);
	if (o->kind != OPTION_FLAG)
		fputs(takes_path(o) ? " -r -F" : " -x", out);
	fputs(" -d ", out);
	quoted(out, o->help);
	fputc('\n', out);
}

static void fish(FILE *out)
{
	fputs("# fish completion for ergon; made by `ergon help --completion fish`.\n", out);
	fish_option(out, "true", &option_help);
	for (const struct option *o = global_options; o->name; o++)
		fish_option(out, "true", o);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(out, "complete -c ergon -f -n __fish_use_subcommand -a %s -d ", (*c)->name);
		quoted(out, (*c)->summary);
		fputc('\n', out);
		char condition[96];
		snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", (*c)->name);
		for (const struct option *o = (*c)->options; o && o->name; o++)
			fish_option(out, condition, o);
		for (const struct subcommand *s = (*c)->subcommands; s && s->name; s++) {
			fprintf(out, "complete -c ergon -n '%s' -a %s -d ", condition, s->name);
			quoted(out, s->summary);
			fputc('\n', out);
		}
	}
}

bool emit_completion(FILE *out, const char *shell)
{
	static void (*const emitters[])(FILE *) = { bash, zsh, fish };
	for (size_t i = 0; emit_shells[i]; i++) {
		if (strcmp(emit_shells[i], shell) == 0) {
			emitters[i](out);
			return true;
		}
	}
	return false;
}
