/* SPDX-License-Identifier: Apache-2.0
 *
 * The line search of More and Thuente (ACM TOMS 20, 1994): a step along a direction of descent that
 * lowers the value enough (a thousandth of what the slope promises) and flattens the slope to nine
 * tenths, by safeguarded cubic and quadratic interpolation.
 */
#ifndef ERGON_OPTIMIZE_SOLVER_LINE_SEARCH_H
#define ERGON_OPTIMIZE_SOLVER_LINE_SEARCH_H

#include <stdbool.h>

/* A step, the value there and its slope along the direction. */
struct line_point {
	double step, f, g;
};

struct line_search {
	double step; /* to try now */
	double f0, g0, longest;
	struct line_point best, other; /* the ends of the interval that holds the step wanted */
	double low, high, width, width_before;
	bool bracketed, second;
};

/* value and slope (below 0) at step 0; the first step to try; the longest that is allowed. */
void line_search_begin(struct line_search *search, double value, double slope, double first,
                       double longest);
/* Value and slope at search->step. True: that step will do; false: try the new search->step. */
bool line_search_next(struct line_search *search, double value, double slope);

#endif
