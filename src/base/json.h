/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON documents in and out, over jansson.
 *
 * Reading: every accessor names file, path and what was expected in its error, so that a bad data
 * file is mended at the first try. `at` is where the object stands ("devices[2].memory"), "" for
 * the root. Writing: build with jansson (json_pack), hand to json_text or json_save.
 */
#ifndef ERGON_BASE_JSON_H
#define ERGON_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/error.h"

struct json_place {
	const char *file; /* named in errors */
	const char *at;   /* path of the object that is being read */
};

/* Reads and parses a file; duplicate keys are an error. The caller decrefs *root. */
ERGON_MUST_USE enum ergon_code json_load(const char *path, json_t **root, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code json_parse(const char *text, size_t length, const char *name,
                                          json_t **root, struct ergon_error *err);

/* Required fields. */
ERGON_MUST_USE enum ergon_code json_need_real(const json_t *object, struct json_place place,
                                              const char *key, double min, double max,
                                              double *value, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code json_need_count(const json_t *object, struct json_place place,
                                               const char *key, uint64_t min, uint64_t max,
                                               uint64_t *value, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code json_need_text(const json_t *object, struct json_place place,
                                              const char *key, const char **value,
                                              struct ergon_error *err); /* borrowed */
ERGON_MUST_USE enum ergon_code json_need_object(const json_t *object, struct json_place place,
                                                const char *key, json_t **value,
                                                struct ergon_error *err); /* borrowed */
ERGON_MUST_USE enum ergon_code json_need_array(const json_t *object, struct json_place place,
                                               const char *key, json_t **value,
                                               struct ergon_error *err); /* borrowed */

/* Optional fields: *value is left as it is where the key is absent; a wrong type is an error. */
ERGON_MUST_USE enum ergon_code json_want_real(const json_t *object, struct json_place place,
                                              const char *key, double min, double max,
                                              double *value, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code json_want_count(const json_t *object, struct json_place place,
                                               const char *key, uint64_t min, uint64_t max,
                                               uint64_t *value, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code json_want_text(const json_t *object, struct json_place place,
                                              const char *key, const char **value,
                                              struct ergon_error *err);
ERGON_MUST_USE enum ergon_code json_want_bool(const json_t *object, struct json_place place,
                                              const char *key, bool *value,
                                              struct ergon_error *err);

/* A key outside `known` (ends with NULL) is an error with the nearest known one as suggestion. */
ERGON_MUST_USE enum ergon_code json_only_keys(const json_t *object, struct json_place place,
                                              const char *const *known, struct ergon_error *err);

/* A number for a document: null where value is NaN or infinite (JSON has neither). */
json_t *json_number(double value);

/* Indented, keys in order of insertion, trailing newline; malloc'd. NULL when memory is out. */
char *json_text(const json_t *root);
/* To a file (whole or not at all), or to standard output for "-". */
ERGON_MUST_USE enum ergon_code json_save(const json_t *root, const char *path,
                                         struct ergon_error *err);

#endif
