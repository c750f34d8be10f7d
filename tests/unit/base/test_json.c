/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static json_t *parsed(const char *text)
{
	json_t *root;
	struct ergon_error err = { 0 };
	if (json_parse(text, strlen(text), "d.json", &root, &err))
		fail_msg("%s: %s", text, err.text);
	return root;
}

/* A reader, the object it is given, and what it must say ("" where it is content). */
struct row {
	char reader; /* r real, c count, t text, b bool, o object, a array; capital: required */
	const char *object, *says;
};

static enum ergon_code apply(const struct row *row, const json_t *object, struct ergon_error *err)
{
	struct json_place place = { "d.json", "gpus[2]" };
	double real;
	uint64_t count;
	const char *text;
	bool truth;
	json_t *item;
	switch (row->reader) {
	case 'r':
		return json_want_real(object, place, "k", 0, 10, &real, err);
	case 'R':
		return json_need_real(object, place, "k", 0, 10, &real, err);
	case 'c':
		return json_want_count(object, place, "k", 1, 8, &count, err);
	case 'C':
		return json_need_count(object, place, "k", 1, 8, &count, err);
	case 't':
		return json_want_text(object, place, "k", &text, err);
	case 'T':
		return json_need_text(object, place, "k", &text, err);
	case 'b':
		return json_want_bool(object, place, "k", &truth, err);
	case 'O':
		return json_need_object(object, place, "k", &item, err);
	default:
		return json_need_array(object, place, "k", &item, err);
	}
}

static void accessors_say_what_was_expected(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ 'R', "{\"k\": 2.5}", "" },
		{ 'R', "{\"k\": 10}", "" },
		{ 'R', "{}", "gpus[2].k: expected a number, but it is missing" },
		{ 'R', "{\"k\": 10.1}", "gpus[2].k: expected a number from 0 to 10" },
		{ 'R', "{\"k\": \"2\"}", "gpus[2].k: expected a number from 0 to 10" },
		{ 'R', "{\"k\": null}", "gpus[2].k: expected a number from 0 to 10" },
		{ 'r', "{}", "" },
		{ 'r', "{\"k\": -1}", "gpus[2].k: expected a number from 0 to 10" },
		{ 'C', "{\"k\": 8}", "" },
		{ 'C', "{\"k\": 0}", "gpus[2].k: expected a whole number from 1 to 8" },
		{ 'C', "{\"k\": 2.0}", "gpus[2].k: expected a whole number from 1 to 8" },
		{ 'C', "{\"k\": -3}", "gpus[2].k: expected a whole number from 1 to 8" },
		{ 'C', "{}", "gpus[2].k: expected a whole number, but it is missing" },
		{ 'c', "{}", "" },
		{ 'c', "{\"k\": 9}", "gpus[2].k: expected a whole number from 1 to 8" },
		{ 'T', "{\"k\": \"\"}", "" },
		{ 'T', "{\"k\": 1}", "gpus[2].k: expected a text" },
		{ 'T', "{}", "gpus[2].k: expected a text, but it is missing" },
		{ 't', "{}", "" },
		{ 't', "{\"k\": []}", "gpus[2].k: expected a text" },
		{ 'b', "{\"k\": false}", "" },
		{ 'b', "{\"k\": 0}", "gpus[2].k: expected true or false" },
		{ 'O', "{\"k\": {}}", "" },
		{ 'O', "{\"k\": []}", "gpus[2].k: expected an object {...}" },
		{ 'O', "{}", "gpus[2].k: expected an object {...}" },
		{ 'A', "{\"k\": []}", "" },
		{ 'A', "{\"k\": {}}", "gpus[2].k: expected an array [...]" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *object = parsed(rows[i].object);
		struct ergon_error err = { 0 };
		enum ergon_code code = apply(&rows[i], object, &err);
		print_message("%c of %s\n", rows[i].reader, rows[i].object);
		assert_string_equal(err.text, rows[i].says);
		assert_int_equal(code, rows[i].says[0] ? ERGON_BAD_INPUT : ERGON_OK);
		if (code)
			assert_string_equal(err.file, "d.json");
		json_decref(object);
	}
}

static void values_come_through(void **state)
{
	(void)state;
	json_t *object = parsed("{\"r\": 3, \"c\": 9007199254740993, \"t\": \"x\", \"b\": true}");
	struct json_place root = { "d.json", "" };
	struct ergon_error err;
	double real = 0;
	uint64_t count = 0;
	const char *text = NULL;
	bool truth = false;
	assert_int_equal(json_need_real(object, root, "r", 0, 9, &real, &err), ERGON_OK);
	assert_true(real == 3);
	assert_int_equal(json_need_count(object, root, "c", 0, UINT64_MAX, &count, &err), ERGON_OK);
	assert_true(count == UINT64_C(9007199254740993)); /* beyond what a double holds */
	assert_int_equal(json_need_text(object, root, "t", &text, &err), ERGON_OK);
	assert_string_equal(text, "x");
	assert_int_equal(json_want_bool(object, root, "b", &truth, &err), ERGON_OK);
	assert_true(truth);
	real = 42;
	assert_int_equal(json_want_real(object, root, "none", 0, 9, &real, &err), ERGON_OK);
	assert_true(real == 42); /* left as it was */
	assert_int_equal(json_need_real(object, root, "t", 0, 9, &real, &err), ERGON_BAD_INPUT);
	assert_string_equal(err.text, "t: expected a number from 0 to 9"); /* no dot at the root */
	json_decref(object);
}

static void bad_documents_name_their_line(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		long line;
	} rows[] = {
		{ "", 1 },
		{ "{", 1 },
		{ "{\n\"a\": 1,\n}", 3 },
		{ "{\"a\": 01}", 1 },
		{ "{\"a\": NaN}", 1 },
		{ "{\"a\": 1}\n\n{}", 3 },
		{ "{\"a\": 1,\n \"a\": 2}", 2 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *root;
		struct ergon_error err = { 0 };
		print_message("document %s\n", rows[i].text);
		assert_int_equal(
		    json_parse(rows[i].text, strlen(rows[i].text), "d.json", &root, &err),
		    ERGON_BAD_INPUT);
		assert_null(root);
		assert_int_equal(err.line, rows[i].line);
		assert_string_equal(err.file, "d.json");
		assert_memory_equal(err.text, "not valid JSON: ", 16);
	}
}

static void deep_documents_do_not_end_the_program(void **state)
{
	(void)state;
	size_t depth = 1000000;
	char *text = malloc(depth);
	memset(text, '[', depth);
	json_t *root;
	struct ergon_error err = { 0 };
	assert_int_equal(json_parse(text, depth, "deep", &root, &err), ERGON_BAD_INPUT);
	free(text);
}

static void unknown_keys_are_named(void **state)
{
	(void)state;
	static const char *const known[] = { "memory", "power", NULL };
	struct ergon_error err = { 0 };
	json_t *good = parsed("{\"power\": 1}");
	json_t *bad = parsed("{\"power\": 1, \"memroy\": 2}");
	struct json_place place = { "d.json", "gpu" };
	assert_int_equal(json_only_keys(good, place, known, &err), ERGON_OK);
	assert_int_equal(json_only_keys(bad, place, known, &err), ERGON_BAD_INPUT);
	assert_string_equal(err.text, "gpu.memroy: unknown field, did you mean 'memory'?");
	json_decref(good);
	json_decref(bad);
}

static void documents_are_written_whole(void **state)
{
	(void)state;
	char dir[256], path[512];
	scratch_make(dir, sizeof dir);
	snprintf(path, sizeof path, "%s/out.json", dir);
	json_t *root = json_pack("{s:o, s:o, s:f}", "nan", json_number((double)NAN), "inf",
	                         json_number((double)INFINITY), "third", 1.0 / 3);
	struct ergon_error err;
	char *text = json_text(root);
	assert_string_equal(text, "{\n  \"nan\": null,\n  \"inf\": null,\n  \"third\": "
	                          "0.333333333333333\n}\n");
	assert_int_equal(json_save(root, path, &err), ERGON_OK);
	json_t *again;
	assert_int_equal(json_load(path, &again, &err), ERGON_OK);
	assert_true(json_is_null(json_object_get(again, "nan")));
	assert_int_equal(json_save(root, dir, &err), ERGON_BAD_INPUT);
	assert_string_equal(err.file, dir);
	free(text);
	json_decref(root);
	json_decref(again);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accessors_say_what_was_expected),
		cmocka_unit_test(values_come_through),
		cmocka_unit_test(bad_documents_name_their_line),
		cmocka_unit_test(deep_documents_do_not_end_the_program),
		cmocka_unit_test(unknown_keys_are_named),
		cmocka_unit_test(documents_are_written_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
