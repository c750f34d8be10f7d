/* SPDX-License-Identifier: Apache-2.0 */
#include "report/doc.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/grow.h"
#include "base/units.h"

enum { KEY_CHARS = 64, NUMBER_CHARS = 64, SHOWN_ITEMS = 24 };

const json_t *doc_get(const json_t *document, const char *path)
{
	while (document && *path) {
		size_t length = strcspn(path, ".");
		char key[KEY_CHARS];
		if (length >= sizeof key)
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		document = json_object_get(document, key);
		path += length + (path[length] == '.');
	}
	return document;
}

double doc_real(const json_t *document, const char *path)
{
	const json_t *value = doc_get(document, path);
	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

double doc_real_of(const json_t *document, const char *const *paths)
{
	for (; *paths; paths++) {
		double value = doc_real(document, *paths);
		if (!isnan(value))
			return value;
	}
	return (double)NAN;
}

const char *doc_text(const json_t *document, const char *path)
{
	return json_string_value(doc_get(document, path));
}

bool doc_flag(const json_t *document, const char *path)
{
	return json_is_true(doc_get(document, path));
}

size_t doc_size(const json_t *document, const char *path)
{
	return json_array_size(doc_get(document, path));
}

const json_t *doc_item(const json_t *document, const char *path, size_t index)
{
	return json_array_get(doc_get(document, path), index);
}

static void show_scalar(struct text *text, const json_t *value)
{
	if (json_is_string(value))
		text_puts(text, json_string_value(value));
	else if (json_is_integer(value))
		text_printf(text, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		text_printf(text, "%.6g", json_real_value(value));
	else if (json_is_boolean(value))
		text_puts(text, json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value) || json_is_object(value))
		text_puts(text, "...");
}

static void show_array(struct text *text, const json_t *value)
{
	size_t count = json_array_size(value);
	for (size_t i = 0; i < count && i < SHOWN_ITEMS; i++) {
		text_puts(text, i ? ", " : "");
		show_scalar(text, json_array_get(value, i));
	}
	if (count > SHOWN_ITEMS)
		text_puts(text, ", ...");
}

static void show_object(struct text *text, const json_t *value)
{
	/* jansson iterates over what it does not change, but asks for a mutable pointer. */
	union {
		const json_t *given;
		json_t *asked;
	} object = { .given = value };
	size_t count = 0;
	for (void *i = json_object_iter(object.asked); i && count < SHOWN_ITEMS;
	     i = json_object_iter_next(object.asked, i), count++) {
		text_printf(text, "%s%s=", count ? ", " : "", json_object_iter_key(i));
		show_scalar(text, json_object_iter_value(i));
	}
}

const char *doc_show(struct page *page, const json_t *value)
{
	struct text text = { 0 };
	text_puts(&text, "");
	if (json_is_array(value))
		show_array(&text, value);
	else if (json_is_object(value))
		show_object(&text, value);
	else
		show_scalar(&text, value);
	page->failed |= text.failed;
	const char *shown = page_text(page, "%s", text.data ? text.data : "");
	text_fini(&text);
	return shown;
}

struct time_unit time_unit_for(double seconds)
{
	if (seconds >= 3 * 86400.0)
		return (struct time_unit){ "d", 86400 };
	if (seconds >= 3 * 3600.0)
		return (struct time_unit){ "h", 3600 };
	if (seconds >= 300)
		return (struct time_unit){ "min", 60 };
	if (seconds >= 0.5 || !(seconds > 0))
		return (struct time_unit){ "s", 1 };
	if (seconds >= 0.5e-3)
		return (struct time_unit){ "ms", 1e-3 };
	return (struct time_unit){ "µs", 1e-6 };
}

const char *show_si(struct page *page, double value, const char *unit)
{
	char text[NUMBER_CHARS];
	return page_text(page, "%s", format_si(text, sizeof text, value, unit));
}

const char *show_duration(struct page *page, double seconds)
{
	char text[NUMBER_CHARS];
	return page_text(page, "%s", format_duration(text, sizeof text, seconds));
}

const char *show_percent(struct page *page, double fraction)
{
	if (!isfinite(fraction))
		return "-";
	double percent = 100 * fraction;
	return page_text(page, "%.*f%%", fabs(percent) < 9.95 && fabs(percent) >= 0.05 ? 1 : 0,
	                 percent);
}

const char *show_change(struct page *page, double a, double b)
{
	double change = a / b - 1;
	if (!isfinite(change))
		return "-";
	if (fabs(change) < 0.0005)
		return "no less";
	return page_text(page, "%s %s", show_percent(page, fabs(change)),
	                 change < 0 ? "less" : "more");
}

const char *show_sentence(struct page *page, const char *text)
{
	size_t length = strlen(text);
	if (length == 0)
		return text;
	bool ends = strchr(".!?:", text[length - 1]) != NULL;
	return page_text(page, "%c%s%s", toupper((unsigned char)text[0]), text + 1,
	                 ends ? "" : ".");
}
