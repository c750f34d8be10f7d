/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

#include "base/suggest.h"

static void distances(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		size_t distance;
	} rows[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "kitten", "sitting", 3 },
		{ "fifo", "fifo", 0 },
		{ "FIFO", "fifo", 0 },
		{ "fiof", "fifo", 1 },
		{ "ca", "abc", 3 },
		{ "tiresias", "tirseias", 1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print_message("%s %s\n", rows[i].a, rows[i].b);
		assert_int_equal(suggest_distance(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(suggest_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
}

static void the_nearest_is_suggested(void **state)
{
	(void)state;
	static const char *const names[] = { "fifo", "sjf", "tiresias", "optimus" };
	assert_string_equal(suggest("optimsu", names, 4), "optimus");
	assert_string_equal(suggest("Tiresia", names, 4), "tiresias");
	assert_null(suggest("pollux", names, 4));
	assert_null(suggest("x", names, 0));
	char very_long[200];
	memset(very_long, 'x', sizeof very_long - 1);
	very_long[sizeof very_long - 1] = '\0';
	assert_null(suggest(very_long, names, 4));
}

static void hints(void **state)
{
	(void)state;
	static const char *const names[] = { "fifo", "sjf", "tiresias", "optimus" };
	char hint[64], tiny[20];
	assert_string_equal(suggest_hint(hint, sizeof hint, "fito", names, 4),
	                    ", did you mean 'fifo'?");
	assert_string_equal(suggest_hint(hint, sizeof hint, "pollux", names, 4),
	                    "; one of: fifo, sjf, tiresias, optimus");
	assert_string_equal(suggest_hint(hint, sizeof hint, "pollux", names, 0), "");
	suggest_hint(tiny, sizeof tiny, "pollux", names, 4);
	assert_true(strlen(tiny) < sizeof tiny);
	assert_non_null(strstr(tiny, "..."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(the_nearest_is_suggested),
		cmocka_unit_test(hints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
