/* SPDX-License-Identifier: Apache-2.0
 *
 * The GPU vendors' own matrix products, opened at run time: cuBLAS with the CUDA runtime, rocBLAS
 * with HIP. Never linked; where they are absent the reason is kept and the rest of ergon works.
 * Sources of the few entry points declared here: NVIDIA's cuBLAS and CUDA Runtime API references
 * (11 to 13), AMD's rocBLAS and HIP API references (5 to 7). The first GPU is taken; which one that
 * is, CUDA_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES say.
 */
#ifndef ERGON_UNDERSTAND_GPU_BLAS_H
#define ERGON_UNDERSTAND_GPU_BLAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "understand/kernels/kernel.h"

struct gpu_blas;

/* C = A B, n x n, f64 or f32, column-major; a, b and c are copied to the GPU.
 * NOT_SUPPORTED with the reason: no library, no GPU. */
ERGON_MUST_USE enum ergon_code gpu_blas_open(struct gpu_blas **blas, const struct ergon_env *env,
                                             enum precision precision, size_t n,
                                             const void *matrices[3], struct ergon_error *err);
/* One after the other; returns when all are done. False: the GPU failed. */
bool gpu_blas_run(struct gpu_blas *blas, uint64_t passes);
/* C to and from the host. */
bool gpu_blas_read(struct gpu_blas *blas, void *c);
bool gpu_blas_write(struct gpu_blas *blas, const void *c);
void gpu_blas_close(struct gpu_blas *blas); /* NULL is fine */

/* "cuBLAS, 1 GPU", or why there is none. */
bool gpu_blas_describe(const struct ergon_env *env, char *text, size_t size);

#endif
