/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "base/csv.h"

/* Cells joined by '|', rows by '/', header first. */
static void flatten(const struct csv *csv, char *out, size_t size)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t row = 0; row <= csv->rows; row++)
		for (size_t i = 0; i < csv->columns; i++) {
			const char *cell = row ? csv_cell(csv, row - 1, i) : csv->header[i];
			used += (size_t)snprintf(out + used, size - used, "%s%s", cell,
			                         i + 1 < csv->columns ? "|"
			                         : row < csv->rows    ? "/"
			                                              : "");
			assert_true(used < size);
		}
}

static void tables(void **state)
{
	(void)state;
	static const struct {
		const char *text, *cells;
	} rows[] = {
		{ "a,b\n1,2\n", "a|b/1|2" },
		{ "a,b\n1,2", "a|b/1|2" },
		{ "a,b\r\n1,2\r\n", "a|b/1|2" },
		{ "\xef\xbb\xbf"
		  "a,b\n1,2\n",
		  "a|b/1|2" },
		{ "a,b\n\n1,2\n\n", "a|b/1|2" },
		{ "a,b\n,\n", "a|b/|" },
		{ "a\n", "a" },
		{ "a,b\n\"1,5\",\"say \"\"hi\"\"\"\n", "a|b/1,5|say \"hi\"" },
		{ "a,b\n\"two\nlines\",2\n", "a|b/two\nlines|2" },
		{ "a,b\n\"\",\"\"\n", "a|b/|" },
		{ "a,b\n 1 , 2 \n", "a|b/ 1 | 2 " },
		{ "a,b\n1,it's \"5\"\n", "a|b/1|it's \"5\"" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct csv csv;
		struct ergon_error err = { 0 };
		char cells[256];
		arena_init(&arena);
		print_message("table %s\n", rows[i].text);
		if (csv_parse(rows[i].text, strlen(rows[i].text), "t.csv", ',', &arena, &csv, &err))
			fail_msg("%s", err.text);
		flatten(&csv, cells, sizeof cells);
		assert_string_equal(cells, rows[i].cells);
		arena_fini(&arena);
	}
}

static void bad_tables_name_their_line(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t length; /* 0: strlen */
		long line;
		const char *says;
	} rows[] = {
		{ "", 0, 0, "empty: expected a header line" },
		{ "\n\n", 0, 0, "empty: expected a header line" },
		{ "a,b\n1\n", 0, 2, "expected 2 cells as in the header, found 1" },
		{ "a,b\n1,2\n1,2,3\n", 0, 3, "expected 2 cells as in the header, found 3" },
		{ "a,b\n\"x\ny\",1\n1\n", 0, 4, "expected 2 cells as in the header, found 1" },
		{ "a,b\n\"1,2\n", 0, 3, "a quoted cell is not closed" },
		{ "a,b\n\"1\"x,2\n", 0, 2, "text behind a closing quote" },
		{ "a,b\n1\r2,3\n", 0, 2, "a carriage return inside a line" },
		{ "a,b\n1,\0002\n", 9, 2, "a NUL byte: this is not a text file" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct csv csv;
		struct ergon_error err = { 0 };
		size_t length = rows[i].length ? rows[i].length : strlen(rows[i].text);
		arena_init(&arena);
		print_message("table %s\n", rows[i].text);
		assert_int_equal(csv_parse(rows[i].text, length, "t.csv", ',', &arena, &csv, &err),
		                 ERGON_BAD_INPUT);
		assert_string_equal(err.text, rows[i].says);
		assert_string_equal(err.file, "t.csv");
		assert_int_equal(err.line, rows[i].line);
		arena_fini(&arena);
	}
}

static void cells_are_checked(void **state)
{
	(void)state;
	static const char text[] = "time_s,jobs\n1.5,3\n-1,x\n1e999,4294967296\n,\n";
	struct arena arena;
	struct csv csv;
	struct ergon_error err;
	size_t column;
	double real;
	uint64_t count;
	arena_init(&arena);
	assert_int_equal(csv_parse(text, strlen(text), "t.csv", ',', &arena, &csv, &err), ERGON_OK);
	assert_int_equal(csv.rows, 4);
	assert_int_equal(csv_column(&csv, "jobs"), 1);
	assert_int_equal(csv_column(&csv, "job"), -1);
	assert_int_equal(csv_need_column(&csv, "times", &column, &err), ERGON_BAD_INPUT);
	assert_string_equal(err.text, "no column 'times', did you mean 'time_s'?");
	assert_int_equal(err.line, 1);
	assert_int_equal(csv_need_column(&csv, "time_s", &column, &err), ERGON_OK);
	assert_int_equal(csv_real(&csv, 0, column, 0, 10, &real, &err), ERGON_OK);
	assert_true(real == 1.5);
	assert_int_equal(csv_real(&csv, 1, column, 0, 10, &real, &err), ERGON_BAD_INPUT);
	assert_string_equal(err.text, "time_s: expected a number from 0 to 10, found '-1'");
	assert_int_equal(err.line, 3);
	assert_int_equal(csv_real(&csv, 2, column, 0, 10, &real, &err), ERGON_BAD_INPUT);
	assert_int_equal(csv_real(&csv, 3, column, 0, 10, &real, &err), ERGON_BAD_INPUT);
	assert_int_equal(csv_count(&csv, 0, 1, 1, 9, &count, &err), ERGON_OK);
	assert_int_equal(count, 3);
	assert_int_equal(csv_count(&csv, 1, 1, 1, 9, &count, &err), ERGON_BAD_INPUT);
	assert_string_equal(err.text, "jobs: expected a whole number from 1 to 9, found 'x'");
	assert_int_equal(csv_count(&csv, 2, 1, 1, UINT64_MAX, &count, &err), ERGON_OK);
	assert_true(count == UINT64_C(4294967296));
	arena_fini(&arena);
}

static void files_and_other_separators(void **state)
{
	(void)state;
	char dir[256], path[512];
	struct arena arena;
	struct csv csv;
	struct ergon_error err;
	scratch_make(dir, sizeof dir);
	put_file(dir, "t.csv", "a,b\n1,2\n");
	snprintf(path, sizeof path, "%s/t.csv", dir);
	arena_init(&arena);
	assert_int_equal(csv_read(path, &arena, &csv, &err), ERGON_OK);
	assert_string_equal(csv.file, path);
	assert_int_equal(csv.line[0], 2);
	assert_int_equal(csv_parse("a\tb,c\n1\t2\n", 10, "t", '\t', &arena, &csv, &err), ERGON_OK);
	assert_string_equal(csv.header[1], "b,c");
	snprintf(path, sizeof path, "%s/none.csv", dir);
	assert_int_equal(csv_read(path, &arena, &csv, &err), ERGON_NOT_FOUND);
	assert_string_equal(err.file, path);
	arena_fini(&arena);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(bad_tables_name_their_line),
		cmocka_unit_test(cells_are_checked),
		cmocka_unit_test(files_and_other_separators),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
