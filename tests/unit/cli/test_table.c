/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

static char *printed(const struct table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	table_print(table, out);
	fclose(out);
	return text;
}

static void columns_line_up(void **state)
{
	(void)state;
	static const char *const header[] = { "policy", "energy", "JCT" };
	struct table table;
	table_init(&table, "lrr", header);
	table_row(&table, "%s\t%s\t%d", "fifo", "1.20 MJ", 5);
	table_row(&table, "tiresias\t900 kJ\t12345");
	char *text = printed(&table);
	assert_string_equal(text, "policy     energy    JCT\n"
	                          "--------  -------  -----\n"
	                          "fifo      1.20 MJ      5\n"
	                          "tiresias   900 kJ  12345\n");
	free(text);
	table_fini(&table);
}

static void cells_may_be_missing_or_not_ascii(void **state)
{
	(void)state;
	static const char *const header[] = { "a", "b" };
	struct table table;
	table_init(&table, "rl", header);
	table_row(&table, "\302\265s\tx"); /* a micro sign takes one column, not two */
	table_row(&table, "only");
	table_row(&table, "1\t2\t3"); /* what is too much is left out */
	char *text = printed(&table);
	assert_string_equal(text, "   a  b\n"
	                          "----  -\n"
	                          "  \302\265s  x\n"
	                          "only  \n"
	                          "   1  2\n");
	free(text);
	table_fini(&table);
	table_fini(&table); /* twice does no harm */
}

/* 80 columns fit; of 81 the last column that may go goes, and only as many as it takes. */
static void a_wide_table_leaves_columns_out(void **state)
{
	(void)state;
	static const char *const header[] = { "a", "mean", "peak", "b" };
	for (int wide = 0; wide < 2; wide++) {
		struct table table;
		table_init(&table, "lRRl", header);
		table_row(&table, "%*s\t1\t2\tx", 65 + wide, "x");
		char *text = printed(&table);
		assert_int_equal(strcspn(text, "\n"), wide ? 66 + 2 + 4 + 2 + 1 : 80);
		assert_non_null(strstr(text, "mean"));
		assert_int_equal(strstr(text, "peak") == NULL, wide);
		assert_non_null(strstr(text, "1  "));
		free(text);
		table_fini(&table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(cells_may_be_missing_or_not_ascii),
		cmocka_unit_test(a_wide_table_leaves_columns_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
