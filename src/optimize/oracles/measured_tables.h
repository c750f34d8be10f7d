/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables behind the measured oracle, as read.
 */
#ifndef ERGON_OPTIMIZE_ORACLES_MEASURED_TABLES_H
#define ERGON_OPTIMIZE_ORACLES_MEASURED_TABLES_H

#include "optimize/oracles/delaunay.h"
#include "optimize/oracles/measured.h"

enum { MEASURED_TYPES_MAX = 8, MEASURED_BATCHES_MAX = 32, MEASURED_NODES_MAX = 16 };

/* One row of placements.csv. */
struct placement_row {
	uint64_t key; /* 4 bits a node, canonical */
	double local_batch, step_s, sync_s;
};

/* One application on one type of GPU. */
struct measured_table {
	const char *type;
	struct placement_row *rows; /* [row_count], by key, then local_batch */
	size_t row_count;
	double min_local, max_local;
	double top_rate; /* samples/s of one GPU, no communication, best local batch */
	double (*points)[3];
	double (*values)[2];
	size_t point_count;
	bool triangulated, broken;
	struct delaunay delaunay;
};

struct validation {
	uint32_t batch;
	double *progress, *iteration, *grad_sqr, *grad_var; /* [epochs] */
};

struct measured_application {
	const char *name;
	struct measured_table tables[MEASURED_TYPES_MAX];
	uint32_t table_count;
	struct validation validations[MEASURED_BATCHES_MAX]; /* by batch */
	uint32_t validation_count;
	uint32_t epochs;
	uint32_t gpus_limit; /* 0: none of its own */
	double *progress;    /* [epochs + 1] */
	/* Where the tables are calibrated (else 0): times are longer by a factor; own restart. */
	double slowdown, restart_s;
};

struct measured_tables {
	const char *folders;
	struct arena *arena;
	struct measured_application *applications; /* [count] */
	size_t count, capacity;
};

/* The placement's key from GPU counts in order; 0 where it has none (over 16 nodes, over 15 GPUs on
 * one). */
uint64_t placement_key(const uint32_t *counts, uint32_t nodes);

#endif
