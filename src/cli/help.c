/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/emit.h"
#include "cli/wrap.h"
#include "ergon/version.h"

enum { WIDTH = 80, OPTION_INDENT = 28, SUBCOMMAND_INDENT = 20 };

const char *const pillar_titles[] = { "Measure",  "Understand",      "Model",
	                              "Optimize", "The whole cycle", "Help" };
const struct option option_help = { .name = "help", .letter = 'h', .help = "this text" };
const char common_statuses[] = "0  done\n"
			       "1  the machine refused: input/output, permission, memory\n"
			       "2  an option, a file or a name is not as it should be";
const struct environment_row environment_rows[] = {
	{ "ERGON_DATA_DIR", "folder of devices, models and grids, as --data names it" },
	{ "ERGON_STATE_DIR", "folder of runs and calibrations, as --state names it; otherwise "
	                     "$XDG_DATA_HOME/ergon or ~/.local/share/ergon" },
	{ "NO_COLOR", "where set, no colour on the terminal" },
	{ NULL, NULL },
};

bool next_paragraph(const char **text, char *out, size_t size)
{
	const char *p = *text + strspn(*text, "\n");
	size_t used = 0;
	for (; *p && !(p[0] == '\n' && (p[1] == '\n' || p[1] == '\0')); p++)
		if (used + 1 < size)
			out[used++] = *p == '\n' && p[1] != ' ' ? ' ' : *p;
	out[used] = '\0';
	*text = p;
	return used > 0;
}

static void wrap_paragraphs(FILE *out, const char *text)
{
	char paragraph[PARAGRAPH_SIZE];
	while (next_paragraph(&text, paragraph, sizeof paragraph)) {
		fputc('\n', out);
		wrap_print(out, paragraph, 0, 0);
	}
}

static void option_line(FILE *out, const struct command *command, const struct option *o)
{
	char left[96];
	int n = snprintf(left, sizeof left, "  %c%c%s--%s%s%s", o->letter ? '-' : ' ',
	                 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
	                 o->value ? " " : "", o->value ? o->value : "");
	fputs(left, out);
	if (n >= OPTION_INDENT - 1)
		fprintf(out, "\n%*s", OPTION_INDENT, "");
	else
		fprintf(out, "%*s", OPTION_INDENT - n, "");
	char help[640], of[128] = "";
	if (command)
		subcommands_that_take(of, sizeof of, command, o->name);
	snprintf(help, sizeof help, "%s%s%s%s%s", of, o->help, o->fallback ? " (default " : "",
	         o->fallback ? o->fallback : "", o->fallback ? ")" : "");
	wrap_print(out, help, OPTION_INDENT, OPTION_INDENT);
}

static void subcommand_line(FILE *out, const struct subcommand *s)
{
	char left[96];
	int n = snprintf(left, sizeof left, "  %s%s%s", s->name, s->operands ? " " : "",
	                 s->operands ? s->operands : "");
	fprintf(out, "%-*s", SUBCOMMAND_INDENT, left);
	wrap_print(out, s->summary, n < SUBCOMMAND_INDENT ? SUBCOMMAND_INDENT : n,
	           SUBCOMMAND_INDENT);
}

static void indented(FILE *out, const char *title, const char *lines)
{
	fprintf(out, "\n%s:\n", title);
	while (*lines) {
		size_t length = strcspn(lines, "\n");
		fprintf(out, "  %.*s\n", (int)length, lines);
		lines += length + (lines[length] == '\n');
	}
}

void help_command(FILE *out, const struct command *command)
{
	int column = fprintf(out, "ergon %s - ", command->name);
	wrap_print(out, command->summary, column, 2);
	column = fprintf(out, "\nUsage: ergon %s ", command->name) - 1;
	wrap_print(out, command->synopsis, column, 2 + (int)strlen("Usage:"));
	if (command->subcommands)
		fputc('\n', out);
	for (const struct subcommand *s = command->subcommands; s && s->name; s++)
		subcommand_line(out, s);
	if (command->details)
		wrap_paragraphs(out, command->details);
	fprintf(out, "\nOptions:\n");
	for (const struct option *o = command->options; o && o->name; o++)
		option_line(out, command, o);
	option_line(out, NULL, &option_help);
	fprintf(out, "\nOptions of every command:\n");
	for (const struct option *o = global_options; o->name; o++)
		option_line(out, NULL, o);
	indented(out, "Examples", command->examples);
	indented(out, "Exit status", common_statuses);
	if (command->statuses)
		indented(out, "And for this command", command->statuses);
}

void help_all(FILE *out)
{
	fprintf(out,
	        "ergon %s - measure, understand, model and cut the energy of AI systems\n\n"
	        "Usage: ergon [--quiet] [--sysfs DIR] [--procfs DIR] COMMAND [options]\n",
	        ergon_version());
	for (unsigned pillar = 0; pillar < PILLAR_COUNT; pillar++) {
		bool titled = false;
		for (const struct command *const *c = commands; *c; c++) {
			if ((*c)->pillar != pillar)
				continue;
			if (!titled)
				fprintf(out, "\n%s:\n", pillar_titles[pillar]);
			titled = true;
			fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
		}
	}
	fprintf(out, "\nergon COMMAND --help tells more, with an example.\n");
}
