/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel of ergon, and what they share.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "understand/kernels/gpu_blas.h"
#include "understand/kernels/kernel.h"
#include "understand/kernels/openblas.h"
#include "understand/kernels/opencl.h"

extern const struct kernel kernel_triad;
extern const struct kernel kernel_gemm;
extern const struct kernel kernel_fma;
extern const struct kernel kernel_copy;
extern const struct kernel kernel_scale;
extern const struct kernel kernel_add;
extern const struct kernel kernel_stencil;
extern const struct kernel kernel_spmv;
extern const struct kernel kernel_dist;
extern const struct kernel kernel_montecarlo;
extern const struct kernel kernel_softmax;
extern const struct kernel kernel_layernorm;
extern const struct kernel kernel_gather;
extern const struct kernel kernel_elementwise;
extern const struct kernel kernel_reduction;
extern const struct kernel kernel_embedding;
extern const struct kernel kernel_convolution;
extern const struct kernel kernel_attention;
extern const struct kernel kernel_chase;
extern const struct kernel kernel_dotacc;

const struct kernel *const kernels[] = {
	&kernel_triad,      &kernel_gemm,      &kernel_fma,
	&kernel_copy,       &kernel_scale,     &kernel_add,
	&kernel_stencil,    &kernel_spmv,      &kernel_dist,
	&kernel_montecarlo, &kernel_softmax,   &kernel_layernorm,
	&kernel_chase,      &kernel_gather,    &kernel_elementwise,
	&kernel_reduction,  &kernel_embedding, &kernel_convolution,
	&kernel_attention,  &kernel_dotacc,    NULL,
};

enum { KERNELS_MAX = 64 };

static const char *const precision_names[] = { "f64", "f32", "bf16", "int8" };
static const char *const paradigm_names[] = { "scalar", "simd", "openmp", "blas", "opencl", "gpu" };

enum ergon_code kernel_find(const char *name, const struct kernel **kernel, struct ergon_error *err)
{
	const char *names[KERNELS_MAX];
	size_t count = 0;
	for (const struct kernel *const *k = kernels; *k && count < KERNELS_MAX; k++) {
		if (strcmp((*k)->name, name) == 0) {
			*kernel = *k;
			return ERGON_OK;
		}
		names[count++] = (*k)->name;
	}
	char hint[256];
	return ergon_fail(err, ERGON_NOT_FOUND, "no kernel '%.60s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, names, count));
}

static enum ergon_code find_name(const char *what, const char *name, const char *const *names,
                                 size_t count, unsigned *index, struct ergon_error *err)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0) {
			*index = i;
			return ERGON_OK;
		}
	char hint[256];
	return ergon_fail(err, ERGON_BAD_INPUT, "no %s '%.60s'%s", what, name,
	                  suggest_hint(hint, sizeof hint, name, names, count));
}

enum ergon_code precision_find(const char *name, enum precision *precision, struct ergon_error *err)
{
	unsigned index = 0;
	enum ergon_code code =
	    find_name("precision", name, precision_names, PRECISION_COUNT, &index, err);
	*precision = index;
	return code;
}

enum ergon_code paradigm_find(const char *name, enum paradigm *paradigm, struct ergon_error *err)
{
	unsigned index = 0;
	enum ergon_code code =
	    find_name("paradigm", name, paradigm_names, PARADIGM_COUNT, &index, err);
	*paradigm = index;
	return code;
}

const char *precision_name(enum precision precision)
{
	return precision_names[precision];
}

const char *paradigm_name(enum paradigm paradigm)
{
	return paradigm_names[paradigm];
}

bool paradigm_has_precision(enum paradigm paradigm, enum precision precision)
{
	bool wide = precision == PRECISION_F64 || precision == PRECISION_F32;
	bool ours =
	    paradigm != PARADIGM_BLAS && paradigm != PARADIGM_OPENCL && paradigm != PARADIGM_GPU;
	return wide || ours;
}

bool paradigm_is_parallel(enum paradigm paradigm)
{
	return paradigm == PARADIGM_OPENMP || paradigm == PARADIGM_BLAS;
}

bool paradigm_available(enum paradigm paradigm, const struct ergon_env *env, char *text,
                        size_t size)
{
	struct openblas blas;
	struct ergon_error why = { 0 };
	switch (paradigm) {
	case PARADIGM_OPENCL:
		return opencl_describe(env, text, size);
	case PARADIGM_GPU:
		return gpu_blas_describe(env, text, size);
	case PARADIGM_BLAS:
		if (openblas_open(&blas, env, &why)) {
			snprintf(text, size, "%s", why.text);
			return false;
		}
		snprintf(text, size, "OpenBLAS");
		openblas_close(&blas);
		return true;
	case PARADIGM_SCALAR:
		snprintf(text, size, "no vectors");
		return true;
	default:
		snprintf(text, size, "%s", isa_name(kernel_isa()));
		return true;
	}
}

size_t precision_bytes(enum precision precision)
{
	static const size_t bytes[] = { 8, 4, 2, 1 };
	return bytes[precision];
}

const char *isa_name(enum isa isa)
{
	static const char *const names[] = { "sse2", "avx2", "avx512", "generic" };
	return names[isa];
}

enum isa kernel_isa(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f"))
		return ISA_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return ISA_AVX2;
	return ISA_SSE2;
#else
	return ISA_GENERIC;
#endif
}

enum ergon_code kernel_check_config(const struct kernel *kernel, const struct kernel_config *config,
                                    struct ergon_error *err)
{
	if (config->size < kernel->size_min || config->size > kernel->size_max)
		return ergon_fail(
		    err, ERGON_BAD_INPUT, "%s: expected a size (%s) from %llu to %llu, found %llu",
		    kernel->name, kernel->size_is, (unsigned long long)kernel->size_min,
		    (unsigned long long)kernel->size_max, (unsigned long long)config->size);
	if (!(kernel->precisions & BIT(config->precision)))
		return ergon_fail(err, ERGON_BAD_INPUT, "%s has no precision %s", kernel->name,
		                  precision_name(config->precision));
	if (!(kernel->paradigms & BIT(config->paradigm)))
		return ergon_fail(err, ERGON_BAD_INPUT, "%s has no paradigm %s", kernel->name,
		                  paradigm_name(config->paradigm));
	if (!paradigm_has_precision(config->paradigm, config->precision))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "%s of %s is not in %s: expected scalar, simd or openmp",
		                  kernel->name, precision_name(config->precision),
		                  paradigm_name(config->paradigm));
	if (config->threads < 1 || config->threads > 4096)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "expected a number of threads from 1 to 4096, found %u",
		                  config->threads);
	return ERGON_OK;
}

void *kernel_alloc(size_t bytes, unsigned threads)
{
	enum { ALIGN = 64 };
	size_t rounded = (bytes + ALIGN - 1) / ALIGN * ALIGN;
	char *memory = aligned_alloc(ALIGN, rounded ? rounded : ALIGN);
	if (!memory)
		return NULL;
	size_t part = (rounded / threads + ALIGN) / ALIGN * ALIGN;
#pragma omp parallel for num_threads(threads) schedule(static, 1)
	for (unsigned t = 0; t < threads; t++) {
		size_t begin = part * t < rounded ? part * t : rounded;
		size_t end = begin + part < rounded ? begin + part : rounded;
		memset(memory + begin, 0, end - begin);
	}
	return memory;
}
