/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear and mixed-integer programs, solved by COIN-OR's Clp and Cbc (EPL).
 *
 * The libraries are opened on first use through the environment's table of libraries, never linked:
 * ergon starts and runs without them, and whoever needs one gets NOT_SUPPORTED naming the package.
 * Programs are given column by column:
 *
 *     optimise   objective . x
 *     such that  row_lower <= A x <= row_upper,  lower <= x <= upper,  x[j] whole where integer[j]
 *
 * Solving is deterministic: the same program gives the same solution. A solver may be used by
 * several threads; mixed-integer programs are then solved one after the other.
 */
#ifndef ERGON_OPTIMIZE_SOLVER_LINEAR_H
#define ERGON_OPTIMIZE_SOLVER_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "ergon/error.h"

struct ergon_env;
struct linear_solver;

struct linear_program {
	int columns, rows;
	const int *start;    /* [columns + 1]: where a column begins in index and value */
	const int *index;    /* [start[columns]]: row */
	const double *value; /* [start[columns]] */
	const double *lower, *upper, *objective; /* [columns]; infinite: HUGE_VAL */
	const double *row_lower, *row_upper;     /* [rows] */
	const unsigned char *integer;            /* [columns], or NULL: none is whole */
	bool maximise;
	double gap; /* of mixed-integer programs: a solution this near to the best will do, as a
	               part of it */
};

/* Opens nothing yet. env must outlive the solver. NULL when memory is out. */
struct linear_solver *linear_solver_new(const struct ergon_env *env);
void linear_solver_free(struct linear_solver *solver); /* NULL is allowed */

/* NOT_SUPPORTED, naming the package, where the library cannot be opened. */
ERGON_MUST_USE enum ergon_code linear_solver_open(struct linear_solver *solver, bool integer,
                                                  struct ergon_error *err);

/* solution: [columns]. INFEASIBLE where there is none. */
ERGON_MUST_USE enum ergon_code linear_solve(struct linear_solver *solver,
                                            const struct linear_program *program, double *solution,
                                            struct ergon_error *err);

#endif
