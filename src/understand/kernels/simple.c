/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/simple.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "understand/kernels/opencl.h"

struct simple {
	struct kernel_config config;
	const struct simple_kernel *kernel;
	struct simple_arrays arrays;
	simple_loop loop;
	struct opencl *cl; /* then arrays.out is where results are checked */
	bool cl_failed;
	double *expected; /* [outputs] */
	double scale;     /* of the outputs: their largest magnitude */
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
	opencl_close(s->cl);
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

/* Loops that begin at rows have one item a row on a device, or one an output. */
static size_t device_items(const struct simple *s)
{
	switch (s->kernel->id) {
	case SIMPLE_SOFTMAX:
	case SIMPLE_LAYERNORM:
	case SIMPLE_ATTENTION:
		return s->config.size;
	default:
		return s->kernel->outputs(s->config.size);
	}
}

static enum ergon_code open_device(struct simple *s, struct ergon_error *err)
{
	const struct simple_kernel *k = s->kernel;
	size_t n = s->config.size, width = precision_bytes(s->config.precision);
	struct opencl_work work = {
		.name = k->name, .precision = s->config.precision, .n = n, .items = device_items(s)
	};
	work.bytes[0] = k->outputs(n) * width;
	work.from[0] = s->arrays.out;
	for (int i = 0; i < SIMPLE_INPUTS; i++) {
		work.bytes[1 + i] = k->inputs(n, i) * width;
		work.from[1 + i] = s->arrays.in[i];
	}
	work.bytes[4] = k->indexes ? k->indexes(n) * sizeof *s->arrays.index : 0;
	work.from[4] = s->arrays.index;
	enum ergon_code code = opencl_open(&s->cl, s->config.env, &work, err);
	if (code)
		simple_fini(s);
	return code;
}

static enum ergon_code simple_init(void *state, enum simple_id id,
                                   const struct kernel_config *config, struct ergon_error *err)
{
	struct simple *s = state;
	*s = (struct simple){ .config = *config, .kernel = simple_kernel_of(id) };
	if (!allocate(s) || !compute_expected(s)) {
		simple_fini(s);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory at size %llu",
		                  (unsigned long long)config->size);
	}
	if (config->paradigm == PARADIGM_OPENCL)
		return open_device(s, err);
	s->loop = config->paradigm == PARADIGM_SCALAR
	              ? simple_scalar_loops[id][config->precision]
	              : simple_simd_loop(config->isa, id, config->precision);
	return ERGON_OK;
}

/* Outputs are independent, so threads need not meet between passes. */
static void simple_run(void *state, uint64_t passes)
{
	struct simple *s = state;
	if (s->cl) {
		s->cl_failed = !opencl_run(s->cl, passes);
		return;
	}
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
	*error = HUGE_VAL;
	*allowed = 0;
	if (s->cl && (s->cl_failed || !opencl_read(s->cl, s->arrays.out)))
		return;
	bool border = s->kernel->id == SIMPLE_STENCIL || s->kernel->id == SIMPLE_CONVOLUTION;
	for (size_t i = 0; i < outputs; i++) {
		double e = fabs(get(s, s->arrays.out, i) - s->expected[i]) / s->scale;
		worst = e <= worst ? worst : e; /* a NaN stays */
		if (!border || s->expected[i] != 0)
			put(s, s->arrays.out, i, -7); /* the next run must write it again */
	}
	*error = isnan(worst) || (s->cl && !opencl_write(s->cl, s->arrays.out)) ? HUGE_VAL : worst;
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
		.paradigms = BIT(PARADIGM_SCALAR) | BIT(PARADIGM_SIMD) | BIT(PARADIGM_OPENMP) |    \
		             BIT(PARADIGM_OPENCL),                                                 \
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

SIMPLE(gather, GATHER, 0 * n, n *(2 * w + 4))
/* x sigmoid(x) + y, the exponential as one. */
SIMPLE(elementwise, ELEMENTWISE, 5 * n, 3 * n * w)
SIMPLE(reduction, REDUCTION, ROW_ELEMENTS *n, (ROW_ELEMENTS + 1) * n * w)
SIMPLE(embedding, EMBEDDING, BAG *WIDTH *n, n *(BAG *(WIDTH *w + 4) + WIDTH * w))
SIMPLE(convolution, CONVOLUTION, 2 * 9 * CHANNELS * CHANNELS * (n - 2) * (n - 2),
       (2 * n * n + 9 * CHANNELS) * CHANNELS * w)
/* Two products of WIDTH and one exponential a pair; perfect reuse of queries, keys and values. */
SIMPLE(attention, ATTENTION, (4 * WIDTH + 3) * n * n, 4 * WIDTH * n * w)

static const char elements[] = "elements of an array";
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
SIMPLE_ROW(gather, "a[i] = b[index[i]], random: latency and lines wasted", elements,
           "indirect access of graphs and tables", 16, UINT64_C(1) << 31, UINT64_C(1) << 22);
SIMPLE_ROW(elementwise, "activation and residual: x sigmoid(x) + y", elements,
           "SiLU, Elfwing, Uchibe and Doya 2018", 16, UINT64_C(1) << 32, UINT64_C(1) << 22);
SIMPLE_ROW(reduction, "sums of rows: one read, hardly a write", rows_of, "loss and norm layers", 1,
           UINT64_C(1) << 22, 4096);
SIMPLE_ROW(embedding, "sums of 16 rows of a table, random: recommendation", "bags, table rows",
           "DLRM, Naumov and others 2019", 1, UINT64_C(1) << 26, UINT64_C(1) << 16);
SIMPLE_ROW(convolution, "3 x 3 convolution, 16 channels in and out", "pixels of an edge",
           "convolution layers", 3, 8192, 512);
SIMPLE_ROW(attention, "one head of attention, 64 wide, in blocks of keys", "tokens",
           "Vaswani and others 2017; online softmax, Milakov and Gimelshein 2018", 1,
           UINT64_C(1) << 20, 1024);
