/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a document: parsed or refused; every accessor on every field; written and read again
 * it is the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all_ways(const json_t *object, const char *key)
{
	struct json_place place = { "fuzz", "at" };
	struct ergon_error err;
	double real = 0;
	uint64_t count = 0;
	const char *text = NULL;
	bool truth = false;
	json_t *item;
	static const char *const known[] = { "memory", "power", NULL };
	if (!json_need_real(object, place, key, 0, 1e9, &real, &err) && !(real >= 0 && real <= 1e9))
		abort();
	if (!json_need_count(object, place, key, 2, 1000, &count, &err) &&
	    (count < 2 || count > 1000))
		abort();
	if (!json_need_text(object, place, key, &text, &err) && !text)
		abort();
	if (!json_need_object(object, place, key, &item, &err) && !json_is_object(item))
		abort();
	if (!json_need_array(object, place, key, &item, &err) && !json_is_array(item))
		abort();
	if (json_want_bool(object, place, key, &truth, &err) && !err.text[0])
		abort();
	if (json_only_keys(object, place, known, &err) && !err.text[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root, *again;
	struct ergon_error err = { 0 };
	if (json_parse((const char *)data, size, "fuzz", &root, &err)) {
		if (!err.text[0] || err.line < 1)
			abort();
		return 0;
	}
	const char *key;
	json_t *value;
	json_object_foreach(root, key, value) read_all_ways(root, key);
	char *text = json_text(root);
	if (!text || json_parse(text, strlen(text), "again", &again, &err))
		abort();
	json_decref(again);
	json_decref(root);
	free(text);
	return 0;
}
