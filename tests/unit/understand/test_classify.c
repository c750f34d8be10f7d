/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/classify.h"

#include <math.h>
#include <string.h>

#include "support/support.h"

#define NONE                                                                                       \
	{                                                                                          \
		(double)NAN, (double)NAN                                                           \
	}

struct row {
	double busy;
	struct probe_ratio clock, neighbour;
	enum workload_class class;
};

static void verdicts(void **state)
{
	(void)state;
	const struct row rows[] = {
		{ 0.02, NONE, NONE, CLASS_IDLE },
		{ 0.02, { 1, 0 }, { 2, 0 }, CLASS_IDLE },
		{ 1, { 0.98, 0.05 }, NONE, CLASS_COMPUTE },
		{ 1, { 0.1, 0.05 }, NONE, CLASS_MEMORY },
		{ 1, { 0.5, 0.05 }, NONE, CLASS_MIXED },
		{ 1, { 0.7, 0.2 }, NONE, CLASS_UNKNOWN }, /* across a line */
		{ 1, { 0.5, 0.5 }, NONE, CLASS_UNKNOWN }, /* says nothing */
		{ 1,
		  { 0.98, 0.05 },
		  { 2, 0 },
		  CLASS_COMPUTE }, /* the clock is the better witness */
		{ 1, NONE, { 1.5, 0.1 }, CLASS_MEMORY },
		{ 1, NONE, { 1.01, 0.02 }, CLASS_COMPUTE_OR_CACHE },
		{ 1, NONE, { 1.2, 0.2 }, CLASS_UNKNOWN },
		{ 1, NONE, { 1.11, 0.01 }, CLASS_UNKNOWN },
		{ 2, NONE, NONE, CLASS_UNKNOWN },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct class_evidence e = { .busy = rows[i].busy,
			                    .clock = rows[i].clock,
			                    .neighbour = rows[i].neighbour,
			                    .no_clock = "no clock",
			                    .no_footprint = "no marks",
			                    .no_neighbour = "one processor" };
		struct workload_verdict v = classify(&e);
		if (v.class != rows[i].class)
			fail_msg("row %zu: %s: %s", i, workload_class_name(v.class), v.because);
		assert_true(v.because[0] != '\0');
		if (i + 1 == sizeof rows / sizeof *rows)
			assert_non_null(strstr(v.because, "no clock; no marks; one processor"));
	}
}

struct counter_row {
	struct counter_summary counters; /* ipc, flops, f32 share, bytes, cache bytes, AI, stalls */
	enum workload_class class;
};

static const double none = (double)NAN;

/* Against 100 GFLOP/s, 10 GB/s, 100 GB/s from the last cache. */
static void verdicts_of_counters(void **state)
{
	(void)state;
	const struct counter_row rows[] = {
		{ { 2, 8e10, 0, 1e9, 1e9, 80, 0.1, false }, CLASS_COMPUTE },
		{ { 0.5, 1e9, 0, 9e9, 9e9, 0.1, 0.7, false }, CLASS_BANDWIDTH },
		{ { 0.1, 1e8, 0, 2e9, 2e9, 0.05, 0.9, false }, CLASS_LATENCY },
		{ { 1, 1e10, 0, 1e9, 8e10, 10, 0.1, false }, CLASS_CACHE },
		{ { 3, none, 0, 1e8, 1e8, none, none, true }, CLASS_COMPUTE }, /* integer work */
		{ { 0.7, 1e10, 0, 3e9, 1e10, 3, 0.2, false }, CLASS_UNKNOWN },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct class_evidence e = { .busy = 1,
			                    .clock = NONE,
			                    .neighbour = NONE,
			                    .counters = rows[i].counters,
			                    .has_counters = true,
			                    .roofs = { 1e11, 2e11, 1e10, 1e11, 1e8, 0 },
			                    .no_footprint = "not asked" };
		struct workload_verdict v = classify(&e);
		if (v.class != rows[i].class)
			fail_msg("row %zu: %s: %s", i, workload_class_name(v.class), v.because);
		assert_int_equal(strstr(v.because, "took turns") != NULL, rows[i].counters.scaled);
	}
}

/* Against 10 GB/s and a cache of 100 MB. */
static void verdicts_of_footprints(void **state)
{
	(void)state;
	const struct {
		double set, rate;
		enum workload_class class;
	} rows[] = {
		{ 20e6, 9e9, CLASS_COMPUTE_OR_CACHE },
		{ 300e6, 6e9, CLASS_MEMORY },
		{ 300e6, 0.5e9, CLASS_COMPUTE_OR_CACHE },
		{ 300e6, 25e9, CLASS_LATENCY },
		{ 300e6, 2e9, CLASS_UNKNOWN },
		{ 60e6, 9e9, CLASS_UNKNOWN }, /* the cache may hold it, or not */
		{ 60e6, 0.5e9, CLASS_COMPUTE_OR_CACHE },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct class_evidence e = { .busy = 1,
			                    .clock = NONE,
			                    .neighbour = NONE,
			                    .footprint = { .samples = 9,
			                                   .set_bytes = rows[i].set,
			                                   .rate_bytes_per_s = rows[i].rate },
			                    .roofs = { none, none, 1e9, none, 1e8, 1e10 } };
		struct workload_verdict v = classify(&e);
		if (v.class != rows[i].class)
			fail_msg("row %zu: %s: %s", i, workload_class_name(v.class), v.because);
	}
	struct class_evidence io = { .busy = 0.02, .blocks_per_s = 1e5 };
	assert_int_equal(classify(&io).class, CLASS_IO);
	struct class_evidence starved = { .busy = 0.08,
		                          .waits_per_s = 10,
		                          .preempted_per_s = 30,
		                          .clock = NONE,
		                          .neighbour = NONE,
		                          .footprint = { .samples = 9, .set_bytes = 2e6 },
		                          .roofs = { none, none, 1e9, none, 1e8, 1e10 } };
	assert_int_equal(classify(&starved).class, CLASS_COMPUTE_OR_CACHE);
	starved.preempted_per_s = 1;
	assert_int_equal(classify(&starved).class, CLASS_IDLE);
}

/* A busy GPU is asked itself, whatever the processor did. */
static void verdicts_of_gpus(void **state)
{
	(void)state;
	const struct {
		struct gpu_use use; /* gpu, busy, memory, sm, tensor, fp64, fp32, fp16, dram */
		struct probe_ratio clock;
		enum workload_class class;
		const char *because;
	} rows[] = {
		{ { 1, 0.95, 0.6, none, none, none, none, none, none },
		  NONE,
		  CLASS_UNKNOWN,
		  "GPU 1 was busy 95% of the time, its memory 60%: utilisation does not say" },
		{ { 1, 0.95, 0.6, 0.9, 0.1, 0, 0.2, 0, 0.8 },
		  NONE,
		  CLASS_BANDWIDTH,
		  "80% of the peak" },
		{ { 1, 0.95, 0.6, 0.9, 0.7, 0, 0.2, 0, 0.3 }, NONE, CLASS_COMPUTE, "unit 70%" },
		{ { 1, 0.95, 0.6, 0.2, 0.1, 0, 0.1, 0, 0.1 }, NONE, CLASS_UNKNOWN, "near no roof" },
		{ { 1, 0.95, 0.6, 0.9, 0.7, 0, 0.2, 0, 0.3 },
		  { 0.1, 0.05 },
		  CLASS_MEMORY,
		  "of a change of the GPU's clock shows in its time" },
		{ { 1, 0.3, 0.1, none, none, none, none, none, none },
		  NONE,
		  CLASS_IDLE,
		  "GPU 1 was busy 30% of the time" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct class_evidence e = { .busy = 0.05,
			                    .gpu = rows[i].use,
			                    .clock = rows[i].clock,
			                    .no_clock = "no right to set the clock" };
		struct workload_verdict v = classify(&e);
		if (v.class != rows[i].class || !strstr(v.because, rows[i].because))
			fail_msg("row %zu: %s: %s", i, workload_class_name(v.class), v.because);
	}
}

/* Against 10 GB/s: without counters of the core, and in their place for the bytes. */
static void verdicts_of_memory_controllers(void **state)
{
	(void)state;
	struct class_evidence e = { .busy = 1,
		                    .clock = NONE,
		                    .neighbour = NONE,
		                    .read_bytes_per_s = 6e9,
		                    .written_bytes_per_s = 2e9,
		                    .roofs = { 1e11, 2e11, 1e10, 1e11, 1e8, 0 } };
	struct workload_verdict v = classify(&e);
	assert_int_equal(v.class, CLASS_BANDWIDTH);
	assert_non_null(strstr(v.because, "moved 8 GB/s meanwhile, 80%"));
	e.has_counters = true; /* that saw few misses: lines were fetched ahead */
	e.counters = (struct counter_summary){ 2, 2e9, 0, 1e8, 1e8, 20, 0.1, false };
	assert_int_equal(classify(&e).class, CLASS_BANDWIDTH);
	e.has_counters = false;
	e.read_bytes_per_s = 5e8;
	e.written_bytes_per_s = 1e8;
	assert_int_equal(classify(&e).class, CLASS_COMPUTE_OR_CACHE);
	e.read_bytes_per_s = 3e9;
	assert_int_equal(classify(&e).class, CLASS_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(verdicts_of_counters),
		cmocka_unit_test(verdicts_of_footprints),
		cmocka_unit_test(verdicts_of_gpus),
		cmocka_unit_test(verdicts_of_memory_controllers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
