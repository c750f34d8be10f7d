/* SPDX-License-Identifier: Apache-2.0
 *
 * Device files: all of them load, names are found, wrong ones are told what is wrong.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "spec/device.h"

static void every_device_loads(void **state)
{
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	const char *const *names;
	size_t count;
	(void)state;
	ergon_env_init(&env, &storage);
	arena_init(&arena);
	assert_int_equal(device_list(&env, &arena, &names, &count, NULL), ERGON_OK);
	assert_true(count >= 50);
	for (size_t i = 0; i < count; i++) {
		struct device device;
		struct ergon_error err = { 0 };
		if (device_load(&env, names[i], &device, &err))
			fail_msg("%s: %s", names[i], err.text);
		assert_string_equal(device.name, names[i]);
		assert_true(device.peak_flops[RATE_FP32] > 1e12);
		for (int rate = 0; rate < RATE_COUNT; rate++)
			assert_true(device.peak_flops[rate] > 0);
		assert_true(device.peak_flops[RATE_FP16] >= device.peak_flops[RATE_FP32]);
		assert_true(device.memory_bandwidth_bps > 1e11 && device.memory_bytes > 3e9);
	}
	arena_fini(&arena);
}

static void names_are_found(void **state)
{
	static const struct {
		const char *asked, *name;
	} rows[] = { { "t4", "T4" },
		     { "V100", "V100-SXM2-16GB" },
		     { "a100", "A100-SXM4-80GB" },
		     { "A100-SXM4-80GB", "A100-SXM4-80GB" },
		     { "h100", "H100-SXM5-80GB" },
		     { "rtx2080ti", "RTX2080Ti" },
		     { "A100-80GB", "A100-SXM4-80GB" } };
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct device device;
	struct ergon_error err = { 0 };
	(void)state;
	ergon_env_init(&env, &storage);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(device_load(&env, rows[i].asked, &device, &err), ERGON_OK);
		assert_string_equal(device.name, rows[i].name);
	}
	assert_int_equal(device_load(&env, "a10O", &device, &err), ERGON_NOT_FOUND);
	assert_non_null(strstr(err.text, "did you mean"));
	assert_true(device_load(&env, "./no/such.json", &device, &err) != ERGON_OK);
	assert_true(device_load(&env, "", &device, &err) != ERGON_OK);
}

#define HEAD                                                                                       \
	"{\"name\":\"X\",\"vendor\":\"V\",\"architecture\":\"A\",\"memory_type\":\"HBM2\","        \
	"\"sources\":{\"s\":\"a sheet\"},\"numbers\":{"
#define NUMBER(name, value) "\"" name "\":{\"value\":" value ",\"source\":\"s\"}"
#define NEEDED                                                                                     \
	NUMBER("sm_count", "10")                                                                   \
	"," NUMBER("boost_mhz", "1000") "," NUMBER("peak_tflops.fp32", "2") "," NUMBER(            \
	    "memory_gb", "8") "," NUMBER("memory_bandwidth_gbs", "100") "," NUMBER("tdp_w", "50")

static void wrong_files_are_told_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "{", "not valid JSON" },
		{ "[]", "expected an object" },
		{ "{\"name\":\"X\",\"vendr\":\"V\"}", "vendr" },
		{ HEAD "}}", "sm_count is missing" },
		{ HEAD NEEDED "," NUMBER("l2_mbb", "3") "}}", "did you mean 'l2_mb'" },
		{ HEAD NEEDED "," NUMBER("idle_w", "60") "}}", "less than tdp_w" },
		{ HEAD NEEDED "," NUMBER("l2_mb", "-3") "}}", "expected a number" },
		{ HEAD NEEDED "," NUMBER("l2_mb", "\"6\"") "}}", "expected a number" },
		{ HEAD NEEDED ",\"l2_mb\":6}}", "\"value\" and \"source\"" },
		{ HEAD NEEDED ",\"l2_mb\":{\"value\":6,\"source\":\"t\"}}}", "not one of" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ergon_error err = { 0 };
		struct device device;
		assert_int_equal(
		    device_parse(rows[i].text, strlen(rows[i].text), "x.json", &device, &err),
		    ERGON_BAD_INPUT);
		print_message("%s\n", err.text);
		assert_non_null(strstr(err.text, rows[i].says));
		assert_string_equal(err.file, "x.json");
	}
}

static void missing_rates_fall_back(void **state)
{
	static const char text[] = HEAD NEEDED "}}";
	struct device device;
	(void)state;
	assert_int_equal(device_parse(text, strlen(text), "x", &device, NULL), ERGON_OK);
	assert_close(device.peak_flops[RATE_FP8], 2e12, 1e-12);
	assert_false(device.native[RATE_BF16]);
	assert_true(device.native[RATE_FP32]);
	assert_true(isnan(device.idle_w));
	assert_int_equal(device_set(&device, "l2_mb", 80, NULL), ERGON_OK);
	assert_close(device.l2_bytes, 80.0 * 1048576, 1e-12);
	assert_int_equal(device_set(&device, "peak_tflops.fp8", 9, NULL), ERGON_OK);
	assert_true(device.native[RATE_FP8]);
	assert_int_equal(device_set(&device, "l2", 80, NULL), ERGON_BAD_INPUT);
	assert_int_equal(device_set(&device, "l2_mb", (double)NAN, NULL), ERGON_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_device_loads),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(wrong_files_are_told_what_is_wrong),
		cmocka_unit_test(missing_rates_fall_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
