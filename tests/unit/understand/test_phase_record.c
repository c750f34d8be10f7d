/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/phase_record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static const char *const recording =
    "time_s,package-0:energy_j,package-0/core-0:energy_j,gpu-0:power_w,hwmon/nvme-0:power_w\n"
    "0,1000,500,100,5\n"
    "1,1010,505,100,5\n"
    "2,1020,510,100,5\n"
    "4,1040,,300,5\n" /* a gap in the cores, and a longer step */
    "5,1090,540,300,5\n";

static double number(const struct csv *csv, size_t row, const char *name)
{
	int column = csv_column(csv, name);
	assert_true(column >= 0);
	return strtod(csv_cell(csv, row, (size_t)column), NULL);
}

static void counters_become_powers(void **state)
{
	(void)state;
	struct arena arena;
	struct record record;
	struct csv csv;
	arena_init(&arena);
	assert_int_equal(record_parse(recording, strlen(recording), "r", &arena, &record, NULL), 0);
	assert_int_equal(phase_record_table(&record, "r", &arena, &csv, NULL), 0);
	assert_int_equal(csv.rows, 4);
	assert_int_equal(csv.columns, 6);
	const double times[] = { 0.5, 1.5, 3, 4.5 }, package[] = { 10, 10, 10, 50 };
	const double cores[] = { 5, 5, 5, 5 }, gpu[] = { 100, 100, 200, 300 };
	for (size_t i = 0; i < 4; i++) {
		assert_close(number(&csv, i, "time_s"), times[i], 1e-9);
		assert_close(number(&csv, i, "package-0:power_w"), package[i], 1e-9);
		assert_close(number(&csv, i, "package-0/core-0:power_w"), cores[i], 1e-9);
		assert_close(number(&csv, i, "gpu-0:power_w"), gpu[i], 1e-9);
		/* The cores are in the package, and a disk's sensor is never added up. */
		assert_close(number(&csv, i, "power_w"), package[i] + gpu[i], 1e-9);
	}
	arena_fini(&arena);
}

static void refusals(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "time_s,package-0:energy_j\n0,1\n1,2\n", "3 samples" },
		{ "time_s,package-0:energy_j\n0,1\n1,\n2,3\n", "no domain" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct record record;
		struct csv csv;
		struct ergon_error err = { 0 };
		arena_init(&arena);
		assert_int_equal(
		    record_parse(rows[i].text, strlen(rows[i].text), "r", &arena, &record, NULL),
		    0);
		assert_int_equal(phase_record_table(&record, "r", &arena, &csv, &err),
		                 ERGON_INFEASIBLE);
		assert_non_null(strstr(err.text, rows[i].expected));
		arena_fini(&arena);
	}
}

static void known_by_its_header(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is;
	} rows[] = { { "time_s,package-0:energy_j\n0,1\n", true },
		     { "time_s,gpu-0:power_w\n0,1\n", true },
		     { "time_s,power_w\n0,1\n", false },
		     { "t,package-0:energy_j\n0,1\n", false },
		     { "time_s\n0\n", false } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct csv csv;
		arena_init(&arena);
		assert_int_equal(
		    csv_parse(rows[i].text, strlen(rows[i].text), "r", ',', &arena, &csv, NULL), 0);
		assert_int_equal(phase_record_is(&csv), rows[i].is);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_become_powers),
		cmocka_unit_test(refusals),
		cmocka_unit_test(known_by_its_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
