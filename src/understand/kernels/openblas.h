/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenBLAS, opened at run time: the yardstick for our own GEMM. Never linked; where it is absent,
 * the reason is kept and the rest of ergon works.
 */
#ifndef ERGON_UNDERSTAND_OPENBLAS_H
#define ERGON_UNDERSTAND_OPENBLAS_H

#include "ergon/env.h"
#include "ergon/error.h"

struct openblas {
	const struct ergon_dl *dl;
	void *handle;
	void (*dgemm)(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a,
	              int lda, const double *b, int ldb, double beta, double *c, int ldc);
	void (*sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
	              int lda, const float *b, int ldb, float beta, float *c, int ldc);
	void (*set_num_threads)(int threads);
	char *(*get_config)(void); /* may be NULL */
};
enum { CBLAS_COLUMN_MAJOR = 102, CBLAS_NO_TRANSPOSE = 111 };

/* NOT_SUPPORTED with the loader's words where the library or a symbol is absent. */
ERGON_MUST_USE enum ergon_code openblas_open(struct openblas *blas, const struct ergon_env *env,
                                             struct ergon_error *err);
void openblas_close(struct openblas *blas);

#endif
