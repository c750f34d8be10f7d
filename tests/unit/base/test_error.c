/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

#include "ergon/error.h"
#include "ergon/version.h"

static void every_code_has_a_text(void **state)
{
	(void)state;
	for (unsigned code = 0; code < ERGON_CODE_COUNT; code++)
		assert_true(strlen(ergon_code_text((enum ergon_code)code)) > 3);
	assert_string_equal(ergon_code_text(ERGON_CODE_COUNT), "unknown code");
	assert_string_equal(ergon_code_text((enum ergon_code) - 1), "unknown code");
}

static void errors_describe_themselves(void **state)
{
	(void)state;
	struct ergon_error err;
	char text[128];
	assert_int_equal(ergon_fail(&err, ERGON_NOT_FOUND, "no device '%s'", "h1000"),
	                 ERGON_NOT_FOUND);
	assert_string_equal(ergon_error_describe(&err, text, sizeof text), "no device 'h1000'");
	assert_int_equal(err.code, ERGON_NOT_FOUND);
	assert_int_equal(ergon_fail_at(&err, ERGON_BAD_INPUT, "t.csv", 7, "expected %d cells", 3),
	                 ERGON_BAD_INPUT);
	assert_string_equal(ergon_error_describe(&err, text, sizeof text),
	                    "t.csv:7: expected 3 cells");
	ergon_fail_at(&err, ERGON_IO, "t.csv", 0, "gone");
	assert_string_equal(ergon_error_describe(&err, text, sizeof text), "t.csv: gone");
	assert_string_equal(ergon_error_describe(&err, text, 4), "t.c");
	assert_int_equal(ergon_fail(NULL, ERGON_IO, "nobody listens"), ERGON_IO);
}

/* An error is often wrapped into a longer one: its own text is then an argument. */
static void an_error_may_quote_itself(void **state)
{
	(void)state;
	struct ergon_error err;
	ergon_fail_at(&err, ERGON_BAD_INPUT, "a.json", 3, "inner");
	ergon_fail_at(&err, ERGON_BAD_INPUT, err.file, err.line, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner");
	assert_string_equal(err.file, "a.json");
	char huge[2000];
	memset(huge, 'x', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	ergon_fail_at(&err, ERGON_BAD_INPUT, huge, 1, "%s", huge);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	assert_int_equal(strlen(err.file), sizeof err.file - 1);
}

static void the_version_is_semantic(void **state)
{
	(void)state;
	size_t dots = 0;
	for (const char *p = ergon_version(); *p; p++) {
		assert_true((*p >= '0' && *p <= '9') || *p == '.');
		dots += *p == '.';
	}
	assert_int_equal(dots, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_text),
		cmocka_unit_test(errors_describe_themselves),
		cmocka_unit_test(an_error_may_quote_itself),
		cmocka_unit_test(the_version_is_semantic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
