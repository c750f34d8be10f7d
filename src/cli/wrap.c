/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/wrap.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

enum { WIDTH = 80 };

void wrap_print(FILE *out, const char *text, int column, int indent)
{
	bool first = true;
	while (*text) {
		int spaces = (int)strspn(text, " ");
		text += spaces;
		int length = (int)strcspn(text, " \n");
		if (!first && length > 0 && column + spaces + length > WIDTH - 1) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			spaces = 0;
		}
		if (length > 0)
			fprintf(out, "%*s%.*s", spaces, "", length, text);
		column += spaces + length;
		first = length == 0 && first;
		text += length;
		if (*text == '\n') {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			first = true;
			text++;
		}
	}
	fputc('\n', out);
}

void wrap_printf(FILE *out, const char *label, int indent, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	wrap_print(out, text, fprintf(out, "%-*s", indent, label), indent);
}
