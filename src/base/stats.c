/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stats.h"

#include <math.h>
#include <stdlib.h>

void moments_add(struct moments *moments, double value)
{
	if (moments->count == 0 || value < moments->min)
		moments->min = value;
	if (moments->count == 0 || value > moments->max)
		moments->max = value;
	moments->count++;
	double delta = value - moments->mean;
	moments->mean += delta / (double)moments->count;
	moments->m2 += delta * (value - moments->mean);
}

double moments_variance(const struct moments *moments)
{
	return moments->count < 2 ? (double)NAN : moments->m2 / (double)(moments->count - 1);
}

double moments_stddev(const struct moments *moments)
{
	return sqrt(moments_variance(moments));
}

double moments_half_width(const struct moments *moments, double confidence)
{
	if (moments->count < 2)
		return (double)NAN;
	double n = (double)moments->count;
	return student_t_quantile(confidence, n - 1) * moments_stddev(moments) / sqrt(n);
}

double moments_reach(const struct moments *moments, double confidence)
{
	return moments_half_width(moments, confidence) * sqrt((double)moments->count + 1);
}

double stats_mean(const double *values, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return count ? sum / (double)count : (double)NAN;
}

double stats_quantile_sorted(const double *sorted, size_t count, double q)
{
	if (count == 0)
		return (double)NAN;
	double position = q * (double)(count - 1);
	size_t low = (size_t)floor(position);
	if (low + 1 >= count)
		return sorted[count - 1];
	double part = position - (double)low;
	return sorted[low] + part * (sorted[low + 1] - sorted[low]);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void stats_sort(double *values, size_t count)
{
	if (count > 1)
		qsort(values, count, sizeof *values, ascending);
}

double stats_median(double *values, size_t count)
{
	stats_sort(values, count);
	return stats_quantile_sorted(values, count, 0.5);
}

/* Acklam's rational approximation, refined by one Halley step on erfc: full double precision. */
double normal_quantile(double p)
{
	static const double a[] = { -3.969683028665376e+01, 2.209460984245205e+02,
		                    -2.759285104469687e+02, 1.383577518672690e+02,
		                    -3.066479806614716e+01, 2.506628277459239e+00 };
	static const double b[] = { -5.447609879822406e+01, 1.615858368580409e+02,
		                    -1.556989798598866e+02, 6.680131188771972e+01,
		                    -1.328068155288572e+01 };
	static const double c[] = { -7.784894002430293e-03, -3.223964580411365e-01,
		                    -2.400758277161838e+00, -2.549732539343734e+00,
		                    4.374664141464968e+00,  2.938163982698783e+00 };
	static const double d[] = { 7.784695709041462e-03, 3.224671290700398e-01,
		                    2.445134137142996e+00, 3.754408661907416e+00 };
	if (!(p > 0 && p < 1))
		return p == 0 ? -(double)INFINITY : p == 1 ? (double)INFINITY : (double)NAN;
	double x;
	if (p < 0.02425 || p > 1 - 0.02425) {
		double q = sqrt(-2 * log(p < 0.5 ? p : 1 - p));
		x = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
		    ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
		if (p > 0.5)
			x = -x;
	} else {
		double q = p - 0.5, r = q * q;
		x = (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
		    (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
	}
	double e = 0.5 * erfc(-x / sqrt(2.0)) - p;
	double u = e * 2.5066282746310002 * exp(x * x / 2);
	return x - u / (1 + x * u / 2);
}

/* The regularised incomplete beta function by Lentz's continued fraction. */
static double incomplete_beta(double a, double b, double x)
{
	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	if (x > (a + 1) / (a + b + 2))
		return 1 - incomplete_beta(b, a, 1 - x);
	double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a;
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
	double f = d;
	for (int m = 1; m < 500; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		d = 1 / (1 + even * d);
		c = 1 + even / c;
		f *= c * d;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		f *= c * d;
		if (fabs(c * d - 1) < 1e-15)
			break;
	}
	return front * f;
}

double student_t_quantile(double confidence, double df)
{
	double low = 0, high = 1e3;
	if (df >= 1e6)
		return normal_quantile(0.5 + confidence / 2);
	while (1 - incomplete_beta(df / 2, 0.5, df / (df + high * high)) < confidence)
		high *= 10;
	for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
		double t = 0.5 * (low + high);
		if (1 - incomplete_beta(df / 2, 0.5, df / (df + t * t)) < confidence)
			low = t;
		else
			high = t;
	}
	return 0.5 * (low + high);
}
