/* SPDX-License-Identifier: Apache-2.0 */
#include "report/figure.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_CHARS = 64 };

static const char *const schema = "https://vega.github.io/schema/vega-lite/v6.json";

static json_t *parse_quoted(const char *quoted)
{
	char *json = strdup(quoted);
	if (!json)
		return NULL;
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	json_t *spec = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	free(json);
	return spec;
}

json_t *figure_spec(const char *quoted, json_t *rows)
{
	json_t *spec = parse_quoted(quoted);
	if (!spec || !rows) {
		json_decref(spec);
		json_decref(rows);
		return NULL;
	}
	json_object_set_new(spec, "$schema", json_string(schema));
	json_object_set_new(spec, "width", json_string("container"));
	if (!json_object_get(spec, "height"))
		json_object_set_new(spec, "height", json_integer(280));
	json_object_set_new(spec, "autosize",
	                    json_pack("{s:s, s:s}", "type", "fit-x", "contains", "padding"));
	json_object_set_new(spec, "data", json_pack("{s:o}", "values", rows));
	return spec;
}

void figure_layer_rows(json_t *spec, size_t index, json_t *rows)
{
	json_t *layers = json_object_get(spec, "layer");
	if (json_array_size(rows) == 0) {
		json_decref(rows);
		json_array_remove(layers, index);
		return;
	}
	json_object_set_new(json_array_get(layers, index), "data",
	                    json_pack("{s:o}", "values", rows));
}

void figure_layer_needs(json_t *spec, size_t index, const char *field)
{
	const json_t *rows = json_object_get(json_object_get(spec, "data"), "values");
	for (size_t i = 0; i < json_array_size(rows); i++)
		if (json_object_get(json_array_get(rows, i), field))
			return;
	json_array_remove(json_object_get(spec, "layer"), index);
}

bool figure_is_empty(const json_t *spec)
{
	const json_t *layers = json_object_get(spec, "layer");
	if (json_array_size(json_object_get(json_object_get(spec, "data"), "values")) > 0)
		return layers && json_array_size(layers) == 0;
	for (size_t i = 0; i < json_array_size(layers); i++)
		if (!json_object_get(json_array_get(layers, i), "data"))
			return true;
	return json_array_size(layers) == 0;
}

static json_t *step(json_t *value, const char *key)
{
	if (json_is_array(value))
		return json_array_get(value, (size_t)strtoul(key, NULL, 10));
	return json_object_get(value, key);
}

void figure_set(json_t *spec, const char *path, json_t *value)
{
	json_t *at = spec;
	for (;;) {
		char key[KEY_CHARS];
		size_t length = strcspn(path, ".");
		if (length >= sizeof key)
			break;
		memcpy(key, path, length);
		key[length] = '\0';
		if (path[length] == '\0') {
			json_object_set_new(at, key, value);
			return;
		}
		at = step(at, key);
		path += length + 1;
	}
	json_decref(value);
}
