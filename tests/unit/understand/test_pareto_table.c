/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/pareto_table.h"

#include <string.h>

#include "support/support.h"

static const char wide[] = "net,batch,power_limit_w,config,time_s,power_w\n"
			   "a,8,250,x;optimizer=adam,10,200\n"
			   "a,8,100,x;optimizer=adam,12,100\n"
			   "b,8,250,y;optimizer=sgd,5,100\n"
			   "a,8,150,x;optimizer=adam,,100\n"
			   "b,8,100,y;optimizer=sgd,20,90\n";
static const char long_table[] = "run_id,gpu,limit,metric,value,notes\n"
				 "r2,v100,250,time,10,one\n"
				 "r1,v100,100,time,12,\n"
				 "r2,v100,250,power,200,two\n"
				 "r1,v100,100,power,100,\n"
				 "r3,v100,150,time,11,\n";

static enum ergon_code analyse(const char *text, struct pareto_request request, struct arena *arena,
                               struct pareto_table *table, struct ergon_error *err)
{
	struct csv csv;
	arena_init(arena);
	memset(err, 0, sizeof *err);
	enum ergon_code code = csv_parse(text, strlen(text), "t.csv", ',', arena, &csv, err);
	return code ? code : pareto_table_analyse(&csv, &request, arena, table, err);
}

static void groups_of_a_wide_table(void **state)
{
	(void)state;
	struct arena arena;
	struct pareto_table t;
	struct ergon_error err;
	struct pareto_request request = { .groups = "net,config.optimizer",
		                          .time = "time_s",
		                          .power = "power_w" };
	assert_int_equal(analyse(wide, request, &arena, &t, &err), ERGON_OK);
	assert_int_equal(t.group_count, 2);
	assert_string_equal(t.groups[0].values[0], "a");
	assert_string_equal(t.groups[0].values[1], "adam");
	assert_string_equal(t.groups[1].values[1], "sgd");
	assert_int_equal(t.skipped_time, 1);
	assert_int_equal(t.skipped_line, 5);
	assert_int_equal(t.used, 4);
	assert_int_equal(t.groups[0].front_count, 2);
	assert_int_equal(t.groups[1].front_count, 1);
	assert_int_equal(t.groups[0].best.min_edp, 1);
	char text[128];
	assert_string_equal(pareto_group_sentence(&t, 0, text, sizeof text),
	                    "a, adam: 40% less energy at 20% more time at 100 W");
	json_t *root = pareto_table_to_json(&t);
	json_t *group = json_array_get(json_object_get(root, "groups"), 0);
	json_t *edp = json_object_get(group, "min_edp");
	assert_close(json_real_value(json_object_get(edp, "edp_js")), 14400, 1e-15);
	assert_int_equal(json_integer_value(json_object_get(edp, "power_limit_w")), 100);
	assert_string_equal(json_string_value(json_object_get(edp, "config")), "x;optimizer=adam");
	json_decref(root);
	arena_fini(&arena);
}

static void long_tables_are_pivoted(void **state)
{
	(void)state;
	struct arena arena;
	struct pareto_table t;
	struct ergon_error err;
	struct pareto_request request = {
		.groups = "gpu", .time = "time", .power = "power", .lever = "limit"
	};
	assert_int_equal(analyse(long_table, request, &arena, &t, &err), ERGON_OK);
	assert_true(t.pivoted);
	assert_int_equal(t.csv.rows, 3);
	assert_int_equal(t.used, 2);
	assert_int_equal(t.skipped_cost, 1); /* r3 has no power */
	assert_int_equal(t.skipped_line, 6);
	assert_string_equal(csv_cell(&t.csv, 0, (size_t)csv_column(&t.csv, "notes")), "one; two");
	assert_close(t.points[0].energy_j, 2000, 1e-15);
	arena_fini(&arena);
}

static void filters(void **state)
{
	(void)state;
	struct arena arena;
	struct pareto_table t;
	struct ergon_error err;
	const char *filter[] = { "config.optimizer=ad*", "net=a" };
	struct pareto_request request = {
		.time = "time_s", .power = "power_w", .filters = filter, .filter_count = 2
	};
	assert_int_equal(analyse(wide, request, &arena, &t, &err), ERGON_OK);
	assert_int_equal(t.used, 2);
	assert_int_equal(t.filtered_out, 2);
	arena_fini(&arena);
	filter[0] = "net=c";
	assert_int_equal(analyse(wide, request, &arena, &t, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "no row passes the filter net=c"));
	arena_fini(&arena);
}

struct bad_row {
	const char *text, *groups, *time, *power, *energy, *expect;
	long line;
};

static void bad_input(void **state)
{
	(void)state;
	static const struct bad_row rows[] = {
		{ "t,p\n1,x\n", NULL, "t", "p", NULL, "p: expected a positive number, found 'x'",
		  2 },
		{ "t,p\n1,2\n-1,2\n", NULL, "t", "p", NULL, "t: expected a positive", 3 },
		{ "t,p\n0,2\n", NULL, "t", "p", NULL, "t: expected a positive", 2 },
		{ "t,p\n1,nan\n", NULL, "t", "p", NULL, "p: expected a positive", 2 },
		{ "time,p\n1,2\n", NULL, "tine", "p", NULL, "did you mean 'time'?", 1 },
		{ "t,p\n1,2\n", "q", "t", "p", NULL, "no column 'q'", 1 },
		{ "t,p\n1,2\n", "p.key", "t", "p", NULL, "no cell of column 'p' holds 'key=", 1 },
		{ "t,p\n1,2\n", NULL, "t", NULL, NULL, "one of --power", 0 },
		{ "t,p\n1,2\n", NULL, "t", "p", "p", "one of --power", 0 },
		{ "t,p\n1,2\n", NULL, NULL, "p", NULL, "--time", 0 },
		{ "t,p\n", NULL, "t", "p", NULL, "expected rows", 1 },
		{ "t,p\n,2\n", NULL, "t", "p", NULL, "no row has both", 2 },
		{ "t,t\n1,2\n", NULL, "t", "t", NULL, "two columns are named 't'", 1 },
		{ "t,p\n1,\xff\n", NULL, "t", "p", NULL, "not UTF-8", 2 },
		{ "run_id,metric,value\nr,t,1\nr,t,2\n", NULL, "t", "p", NULL, "twice", 3 },
		{ "run_id,metric,value\nr,t,abc\n", NULL, "t", "p", NULL, "expected a number", 2 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct pareto_table t;
		struct ergon_error err;
		struct pareto_request request = { .groups = rows[i].groups,
			                          .time = rows[i].time,
			                          .power = rows[i].power,
			                          .energy = rows[i].energy };
		assert_int_equal(analyse(rows[i].text, request, &arena, &t, &err), ERGON_BAD_INPUT);
		if (!strstr(err.text, rows[i].expect) || err.line != rows[i].line)
			fail_msg("row %zu: line %ld: %s", i, err.line, err.text);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_of_a_wide_table),
		cmocka_unit_test(long_tables_are_pivoted),
		cmocka_unit_test(filters),
		cmocka_unit_test(bad_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
