/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference for ergon's triad: the method of STREAM (McCalpin 1995) in its plainest form, an
 * OpenMP loop that the compiler vectorises, best of N passes, bytes without write-allocate.
 * Usage: stream_triad ELEMENTS PASSES; prints the best rate in bytes per second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void triad(double *restrict a, const double *restrict b, const double *restrict c, double s,
                  size_t n)
{
#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < n; i++)
		a[i] = b[i] + s * c[i];
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1 << 25;
	int passes = argc > 2 ? atoi(argv[2]) : 10;
	double *a = aligned_alloc(64, (n * 8 + 63) / 64 * 64);
	double *b = aligned_alloc(64, (n * 8 + 63) / 64 * 64);
	double *c = aligned_alloc(64, (n * 8 + 63) / 64 * 64);
	if (!a || !b || !c)
		return 1;
#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < n; i++) {
		a[i] = 0;
		b[i] = 1;
		c[i] = 2;
	}
	double best = 1e30;
	for (int i = 0; i < passes; i++) {
		double begin = now_s();
		triad(a, b, c, 3, n);
		double spent = now_s() - begin;
		best = spent < best ? spent : best;
	}
	if (a[n / 2] != 7)
		return 1;
	printf("%.6g\n", 24.0 * (double)n / best);
	return 0;
}
