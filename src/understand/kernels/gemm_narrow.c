/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/gemm_narrow.h"

#include <stdlib.h>
#include <string.h>

/* What stays in a core's caches: depth, rows and columns of a block, in steps and panels. */
enum { BLOCK_STEPS = 32, BLOCK_ROWS = 8, BLOCK_COLUMNS = 4 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Words of `group` elements out of so many columns; what lies outside A is 0. */
#define PACK_A(name, type, group)                                                                  \
	static void name(size_t n, const void *matrix, size_t panel, size_t steps, void *packed)   \
	{                                                                                          \
		const type *a = matrix;                                                            \
		type *to = packed;                                                                 \
		for (size_t word = 0; word < steps * NARROW_TILE; word++) {                        \
			type *step = to + word / NARROW_TILE * (NARROW_STEP_BYTES / sizeof(type)); \
			for (size_t t = 0; t < 2; t++) {                                           \
				size_t row = panel * NARROW_PANEL + t * NARROW_TILE;               \
				size_t live = row < n ? least(n - row, NARROW_TILE) : 0;           \
				type *at = step + t * (NARROW_TILE_BYTES / sizeof(type)) +         \
				           word % NARROW_TILE * (NARROW_TILE * (group));           \
				for (size_t e = 0; e < (group); e++) {                             \
					size_t k = word * (group) + e;                             \
					const type *from = a + k * n + row;                        \
					size_t count = k < n ? live : 0;                           \
					if (count == NARROW_TILE)                                  \
						for (size_t i = 0; i < NARROW_TILE; i++)           \
							at[i * (group) + e] = from[i];             \
					else                                                       \
						for (size_t i = 0; i < NARROW_TILE; i++)           \
							at[i * (group) + e] =                      \
							    i < count ? from[i] : 0;               \
				}                                                                  \
			}                                                                          \
		}                                                                                  \
	}
PACK_A(pack_a_bf16, uint16_t, 2)
PACK_A(pack_a_int8, uint8_t, 4)

/* A column of B is depth in order as it stands. */
static void pack_b(const struct narrow *g, const char *b, size_t panel, char *packed)
{
	size_t column_bytes = g->n * precision_bytes(g->precision);
	for (size_t j = 0; j < NARROW_PANEL; j++) {
		size_t column = panel * NARROW_PANEL + j;
		char *to = packed + j * NARROW_STEP; /* tiles of a step follow each other */
		for (size_t s = 0; s < g->steps; s++, to += NARROW_STEP_BYTES) {
			size_t at = s * NARROW_STEP;
			size_t live = column < g->n ? least(column_bytes - at, NARROW_STEP) : 0;
			if (live > 0)
				memcpy(to, b + column * column_bytes + at, live);
			memset(to + live, 0, NARROW_STEP - live);
		}
	}
}

static char *panel_of(const struct narrow *g, char *packed, size_t panel)
{
	return packed + panel * g->steps * NARROW_STEP_BYTES;
}

static void add_edge(const struct narrow *g, const void *edge, size_t ldc, void *c, size_t rows,
                     size_t columns, bool start)
{
	for (size_t j = 0; j < columns; j++)
		for (size_t i = 0; i < rows; i++) {
			size_t at = i + j * ldc, from = i + j * NARROW_PANEL;
			if (g->precision == PRECISION_BF16)
				((float *)c)[at] =
				    (start ? 0 : ((float *)c)[at]) + ((const float *)edge)[from];
			else
				((int32_t *)c)[at] = (start ? 0 : ((int32_t *)c)[at]) +
				                     ((const int32_t *)edge)[from];
		}
}

static void tile(const struct narrow *g, size_t i, size_t j, size_t step, char *c)
{
	size_t steps = least(BLOCK_STEPS, g->steps - step), offset = step * NARROW_STEP_BYTES;
	const char *a = panel_of(g, g->a, i) + offset, *b = panel_of(g, g->b, j) + offset;
	size_t row = i * NARROW_PANEL, column = j * NARROW_PANEL;
	char *at = c + (row + column * g->n) * sizeof(float);
	bool start = step == 0;
	if (row + NARROW_PANEL <= g->n && column + NARROW_PANEL <= g->n) {
		g->unit.micro(steps, a, b, at, g->n, start);
		return;
	}
	float edge[NARROW_PANEL * NARROW_PANEL] __attribute__((aligned(64), may_alias));
	g->unit.micro(steps, a, b, edge, NARROW_PANEL, true);
	add_edge(g, edge, g->n, at, least(NARROW_PANEL, g->n - row),
	         least(NARROW_PANEL, g->n - column), start);
}

/* One block of C, of BLOCK_ROWS x BLOCK_COLUMNS panels. */
static void block(const struct narrow *g, size_t row, size_t column, char *c)
{
	size_t rows = least(row + BLOCK_ROWS, g->panels);
	size_t columns = least(column + BLOCK_COLUMNS, g->panels);
	g->unit.begin();
	for (size_t step = 0; step < g->steps; step += BLOCK_STEPS)
		for (size_t i = row; i < rows; i++)
			for (size_t j = column; j < columns; j++)
				tile(g, i, j, step, c);
	g->unit.end();
}

void narrow_run(const struct narrow *g, unsigned threads, const void *a, const void *b, void *c)
{
	size_t panels = g->panels;
	size_t high = (panels + BLOCK_ROWS - 1) / BLOCK_ROWS;
	size_t wide = (panels + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
#pragma omp parallel num_threads(threads) if (threads > 1)
	{
#pragma omp for schedule(static)
		for (size_t p = 0; p < panels; p++) {
			if (g->precision == PRECISION_BF16)
				pack_a_bf16(g->n, a, p, g->steps, panel_of(g, g->a, p));
			else
				pack_a_int8(g->n, a, p, g->steps, panel_of(g, g->a, p));
			pack_b(g, b, p, panel_of(g, g->b, p));
		}
#pragma omp for schedule(static)
		for (size_t i = 0; i < high * wide; i++)
			block(g, i % high * BLOCK_ROWS, i / high * BLOCK_COLUMNS, c);
	}
}

enum ergon_code narrow_init(struct narrow *g, const struct kernel_config *config,
                            struct ergon_error *err)
{
	size_t column_bytes = config->size * precision_bytes(config->precision);
	*g = (struct narrow){
		.precision = config->precision,
		.n = config->size,
		.panels = (config->size + NARROW_PANEL - 1) / NARROW_PANEL,
		.steps = (column_bytes + NARROW_STEP - 1) / NARROW_STEP,
	};
	if (config->isa != ISA_AVX512)
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "gemm of %s needs AVX-512 or AMX; scalar does without",
		                  precision_name(config->precision));
	enum ergon_code code = narrow_find(config->precision, true, &g->unit, err);
	if (code)
		return code;
	g->a = kernel_alloc(g->panels * g->steps * NARROW_STEP_BYTES, config->threads);
	g->b = kernel_alloc(g->panels * g->steps * NARROW_STEP_BYTES, config->threads);
	if (!g->a || !g->b)
		return ergon_fail(err, ERGON_NO_MEMORY, "gemm: out of memory at size %zu", g->n);
	return ERGON_OK;
}

void narrow_fini(struct narrow *g)
{
	free(g->a);
	free(g->b);
	*g = (struct narrow){ 0 };
}
