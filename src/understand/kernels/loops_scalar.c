/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/simple.h"

#define SUMS(x)
#define LANES

#define ISA(x) scalar_##x
#define TABLE const simple_loop simple_scalar_loops[SIMPLE_COUNT][PRECISION_COUNT]
#include "understand/kernels/loops_both.inc"
