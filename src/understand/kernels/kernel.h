/* SPDX-License-Identifier: Apache-2.0
 *
 * A kernel is a small computation whose work is known exactly.
 *
 * It states its floating-point operations and the bytes that it must move for any size, and runs in
 * several paradigms: scalar code (no vectors), SIMD (widest instructions that this processor has,
 * chosen at run time), OpenMP threads (SIMD in each), a BLAS, OpenCL and a GPU's own BLAS, all
 * three opened at run time. Each run's result is checked against a reference; a wrong result is an
 * error, whatever its speed.
 *
 * States: a zeroed state of state_size bytes -> init() -> run() any number of times, check() after
 * any of them -> fini(). Only init allocates. Bytes are the traffic that the algorithm needs with
 * perfect reuse (for STREAM: as STREAM counts them, without write-allocate).
 *
 * To add a kernel: one file beside this one, one line in kernels.c, one row in the unit test.
 */
#ifndef ERGON_UNDERSTAND_KERNEL_H
#define ERGON_UNDERSTAND_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"
#include "ergon/error.h"

enum precision { PRECISION_F64, PRECISION_F32, PRECISION_BF16, PRECISION_INT8, PRECISION_COUNT };
enum paradigm {
	PARADIGM_SCALAR,
	PARADIGM_SIMD,
	PARADIGM_OPENMP,
	PARADIGM_BLAS,
	PARADIGM_OPENCL,
	PARADIGM_GPU, /* the vendor's own library */
	PARADIGM_COUNT
};

#define BIT(n) (1u << (n))

/* Instruction sets of the SIMD variants, from narrow to wide. */
enum isa { ISA_SSE2, ISA_AVX2, ISA_AVX512, ISA_GENERIC };

struct kernel_config {
	const struct ergon_env *env;
	uint64_t size; /* what it counts is the kernel's to say (kernel.size_is) */
	enum precision precision;
	enum paradigm paradigm;
	unsigned threads; /* 1 for scalar and SIMD */
	enum isa isa;     /* at most what the processor has; kernel_isa() */
};

struct kernel {
	const char *name, *summary;
	const char *size_is;            /* "elements of an array" */
	const char *source;             /* whose definition this is */
	unsigned paradigms, precisions; /* bits */
	uint64_t size_min, size_max, size_default;
	size_t state_size;

	double (*flops)(const struct kernel_config *config);     /* of one run */
	double (*bytes)(const struct kernel_config *config);     /* of one run */
	double (*footprint)(const struct kernel_config *config); /* bytes of memory held */

	ERGON_MUST_USE enum ergon_code (*init)(void *state, const struct kernel_config *config,
	                                       struct ergon_error *err);
	void (*run)(void *state, uint64_t passes); /* one after the other */
	/* The relative error of the last run's result, and the most that rounding explains. */
	void (*check)(void *state, double *error, double *allowed);
	void (*fini)(void *state);
};

/* Every kernel, in the order of `ergon kernel --list`; ends with NULL. */
extern const struct kernel *const kernels[];

/* NOT_FOUND with a suggestion. */
ERGON_MUST_USE enum ergon_code kernel_find(const char *name, const struct kernel **kernel,
                                           struct ergon_error *err);
const char *precision_name(enum precision precision); /* "f64" */
const char *paradigm_name(enum paradigm paradigm);    /* "openmp" */
const char *isa_name(enum isa isa);
size_t precision_bytes(enum precision precision);
ERGON_MUST_USE enum ergon_code precision_find(const char *name, enum precision *precision,
                                              struct ergon_error *err);
ERGON_MUST_USE enum ergon_code paradigm_find(const char *name, enum paradigm *paradigm,
                                             struct ergon_error *err);

/* The widest set that this processor and its operating system support. */
enum isa kernel_isa(void);

/* bf16 and int8 are computed by our own loops alone: the BLASes and OpenCL here know f64 and f32.
 */
bool paradigm_has_precision(enum paradigm paradigm, enum precision precision);
/* Does a paradigm use several threads of ours? */
bool paradigm_is_parallel(enum paradigm paradigm);
/* Can a paradigm be used here? text says with what, or why not. */
bool paradigm_available(enum paradigm paradigm, const struct ergon_env *env, char *text,
                        size_t size);

/* Checks size, precision, paradigm and thread count against what the kernel offers. */
ERGON_MUST_USE enum ergon_code kernel_check_config(const struct kernel *kernel,
                                                   const struct kernel_config *config,
                                                   struct ergon_error *err);

/* 64-byte aligned, zeroed by the threads that will use it (first touch places the pages); NULL
 * when memory is out. Free with free(). */
void *kernel_alloc(size_t bytes, unsigned threads);

#endif
