/* SPDX-License-Identifier: Apache-2.0
 *
 * A wattmeter's trace laid over a run: known shifts, drifts, gains and offsets are found again.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "measure/align.h"
#include "measure/least_squares.h"
#include "measure/marker.h"

/* The machine under a marker: idle 100 W, busy up to 350 W, edges as the marker plays them. */
struct load {
	double low_w, high_w, start_s;
	double edges_s[4096];
	double before_s[2048]; /* busy time before each busy stretch */
	size_t count;
};

static void load_make(struct load *load, struct rng *rng, double seconds)
{
	load->low_w = 80 + 60 * rng_uniform(rng);
	load->high_w = load->low_w + 120 + 150 * rng_uniform(rng);
	load->start_s = 3 + 5 * rng_uniform(rng);
	load->count = marker_edges(load->edges_s, 4096, seconds - 2 * load->start_s);
	for (size_t i = 0; i < load->count; i++)
		load->edges_s[i] += load->start_s;
	load->before_s[0] = 0;
	for (size_t i = 1; i < load->count / 2; i++)
		load->before_s[i] =
		    load->before_s[i - 1] + load->edges_s[2 * i - 1] - load->edges_s[2 * i - 2];
}

/* Energy drawn from 0 to t: busy after each even edge, idle after each odd one. */
static double drawn_j(const struct load *load, double t_s)
{
	double busy_s = 0;
	size_t low = 0, high = load->count / 2; /* busy stretches that began before t */
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (load->edges_s[2 * middle] < t_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0)
		busy_s = load->before_s[low - 1] + fmin(load->edges_s[2 * low - 1], t_s) -
		         load->edges_s[2 * low - 2];
	return load->low_w * t_s + (load->high_w - load->low_w) * busy_s;
}

struct setup {
	double period_s, run_step_s, seconds;
	bool averages; /* the meter shows means over its period */
};

struct truth {
	double shift_s, drift, gain, offset_w, noise;
};

/* The run at run_step_s, and what a meter with a clock and an amplifier of its own shows. */
static void record_both(const struct setup *setup, const struct load *load,
                        const struct truth *truth, struct rng *rng, struct trace *run,
                        struct trace *meter)
{
	run->count = (size_t)(setup->seconds / setup->run_step_s);
	run->time_s = malloc(run->count * sizeof *run->time_s);
	run->value = malloc(run->count * sizeof *run->value);
	for (size_t i = 0; i < run->count; i++) {
		run->time_s[i] = (double)i * setup->run_step_s;
		run->value[i] = drawn_j(load, run->time_s[i]);
	}
	size_t most = (size_t)(setup->seconds / setup->period_s);
	meter->time_s = malloc(most * sizeof *meter->time_s);
	meter->value = malloc(most * sizeof *meter->value);
	meter->count = 0;
	double u0 = 0;
	for (size_t i = 0; i < most; i++) {
		double u = -truth->shift_s + ((double)i + 1.5) * setup->period_s;
		if (i == 0)
			u0 = u;
		double t = u + truth->shift_s + truth->drift * (u - u0);
		double width = setup->averages ? setup->period_s : 1e-3;
		if (t - width < 0 || t > setup->seconds - 1)
			continue;
		double power = (drawn_j(load, t) - drawn_j(load, t - width)) / width;
		double shown = truth->gain * power + truth->offset_w;
		meter->time_s[meter->count] = u;
		meter->value[meter->count++] = shown * (1 + truth->noise * rng_normal(rng));
	}
}

static void trace_fini(struct trace *trace)
{
	free(trace->time_s);
	free(trace->value);
}

static void known_offsets_and_gains_are_found(void **state)
{
	(void)state;
	static const struct {
		struct setup setup;
		const char *text;
		int trials;
	} rows[] = {
		{ { 0.1, 0.01, 300, true }, "10 Hz meter, means", 25 },
		{ { 0.1, 0.01, 300, false }, "10 Hz meter, moments", 25 },
		{ { 1, 0.1, 3600, true }, "1 Hz meter, means", 25 },
		{ { 1, 0.1, 3600, false }, "1 Hz meter, moments", 25 },
	};
	struct rng rng;
	rng_init(&rng, 77);
	struct load *load = malloc(sizeof *load);
	int all = 0, shift_held = 0, gain_held = 0;
	print_message("%-22s %6s %24s %24s\n", "", "trials", "offset error / period", "gain error");
	print_message("%-22s %6s %12s %11s %12s %11s\n", "", "", "mean", "worst", "mean", "worst");
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		double shift_sum = 0, shift_worst = 0, gain_sum = 0, gain_worst = 0;
		for (int i = 0; i < rows[r].trials; i++) {
			struct trace run, meter;
			struct alignment a;
			struct ergon_error err = { 0 };
			struct truth truth = { .shift_s = 40 * (rng_uniform(&rng) - 0.5),
				               .drift = 2e-4 * (rng_uniform(&rng) - 0.5),
				               .gain = 0.8 + 0.5 * rng_uniform(&rng),
				               .offset_w = 60 * rng_uniform(&rng),
				               .noise = 0.02 };
			load_make(load, &rng, rows[r].setup.seconds);
			record_both(&rows[r].setup, load, &truth, &rng, &run, &meter);
			struct align_options options = { -1, i ? 60 : 0 }; /* first: anywhere */
			if (align(&meter, &run, &options, &a, &err))
				fail_msg("%s", err.text);
			double shift = fabs(a.shift_s - truth.shift_s) / rows[r].setup.period_s;
			double gain = fabs(a.gain / truth.gain - 1);
			shift_sum += shift / rows[r].trials;
			gain_sum += gain / rows[r].trials;
			shift_worst = fmax(shift_worst, shift);
			gain_worst = fmax(gain_worst, gain);
			shift_held += fabs(a.shift_s - truth.shift_s) <= a.shift_half_s;
			gain_held += fabs(a.gain - truth.gain) <= a.gain_half;
			all++;
			trace_fini(&run);
			trace_fini(&meter);
		}
		print_message("%-22s %6d %12.4f %11.4f %11.3f%% %10.3f%%\n", rows[r].text,
		              rows[r].trials, shift_sum, shift_worst, 100 * gain_sum,
		              100 * gain_worst);
		assert_true(shift_worst <= 0.1);
		assert_true(gain_worst <= 0.005);
	}
	print_message("the stated 95%% interval holds the offset in %d of %d, the gain in %d\n",
	              shift_held, all, gain_held);
	assert_true(gain_held >= 0.88 * all && shift_held >= 0.95 * all);
	free(load);
}

static void strangers_are_told(void **state)
{
	(void)state;
	struct rng rng;
	double time_s[200], run_j[200], meter_w[200];
	struct alignment a;
	struct ergon_error err = { 0 };
	rng_init(&rng, 5);
	for (size_t i = 0; i < 200; i++) {
		time_s[i] = (double)i;
		run_j[i] = (i ? run_j[i - 1] : 0) + 100 + 50 * rng_uniform(&rng);
		meter_w[i] = 100 + 50 * rng_uniform(&rng);
	}
	struct trace run = { time_s, run_j, 200 }, meter = { time_s, meter_w, 200 };
	assert_int_equal(align(&meter, &run, &(struct align_options){ .window_s = 1 }, &a, &err),
	                 ERGON_NOT_FOUND);
	assert_non_null(strstr(err.text, "--marker"));
	meter.count = 5;
	assert_int_equal(align(&meter, &run, &(struct align_options){ .window_s = 1 }, &a, &err),
	                 ERGON_BAD_INPUT);
	/* A meter that shows the same all the time. */
	for (size_t i = 0; i < 200; i++)
		meter_w[i] = 100;
	meter.count = 200;
	assert_int_equal(align(&meter, &run, &(struct align_options){ .window_s = 1 }, &a, &err),
	                 ERGON_NOT_FOUND);
}

static void marker_never_repeats_itself(void **state)
{
	(void)state;
	double edges_s[512];
	size_t count = marker_edges(edges_s, 512, 300);
	assert_true(count > 60 && count % 2 == 0);
	for (size_t i = 1; i + 1 < count; i++) {
		double step_s = edges_s[i] - edges_s[i - 1];
		assert_true(step_s >= 1 && step_s <= 5);
		if (i > 1)
			assert_true(fabs(step_s - (edges_s[i - 1] - edges_s[i - 2])) > 0.05);
	}
	assert_true(edges_s[count - 1] <= 300);
	assert_int_equal(marker_edges(edges_s, 512, 0.5), 2); /* busy all the time */
}

static void least_squares_fit_lines(void **state)
{
	(void)state;
	struct rng rng;
	double a[400 * 3], y[400];
	struct least_squares fit;
	struct ergon_error err = { 0 };
	int held = 0;
	rng_init(&rng, 9);
	for (int trial = 0; trial < 100; trial++) {
		for (int i = 0; i < 400; i++) {
			a[3 * i] = 1;
			a[3 * i + 1] = rng_uniform(&rng);
			a[3 * i + 2] = rng_uniform(&rng);
			y[i] = 5 + 2 * a[3 * i + 1] - 3 * a[3 * i + 2] + 0.1 * rng_normal(&rng);
		}
		assert_int_equal(least_squares(a, y, 400, 3, NULL, &fit, &err), ERGON_OK);
		assert_close(fit.x[0], 5, 0.01);
		assert_close(fit.x[1], 2, 0.05);
		assert_close(fit.rms, 0.1, 0.15);
		held += fabs(fit.x[1] - 2) <= fit.half_width[1];
	}
	assert_true(held >= 88);
	/* A ridge pulls towards zero; columns that are alike are told, but for a ridge. */
	double ridge[3] = { 0, 1000, 0 };
	assert_int_equal(least_squares(a, y, 400, 3, ridge, &fit, &err), ERGON_OK);
	assert_true(fabs(fit.x[1]) < 0.1);
	for (int i = 0; i < 400; i++)
		a[3 * i + 2] = a[3 * i + 1];
	assert_int_equal(least_squares(a, y, 400, 3, NULL, &fit, &err), ERGON_BAD_INPUT);
	assert_int_equal(least_squares(a, y, 2, 3, NULL, &fit, &err), ERGON_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_offsets_and_gains_are_found),
		cmocka_unit_test(strangers_are_told),
		cmocka_unit_test(marker_never_repeats_itself),
		cmocka_unit_test(least_squares_fit_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
