/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/emit.h"
#include "ergon/version.h"

/* Text for roff: a backslash, a minus (which must stay one, for copying) and a control character
 * at the head of a line would be read as something else. */
static void roff(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool head = i == 0 || text[i - 1] == '\n';
		if (head && (text[i] == '.' || text[i] == '\''))
			fputs("\\&", out);
		if (text[i] == '\\')
			fputs("\\e", out);
		else if (text[i] == '-')
			fputs("\\-", out);
		else
			fputc(text[i], out);
	}
}

static void roff_line(FILE *out, const char *text)
{
	roff(out, text, strlen(text));
	fputc('\n', out);
}

static void paragraphs(FILE *out, const char *text)
{
	char paragraph[PARAGRAPH_SIZE];
	while (next_paragraph(&text, paragraph, sizeof paragraph)) {
		fputs(".PP\n", out);
		roff_line(out, paragraph);
	}
}

/* Lines as they are. */
static void verbatim(FILE *out, const char *title, const char *text)
{
	fprintf(out, ".PP\n%s:\n.PP\n.nf\n.RS 4\n", title);
	roff_line(out, text);
	fputs(".RE\n.fi\n", out);
}

static void option(FILE *out, const struct command *c, const struct option *o)
{
	char of[128] = "";
	if (c)
		subcommands_that_take(of, sizeof of, c, o->name);
	fputs(".TP\n", out);
	if (o->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
	fputs("\\fB\\-\\-", out);
	roff(out, o->name, strlen(o->name));
	fputs("\\fR", out);
	if (o->value) {
		fputs(" \\fI", out);
		roff(out, o->value, strlen(o->value));
		fputs("\\fR", out);
	}
	fprintf(out, "\n%s", of);
	roff(out, o->help, strlen(o->help));
	if (o->fallback) {
		fputs(" (default ", out);
		roff(out, o->fallback, strlen(o->fallback));
		fputc(')', out);
	}
	fputc('\n', out);
}

static void command(FILE *out, const struct command *c)
{
	fprintf(out, ".SS %s \\- ", c->name);
	roff_line(out, c->summary);
	fprintf(out, ".PP\n\\fBergon %s\\fR ", c->name);
	roff_line(out, c->synopsis);
	for (const struct subcommand *s = c->subcommands; s && s->name; s++) {
		fprintf(out, ".TP\n\\fB%s\\fR %s\n", s->name, s->operands ? s->operands : "");
		roff_line(out, s->summary);
	}
	if (c->details)
		paragraphs(out, c->details);
	for (const struct option *o = c->options; o && o->name; o++)
		option(out, c, o);
	verbatim(out, "Examples", c->examples);
	if (c->statuses)
		verbatim(out, "Exit status besides the common ones", c->statuses);
}

void emit_man(FILE *out)
{
	fprintf(out,
	        ".\\\" Made by `ergon help --man`.\n.TH ERGON 1 \"\" \"ergon %s\" \"User "
	        "Commands\"\n.nh\n.ad l\n"
	        ".SH NAME\nergon \\- measure, understand, model and cut the energy of AI systems\n"
	        ".SH SYNOPSIS\n\\fBergon\\fR [\\fIoptions\\fR] \\fICOMMAND\\fR [\\fIoptions\\fR] "
	        "[\\fIoperands\\fR]\n.SH COMMANDS\n",
	        ergon_version());
	for (unsigned pillar = 0; pillar < PILLAR_COUNT; pillar++)
		for (const struct command *const *c = commands; *c; c++)
			if ((*c)->pillar == pillar)
				command(out, *c);
	fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
	option(out, NULL, &option_help);
	for (const struct option *o = global_options; o->name; o++)
		option(out, NULL, o);
	fputs(".SH EXIT STATUS\n.nf\n", out);
	roff_line(out, common_statuses);
	fputs(".fi\n.SH ENVIRONMENT\n", out);
	for (const struct environment_row *row = environment_rows; row->name; row++) {
		fprintf(out, ".TP\n.B %s\n", row->name);
		roff_line(out, row->meaning);
	}
}
