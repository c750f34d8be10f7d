/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/phase_class.h"

#include <math.h>
#include <string.h>

#include "support/support.h"

#define NO ((double)NAN)

static const struct phase_machine bare = { .idle_power_w = (double)NAN };

static struct phase_machine profiled(double idle_power_w)
{
	return (struct phase_machine){
		.has_roofs = true,
		.roofs = { 100e9, 200e9, 20e9, 80e9, NO, NO },
		.idle_power_w = idle_power_w,
	};
}

struct row {
	double of[PHASE_QUANTITIES]; /* IPC, B/s, FLOP/s, f64, f32, GPU, cache, stalls */
	double power_w, error_w, idle_w;
	enum workload_class class;
	const char *because;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct phase_means m = { .power_w = rows[i].power_w,
			                 .power_error_w = rows[i].error_w };
		memcpy(m.of, rows[i].of, sizeof m.of);
		struct phase_machine machine = profiled(rows[i].idle_w);
		struct workload_verdict v = phase_classify(&m, &machine);
		if (v.class != rows[i].class || !strstr(v.because, rows[i].because) ||
		    strstr(v.because, "nan"))
			fail_msg("row %zu: %s: %s", i, workload_class_name(v.class), v.because);
	}
}

static void rates_against_roofs(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ { 1, 18e9, NO, 2e9, NO, NO, NO, NO },
		  60,
		  1,
		  NO,
		  CLASS_BANDWIDTH,
		  "90% of the memory" },
		{ { NO, 1e9, NO, 80e9, NO, NO, NO, NO },
		  60,
		  1,
		  NO,
		  CLASS_COMPUTE,
		  "80% of the arith" },
		{ { NO, 1e9, NO, NO, 80e9, NO, NO, NO },
		  60,
		  1,
		  NO,
		  CLASS_UNKNOWN,
		  "40% of the arith" },
		{ { NO, 1e9, NO, NO, 150e9, NO, NO, NO },
		  60,
		  1,
		  NO,
		  CLASS_COMPUTE,
		  "75% of the arith" },
		/* Of no known precision: only what both roofs say. */
		{ { NO, 1e9, 80e9, NO, NO, NO, NO, NO },
		  60,
		  1,
		  NO,
		  CLASS_UNKNOWN,
		  "80% of the f64 roof" },
		{ { NO, 1e9, 150e9, NO, NO, NO, NO, NO }, 60, 1, NO, CLASS_COMPUTE, "roof" },
		{ { NO, 15e9, 1e9, NO, NO, NO, NO, NO }, 60, 1, NO, CLASS_BANDWIDTH, "75%" },
		{ { 2.5, 1e9, NO, NO, NO, NO, NO, NO },
		  60,
		  1,
		  NO,
		  CLASS_COMPUTE,
		  "2.50 instructions" },
		{ { 2.5, NO, NO, NO, NO, NO, NO, NO }, 60, 1, NO, CLASS_UNKNOWN, "near no roof" },
		{ { NO, 90e9, NO, NO, NO, NO, NO, NO },
		  60,
		  1,
		  NO,
		  CLASS_UNKNOWN,
		  "above the roof" },
		{ { NO, 1e9, NO, 150e9, NO, NO, NO, NO },
		  60,
		  1,
		  NO,
		  CLASS_UNKNOWN,
		  "above the roof" },
		{ { NO, 0, NO, 0, NO, NO, NO, NO }, 60, 1, 20, CLASS_UNKNOWN, "near no roof" },
		{ { NO, 0, NO, 0, NO, NO, NO, NO }, 20.1, 0.1, 20, CLASS_IDLE, "20.1 W" },
		{ { NO, 0, NO, 0, NO, 0.9, NO, NO }, 20.1, 0.1, 20, CLASS_UNKNOWN, "not at rest" },
		{ { NO, 3e9, NO, 0, NO, NO, NO, NO }, 20.1, 0.1, 20, CLASS_UNKNOWN, "not at rest" },
		{ { NO, 18e9, NO, 0, NO, NO, NO, NO }, 20, 0.1, 20, CLASS_BANDWIDTH, "90%" },
	};
	check_rows(rows, sizeof rows / sizeof *rows);
}

static void cache_and_latency(void **state)
{
	(void)state;
	const struct row rows[] = {
		/* What the cache delivers, and what waits for memory. */
		{ { 1, 1e9, NO, 1e9, NO, NO, 60e9, NO },
		  60,
		  1,
		  NO,
		  CLASS_CACHE,
		  "75% of the last" },
		{ { 1, 1e9, NO, 1e9, NO, NO, 30e9, NO }, 60, 1, NO, CLASS_UNKNOWN, "near no roof" },
		{ { 0.2, 6e9, NO, 1e9, NO, NO, 60e9, 0.6 },
		  60,
		  1,
		  NO,
		  CLASS_LATENCY,
		  "60% of the cycles" },
		{ { NO, NO, NO, NO, NO, NO, NO, 0.8 },
		  60,
		  1,
		  NO,
		  CLASS_LATENCY,
		  "80% of the cycles" },
		{ { NO, 15e9, NO, NO, NO, NO, NO, 0.8 }, 60, 1, NO, CLASS_BANDWIDTH, "75%" },
		{ { NO, NO, NO, NO, NO, NO, 100e9, NO },
		  60,
		  1,
		  NO,
		  CLASS_UNKNOWN,
		  "above the roof" },
		{ { NO, 0, NO, 0, NO, NO, 10e9, NO }, 20, 0.1, 20, CLASS_UNKNOWN, "not at rest" },
	};
	check_rows(rows, sizeof rows / sizeof *rows);
}

static void power_alone_tells_nothing_but_idle(void **state)
{
	(void)state;
	struct phase_means m = { { NO, NO, NO, NO, NO, NO, NO, NO }, 20.5, 0.1 };
	struct phase_machine machine = bare;
	struct workload_verdict v = phase_classify(&m, &machine);
	assert_int_equal(v.class, CLASS_UNKNOWN);
	assert_non_null(strstr(v.because, "power does not tell"));
	machine.idle_power_w = 20;
	assert_int_equal(phase_classify(&m, &machine).class, CLASS_IDLE);
	m.power_w = 22; /* 10% above, and known to 0.1 W */
	assert_int_equal(phase_classify(&m, &machine).class, CLASS_UNKNOWN);
	m.power_w = 15; /* below rest: not that scope */
	assert_int_equal(phase_classify(&m, &machine).class, CLASS_UNKNOWN);
	m.power_w = 20;
	m.power_error_w = 5; /* too noisy to tell */
	assert_int_equal(phase_classify(&m, &machine).class, CLASS_UNKNOWN);
	m.power_error_w = NO;
	assert_int_equal(phase_classify(&m, &machine).class, CLASS_UNKNOWN);
	m.of[PHASE_GPU] = 0.99;
	v = phase_classify(&m, &bare);
	assert_int_equal(v.class, CLASS_UNKNOWN);
	assert_non_null(strstr(v.because, "utilisation does not tell"));
	m.of[PHASE_BYTES] = 1e9;
	v = phase_classify(&m, &bare);
	assert_int_equal(v.class, CLASS_UNKNOWN);
	assert_non_null(strstr(v.because, "--profile"));
}

static void columns_by_whole_names(void **state)
{
	(void)state;
	const char text[] =
	    "t,GB/s,net_bytes_per_s,f32_gflops,gpu_util,ipc,stall_share,l3_gb_per_s\n"
	    "0,2,9,1,80,1,30,7\n1,4,9,3,100,,60,8\n2,6,9,5,60,1,90,9\n";
	struct arena arena;
	struct csv csv;
	struct phase_columns c;
	const double power[] = { 10, 12, 14 };
	arena_init(&arena);
	assert_int_equal(csv_parse(text, sizeof text - 1, "t.csv", ',', &arena, &csv, NULL),
	                 ERGON_OK);
	assert_int_equal(phase_columns_read(&csv, &arena, &c, NULL), ERGON_OK);
	struct phase_means m = phase_means_of(&c, power, 0, 3);
	assert_close(m.of[PHASE_BYTES], 4e9, 1);
	assert_close(phase_flops_per_s(&m), 3e9, 1);
	assert_close(m.of[PHASE_GPU], 0.8, 1e-12);
	assert_close(m.of[PHASE_STALL], 0.6, 1e-12);
	assert_close(m.of[PHASE_CACHE], 8e9, 1);
	assert_true(isnan(m.of[PHASE_IPC])); /* an empty cell */
	assert_true(isnan(m.of[PHASE_F64]));
	assert_close(m.power_w, 12, 1e-12);
	assert_close(m.power_error_w, sqrt(4.0 / 2 / 3), 1e-12);
	m = phase_means_of(&c, NULL, 2, 3);
	assert_close(m.of[PHASE_IPC], 1, 1e-12);
	assert_true(isnan(m.power_w));
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_against_roofs),
		cmocka_unit_test(cache_and_latency),
		cmocka_unit_test(power_alone_tells_nothing_but_idle),
		cmocka_unit_test(columns_by_whole_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
