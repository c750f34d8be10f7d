/* SPDX-License-Identifier: Apache-2.0
 *
 * Small statistics. Empty input gives NaN, never 0.
 */
#ifndef ERGON_BASE_STATS_H
#define ERGON_BASE_STATS_H

#include <stddef.h>

/* Running moments (Welford 1962): one pass, no cancellation. Zero-initialise. */
struct moments {
	size_t count;
	double mean, m2, min, max;
};
void moments_add(struct moments *moments, double value);
double moments_variance(const struct moments *moments); /* sample variance; NaN below 2 values */
double moments_stddev(const struct moments *moments);
/* Half width of the two-sided interval of the mean by Student's t; NaN below 2 values. */
double moments_half_width(const struct moments *moments, double confidence);
/* The same for where one more value will fall: sqrt(count + 1) times as wide. */
double moments_reach(const struct moments *moments, double confidence);

double stats_mean(const double *values, size_t count);
/* q in [0, 1], linear between order statistics (type 7). sorted must ascend. */
double stats_quantile_sorted(const double *sorted, size_t count, double q);
void stats_sort(double *values, size_t count);
double stats_median(double *values, size_t count); /* sorts values */

/* Two-sided quantile: P(|T| <= t) = confidence for df degrees of freedom; and the normal's. */
double student_t_quantile(double confidence, double df);
double normal_quantile(double probability);

#endif
