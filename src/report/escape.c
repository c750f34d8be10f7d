/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "report/write.h"

/* Appends string with every byte of `special` replaced by what stands at its place in `instead`. */
static void replace(struct text *out, const char *string, const char *special,
                    const char *const *instead)
{
	while (*string) {
		size_t plain = strcspn(string, special);
		text_append(out, string, plain);
		string += plain;
		if (*string)
			text_puts(out, instead[strchr(special, *string++) - special]);
	}
}

void html_escape(struct text *out, const char *string)
{
	static const char *const instead[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
	replace(out, string, "&<>\"'", instead);
}

void html_json(struct text *out, const json_t *value)
{
	static const char *const instead[] = { "\\u0026", "\\u003c", "\\u003e" };
	char *json = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
	if (!json) {
		out->failed = true;
		return;
	}
	replace(out, json, "&<>", instead);
	free(json);
}

void markdown_escape(struct text *out, const char *string)
{
	for (; *string; string++) {
		if (strchr("\\`*_{}[]<>|#~&", *string))
			text_append(out, "\\", 1);
		text_append(out, *string == '\n' || *string == '\r' ? " " : string, 1);
	}
}

void csv_escape(struct text *out, const char *string)
{
	if (!strpbrk(string, ",\"\r\n")) {
		text_puts(out, string);
		return;
	}
	static const char *const instead[] = { "\"\"" };
	text_puts(out, "\"");
	replace(out, string, "\"", instead);
	text_puts(out, "\"");
}
