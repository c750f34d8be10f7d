/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/emit.h"

/* In running text and table cells: what Markdown would take for markup. */
static void escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\`*_<>|[]", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void block(FILE *out, const char *text)
{
	fprintf(out, "```text\n%s\n```\n", text);
}

static void option_row(FILE *out, const struct command *c, const struct option *o)
{
	char of[128] = "";
	if (c)
		subcommands_that_take(of, sizeof of, c, o->name);
	fputs("| `", out);
	if (o->letter)
		fprintf(out, "-%c, ", o->letter);
	fprintf(out, "--%s", o->name);
	/* A bar ends a cell even inside code. */
	if (o->value)
		fputc(' ', out);
	for (const char *p = o->value ? o->value : ""; *p; p++)
		fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
	fprintf(out, "` | %s", of);
	escaped(out, o->help);
	fprintf(out, " | %s%s%s |\n", o->fallback ? "`" : "", o->fallback ? o->fallback : "",
	        o->fallback ? "`" : "");
}

static void option_table(FILE *out, const struct command *c)
{
	fputs("| option | meaning | default |\n|---|---|---|\n", out);
	for (const struct option *o = c->options; o->name; o++)
		option_row(out, c, o);
	fputc('\n', out);
}

static void paragraphs(FILE *out, const char *text)
{
	char paragraph[PARAGRAPH_SIZE];
	while (next_paragraph(&text, paragraph, sizeof paragraph)) {
		escaped(out, paragraph);
		fputs("\n\n", out);
	}
}

static void command(FILE *out, const struct command *c)
{
	fprintf(out, "### ergon %s\n\n", c->name);
	escaped(out, c->summary);
	fputs("\n\n", out);
	fprintf(out, "```text\nergon %s %s\n```\n\n", c->name, c->synopsis);
	for (const struct subcommand *s = c->subcommands; s && s->name; s++) {
		fprintf(out, "- `%s%s%s`: ", s->name, s->operands ? " " : "",
		        s->operands ? s->operands : "");
		escaped(out, s->summary);
		fputs(s[1].name ? "\n" : "\n\n", out);
	}
	if (c->details)
		paragraphs(out, c->details);
	if (c->options && c->options->name)
		option_table(out, c);
	fputs("Examples:\n\n", out);
	block(out, c->examples);
	fputc('\n', out);
	if (c->statuses) {
		fputs("Exit status besides the common ones:\n\n", out);
		block(out, c->statuses);
		fputc('\n', out);
	}
}

void emit_markdown(FILE *out)
{
	fputs("# Reference\n\nMade from the command table by `make docs`; `ergon help COMMAND` and "
	      "`man ergon` say the same.\n\n",
	      out);
	for (unsigned pillar = 0; pillar < PILLAR_COUNT; pillar++) {
		bool titled = false;
		for (const struct command *const *c = commands; *c; c++) {
			if ((*c)->pillar != pillar)
				continue;
			if (!titled)
				fprintf(out, "## %s\n\n", pillar_titles[pillar]);
			titled = true;
			command(out, *c);
		}
	}
	fputs("## Options of every command\n\n| option | meaning | default |\n|---|---|---|\n",
	      out);
	option_row(out, NULL, &option_help);
	for (const struct option *o = global_options; o->name; o++)
		option_row(out, NULL, o);
	fputs("\n## Exit status\n\n", out);
	block(out, common_statuses);
	fputs("\n## Environment\n\n| variable | meaning |\n|---|---|\n", out);
	for (const struct environment_row *row = environment_rows; row->name; row++) {
		fprintf(out, "| `%s` | ", row->name);
		escaped(out, row->meaning);
		fputs(" |\n", out);
	}
}
