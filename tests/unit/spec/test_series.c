/* SPDX-License-Identifier: Apache-2.0
 *
 * Step functions of time: what is read, what is refused, and what they answer.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "spec/series.h"

static char scratch[1024];

static enum ergon_code load(const char *name, const char *text, struct arena *arena,
                            struct series *series, struct ergon_error *err)
{
	char path[1200];
	put_file(scratch, name, text);
	snprintf(path, sizeof path, "%s/%s", scratch, name);
	return series_load(path, "power_w", 0, 1e6, arena, series, err);
}

static void test_answers(void **state)
{
	(void)state;
	struct arena arena;
	struct series s;
	arena_init(&arena);
	assert_int_equal(load("a.csv", "time_s,power_w\n0,10\n100,30\n250,20\n", &arena, &s, NULL),
	                 ERGON_OK);
	assert_true(series_at(&s, 0) == 10 && series_at(&s, 100 * NS_PER_S) == 30);
	assert_true(series_at(&s, 100 * NS_PER_S - 1) == 10 && series_at(&s, UINT64_MAX) == 20);
	assert_true(series_next(&s, 0) == 100 * NS_PER_S);
	assert_true(series_next(&s, 250 * NS_PER_S) == UINT64_MAX);
	assert_close(series_integral(&s, 50 * NS_PER_S, 300 * NS_PER_S), 500 + 4500 + 1000, 1e-12);
	assert_true(series_least(&s, 100 * NS_PER_S, 250 * NS_PER_S) == 30);
	assert_true(series_least(&s, 100 * NS_PER_S, 250 * NS_PER_S + 1) == 20);
	assert_int_equal(load("b.csv", "hour,power_w\n6,5\n18,7\n", &arena, &s, NULL), ERGON_OK);
	const uint64_t hour = 3600 * NS_PER_S;
	assert_true(series_at(&s, 0) == 5 && series_at(&s, 42 * hour) == 7);
	assert_true(series_next(&s, 20 * hour) == 24 * hour);
	assert_true(series_next(&s, 24 * hour) == 42 * hour);
	assert_close(series_integral(&s, 0, 48 * hour), 2 * (18 * 5 + 6 * 7) * 3600.0, 1e-12);
	assert_int_equal(
	    load("c.json", "{\"period_s\": 60, \"points\": [[0, 1], [30, 2]]}", &arena, &s, NULL),
	    ERGON_OK);
	assert_true(series_at(&s, 95 * NS_PER_S) == 2);
	assert_int_equal(series_constant(4, "four", &arena, &s, NULL), ERGON_OK);
	assert_true(series_at(&s, 12345) == 4 && series_next(&s, 5) == UINT64_MAX);
	arena_fini(&arena);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text, *part;
	} rows[] = {
		{ "a.csv", "time_s,power\n0,1\n", "power_w" },
		{ "a.csv", "when,power_w\n0,1\n", "time_s" },
		{ "a.csv", "time_s,power_w\n5,1\n5,2\n", "times must ascend" },
		{ "a.csv", "time_s,power_w\n0,-1\n", "power_w" },
		{ "a.csv", "hour,power_w\n24,1\n", "hour" },
		{ "a.csv", "time_s,power_w\n", "0 points" },
		{ "a.json", "[]", "a series is an object" },
		{ "a.json", "{\"points\": [[0, 1, 2]]}", "points[0]" },
		{ "a.json", "{\"period_s\": 10, \"points\": [[10, 1]]}", "behind period_s" },
		{ "a.json", "{\"points\": [], \"perod_s\": 1}", "period_s" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct series s;
		struct ergon_error err = { 0 };
		arena_init(&arena);
		assert_int_equal(load(rows[i].name, rows[i].text, &arena, &s, &err),
		                 ERGON_BAD_INPUT);
		if (!strstr(err.text, rows[i].part))
			fail_msg("'%s' does not say '%s'", err.text, rows[i].part);
		arena_fini(&arena);
	}
}

static int setup(void **state)
{
	(void)state;
	scratch_make(scratch, sizeof scratch);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove(scratch);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_what_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
