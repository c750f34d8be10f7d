/* SPDX-License-Identifier: Apache-2.0
 *
 * The simple loops once more for every instruction set; the compiler vectorises them.
 */
#include "understand/kernels/simple.h"

#define PRAGMA(x) _Pragma(#x)
#define SUMS(x) PRAGMA(omp simd reduction(+ : x))
#define LANES _Pragma("omp simd")

#define ISA(x) base_##x
#define TABLE static const simple_loop base_loops[SIMPLE_COUNT][PRECISION_COUNT]
#include "understand/kernels/loops_both.inc"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define ISA(x) avx2_##x
#define TABLE static const simple_loop avx2_loops[SIMPLE_COUNT][PRECISION_COUNT]
#include "understand/kernels/loops_both.inc"
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma,prefer-vector-width=512")
#endif
#define ISA(x) avx512_##x
#define TABLE static const simple_loop avx512_loops[SIMPLE_COUNT][PRECISION_COUNT]
#include "understand/kernels/loops_both.inc"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

simple_loop simple_simd_loop(enum isa isa, enum simple_id id, enum precision precision)
{
#if defined(__x86_64__)
	/* 64-bit integer products need DQ, which AVX-512 processors without it lack. */
	if (isa == ISA_AVX512 && __builtin_cpu_supports("avx512dq"))
		return avx512_loops[id][precision];
	if (isa >= ISA_AVX2 && isa != ISA_GENERIC)
		return avx2_loops[id][precision];
#endif
	(void)isa;
	return base_loops[id][precision];
}
