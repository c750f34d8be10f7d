/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>

#include "optimize/policies/pollux_fit.h"

static const struct pollux_fit truth = { { 0.05, 0.002, 0.08, 0.004, 0.03, 0.002, 2 } };

static uint32_t measure(struct observation *out)
{
	static const uint32_t shapes[][3] = { { 1, 1, 32 },  { 1, 1, 64 },  { 1, 2, 32 },
		                              { 1, 4, 64 },  { 2, 8, 32 },  { 2, 5, 48 },
		                              { 4, 16, 64 }, { 1, 3, 100 }, { 3, 3, 20 } };
	uint32_t count = sizeof shapes / sizeof *shapes;
	for (uint32_t i = 0; i < count; i++) {
		out[i] = (struct observation){ shapes[i][0], shapes[i][1], shapes[i][2], 0, 0 };
		out[i].compute_s = pollux_compute_s(&truth, out[i].local_batch);
		out[i].step_s = pollux_step_s(&truth, out[i].compute_s,
		                              pollux_network_s(&truth, out[i].nodes, out[i].gpus));
	}
	return count;
}

static void test_gradient(void **state)
{
	(void)state;
	struct observation seen[16];
	uint32_t count = measure(seen);
	double p[FIT_PARAMETERS] = { 0.1, 0.01, 0.1, 0.02, 0.1, 0.03, 1.5 };
	double gradient[FIT_PARAMETERS];
	pollux_fit_error(p, seen, count, gradient);
	for (int i = 0; i < FIT_PARAMETERS; i++) {
		double step = 1e-6 * p[i], keep = p[i];
		p[i] = keep + step;
		double up = pollux_fit_error(p, seen, count, NULL);
		p[i] = keep - step;
		double down = pollux_fit_error(p, seen, count, NULL);
		p[i] = keep;
		assert_close((up - down) / (2 * step), gradient[i], 1e-4);
	}
}

static void test_what_was_measured_is_found_again(void **state)
{
	(void)state;
	struct observation seen[16];
	uint32_t count = measure(seen);
	struct pollux_fit fit;
	pollux_fit_to(seen, count, &fit);
	for (uint32_t i = 0; i < count; i++) {
		double compute_s = pollux_compute_s(&fit, seen[i].local_batch);
		assert_close(compute_s, seen[i].compute_s, 0.05);
		assert_close(pollux_step_s(&fit, compute_s,
		                           pollux_network_s(&fit, seen[i].nodes, seen[i].gpus)),
		             seen[i].step_s, 0.05);
	}
}

/* With one observation on one GPU the model is optimistic: two GPUs take as long a step as one. */
static void test_little_is_known(void **state)
{
	(void)state;
	const struct observation one = { 1, 1, 32, 0.114, 0.114 };
	struct pollux_fit fit;
	pollux_fit_to(&one, 1, &fit);
	assert_close(fit.value[ALPHA_C], 0.057, 1e-9);
	double alone_s =
	    pollux_step_s(&fit, pollux_compute_s(&fit, 32), pollux_network_s(&fit, 1, 1));
	double two_s =
	    pollux_step_s(&fit, pollux_compute_s(&fit, 32), pollux_network_s(&fit, 1, 2));
	assert_close(two_s, alone_s, 1e-3);
	assert_close(alone_s, 0.114, 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradient),
		cmocka_unit_test(test_what_was_measured_is_found_again),
		cmocka_unit_test(test_little_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
