/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/measurements.h"

#include <math.h>
#include <string.h>

#include "support/support.h"

#define HEADER                                                                                     \
	"run_id,source,gpu,gpu_count,model,model_config,task,precision,batch_size_per_gpu,"        \
	"seq_len_or_resolution,power_limit_w,metric,value,notes"

static enum ergon_code read_text(const char *text, struct arena *arena, struct measurements *m,
                                 struct ergon_error *err)
{
	struct csv *csv = ARENA_NEW(arena, struct csv);
	memset(err, 0, sizeof *err);
	enum ergon_code code = csv_parse(text, strlen(text), "dir/t.csv", ',', arena, csv, err);
	return code ? code : measurements_from_csv(csv, arena, m, err);
}

static void rows_of_a_run_are_joined(void **state)
{
	(void)state;
	struct arena arena;
	struct measurements m;
	struct ergon_error err;
	arena_init(&arena);
	assert_int_equal(
	    read_text(HEADER ",split\n"
	                     "b,s,A40,2,net,layers=2;d=8,train,fp32,16,224,250,time_s,2,x,in\n"
	                     "a,s,V100,,net,,infer,fp16,,,,time_s,3,,out\n"
	                     "b,s,A40,2,net,layers=2;d=8,train,fp32,16,224,250,power_w,200,,in\n",
	              &arena, &m, &err),
	    ERGON_OK);
	assert_string_equal(m.name, "t.csv");
	assert_int_equal(m.run_count, 2);
	assert_int_equal(m.value_count, 3);
	assert_string_equal(m.runs[0].id, "b");
	assert_int_equal(m.runs[0].value_count, 2);
	assert_string_equal(m.runs[0].values[1].metric, "power_w");
	assert_true(m.runs[0].values[1].value == 200 && m.runs[0].values[1].line == 4);
	assert_string_equal(m.runs[0].values[1].split, "in");
	assert_true(m.runs[0].gpus == 2 && m.runs[0].batch == 16);
	assert_true(m.runs[1].gpus == 1 && isnan(m.runs[1].batch));
	assert_true(isnan(m.runs[1].power_limit_w));
	arena_fini(&arena);
}

static void bad_tables_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wanted;
		long line;
	} rows[] = {
		{ "run_id,metric,value\na,t,1\n", "source", 1 },
		{ HEADER "\na,s,A40,2,net,,train,fp32,16,,,t,-1,\n", "value", 2 },
		{ HEADER "\na,s,A40,2,net,,train,fp32,16,,,t,x,\n", "value", 2 },
		{ HEADER "\na,s,A40,2,net,,train,fp32,16,,,,1,\n", "metric", 2 },
		{ HEADER "\na,s,,2,net,,train,fp32,16,,,t,1,\n", "gpu", 2 },
		{ HEADER "\na,s,A40,0,net,,train,fp32,16,,,t,1,\n", "gpu_count", 2 },
		{ HEADER "\na,s,A40,2,net,,train,fp32,16,,,t,1,\n"
		         "a,s,A40,2,net,,train,fp32,32,,,p,1,\n",
		  "batch_size_per_gpu '32' here but '16' in line 2", 3 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct measurements m;
		struct ergon_error err;
		arena_init(&arena);
		assert_int_equal(read_text(rows[i].text, &arena, &m, &err), ERGON_BAD_INPUT);
		assert_string_equal(err.file, "dir/t.csv");
		assert_non_null(strstr(err.text, rows[i].wanted));
		assert_true(err.line == rows[i].line || i == 0);
		arena_fini(&arena);
	}
}

static void configurations_are_searched_by_key(void **state)
{
	(void)state;
	char text[8];
	double value = 0;
	const char *config = "DP;layers=12; d=768;ffn=;kv=8x;d_kv=64";
	assert_true(config_number(config, "layers", &value) && value == 12);
	assert_true(config_number(config, "d", &value) && value == 768);
	assert_true(config_number(config, "d_kv", &value) && value == 64);
	assert_false(config_number(config, "ffn", &value));
	assert_false(config_number(config, "kv", &value));
	assert_false(config_number(config, "ayers", &value));
	assert_true(config_text(config, "kv", text, sizeof text));
	assert_string_equal(text, "8x");
	assert_false(config_text("", "d", text, sizeof text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_run_are_joined),
		cmocka_unit_test(bad_tables_are_named),
		cmocka_unit_test(configurations_are_searched_by_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
