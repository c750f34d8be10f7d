/* SPDX-License-Identifier: Apache-2.0 */
#include "ergon/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CODE_TEXT(code, text) text,
static const char *const code_texts[] = { ERGON_CODES(CODE_TEXT) };
#undef CODE_TEXT

const char *ergon_code_text(enum ergon_code code)
{
	return (unsigned)code < ERGON_CODE_COUNT ? code_texts[code] : "unknown code";
}

static void fill(struct ergon_error *err, enum ergon_code code, const char *file, long line,
                 const char *format, va_list args)
{
	if (!err)
		return;
	/* Formatted aside first: the arguments may point into *err itself. */
	char text[sizeof err->text];
	vsnprintf(text, sizeof text, format, args);
	char place[sizeof err->file];
	snprintf(place, sizeof place, "%s", file ? file : "");
	err->code = code;
	err->line = line;
	memcpy(err->text, text, sizeof text);
	memcpy(err->file, place, sizeof place);
}

enum ergon_code ergon_fail(struct ergon_error *err, enum ergon_code code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fill(err, code, NULL, 0, format, args);
	va_end(args);
	return code;
}

enum ergon_code ergon_fail_at(struct ergon_error *err, enum ergon_code code, const char *file,
                              long line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fill(err, code, file, line, format, args);
	va_end(args);
	return code;
}

char *ergon_error_describe(const struct ergon_error *err, char *out, unsigned long size)
{
	if (err->file[0] && err->line > 0)
		snprintf(out, size, "%s:%ld: %s", err->file, err->line, err->text);
	else if (err->file[0])
		snprintf(out, size, "%s: %s", err->file, err->text);
	else
		snprintf(out, size, "%s", err->text);
	return out;
}
