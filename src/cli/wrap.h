/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for a terminal, in lines of at most 79 columns, broken between words.
 */
#ifndef ERGON_CLI_WRAP_H
#define ERGON_CLI_WRAP_H

#include <stdio.h>

#include "ergon/error.h"

/* text, then a newline. The cursor stands at column; further lines begin at indent. A newline in
 * text stays one. */
void wrap_print(FILE *out, const char *text, int column, int indent);

/* label, then the formatted text (at most 1,023 bytes) from column indent on. */
void wrap_printf(FILE *out, const char *label, int indent, const char *format, ...)
    ERGON_PRINTF(4, 5);

#endif
