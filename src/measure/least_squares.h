/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear least squares with a ridge, over cminpack (Levenberg-Marquardt on a linear problem ends
 * after one step; its pivoted QR gives the covariance).
 *
 *     minimise |A x - y|^2 + sum over k of (ridge[k] x[k])^2
 */
#ifndef ERGON_MEASURE_LEAST_SQUARES_H
#define ERGON_MEASURE_LEAST_SQUARES_H

#include <stddef.h>

#include "ergon/error.h"

enum { LEAST_SQUARES_MAX = 16 };

struct least_squares {
	double x[LEAST_SQUARES_MAX];
	double half_width[LEAST_SQUARES_MAX]; /* 95%, Student's t */
	double rms; /* of A x - y, with rows - columns degrees of freedom */
};

/* a: [rows * columns], row by row; ridge: [columns] or NULL. BAD_INPUT where there are fewer rows
 * than columns, or where the columns do not tell the unknowns apart. */
ERGON_MUST_USE enum ergon_code least_squares(const double *a, const double *y, size_t rows,
                                             size_t columns, const double *ridge,
                                             struct least_squares *fit, struct ergon_error *err);

#endif
