/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "optimize/solver/linear.h"

static struct ergon_env env;
static struct ergon_env_storage storage;

/* 3 x + 2 y, x + y <= 4, x + 3 y <= 6, x <= 3: at its best in (3, 1); 11. */
static const int start[] = { 0, 2, 4 }, rows_of[] = { 0, 1, 0, 1 };
static const double value[] = { 1, 1, 1, 3 };
static const double zero[] = { 0, 0 }, upper[] = { 3, HUGE_VAL }, objective[] = { 3, 2 };
static const double row_lower[] = { -HUGE_VAL, -HUGE_VAL }, row_upper[] = { 4, 6 };

static struct linear_program program(void)
{
	return (struct linear_program){ .columns = 2,
		                        .rows = 2,
		                        .start = start,
		                        .index = rows_of,
		                        .value = value,
		                        .lower = zero,
		                        .upper = upper,
		                        .objective = objective,
		                        .row_lower = row_lower,
		                        .row_upper = row_upper,
		                        .maximise = true };
}

static struct linear_solver *opened(bool integer)
{
	struct linear_solver *solver = linear_solver_new(&env);
	struct ergon_error err = { 0 };
	assert_non_null(solver);
	if (linear_solver_open(solver, integer, &err)) {
		print_message("%s: skipped\n", err.text);
		linear_solver_free(solver);
		skip();
	}
	return solver;
}

static void test_linear(void **state)
{
	(void)state;
	struct linear_solver *solver = opened(false);
	struct linear_program p = program();
	double x[2] = { 0 };
	assert_int_equal(linear_solve(solver, &p, x, NULL), ERGON_OK);
	assert_close(x[0], 3, 1e-9);
	assert_close(x[1], 1, 1e-9);
	/* The least of the same is 0, in the origin. */
	p.maximise = false;
	assert_int_equal(linear_solve(solver, &p, x, NULL), ERGON_OK);
	assert_true(fabs(x[0]) < 1e-9 && fabs(x[1]) < 1e-9);
	/* x + y both at least 5 and at most 4. */
	static const double impossible[] = { 5, 0 };
	p.row_lower = impossible;
	struct ergon_error err = { 0 };
	assert_int_equal(linear_solve(solver, &p, x, &err), ERGON_INFEASIBLE);
	assert_non_null(strstr(err.text, "no solution"));
	linear_solver_free(solver);
}

/* With x <= 2.5 the linear best is (2.5, 7/6); the best whole one is (2, 1), worth 8. */
static void test_whole(void **state)
{
	(void)state;
	struct linear_solver *solver = opened(true);
	static const double half[] = { 2.5, HUGE_VAL };
	static const unsigned char integer[] = { 1, 1 };
	struct linear_program p = program();
	double x[2] = { 0 };
	p.upper = half;
	p.integer = integer;
	assert_int_equal(linear_solve(solver, &p, x, NULL), ERGON_OK);
	assert_close(x[0], 2, 1e-9);
	assert_close(x[1], 1, 1e-9);
	linear_solver_free(solver);
}

static void *nothing(void *user, const char *soname, const char **why)
{
	(void)user;
	(void)soname;
	*why = "no such file";
	return NULL;
}

static void test_no_library(void **state)
{
	(void)state;
	const struct ergon_dl dl = { .open = nothing };
	const struct ergon_env bare = { .dl = &dl };
	struct linear_solver *solver = linear_solver_new(&bare);
	struct linear_program p = program();
	struct ergon_error err = { 0 };
	double x[2];
	assert_int_equal(linear_solve(solver, &p, x, &err), ERGON_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "coinor-libclp1"));
	static const unsigned char integer[] = { 0, 1 };
	p.integer = integer;
	assert_int_equal(linear_solve(solver, &p, x, &err), ERGON_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "coinor-libcbc3"));
	linear_solver_free(solver);
}

static int setup(void **state)
{
	(void)state;
	ergon_env_init(&env, &storage);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_no_library),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
