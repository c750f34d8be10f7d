/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/suggest.h"

enum ergon_code json_parse(const char *text, size_t length, const char *name, json_t **root,
                           struct ergon_error *err)
{
	json_error_t error;
	*root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (*root)
		return ERGON_OK;
	return ergon_fail_at(err, ERGON_BAD_INPUT, name, error.line > 0 ? error.line : 1,
	                     "not valid JSON: %s", error.text);
}

enum ergon_code json_load(const char *path, json_t **root, struct ergon_error *err)
{
	char *text;
	size_t length;
	*root = NULL;
	enum ergon_code code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = json_parse(text, length, path, root, err);
	free(text);
	return code;
}

static enum ergon_code wrong(struct ergon_error *err, struct json_place place, const char *key,
                             const char *expected)
{
	return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0, "%s%s%s: expected %s", place.at,
	                     place.at[0] ? "." : "", key, expected);
}

enum ergon_code json_want_real(const json_t *object, struct json_place place, const char *key,
                               double min, double max, double *value, struct ergon_error *err)
{
	const json_t *item = json_object_get(object, key);
	if (!item)
		return ERGON_OK;
	double number = json_is_number(item) ? json_number_value(item) : (double)NAN;
	if (!(number >= min && number <= max)) {
		char expected[96];
		snprintf(expected, sizeof expected, "a number from %g to %g", min, max);
		return wrong(err, place, key, expected);
	}
	*value = number;
	return ERGON_OK;
}

enum ergon_code json_need_real(const json_t *object, struct json_place place, const char *key,
                               double min, double max, double *value, struct ergon_error *err)
{
	if (!json_object_get(object, key))
		return wrong(err, place, key, "a number, but it is missing");
	return json_want_real(object, place, key, min, max, value, err);
}

enum ergon_code json_want_count(const json_t *object, struct json_place place, const char *key,
                                uint64_t min, uint64_t max, uint64_t *value,
                                struct ergon_error *err)
{
	const json_t *item = json_object_get(object, key);
	if (!item)
		return ERGON_OK;
	json_int_t number = json_is_integer(item) ? json_integer_value(item) : -1;
	if (number < 0 || (uint64_t)number < min || (uint64_t)number > max) {
		char expected[96];
		snprintf(expected, sizeof expected, "a whole number from %llu to %llu",
		         (unsigned long long)min, (unsigned long long)max);
		return wrong(err, place, key, expected);
	}
	*value = (uint64_t)number;
	return ERGON_OK;
}

enum ergon_code json_need_count(const json_t *object, struct json_place place, const char *key,
                                uint64_t min, uint64_t max, uint64_t *value,
                                struct ergon_error *err)
{
	if (!json_object_get(object, key))
		return wrong(err, place, key, "a whole number, but it is missing");
	return json_want_count(object, place, key, min, max, value, err);
}

enum ergon_code json_want_text(const json_t *object, struct json_place place, const char *key,
                               const char **value, struct ergon_error *err)
{
	const json_t *item = json_object_get(object, key);
	if (!item)
		return ERGON_OK;
	if (!json_is_string(item))
		return wrong(err, place, key, "a text");
	*value = json_string_value(item);
	return ERGON_OK;
}

enum ergon_code json_need_text(const json_t *object, struct json_place place, const char *key,
                               const char **value, struct ergon_error *err)
{
	if (!json_object_get(object, key))
		return wrong(err, place, key, "a text, but it is missing");
	return json_want_text(object, place, key, value, err);
}

enum ergon_code json_want_bool(const json_t *object, struct json_place place, const char *key,
                               bool *value, struct ergon_error *err)
{
	const json_t *item = json_object_get(object, key);
	if (!item)
		return ERGON_OK;
	if (!json_is_boolean(item))
		return wrong(err, place, key, "true or false");
	*value = json_is_true(item);
	return ERGON_OK;
}

enum ergon_code json_need_object(const json_t *object, struct json_place place, const char *key,
                                 json_t **value, struct ergon_error *err)
{
	*value = json_object_get(object, key);
	return json_is_object(*value) ? ERGON_OK : wrong(err, place, key, "an object {...}");
}

enum ergon_code json_need_array(const json_t *object, struct json_place place, const char *key,
                                json_t **value, struct ergon_error *err)
{
	*value = json_object_get(object, key);
	return json_is_array(*value) ? ERGON_OK : wrong(err, place, key, "an array [...]");
}

enum ergon_code json_only_keys(const json_t *object, struct json_place place,
                               const char *const *known, struct ergon_error *err)
{
	size_t count = 0;
	while (known[count])
		count++;
	void *iter = json_object_iter((json_t *)(uintptr_t)object);
	for (; iter; iter = json_object_iter_next((json_t *)(uintptr_t)object, iter)) {
		const char *key = json_object_iter_key(iter);
		size_t i = 0;
		while (i < count && strcmp(known[i], key) != 0)
			i++;
		if (i < count)
			continue;
		char hint[256];
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0, "%s%s%s: unknown field%s",
		                     place.at, place.at[0] ? "." : "", key,
		                     suggest_hint(hint, sizeof hint, key, known, count));
	}
	return ERGON_OK;
}

json_t *json_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

char *json_text(const json_t *root)
{
	char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	if (!text)
		return NULL;
	size_t length = strlen(text);
	char *whole = malloc(length + 2);
	if (whole) {
		memcpy(whole, text, length);
		memcpy(whole + length, "\n", 2);
	}
	free(text);
	return whole;
}

enum ergon_code json_save(const json_t *root, const char *path, struct ergon_error *err)
{
	char *text = json_text(root);
	if (!text)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory while writing %s", path);
	enum ergon_code code = ERGON_OK;
	if (strcmp(path, "-") == 0) {
		if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
			code = ergon_fail(err, ERGON_IO, "standard output: cannot write: %s",
			                  strerror(errno));
	} else {
		code = file_write(path, text, strlen(text), err);
	}
	free(text);
	return code;
}
