/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/openblas.h"

#include <string.h>

static const char *const sonames[] = { "libopenblas.so.0", "libopenblas.so" };

/* Object and function pointers have one size where dlsym exists (POSIX). */
static bool symbol(struct openblas *blas, const char *name, void *into)
{
	void *found = blas->dl->symbol(blas->dl->user, blas->handle, name);
	memcpy(into, &found, sizeof found);
	return found != NULL;
}

enum ergon_code openblas_open(struct openblas *blas, const struct ergon_env *env,
                              struct ergon_error *err)
{
	*blas = (struct openblas){ .dl = env->dl };
	const char *why = NULL;
	for (size_t i = 0; !blas->handle && i < sizeof sonames / sizeof *sonames; i++)
		blas->handle = env->dl->open(env->dl->user, sonames[i], &why);
	if (!blas->handle)
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "OpenBLAS is absent: %.200s",
		                  why ? why : "no reason given");
	if (!symbol(blas, "cblas_dgemm", &blas->dgemm) ||
	    !symbol(blas, "cblas_sgemm", &blas->sgemm) ||
	    !symbol(blas, "openblas_set_num_threads", &blas->set_num_threads)) {
		openblas_close(blas);
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "%s lacks the C interface (cblas_dgemm)", sonames[0]);
	}
	(void)symbol(blas, "openblas_get_config", &blas->get_config);
	return ERGON_OK;
}

void openblas_close(struct openblas *blas)
{
	if (blas->handle)
		blas->dl->close(blas->dl->user, blas->handle);
	blas->handle = NULL;
}
