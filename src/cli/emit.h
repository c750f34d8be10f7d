/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written from the command table besides `ergon help`: the man page, the reference in docs/
 * and shell completion. All are pure functions of the table and of the version.
 */
#ifndef ERGON_CLI_EMIT_H
#define ERGON_CLI_EMIT_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"

/* ergon(1), for man's macros (groff man(7)). */
void emit_man(FILE *out);
/* docs/reference.md. */
void emit_markdown(FILE *out);
/* shell: one of emit_shells; false: no such shell. */
extern const char *const emit_shells[]; /* ends with NULL */
bool emit_completion(FILE *out, const char *shell);

/* The next paragraph of *text into out, its newlines as blanks (but for those in front of a line
 * that is indented); paragraphs are parted by blank lines. False at the end. */
enum { PARAGRAPH_SIZE = 4096 };
bool next_paragraph(const char **text, char *out, size_t size);

extern const char *const pillar_titles[]; /* by enum pillar */
extern const struct option option_help;   /* --help, which every command takes */
/* Exit statuses that all commands share, line by line: "0  done\n...". */
extern const char common_statuses[];
/* Variables of the environment that ergon reads: name, meaning; ends with a NULL name. */
struct environment_row {
	const char *name, *meaning;
};
extern const struct environment_row environment_rows[];

#endif
