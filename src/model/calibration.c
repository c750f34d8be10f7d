/* SPDX-License-Identifier: Apache-2.0 */
#include "model/calibration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

const struct calibration_field calibration_fields[CALIBRATION_COUNT] = {
#define CALIBRATION_ROW(name, unit, low, high, start, meaning)                                     \
	{ #name, unit, meaning, low, high, start },
	CALIBRATION_FIELDS(CALIBRATION_ROW)
#undef CALIBRATION_ROW
};

_Static_assert(sizeof(struct calibration) == CALIBRATION_COUNT * sizeof(double),
               "calibration is an array of doubles with names");

static double *value_at(struct calibration *calibration, size_t at)
{
	return (double *)(void *)((char *)calibration + at * sizeof(double));
}

void calibration_init(struct calibration *calibration)
{
	for (size_t i = 0; i < CALIBRATION_COUNT; i++)
		*value_at(calibration, i) = calibration_fields[i].start;
}

enum ergon_code calibration_parse(const char *text, size_t length, const char *file,
                                  struct calibration *calibration, struct ergon_error *err)
{
	json_t *root, *values = NULL;
	const char *known[CALIBRATION_COUNT + 1];
	struct json_place place = { file, "values" };
	calibration_init(calibration);
	enum ergon_code code = json_parse(text, length, file, &root, err);
	if (code)
		return code;
	if (!json_is_object(root))
		code = ergon_fail_at(err, ERGON_BAD_INPUT, file, 1,
		                     "expected an object with \"values\"");
	else
		code =
		    json_need_object(root, (struct json_place){ file, "" }, "values", &values, err);
	for (size_t i = 0; i < CALIBRATION_COUNT; i++)
		known[i] = calibration_fields[i].name;
	known[CALIBRATION_COUNT] = NULL;
	if (!code)
		code = json_only_keys(values, place, known, err);
	for (size_t i = 0; !code && i < CALIBRATION_COUNT; i++)
		code = json_want_real(values, place, known[i], calibration_fields[i].low,
		                      calibration_fields[i].high, value_at(calibration, i), err);
	json_decref(root);
	return code;
}

enum ergon_code calibration_load(const struct ergon_env *env, struct calibration *calibration,
                                 struct ergon_error *err)
{
	char path[1280];
	char *text;
	size_t length;
	calibration_init(calibration);
	if (!file_join(path, sizeof path, env->data_dir, "calibration/default.json"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the path of the data folder is too long");
	enum ergon_code code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = calibration_parse(text, length, path, calibration, err);
	free(text);
	return code;
}
