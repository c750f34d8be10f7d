/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/gemm_types.h"

#include <math.h>

#include "understand/kernels/gemm.h"

static double same_f64(double x)
{
	return x;
}
static double same_f32(float x)
{
	return (double)x;
}
static double of_bf16(uint16_t x)
{
	return (double)gemm_float_of_bf16(x);
}
static double of_u8(uint8_t x)
{
	return x;
}
static double of_s8(int8_t x)
{
	return x;
}
static double of_s32(int32_t x)
{
	return x;
}

/* Column by column, as they are stored. */
#define TIMES_VECTOR(name, type, value)                                                            \
	static void name(size_t n, const void *matrix, const double *x, double *y)                 \
	{                                                                                          \
		const type *m = matrix;                                                            \
		for (size_t i = 0; i < n; i++)                                                     \
			y[i] = 0;                                                                  \
		for (size_t j = 0; j < n; j++)                                                     \
			for (size_t i = 0; i < n; i++)                                             \
				y[i] += value(m[i + j * n]) * x[j];                                \
	}
TIMES_VECTOR(times_f64, double, same_f64)
TIMES_VECTOR(times_f32, float, same_f32)
TIMES_VECTOR(times_bf16, uint16_t, of_bf16)
TIMES_VECTOR(times_u8, uint8_t, of_u8)
TIMES_VECTOR(times_s8, int8_t, of_s8)
TIMES_VECTOR(times_s32, int32_t, of_s32)

static void put_f64(void *matrix, size_t i, double u)
{
	((double *)matrix)[i] = u;
}
static void put_f32(void *matrix, size_t i, double u)
{
	((float *)matrix)[i] = (float)u;
}
static void put_bf16(void *matrix, size_t i, double u)
{
	union {
		float value;
		uint32_t bits;
	} f = { (float)u };
	((uint16_t *)matrix)[i] = (uint16_t)(f.bits >> 16); /* cut off: as good a random number */
}
static void put_u8(void *matrix, size_t i, double u)
{
	((uint8_t *)matrix)[i] = (uint8_t)(128 * (u + 1));
}
static void put_s8(void *matrix, size_t i, double u)
{
	((int8_t *)matrix)[i] = (int8_t)floor(128 * u);
}

static void spoil_f64(void *c, size_t i)
{
	((double *)c)[i] = (double)NAN;
}
static void spoil_f32(void *c, size_t i)
{
	((float *)c)[i] = NAN;
}
static void spoil_s32(void *c, size_t i)
{
	((int32_t *)c)[i] = INT32_MIN;
}

const struct gemm_type *gemm_type(enum precision precision)
{
	static const struct gemm_type types[PRECISION_COUNT] = {
		[PRECISION_F64] = { 8, 0x1p-53, 1, 1, put_f64, put_f64, times_f64, times_f64,
		                    times_f64, spoil_f64, gemm_scalar_f64 },
		[PRECISION_F32] = { 4, 0x1p-24, 1, 1, put_f32, put_f32, times_f32, times_f32,
		                    times_f32, spoil_f32, gemm_scalar_f32 },
		[PRECISION_BF16] = { 4, 0x1p-24, 1, 1, put_bf16, put_bf16, times_bf16, times_bf16,
		                     times_f32, spoil_f32, gemm_scalar_bf16 },
		[PRECISION_INT8] = { 4, 0, 128, 128, put_u8, put_s8, times_u8, times_s8, times_s32,
		                     spoil_s32, gemm_scalar_int8 },
	};
	return &types[precision];
}
