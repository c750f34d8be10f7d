/* SPDX-License-Identifier: Apache-2.0
 *
 * The least value of a smooth function of a few variables within bounds.
 *
 * L-BFGS-B (Byrd, Lu, Nocedal, Zhu, SIAM J. Sci. Comput. 16, 1995, with the projection of Morales
 * and Nocedal, ACM TOMS 38, 2011; line search of More and Thuente, ACM TOMS 20, 1994): quasi-Newton
 * steps from the ten last changes of the gradient, the active bounds found along the projected
 * steepest descent. With few variables the matrix is held dense. Its constants and its tests of
 * convergence are those of the published program, which scientific Python calls by default: where a
 * function has several minima or kinks, the one that is arrived at is then the same as there.
 */
#ifndef ERGON_OPTIMIZE_SOLVER_BOUNDED_H
#define ERGON_OPTIMIZE_SOLVER_BOUNDED_H

enum { BOUNDED_VARIABLES_MAX = 8 };

struct bounded_problem {
	int count;                /* of variables, at most BOUNDED_VARIABLES_MAX */
	const double *low, *high; /* [count]; infinite: none; equal: held */
	/* The value at x; fills gradient. */
	double (*value)(void *user, const double *x, double *gradient);
	void *user;
};

/* x: [count], where to begin; becomes the least that was found. Returns its value. */
double bounded_minimise(const struct bounded_problem *problem, double *x);

#endif
