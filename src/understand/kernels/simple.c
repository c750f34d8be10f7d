/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/simple.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct simple_kernel {
	enum simple_id id;
	/* Sizes in elements, from the kernel's size. */
	size_t (*outputs)(size_t n);
	size_t (*inputs)(size_t n, int which); /* 0: there is no such array */
	size_t (*indexes)(size_t n);           /* NULL: none */
	size_t (*steps)(size_t n);             /* what begin and end of the loop count */
	/* out: [outputs(n)]; in: [inputs], in double precision as rounded to the run's. */
	void (*reference)(size_t n, double *const in[], const uint32_t *index, double *out);
	double eps_factor; /* of the precision's unit roundoff: what rounding explains */
};

struct simple {
	struct kernel_config config;
	const struct simple_kernel *kernel;
	struct simple_arrays arrays;
	simple_loop loop;
	double *expected; /* [outputs] */
	double scale;     /* of the outputs: their largest magnitude */
};

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

static const struct simple_kernel table[SIMPLE_COUNT] = {
	[SIMPLE_COPY] = { SIMPLE_COPY, size_n, one_input, NULL, size_n, copy_reference, 0 },
	[SIMPLE_SCALE] = { SIMPLE_SCALE, size_n, one_input, NULL, size_n, scale_reference, 1 },
	[SIMPLE_ADD] = { SIMPLE_ADD, size_n, two_inputs, NULL, size_n, add_reference, 1 },
	[SIMPLE_STENCIL] = { SIMPLE_STENCIL, size_cube, cube_input, NULL, size_n, stencil_reference,
	                     16 },
	[SIMPLE_SPMV] = { SIMPLE_SPMV, size_n, spmv_inputs, size_nonzeros, size_n, spmv_reference,
	                  4 * SPMV_ROW },
	/* A sum over up to 2^20 points, in vector lanes: errors grow slower than n; tested. */
	[SIMPLE_DIST] = { SIMPLE_DIST, size_n, dist_inputs, NULL, size_n, dist_reference, 4096 },
	/* One count in MONTECARLO_DRAWS, in single precision, is what rounding may move. */
	[SIMPLE_MONTECARLO] = { SIMPLE_MONTECARLO, size_n, no_inputs, NULL, size_n,
	                        montecarlo_reference, 0 },
	[SIMPLE_SOFTMAX] = { SIMPLE_SOFTMAX, size_rows, row_input, NULL, size_n, softmax_reference,
	                     512 },
	[SIMPLE_LAYERNORM] = { SIMPLE_LAYERNORM, size_rows, row_input, NULL, size_n,
	                       layernorm_reference, 512 },
};

/* ---- the common part ---- */

static double get(const struct simple *s, const void *array, size_t i)
{
	return s->config.precision == PRECISION_F64 ? ((const double *)array)[i]
	                                            : (double)((const float *)array)[i];
}

static void put(const struct simple *s, void *array, size_t i, double value)
{
	if (s->config.precision == PRECISION_F64)
		((double *)array)[i] = value;
	else
		((float *)array)[i] = (float)value;
}

static void simple_fini(void *state)
{
	struct simple *s = state;
	free(s->arrays.out);
	for (int i = 0; i < SIMPLE_INPUTS; i++)
		free(s->arrays.in[i]);
	free(s->arrays.index);
	free(s->expected);
	*s = (struct simple){ 0 };
}

static bool allocate(struct simple *s)
{
	const struct simple_kernel *k = s->kernel;
	size_t n = s->config.size, width = precision_bytes(s->config.precision);
	unsigned threads = s->config.threads;
	s->arrays.n = n;
	s->arrays.out = kernel_alloc(k->outputs(n) * width, threads);
	s->expected = calloc(k->outputs(n), sizeof *s->expected);
	if (!s->arrays.out || !s->expected)
		return false;
	for (int i = 0; i < SIMPLE_INPUTS; i++) {
		size_t count = k->inputs(n, i);
		if (count == 0)
			continue;
		s->arrays.in[i] = kernel_alloc(count * width, threads);
		if (!s->arrays.in[i])
			return false;
		for (size_t e = 0; e < count; e++) {
			uint64_t r = simple_mix(e + ((uint64_t)i << 56));
			put(s, s->arrays.in[i], e, (double)(r >> 11) * 0x1p-52 - 1);
		}
	}
	if (!k->indexes)
		return true;
	s->arrays.index = kernel_alloc(k->indexes(n) * sizeof *s->arrays.index, threads);
	for (size_t e = 0; s->arrays.index && e < k->indexes(n); e++)
		s->arrays.index[e] = (uint32_t)(simple_mix(e + (UINT64_C(9) << 56)) % n);
	return s->arrays.index != NULL;
}

/* The inputs as the kernel sees them, widened; then the reference. */
static bool compute_expected(struct simple *s)
{
	const struct simple_kernel *k = s->kernel;
	size_t n = s->config.size;
	double *wide[SIMPLE_INPUTS] = { NULL };
	bool enough = true;
	for (int i = 0; i < SIMPLE_INPUTS && enough; i++) {
		size_t count = k->inputs(n, i);
		if (count == 0)
			continue;
		wide[i] = calloc(count, sizeof *wide[i]);
		enough = wide[i] != NULL;
		for (size_t e = 0; enough && e < count; e++)
			wide[i][e] = get(s, s->arrays.in[i], e);
	}
	if (enough)
		k->reference(n, wide, s->arrays.index, s->expected);
	for (int i = 0; i < SIMPLE_INPUTS; i++)
		free(wide[i]);
	for (size_t i = 0; enough && i < k->outputs(n); i++)
		s->scale = fmax(s->scale, fabs(s->expected[i]));
	return enough;
}

static enum ergon_code simple_init(void *state, enum simple_id id,
                                   const struct kernel_config *config, struct ergon_error *err)
{
	struct simple *s = state;
	*s = (struct simple){ .config = *config, .kernel = &table[id] };
	if (!allocate(s) || !compute_expected(s)) {
		simple_fini(s);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory at size %llu",
		                  (unsigned long long)config->size);
	}
	s->loop = config->paradigm == PARADIGM_SCALAR
	              ? simple_scalar_loops[id][config->precision]
	              : simple_simd_loop(config->isa, id, config->precision);
	return ERGON_OK;
}

/* Outputs are independent, so threads need not meet between passes. */
static void simple_run(void *state, uint64_t passes)
{
	const struct simple *s = state;
	size_t steps = s->kernel->steps(s->config.size), threads = s->config.threads;
	if (threads == 1) {
		for (uint64_t p = 0; p < passes; p++)
			s->loop(&s->arrays, 0, steps);
		return;
	}
#pragma omp parallel for num_threads(threads) schedule(static, 1)
	for (size_t t = 0; t < threads; t++)
		for (uint64_t p = 0; p < passes; p++)
			s->loop(&s->arrays, steps * t / threads, steps * (t + 1) / threads);
}

static void simple_check(void *state, double *error, double *allowed)
{
	struct simple *s = state;
	bool wide = s->config.precision == PRECISION_F64;
	double worst = 0, eps = wide ? 0x1p-53 : 0x1p-24;
	size_t outputs = s->kernel->outputs(s->config.size);
	bool border = s->kernel->id == SIMPLE_STENCIL;
	for (size_t i = 0; i < outputs; i++) {
		double e = fabs(get(s, s->arrays.out, i) - s->expected[i]) / s->scale;
		worst = e <= worst ? worst : e; /* a NaN stays */
		if (!border || s->expected[i] != 0)
			put(s, s->arrays.out, i, -7); /* the next run must write it again */
	}
	*error = isnan(worst) ? HUGE_VAL : worst;
	*allowed = s->kernel->eps_factor * eps;
	if (s->kernel->id == SIMPLE_MONTECARLO && !wide)
		*allowed = 1.5 / MONTECARLO_DRAWS;
}

/* ---- the rows ---- */

static double width_of(const struct kernel_config *config)
{
	return (double)precision_bytes(config->precision);
}

#define SIMPLE(lower, upper, flops_text, bytes_text)                                               \
	static double lower##_flops(const struct kernel_config *config)                            \
	{                                                                                          \
		double n = (double)config->size;                                                   \
		return flops_text;                                                                 \
	}                                                                                          \
	static double lower##_bytes(const struct kernel_config *config)                            \
	{                                                                                          \
		double n = (double)config->size, w = width_of(config);                             \
		return bytes_text;                                                                 \
	}                                                                                          \
	static enum ergon_code lower##_init(void *state, const struct kernel_config *config,       \
	                                    struct ergon_error *err)                               \
	{                                                                                          \
		return simple_init(state, SIMPLE_##upper, config, err);                            \
	}

#define SIMPLE_ROW(lower, text, counts, from, least, most, usual)                                  \
	const struct kernel kernel_##lower = {                                                     \
		.name = #lower,                                                                    \
		.summary = text,                                                                   \
		.size_is = counts,                                                                 \
		.source = from,                                                                    \
		.paradigms = BIT(PARADIGM_SCALAR) | BIT(PARADIGM_SIMD) | BIT(PARADIGM_OPENMP),     \
		.precisions = BIT(PRECISION_F64) | BIT(PRECISION_F32),                             \
		.size_min = least,                                                                 \
		.size_max = most,                                                                  \
		.size_default = usual,                                                             \
		.state_size = sizeof(struct simple),                                               \
		.flops = lower##_flops,                                                            \
		.bytes = lower##_bytes,                                                            \
		.footprint = lower##_bytes,                                                        \
		.init = lower##_init,                                                              \
		.run = simple_run,                                                                 \
		.check = simple_check,                                                             \
		.fini = simple_fini,                                                               \
	}

SIMPLE(copy, COPY, 0 * n, 2 * n * w)
SIMPLE(scale, SCALE, n, 2 * n * w)
SIMPLE(add, ADD, n, 3 * n * w)
SIMPLE(stencil, STENCIL, 8 * (n - 2) * (n - 2) * (n - 2), 2 * n * n * n * w)
SIMPLE(spmv, SPMV, 2 * SPMV_ROW * n, n *(SPMV_ROW *(w + 4) + 2 * w))
SIMPLE(dist, DIST, 10 * n * n, (DIST_DIMS + 1) * n * w)
SIMPLE(montecarlo, MONTECARLO, 3 * MONTECARLO_DRAWS * n, n *w)
/* Subtract, exponential as one, sum, scale, compare: the usual count of 5 an element. */
SIMPLE(softmax, SOFTMAX, 5 * ROW_ELEMENTS * n, 2 * ROW_ELEMENTS * n * w)
SIMPLE(layernorm, LAYERNORM, 6 * ROW_ELEMENTS * n, 2 * ROW_ELEMENTS * n * w)

static const char elements[] = "elements of each array";
static const char rows_of[] = "rows of 1024";
SIMPLE_ROW(copy, "STREAM copy, a = b", elements, "McCalpin, STREAM, 1995", 16, UINT64_C(1) << 32,
           UINT64_C(1) << 23);
SIMPLE_ROW(scale, "STREAM scale, a = s b", elements, "McCalpin, STREAM, 1995", 16,
           UINT64_C(1) << 32, UINT64_C(1) << 23);
SIMPLE_ROW(add, "STREAM add, a = b + c", elements, "McCalpin, STREAM, 1995", 16, UINT64_C(1) << 32,
           UINT64_C(1) << 23);
SIMPLE_ROW(stencil, "7-point stencil on a cube: memory and near neighbours", "points of an edge",
           "Jacobi iteration", 3, 1024, 256);
SIMPLE_ROW(spmv, "sparse matrix times vector, 16 a row, random: gather", "rows",
           "CSR, uniform random columns", 1, UINT64_C(1) << 27, UINT64_C(1) << 20);
SIMPLE_ROW(dist, "sums of distances between points: arithmetic and square roots", "points",
           "all pairs, three dimensions", 2, UINT64_C(1) << 20, 8192);
SIMPLE_ROW(montecarlo, "points in the quarter circle: integer and branch-free",
           "blocks of 256 draws", "splitmix64 as counter", 1, UINT64_C(1) << 32, UINT64_C(1) << 14);
SIMPLE_ROW(softmax, "softmax of rows: exponentials", rows_of, "attention and classification layers",
           1, UINT64_C(1) << 22, 4096);
SIMPLE_ROW(layernorm, "layer normalisation of rows: two reductions", rows_of,
           "Ba, Kiros and Hinton 2016", 1, UINT64_C(1) << 22, 4096);
