/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/classify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/support.h"
#include "understand/cache_reach.h"

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
			                    .neighbour_control = { 1.6, 0.05 },
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
			                    .roofs = { 1e11, 2e11, 1e10, 1e11, 1e8, 0, 0 },
			                    .no_footprint = "not asked" };
		struct workload_verdict v = classify(&e);
		if (v.class != rows[i].class)
			fail_msg("row %zu: %s: %s", i, workload_class_name(v.class), v.because);
		assert_int_equal(strstr(v.because, "took turns") != NULL, rows[i].counters.scaled);
	}
}

/* A cache of 100 MB, of which loads still find so much; a stream that takes 80 ps a byte and, for
 * the marks, as much again under watch. */
static void verdicts_of_footprints(void **state)
{
	(void)state;
	const struct {
		double set, window, rate, half_width, huge, reach;
		enum workload_class class;
		const char *because;
	} rows[] = {
		{ 20e6, 9e6, 9e9, 1e8, 0, 0, CLASS_COMPUTE_OR_CACHE, "touches 20 MB" },
		{ 20e6, 9e6, 9e9, 1e8, 0, 30e6, CLASS_COMPUTE_OR_CACHE, "reach to 30 MB" },
		{ 60e6, 9e6, 9e9, 1e8, 0, 90e6, CLASS_LATENCY, "only parts" }, /* half of 100 */
		/* The stream itself: 160 ps watched, all of its time. */
		{ 300e6, 60e6, 6.25e9, 2e8, 0, 0, CLASS_MEMORY, "" },
		{ 300e6, 60e6, 6.25e9, 2e8, 0, 2e6, CLASS_MEMORY, "12.5 GB" },
		/* A third of its time, where the rate as it is would be a quarter of the stream's.
		 */
		{ 300e6, 60e6, 3e9, 2.5e8, 0, 0, CLASS_UNKNOWN, "neither little nor much" },
		/* The interval counts, not its middle. */
		{ 300e6, 60e6, 4e9, 2e9, 0, 0, CLASS_UNKNOWN, "" },
		/* More than a stream could read, and than the marks explain. */
		{ 300e6, 60e6, 11e9, 1e8, 0, 0, CLASS_LATENCY, "only parts" },
		/* A tenth of its time: what it does with pages that no cache holds does not show.
		 */
		{ 300e6, 5e6, 1.1e9, 3e7, 0, 0, CLASS_COMPUTE_OR_CACHE, "" },
		{ 300e6, 5e6, 1.1e9, 3e7, 0, 2e6, CLASS_UNKNOWN, "do not show" },
		{ 20e6, 9e6, 9e9, 1e8, 0, 2e6, CLASS_LATENCY, "" },
		/* Huge pages hide touches: few of them mean nothing, many still do. */
		{ 20e6, 5e6, 1e9, 3e7, 0.9, 0, CLASS_UNKNOWN, "huge pages hide" },
		{ 300e6, 60e6, 6.25e9, 2e8, 0.9, 0, CLASS_MEMORY, "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct class_evidence e = {
			.busy = 1,
			.clock = NONE,
			.neighbour = NONE,
			.footprint = { .samples = 9,
			               .set_bytes = rows[i].set,
			               .window_bytes = rows[i].window,
			               .rate = { rows[i].rate, rows[i].half_width },
			               .huge_share = rows[i].huge },
			.stream = { .watched = { 6.25e9, 1e8 }, .free = { 12.5e9, 2e8 } },
			.roofs = { none, none, 1e9, none, 1e8, 1.25e10, rows[i].reach }
		};
		struct workload_verdict v = classify(&e);
		if (v.class != rows[i].class || !strstr(v.because, rows[i].because))
			fail_msg("row %zu: %s: %s", i, workload_class_name(v.class), v.because);
		if (rows[i].set <= 50e6 && rows[i].reach == 0 && !(rows[i].huge > 0))
			continue;
		snprintf(e.stream.absent, sizeof e.stream.absent, "no stream");
		v = classify(&e);
		if (i > 1 && (v.class != CLASS_UNKNOWN || !strstr(v.because, "no stream")))
			fail_msg("row %zu, no stream: %s: %s", i, workload_class_name(v.class),
			         v.because);
	}
}

/* The kernels of the study as they were seen on a virtual machine of two Sapphire Rapids processors
 * at a load of 7 to 10: a mark costs there more than the page. Rates are GB a CPU second. */
static void verdicts_of_recorded_footprints(void **state)
{
	(void)state;
	const struct {
		const char *kernel;
		double set_mb, window_mb, rate, rate_half, watched, watched_half, free, free_half;
		enum workload_class class;
	} rows[] = {
		{ "triad", 513, 238.8, 4.27, 0.15, 5.09, 0.15, 14.63, 0.44, CLASS_MEMORY },
		{ "stencil", 291, 133.4, 3.36, 0.37, 4.29, 0.13, 13.97, 0.42, CLASS_MEMORY },
		{ "stencil, disturbed", 329, 94.1, 2.81, 0.46, 4.84, 0.15, 14.31, 0.43,
		  CLASS_UNKNOWN },
		{ "spmv", 107, 27.6, 1.33, 0.04, 4.13, 0.13, 13.05, 0.40, CLASS_UNKNOWN },
		{ "gemm", 28, 8.9, 2.21, 0.20, 4.46, 0.14, 14.16, 0.43, CLASS_UNKNOWN },
		{ "softmax", 67, 9.5, 1.035, 0.031, 4.46, 0.13, 14.21, 0.43, CLASS_UNKNOWN },
		{ "dist", 0.44, 0.2, 0.02, 0.01, 4.3, 0.13, 13.2, 0.4, CLASS_COMPUTE_OR_CACHE },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct class_evidence e = {
			.busy = 1,
			.clock = NONE,
			.neighbour = NONE,
			.footprint = { .samples = 50,
			               .set_bytes = rows[i].set_mb * 1e6,
			               .window_bytes = rows[i].window_mb * 1e6,
			               .rate = { rows[i].rate * 1e9, rows[i].rate_half * 1e9 } },
			.stream = { .watched = { rows[i].watched * 1e9,
			                         rows[i].watched_half * 1e9 },
			            .free = { rows[i].free * 1e9, rows[i].free_half * 1e9 } },
			.roofs = { none, none, 7e9, none, 110e6, rows[i].free * 1e9, 2.1e6 }
		};
		struct workload_verdict v = classify(&e);
		if (v.class != rows[i].class)
			fail_msg("%s: %s: %s", rows[i].kernel, workload_class_name(v.class),
			         v.because);
	}
}

/* Taking off what the marks cost is exact where the numbers are; errors widen the interval. */
static void shares_of_a_stream(void **state)
{
	(void)state;
	struct footprint f = { .rate = { 1 / 400e-12, 0 } };
	struct stream_control c = { .watched = { 1 / 300e-12, 0 }, .free = { 1 / 100e-12, 0 } };
	struct footprint_share s = footprint_share(&f, &c); /* 100 of (400 - 200) ps */
	assert_float_equal(s.low, 0.5, 1e-9);
	assert_float_equal(s.high, 0.5, 1e-9);
	f.rate.half_width = f.rate.value / 10;
	s = footprint_share(&f, &c);
	assert_true(s.low < 0.45 && s.high > 0.55);
	f.rate.half_width = (double)INFINITY; /* too few windows */
	s = footprint_share(&f, &c);
	assert_true(s.low == 0 && isinf(s.high));
	f.rate = (struct page_rate){ 1 / 190e-12, 0 }; /* less than the marks alone take */
	s = footprint_share(&f, &c);
	assert_true(s.low == 0 && isinf(s.high));
	f = (struct footprint){ .rate = { 1 / 400e-12, 0 }, .huge_share = 0.5 };
	s = footprint_share(&f, &c);
	assert_float_equal(s.low, 0.25, 1e-9);
	assert_true(isinf(s.high));

	/* 400 ps a byte under watch, 200 of them the marks': 2 MB that it comes back to, and 5 MB a
	 * ms of new ones, in windows of 1 and 20 ms without the marks. */
	f = (struct footprint){ .window_bytes = 7e6,
		                .window_s = 1e-3 + 7e6 * 200e-12,
		                .set_bytes = 102e6,
		                .set_s = 20e-3 + 102e6 * 200e-12 };
	assert_close(footprint_kept(&f, &c), 2e6 + 0.2 * 7e6, 1e-9);
	f.set_bytes = 7e6; /* all there is was seen: everything may be kept */
	f.set_s = 20e-3;
	assert_close(footprint_kept(&f, &c), 7e6 * 1.2, 1e-9);
	f.set_s = 2e-3; /* hardly longer */
	assert_true(isnan(footprint_kept(&f, &c)));

	double values[] = { 5, 1, 3, 2, 4, 300 }; /* one window that others disturbed */
	struct page_rate r = page_rate_of(values, 6);
	assert_float_equal(r.value, 3.5, 1e-9);
	assert_true(r.half_width > 0.5 && r.half_width < 4);
	assert_true(isinf(page_rate_of(values, 2).half_width));

	const uint64_t bytes[] = { 1, 2, 4, 8, 16 };
	const double flat[] = { 50, 116, 143, 155, 177 }, steps[] = { 15, 70, 75, 80, 120 };
	assert_float_equal(cache_reach_of(bytes, flat, 5), 2, 0);
	assert_float_equal(cache_reach_of(bytes, steps, 5), 8, 0);
	assert_float_equal(cache_reach_of(bytes, steps + 4, 1), 0, 0);

	assert_true(class_is_timed(3.0, 0.9));
	assert_false(class_is_timed(3.0, 3.3));
	assert_true(class_neighbour_tells((struct probe_ratio){ 1.5, 0.1 }));
	assert_false(class_neighbour_tells((struct probe_ratio){ 1.3, 0.2 }));
	assert_false(class_neighbour_tells((struct probe_ratio)NONE));
	struct class_evidence e = {
		.busy = 1, /* where a neighbour slows nothing, no slowdown says nothing */
		.clock = NONE,
		.neighbour = { 1.01, 0.02 },
		.neighbour_control = { 1.02, 0.03 }
	};
	assert_int_equal(classify(&e).class, CLASS_UNKNOWN);
	/* A tenth of its time for new pages: what it comes back to decides. */
	e = (struct class_evidence){ .busy = 1,
		                     .clock = NONE,
		                     .neighbour = NONE,
		                     .footprint = { .samples = 9,
		                                    .set_bytes = 98e6,
		                                    .window_bytes = 5e6,
		                                    .set_s = 0.1,
		                                    .window_s = 5e-3,
		                                    .rate = { 1e9, 3e7 } },
		                     .stream = c,
		                     .roofs = { none, none, 1e10, none, 1e8, 1e10, 2e6 } };
	assert_int_equal(classify(&e).class, CLASS_COMPUTE_OR_CACHE);
	e.footprint.set_bytes = 50e6; /* half of each window's pages again */
	assert_int_equal(classify(&e).class, CLASS_UNKNOWN);
}

/* What does not compute, and what others keep from it. */
static void verdicts_of_the_idle(void **state)
{
	(void)state;
	struct class_evidence io = { .busy = 0.02, .blocks_per_s = 1e5 };
	assert_int_equal(classify(&io).class, CLASS_IO);
	struct class_evidence starved = { .busy = 0.08,
		                          .waits_per_s = 10,
		                          .preempted_per_s = 30,
		                          .clock = NONE,
		                          .neighbour = NONE,
		                          .footprint = { .samples = 9, .set_bytes = 2e6 },
		                          .roofs = { none, none, 1e9, none, 1e8, 1e10, 0 } };
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
		{ { 1, 0.95, 0.6, none, none, none, none, none, none },
		  NONE,
		  CLASS_UNKNOWN,
		  "no right to set the clock; DCGM says no" },
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
			                    .no_clock = "no right to set the clock",
			                    .no_gpu_units = "DCGM says no" };
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
		                    .roofs = { 1e11, 2e11, 1e10, 1e11, 1e8, 0, 0 } };
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
		cmocka_unit_test(verdicts_of_recorded_footprints),
		cmocka_unit_test(shares_of_a_stream),
		cmocka_unit_test(verdicts_of_the_idle),
		cmocka_unit_test(verdicts_of_gpus),
		cmocka_unit_test(verdicts_of_memory_controllers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
