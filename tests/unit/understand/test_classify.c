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
			                    .no_neighbour = "one processor" };
		struct workload_verdict v = classify(&e);
		if (v.class != rows[i].class)
			fail_msg("row %zu: %s: %s", i, workload_class_name(v.class), v.because);
		assert_true(v.because[0] != '\0');
		if (i + 1 == sizeof rows / sizeof *rows)
			assert_non_null(strstr(v.because, "no clock; one processor"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(verdicts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
