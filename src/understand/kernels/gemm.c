/* SPDX-License-Identifier: Apache-2.0
 *
 * General matrix multiplication, C = A B, square: the arithmetic that deep learning is made of.
 */
#include "understand/kernels/gemm.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "understand/kernels/gemm_narrow.h"
#include "understand/kernels/gemm_types.h"
#include "understand/kernels/gpu_blas.h"
#include "understand/kernels/openblas.h"
#include "understand/kernels/opencl.h"

struct gemm {
	struct kernel_config config;
	const struct gemm_type *type;
	void *a, *b, *c;
	double *x;        /* random signs, for the check */
	double *expected; /* A (B x) */
	struct openblas blas;
	/* On a device, by one of these; c is then where results are checked. */
	struct opencl *cl;
	struct gpu_blas *gpu;
	bool device_failed;
	struct gemm_block *blocks; /* [threads] */
	unsigned block_rows;       /* threads form a grid of so many rows */
	struct narrow narrow;      /* bf16 and int8 */
};

static double gemm_flops(const struct kernel_config *config)
{
	double n = (double)config->size;
	return 2 * n * n * n;
}

/* A and B read once, C written once. */
static double gemm_bytes(const struct kernel_config *config)
{
	double n = (double)config->size;
	double in = (double)precision_bytes(config->precision);
	return n * n * (2 * in + (double)gemm_type(config->precision)->result_bytes);
}

static bool is_narrow(enum precision precision)
{
	return precision == PRECISION_BF16 || precision == PRECISION_INT8;
}

static bool is_packed(enum paradigm paradigm)
{
	return paradigm == PARADIGM_SIMD || paradigm == PARADIGM_OPENMP;
}

/* Packing of bf16 and int8 is whole: as much again as A and B. */
static double gemm_footprint(const struct kernel_config *config)
{
	double n = (double)config->size;
	bool packed = is_narrow(config->precision) && is_packed(config->paradigm);
	return gemm_bytes(config) +
	       (packed ? 2 * n * n * (double)precision_bytes(config->precision) : 0);
}

static bool is_wide(const struct gemm *g)
{
	return g->config.precision == PRECISION_F64;
}

static void run_block(const struct gemm *g, unsigned index)
{
	size_t n = g->config.size, rows = g->block_rows, columns = g->config.threads / rows;
	size_t i = index % rows, j = index / rows;
	size_t row = n * i / rows, column = n * j / columns;
	size_t high = n * (i + 1) / rows - row, wide = n * (j + 1) / columns - column;
	if (is_wide(g))
		gemm_packed_f64(&g->blocks[index], n, g->a, g->b, g->c, row, high, column, wide);
	else
		gemm_packed_f32(&g->blocks[index], n, g->a, g->b, g->c, row, high, column, wide);
}

static void run_blas(const struct gemm *g)
{
	int n = (int)g->config.size;
	if (is_wide(g))
		g->blas.dgemm(CBLAS_COLUMN_MAJOR, CBLAS_NO_TRANSPOSE, CBLAS_NO_TRANSPOSE, n, n, n,
		              1, g->a, n, g->b, n, 0, g->c, n);
	else
		g->blas.sgemm(CBLAS_COLUMN_MAJOR, CBLAS_NO_TRANSPOSE, CBLAS_NO_TRANSPOSE, n, n, n,
		              1, g->a, n, g->b, n, 0, g->c, n);
}

static void run_once(const struct gemm *g)
{
	unsigned threads = g->config.threads;
	if (g->config.paradigm == PARADIGM_BLAS) {
		run_blas(g);
	} else if (g->config.paradigm == PARADIGM_SCALAR) {
		g->type->scalar(g->config.size, g->a, g->b, g->c);
	} else if (is_narrow(g->config.precision)) {
		narrow_run(&g->narrow, threads, g->a, g->b, g->c);
	} else if (threads == 1) {
		run_block(g, 0);
	} else {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
		for (unsigned i = 0; i < threads; i++)
			run_block(g, i);
	}
}

static void gemm_run(void *state, uint64_t passes)
{
	struct gemm *g = state;
	if (g->cl || g->gpu) {
		g->device_failed =
		    !(g->cl ? opencl_run(g->cl, passes) : gpu_blas_run(g->gpu, passes));
		return;
	}
	for (uint64_t i = 0; i < passes; i++)
		run_once(state);
}

/* Freivalds 1977: C is A B when C x = A (B x) for random x; a wrong C passes one such test with
 * probability at most 1/2 in exact arithmetic, and the residual of x in {-1, 1}^n shows any single
 * wrong element. Rounding: entries of A and B are uniform in [-1, 1), so a sum of k products
 * accumulated in order errs by about eps k / 3 and C x by sqrt(n) times that. Sums of int8 are
 * whole numbers, and those of the test too: they must agree exactly. */
static void gemm_check(void *state, double *error, double *allowed)
{
	struct gemm *g = state;
	size_t n = g->config.size;
	double scale = g->type->scale_a * g->type->scale_b * (double)n * sqrt((double)n) / 3;
	double worst = 0;
	*allowed = 16 * g->type->unit_roundoff;
	*error = HUGE_VAL;
	if (g->device_failed || (g->cl && !opencl_read(g->cl, g->c)) ||
	    (g->gpu && !gpu_blas_read(g->gpu, g->c)))
		return;
	double *found = calloc(n, sizeof *found);
	if (!found)
		return; /* unchecked is as bad as wrong */
	g->type->c_times(n, g->c, g->x, found);
	for (size_t i = 0; i < n; i++) {
		double e = fabs(found[i] - g->expected[i]) / scale;
		worst = e <= worst ? worst : e; /* a NaN stays */
	}
	free(found);
	*error = isnan(worst) ? HUGE_VAL : worst;
	for (size_t i = 0; i < n; i++) /* the next run must write it again */
		g->type->spoil(g->c, i * n + i);
	if ((g->cl && !opencl_write(g->cl, g->c)) || (g->gpu && !gpu_blas_write(g->gpu, g->c)))
		*error = HUGE_VAL;
}

static void gemm_fini(void *state)
{
	struct gemm *g = state;
	for (unsigned i = 0; g->blocks && i < g->config.threads; i++) {
		free(g->blocks[i].a);
		free(g->blocks[i].b);
	}
	free(g->blocks);
	free(g->a);
	free(g->b);
	free(g->c);
	free(g->x);
	free(g->expected);
	narrow_fini(&g->narrow);
	openblas_close(&g->blas);
	opencl_close(g->cl);
	gpu_blas_close(g->gpu);
	*g = (struct gemm){ 0 };
}

static bool allocate(struct gemm *g)
{
	size_t n = g->config.size, bytes = n * n * precision_bytes(g->config.precision);
	unsigned threads = g->config.threads;
	g->a = kernel_alloc(bytes, threads);
	g->b = kernel_alloc(bytes, threads);
	g->c = kernel_alloc(n * n * g->type->result_bytes, threads);
	g->x = calloc(n, sizeof *g->x);
	g->expected = calloc(n, sizeof *g->expected);
	g->blocks = calloc(threads, sizeof *g->blocks);
	if (!g->a || !g->b || !g->c || !g->x || !g->expected || !g->blocks)
		return false;
	if (!is_packed(g->config.paradigm) || is_narrow(g->config.precision))
		return true;
	for (unsigned i = 0; i < threads; i++) {
		g->blocks[i].shape = gemm_shape(g->config.isa, g->config.precision);
		g->blocks[i].a = kernel_alloc(gemm_packing_a_bytes(), 1);
		g->blocks[i].b = kernel_alloc(gemm_packing_b_bytes(), 1);
		if (!g->blocks[i].a || !g->blocks[i].b)
			return false;
	}
	return true;
}

static bool fill(struct gemm *g)
{
	size_t n = g->config.size;
	struct rng rng;
	rng_init(&rng, n);
	for (size_t i = 0; i < n * n; i++) {
		g->type->put_a(g->a, i, 2 * rng_uniform(&rng) - 1);
		g->type->put_b(g->b, i, 2 * rng_uniform(&rng) - 1);
	}
	for (size_t i = 0; i < n; i++)
		g->x[i] = rng_u64(&rng) >> 63 ? 1 : -1;
	double *bx = calloc(n, sizeof *bx);
	if (!bx)
		return false;
	g->type->b_times(n, g->b, g->x, bx);
	g->type->a_times(n, g->a, bx, g->expected);
	free(bx);
	return true;
}

static enum ergon_code open_device(struct gemm *g, struct ergon_error *err)
{
	enum { TILE = 16 };
	enum ergon_code code;
	size_t n = g->config.size, bytes = n * n * precision_bytes(g->config.precision);
	struct opencl_work work = { .name = "gemm",
		                    .precision = g->config.precision,
		                    .n = n,
		                    .items = n,
		                    .group = TILE,
		                    .square = true,
		                    .bytes = { bytes, bytes, bytes },
		                    .from = { g->c, g->a, g->b } };
	if (g->config.paradigm == PARADIGM_GPU)
		code = gpu_blas_open(&g->gpu, g->config.env, g->config.precision, n,
		                     (const void *[]){ g->a, g->b, g->c }, err);
	else
		code = opencl_open(&g->cl, g->config.env, &work, err);
	if (code)
		gemm_fini(g);
	return code;
}

/* What a paradigm needs beside the matrices. */
static enum ergon_code open_paradigm(struct gemm *g, struct ergon_error *err)
{
	const struct kernel_config *config = &g->config;
	if (is_narrow(config->precision) && is_packed(config->paradigm))
		return narrow_init(&g->narrow, config, err);
	if (config->paradigm != PARADIGM_BLAS)
		return ERGON_OK;
	enum ergon_code code = openblas_open(&g->blas, config->env, err);
	if (!code)
		g->blas.set_num_threads((int)config->threads);
	return code;
}

static enum ergon_code gemm_init(void *state, const struct kernel_config *config,
                                 struct ergon_error *err)
{
	struct gemm *g = state;
	*g = (struct gemm){ .config = *config,
		            .type = gemm_type(config->precision),
		            .block_rows = 1 };
	enum ergon_code code = open_paradigm(g, err);
	if (code) {
		gemm_fini(g);
		return code;
	}
	/* The grid nearest to a square: a thread then packs least for what it computes. */
	for (unsigned r = 1; r * r <= config->threads; r++)
		if (config->threads % r == 0)
			g->block_rows = r;
	if (!allocate(g) || !fill(g)) {
		gemm_fini(g);
		return ergon_fail(err, ERGON_NO_MEMORY, "gemm: out of memory at size %llu",
		                  (unsigned long long)config->size);
	}
	if (config->paradigm == PARADIGM_OPENCL || config->paradigm == PARADIGM_GPU)
		return open_device(g, err);
	return ERGON_OK;
}

const struct kernel kernel_gemm = {
	.name = "gemm",
	.summary = "matrix multiplication, C = A B: arithmetic",
	.size_is = "rows of a matrix",
	.source = "BLAS level 3",
	.paradigms = BIT(PARADIGM_SCALAR) | BIT(PARADIGM_SIMD) | BIT(PARADIGM_OPENMP) |
	             BIT(PARADIGM_BLAS) | BIT(PARADIGM_OPENCL) | BIT(PARADIGM_GPU),
	.precisions =
	    BIT(PRECISION_F64) | BIT(PRECISION_F32) | BIT(PRECISION_BF16) | BIT(PRECISION_INT8),
	.size_min = 1,
	.size_max = 32768,
	.size_default = 1024,
	.state_size = sizeof(struct gemm),
	.flops = gemm_flops,
	.bytes = gemm_bytes,
	.footprint = gemm_footprint,
	.init = gemm_init,
	.run = gemm_run,
	.check = gemm_check,
	.fini = gemm_fini,
};
