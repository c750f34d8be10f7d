/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/least_squares.h"

#include <cminpack.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"

struct problem {
	const double *a, *y, *ridge;
	size_t rows, columns;
};

static int evaluate(void *user, int m, int n, const double *x, double *f, double *jacobian, int ld,
                    int what)
{
	const struct problem *p = user;
	(void)m;
	if (what == 1) {
		for (size_t i = 0; i < p->rows; i++) {
			f[i] = -p->y[i];
			for (size_t k = 0; k < p->columns; k++)
				f[i] += p->a[i * p->columns + k] * x[k];
		}
		for (size_t k = 0; k < p->columns; k++)
			f[p->rows + k] = p->ridge ? p->ridge[k] * x[k] : 0;
		return 0;
	}
	for (size_t k = 0; k < (size_t)n; k++) {
		double *column = jacobian + k * (size_t)ld;
		for (size_t i = 0; i < p->rows; i++)
			column[i] = p->a[i * p->columns + k];
		for (size_t i = 0; i < p->columns; i++)
			column[p->rows + i] = p->ridge && i == k ? p->ridge[k] : 0;
	}
	return 0;
}

static enum ergon_code finish(const struct problem *p, const double *f, double *jacobian, int m,
                              const int *pivots, struct least_squares *fit, struct ergon_error *err)
{
	int n = (int)p->columns;
	double sum = 0, work[LEAST_SQUARES_MAX];
	for (size_t i = 0; i < p->rows; i++)
		sum += f[i] * f[i];
	double freedom = fmax(1, (double)p->rows - n);
	fit->rms = sqrt(sum / freedom);
	covar(n, jacobian, m, pivots, 1e-12, work);
	double t = student_t_quantile(0.95, freedom);
	for (int k = 0; k < n; k++) {
		double variance = jacobian[k * m + k];
		if (!(variance > 0))
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "the measurements do not tell unknown %d from the others",
			                  k + 1);
		fit->half_width[k] = t * fit->rms * sqrt(variance);
	}
	return ERGON_OK;
}

enum ergon_code least_squares(const double *a, const double *y, size_t rows, size_t columns,
                              const double *ridge, struct least_squares *fit,
                              struct ergon_error *err)
{
	struct problem p = { a, y, ridge, rows, columns };
	*fit = (struct least_squares){ .rms = 0 };
	if (columns == 0 || columns > LEAST_SQUARES_MAX || rows < columns || rows > 1000000)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "least squares: %zu measurements do not fix %zu unknowns", rows,
		                  columns);
	int m = (int)(rows + columns), n = (int)columns;
	double *f = calloc((size_t)m, sizeof *f), *wa4 = calloc((size_t)m, sizeof *wa4);
	double *jacobian = calloc((size_t)m * columns, sizeof *jacobian);
	enum ergon_code code = ERGON_OK;
	if (f && wa4 && jacobian) {
		double diag[LEAST_SQUARES_MAX], qtf[LEAST_SQUARES_MAX], wa1[LEAST_SQUARES_MAX];
		double wa2[LEAST_SQUARES_MAX], wa3[LEAST_SQUARES_MAX];
		int pivots[LEAST_SQUARES_MAX], nfev, njev;
		int info = lmder(evaluate, &p, m, n, fit->x, f, jacobian, m, 1e-14, 1e-14, 0, 100,
		                 diag, 1, 1e6, 0, &nfev, &njev, pivots, qtf, wa1, wa2, wa3, wa4);
		if (info < 1)
			code = ergon_fail(err, ERGON_INTERNAL, "least squares: cminpack says %d",
			                  info);
		else
			code = finish(&p, f, jacobian, m, pivots, fit, err);
	} else {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	free(f);
	free(wa4);
	free(jacobian);
	return code;
}
