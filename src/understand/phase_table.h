/* SPDX-License-Identifier: Apache-2.0
 *
 * The phases of a recorded series: a table with a column of time and columns of what was sampled.
 *
 * Each phase gets its time (from its first sample to the next phase's), its energy (trapezoid of
 * the power column over the real timestamps), mean power, EDP and class with its evidence
 * (phase_class.h). Times must rise from row to row.
 */
#ifndef ERGON_UNDERSTAND_PHASE_TABLE_H
#define ERGON_UNDERSTAND_PHASE_TABLE_H

#include <jansson.h>

#include "base/csv.h"
#include "understand/phase_class.h"
#include "understand/phases.h"

struct phase_request {
	const char *time;   /* column, seconds */
	const char *series; /* "COL,COL": what is looked at */
	const char *power;  /* column, W; NULL: no energies */
	struct phase_options options;
	const char *profile; /* of `ergon bench --json`; NULL: no roofs */
	double idle_power_w; /* 0: not given */
};

struct phase_table {
	const char *file;
	const char *names[PHASE_DIMS_MAX];
	size_t dims, count; /* count: samples */
	double *times_s;    /* [count] */
	double *power_w;    /* [count] or NULL */
	struct phases phases;
	unsigned *kind; /* [phases.count] phases of one kind have the same level: 0 to kinds - 1 */
	unsigned kinds;
	double *begin_s, *duration_s, *energy_j; /* [phases.count]; energy_j NULL without power */
	struct phase_machine machine;
	struct phase_means *means;         /* [phases.count] */
	struct workload_verdict *verdicts; /* [phases.count] */
	double period_s;                   /* of the loop in the first column; 0: none */
};

/* Storage is the arena's but for table->phases: phase_table_fini releases that, also after an
 * error. csv must outlive the table. */
ERGON_MUST_USE enum ergon_code phase_table_analyse(const struct csv *csv,
                                                   const struct phase_request *request,
                                                   struct arena *arena, struct phase_table *table,
                                                   struct ergon_error *err);
ERGON_MUST_USE enum ergon_code phase_table_read(const char *path,
                                                const struct phase_request *request,
                                                struct arena *arena, struct phase_table *table,
                                                struct ergon_error *err);
void phase_table_fini(struct phase_table *table);

/* The document "ergon.phases". NULL: out of memory. */
json_t *phase_table_to_json(const struct phase_table *table);

#endif
