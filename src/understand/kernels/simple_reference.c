/* SPDX-License-Identifier: Apache-2.0
 *
 * The simple kernels by their definitions: sizes, and references in double precision.
 */
#include <math.h>
#include <string.h>

#include "understand/kernels/simple.h"

/* ---- sizes ---- */

static size_t size_n(size_t n)
{
	return n;
}

static size_t size_cube(size_t n)
{
	return n * n * n;
}

static size_t size_rows(size_t n)
{
	return n * ROW_ELEMENTS;
}

static size_t size_nonzeros(size_t n)
{
	return n * SPMV_ROW;
}

static size_t one_input(size_t n, int which)
{
	return which == 0 ? n : 0;
}

static size_t two_inputs(size_t n, int which)
{
	return which <= 1 ? n : 0;
}

static size_t cube_input(size_t n, int which)
{
	return which == 0 ? size_cube(n) : 0;
}

static size_t spmv_inputs(size_t n, int which)
{
	return which == 0 ? size_nonzeros(n) : which == 1 ? n : 0;
}

static size_t dist_inputs(size_t n, int which)
{
	return which == 0 ? DIST_DIMS * n : 0;
}

static size_t no_inputs(size_t n, int which)
{
	(void)n;
	(void)which;
	return 0;
}

static size_t row_input(size_t n, int which)
{
	return which == 0 ? size_rows(n) : 0;
}

static size_t size_bags(size_t n)
{
	return n * BAG;
}

static size_t size_wide(size_t n)
{
	return n * WIDTH;
}

static size_t size_image(size_t n)
{
	return n * n * CHANNELS;
}

static size_t wide_input(size_t n, int which)
{
	return which == 0 ? n * WIDTH : 0;
}

static size_t wide_inputs(size_t n, int which)
{
	return which <= 2 ? n * WIDTH : 0;
}

static size_t image_inputs(size_t n, int which)
{
	return which == 0 ? size_image(n) : which == 1 ? 9 * CHANNELS * CHANNELS : 0;
}

/* ---- references: by the definition, in double precision ---- */

static void copy_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	memcpy(out, in[0], n * sizeof *out);
}

static void scale_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	for (size_t i = 0; i < n; i++)
		out[i] = SCALE_FACTOR * in[0][i];
}

static void add_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	for (size_t i = 0; i < n; i++)
		out[i] = in[0][i] + in[1][i];
}

static void stencil_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	const double *x = in[0];
	for (size_t i = 0; i < n * n * n; i++) {
		size_t at[3] = { i % n, i / n % n, i / n / n };
		bool border = false;
		for (int d = 0; d < 3; d++)
			border = border || at[d] == 0 || at[d] + 1 == n;
		if (border)
			out[i] = 0; /* never written */
		else
			out[i] = STENCIL_CENTRE * x[i] +
			         STENCIL_SIDE * (x[i - 1] + x[i + 1] + x[i - n] + x[i + n] +
			                         x[i - n * n] + x[i + n * n]);
	}
}

static void spmv_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	for (size_t r = 0; r < n; r++) {
		out[r] = 0;
		for (size_t k = r * SPMV_ROW; k < (r + 1) * SPMV_ROW; k++)
			out[r] += in[0][k] * in[1][index[k]];
	}
}

static void dist_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	for (size_t i = 0; i < n; i++) {
		out[i] = 0;
		for (size_t j = 0; j < n; j++) {
			double squares = 0;
			for (size_t d = 0; d < DIST_DIMS; d++) {
				double x = in[0][d * n + j] - in[0][d * n + i];
				squares += x * x;
			}
			out[i] += sqrt(squares);
		}
	}
}

/* Draws are 20-bit whole numbers; in double precision their squares are exact. In single precision
 * a square rounds, so a point within rounding of the circle may fall on either side. */
static void montecarlo_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)in;
	(void)index;
	for (size_t b = 0; b < n; b++) {
		out[b] = 0;
		for (uint64_t i = 0; i < MONTECARLO_DRAWS; i++) {
			uint64_t r = simple_mix(b * MONTECARLO_DRAWS + i);
			uint64_t x = r >> 44, y = (r >> 12) & 0xfffff;
			out[b] += x * x + y * y < UINT64_C(1) << 40;
		}
	}
}

static void softmax_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	for (size_t r = 0; r < n; r++) {
		const double *x = in[0] + r * ROW_ELEMENTS;
		double sum = 0, most = -HUGE_VAL;
		for (size_t i = 0; i < ROW_ELEMENTS; i++)
			most = fmax(most, x[i]);
		for (size_t i = 0; i < ROW_ELEMENTS; i++)
			sum += exp(x[i] - most);
		for (size_t i = 0; i < ROW_ELEMENTS; i++)
			out[r * ROW_ELEMENTS + i] = exp(x[i] - most) / sum;
	}
}

static void layernorm_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	for (size_t r = 0; r < n; r++) {
		const double *x = in[0] + r * ROW_ELEMENTS;
		double mean = 0, variance = 0;
		for (size_t i = 0; i < ROW_ELEMENTS; i++)
			mean += x[i] / ROW_ELEMENTS;
		for (size_t i = 0; i < ROW_ELEMENTS; i++)
			variance += (x[i] - mean) * (x[i] - mean) / ROW_ELEMENTS;
		for (size_t i = 0; i < ROW_ELEMENTS; i++)
			out[r * ROW_ELEMENTS + i] =
			    (x[i] - mean) / sqrt(variance + LAYERNORM_EPSILON);
	}
}

static void gather_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = in[0][index[i]];
}

static void elementwise_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	for (size_t i = 0; i < n; i++)
		out[i] = in[0][i] / (1 + exp(-in[0][i])) + in[1][i];
}

static void reduction_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	for (size_t r = 0; r < n; r++) {
		out[r] = 0;
		for (size_t i = 0; i < ROW_ELEMENTS; i++)
			out[r] += in[0][r * ROW_ELEMENTS + i];
	}
}

static void embedding_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	for (size_t b = 0; b < n; b++)
		for (size_t d = 0; d < WIDTH; d++) {
			out[b * WIDTH + d] = 0;
			for (size_t k = 0; k < BAG; k++)
				out[b * WIDTH + d] += in[0][index[b * BAG + k] * WIDTH + d];
		}
}

/* Image and result lie row by row with their channels together; weights as [3][3][in][out]. */
static void convolution_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	memset(out, 0, n * n * CHANNELS * sizeof *out);
	for (size_t y = 1; y + 1 < n; y++)
		for (size_t x = 1; x + 1 < n; x++)
			for (size_t o = 0; o < CHANNELS; o++) {
				double sum = 0;
				for (size_t t = 0; t < 9; t++)
					for (size_t c = 0; c < CHANNELS; c++)
						sum += in[0][((y + t / 3 - 1) * n + x + t % 3 - 1) *
						                 CHANNELS +
						             c] *
						       in[1][(t * CHANNELS + c) * CHANNELS + o];
				out[(y * n + x) * CHANNELS + o] = sum;
			}
}

static void attention_reference(size_t n, double *const in[], const uint32_t *index, double *out)
{
	(void)index;
	const double *q = in[0], *k = in[1], *v = in[2];
	for (size_t i = 0; i < n; i++) {
		double sum = 0, *row = out + i * WIDTH;
		memset(row, 0, WIDTH * sizeof *row);
		/* Scores lie within WIDTH / sqrt(WIDTH) = 8 of 0: no need to subtract the most. */
		for (size_t j = 0; j < n; j++) {
			double score = 0;
			for (size_t d = 0; d < WIDTH; d++)
				score += q[i * WIDTH + d] * k[j * WIDTH + d];
			double weight = exp(score / sqrt(WIDTH));
			sum += weight;
			for (size_t d = 0; d < WIDTH; d++)
				row[d] += weight * v[j * WIDTH + d];
		}
		for (size_t d = 0; d < WIDTH; d++)
			row[d] /= sum;
	}
}

static const struct simple_kernel table[SIMPLE_COUNT] = {
	[SIMPLE_COPY] = { SIMPLE_COPY, size_n, one_input, NULL, size_n, copy_reference, 0, "copy" },
	[SIMPLE_SCALE] = { SIMPLE_SCALE, size_n, one_input, NULL, size_n, scale_reference, 1,
	                   "scale" },
	[SIMPLE_ADD] = { SIMPLE_ADD, size_n, two_inputs, NULL, size_n, add_reference, 1, "add" },
	[SIMPLE_STENCIL] = { SIMPLE_STENCIL, size_cube, cube_input, NULL, size_n, stencil_reference,
	                     16, "stencil" },
	[SIMPLE_SPMV] = { SIMPLE_SPMV, size_n, spmv_inputs, size_nonzeros, size_n, spmv_reference,
	                  4 * SPMV_ROW, "spmv" },
	/* A sum over up to 2^20 points, in vector lanes: errors grow slower than n; tested. */
	[SIMPLE_DIST] = { SIMPLE_DIST, size_n, dist_inputs, NULL, size_n, dist_reference, 4096,
	                  "dist" },
	/* One count in MONTECARLO_DRAWS, in single precision, is what rounding may move. */
	[SIMPLE_MONTECARLO] = { SIMPLE_MONTECARLO, size_n, no_inputs, NULL, size_n,
	                        montecarlo_reference, 0, "montecarlo" },
	[SIMPLE_SOFTMAX] = { SIMPLE_SOFTMAX, size_rows, row_input, NULL, size_n, softmax_reference,
	                     512, "softmax" },
	[SIMPLE_LAYERNORM] = { SIMPLE_LAYERNORM, size_rows, row_input, NULL, size_n,
	                       layernorm_reference, 512, "layernorm" },
	[SIMPLE_GATHER] = { SIMPLE_GATHER, size_n, one_input, size_n, size_n, gather_reference, 0,
	                    "gather" },
	[SIMPLE_ELEMENTWISE] = { SIMPLE_ELEMENTWISE, size_n, two_inputs, NULL, size_n,
	                         elementwise_reference, 16, "elementwise" },
	[SIMPLE_REDUCTION] = { SIMPLE_REDUCTION, size_n, row_input, NULL, size_n,
	                       reduction_reference, 512, "reduction" },
	[SIMPLE_EMBEDDING] = { SIMPLE_EMBEDDING, size_wide, wide_input, size_bags, size_n,
	                       embedding_reference, 4 * BAG, "embedding" },
	[SIMPLE_CONVOLUTION] = { SIMPLE_CONVOLUTION, size_image, image_inputs, NULL, size_n,
	                         convolution_reference, 256, "convolution" },
	/* Sums over up to 2^20 keys in lanes of 64; weights differ by up to e^16. */
	[SIMPLE_ATTENTION] = { SIMPLE_ATTENTION, size_wide, wide_inputs, NULL, size_n,
	                       attention_reference, 2048, "attention" },
};

const struct simple_kernel *simple_kernel_of(enum simple_id id)
{
	return &table[id];
}
