/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/gpu_blas.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/library.h"

enum { OK = 0, TO_DEVICE = 1, TO_HOST = 2 }; /* cudaMemcpyKind, hipMemcpyKind */

struct runtime_api {
	int (*count)(int *devices);
	int (*allocate)(void **memory, size_t bytes);
	int (*release)(void *memory);
	int (*copy)(void *to, const void *from, size_t bytes, int kind);
	int (*synchronize)(void);
};

struct blas_api {
	int (*create)(void **handle);
	int (*destroy)(void *handle);
	int (*f64)(void *handle, int ta, int tb, int m, int n, int k, const double *alpha,
	           const double *a, int lda, const double *b, int ldb, const double *beta,
	           double *c, int ldc);
	int (*f32)(void *handle, int ta, int tb, int m, int n, int k, const float *alpha,
	           const float *a, int lda, const float *b, int ldb, const float *beta, float *c,
	           int ldc);
};

enum { RUNTIME_ENTRIES = 5, BLAS_ENTRIES = 4 };

static const struct vendor {
	const char *name;
	const char *runtime_sonames[6], *blas_sonames[6]; /* newest first; end with NULL */
	struct entry_point runtime[RUNTIME_ENTRIES], blas[BLAS_ENTRIES];
	int no_transpose;
} vendors[] = {
	{ "cuBLAS",
	  { "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so", NULL },
	  { "libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so", NULL },
	  { ENTRY_POINT(struct runtime_api, "cudaGetDeviceCount", count, true),
	    ENTRY_POINT(struct runtime_api, "cudaMalloc", allocate, true),
	    ENTRY_POINT(struct runtime_api, "cudaFree", release, true),
	    ENTRY_POINT(struct runtime_api, "cudaMemcpy", copy, true),
	    ENTRY_POINT(struct runtime_api, "cudaDeviceSynchronize", synchronize, true) },
	  { ENTRY_POINT(struct blas_api, "cublasCreate_v2", create, true),
	    ENTRY_POINT(struct blas_api, "cublasDestroy_v2", destroy, true),
	    ENTRY_POINT(struct blas_api, "cublasDgemm_v2", f64, true),
	    ENTRY_POINT(struct blas_api, "cublasSgemm_v2", f32, true) },
	  0 },
	{ "rocBLAS",
	  { "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so", NULL },
	  { "librocblas.so.5", "librocblas.so.4", "librocblas.so.3", "librocblas.so", NULL },
	  { ENTRY_POINT(struct runtime_api, "hipGetDeviceCount", count, true),
	    ENTRY_POINT(struct runtime_api, "hipMalloc", allocate, true),
	    ENTRY_POINT(struct runtime_api, "hipFree", release, true),
	    ENTRY_POINT(struct runtime_api, "hipMemcpy", copy, true),
	    ENTRY_POINT(struct runtime_api, "hipDeviceSynchronize", synchronize, true) },
	  { ENTRY_POINT(struct blas_api, "rocblas_create_handle", create, true),
	    ENTRY_POINT(struct blas_api, "rocblas_destroy_handle", destroy, true),
	    ENTRY_POINT(struct blas_api, "rocblas_dgemm", f64, true),
	    ENTRY_POINT(struct blas_api, "rocblas_sgemm", f32, true) },
	  111 },
};
enum { VENDORS = sizeof vendors / sizeof *vendors };

struct gpu_blas {
	const struct ergon_env *env;
	const struct vendor *vendor;
	void *runtime_library, *blas_library;
	struct runtime_api runtime;
	struct blas_api blas;
	void *handle;
	void *memory[3]; /* A, B, C on the GPU */
	enum precision precision;
	size_t n;
	int gpus;
};

static void close_libraries(struct gpu_blas *g)
{
	library_close(g->env, g->blas_library);
	library_close(g->env, g->runtime_library);
	g->blas_library = g->runtime_library = NULL;
}

/* The libraries of one vendor, and a GPU for them. */
static bool open_vendor(struct gpu_blas *g, const struct vendor *v, char *why, size_t size)
{
	int status;
	g->vendor = v;
	g->runtime_library = library_open(g->env, v->runtime_sonames, v->runtime, RUNTIME_ENTRIES,
	                                  &g->runtime, why, size);
	if (!g->runtime_library)
		return false;
	g->blas_library =
	    library_open(g->env, v->blas_sonames, v->blas, BLAS_ENTRIES, &g->blas, why, size);
	if (g->blas_library) {
		status = g->runtime.count(&g->gpus);
		if (status == OK && g->gpus > 0)
			return true;
		snprintf(why, size, "%s is there, but finds no GPU (status %d)", v->name, status);
	}
	close_libraries(g);
	return false;
}

/* The reason is that of the vendor who came furthest: one that is there but finds no GPU. */
static bool open_any(struct gpu_blas *g, char *why, size_t size)
{
	if (!g->env->dl) {
		snprintf(why, size, "no libraries can be opened here");
		return false;
	}
	bool present = false;
	for (size_t i = 0; i < VENDORS; i++) {
		char reason[200] = "";
		if (open_vendor(g, &vendors[i], reason, sizeof reason))
			return true;
		bool here = reason[0] && g->runtime.count;
		if (i == 0 || (here && !present))
			snprintf(why, size, "%s", reason);
		present = present || here;
		g->runtime = (struct runtime_api){ 0 };
	}
	return false;
}

static size_t matrix_bytes(const struct gpu_blas *g)
{
	return g->n * g->n * precision_bytes(g->precision);
}

static enum ergon_code fill(struct gpu_blas *g, const void *matrices[3], struct ergon_error *err)
{
	for (int i = 0; i < 3; i++) {
		int status = g->runtime.allocate(&g->memory[i], matrix_bytes(g));
		if (status != OK) {
			g->memory[i] = NULL;
			return ergon_fail(err, ERGON_NO_MEMORY,
			                  "gemm: the GPU gives no %.3g MB (status %d)",
			                  (double)matrix_bytes(g) * 1e-6, status);
		}
		status = g->runtime.copy(g->memory[i], matrices[i], matrix_bytes(g), TO_DEVICE);
		if (status != OK)
			return ergon_fail(err, ERGON_IO, "gemm: cannot copy to the GPU (status %d)",
			                  status);
	}
	int status = g->blas.create(&g->handle);
	if (status == OK)
		return ERGON_OK;
	g->handle = NULL;
	return ergon_fail(err, ERGON_NOT_SUPPORTED, "%s does not start: status %d", g->vendor->name,
	                  status);
}

enum ergon_code gpu_blas_open(struct gpu_blas **blas, const struct ergon_env *env,
                              enum precision precision, size_t n, const void *matrices[3],
                              struct ergon_error *err)
{
	char why[200];
	struct gpu_blas *g = calloc(1, sizeof *g);
	*blas = g;
	if (!g)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	g->env = env;
	g->precision = precision;
	g->n = n;
	enum ergon_code code = ERGON_OK;
	if (!open_any(g, why, sizeof why))
		code = ergon_fail(err, ERGON_NOT_SUPPORTED, "no BLAS of a GPU: %s", why);
	else
		code = fill(g, matrices, err);
	if (code) {
		gpu_blas_close(g);
		*blas = NULL;
	}
	return code;
}

bool gpu_blas_run(struct gpu_blas *g, uint64_t passes)
{
	const double one = 1, zero = 0;
	const float one_f = 1, zero_f = 0;
	int n = (int)g->n, plain = g->vendor->no_transpose, status = OK;
	void **m = g->memory;
	for (uint64_t i = 0; i < passes && status == OK; i++)
		status = g->precision == PRECISION_F64
		             ? g->blas.f64(g->handle, plain, plain, n, n, n, &one, m[0], n, m[1], n,
		                           &zero, m[2], n)
		             : g->blas.f32(g->handle, plain, plain, n, n, n, &one_f, m[0], n, m[1],
		                           n, &zero_f, m[2], n);
	return g->runtime.synchronize() == OK && status == OK;
}

bool gpu_blas_read(struct gpu_blas *g, void *c)
{
	return g->runtime.copy(c, g->memory[2], matrix_bytes(g), TO_HOST) == OK;
}

bool gpu_blas_write(struct gpu_blas *g, const void *c)
{
	return g->runtime.copy(g->memory[2], c, matrix_bytes(g), TO_DEVICE) == OK;
}

void gpu_blas_close(struct gpu_blas *g)
{
	if (!g)
		return;
	if (g->handle)
		g->blas.destroy(g->handle);
	for (int i = 0; i < 3; i++)
		if (g->memory[i])
			g->runtime.release(g->memory[i]);
	close_libraries(g);
	free(g);
}

bool gpu_blas_describe(const struct ergon_env *env, char *text, size_t size)
{
	struct gpu_blas g = { .env = env };
	if (!open_any(&g, text, size))
		return false;
	snprintf(text, size, "%s, %d GPU%s", g.vendor->name, g.gpus, g.gpus > 1 ? "s" : "");
	close_libraries(&g);
	return true;
}
