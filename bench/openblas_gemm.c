/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenBLAS called bare: C = A B, square, on all processors. Prints FLOP/s of the fastest pass.
 *
 * usage: openblas_gemm N f64|f32 PASSES
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void (*dgemm)(int, int, int, int, int, int, double, const double *, int, const double *,
                      int, double, double *, int);
typedef void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int,
                      float, float *, int);
enum { COLUMN_MAJOR = 102, PLAIN = 111, WARM_UP = 1 };

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *symbol(void *library, const char *name)
{
	void *found = dlsym(library, name);
	if (!found) {
		fprintf(stderr, "openblas_gemm: %s\n", dlerror());
		exit(1);
	}
	return found;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: openblas_gemm N f64|f32 PASSES\n");
		return 2;
	}
	int n = atoi(argv[1]), passes = atoi(argv[3]) + WARM_UP;
	int wide = strcmp(argv[2], "f64") == 0;
	size_t count = (size_t)n * (size_t)n,
	       bytes = (wide ? sizeof(double) : sizeof(float)) * count;
	void *library = dlopen("libopenblas.so.0", RTLD_NOW);
	if (!library) {
		fprintf(stderr, "openblas_gemm: %s\n", dlerror());
		return 1;
	}
	dgemm d = (dgemm)symbol(library, "cblas_dgemm");
	sgemm s = (sgemm)symbol(library, "cblas_sgemm");
	void *a = aligned_alloc(64, bytes), *b = aligned_alloc(64, bytes),
	     *c = aligned_alloc(64, bytes);
	if (!a || !b || !c)
		return 1;
	for (size_t i = 0; i < count; i++) {
		double x = (double)(i * 2654435761u % 1000) / 500 - 1;
		if (wide)
			((double *)a)[i] = x, ((double *)b)[i] = -x, ((double *)c)[i] = 0;
		else
			((float *)a)[i] = (float)x, ((float *)b)[i] = (float)-x,
				((float *)c)[i] = 0;
	}
	double best = 1e300;
	for (int i = 0; i < passes; i++) {
		double begin = now_s();
		if (wide)
			d(COLUMN_MAJOR, PLAIN, PLAIN, n, n, n, 1, a, n, b, n, 0, c, n);
		else
			s(COLUMN_MAJOR, PLAIN, PLAIN, n, n, n, 1, a, n, b, n, 0, c, n);
		double spent = now_s() - begin;
		if (i >= WARM_UP && spent < best)
			best = spent;
	}
	printf("%.6g\n", 2.0 * n * n * n / best);
	return 0;
}
