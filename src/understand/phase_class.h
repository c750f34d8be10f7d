/* SPDX-License-Identifier: Apache-2.0
 *
 * What a phase of a recorded series is bound by, from the columns that the series has.
 *
 * Achieved rates (columns known by their whole name, see phase_class.c) are held against the roofs
 * of a machine profile by the classifier of `ergon characterize` (classify.h): bytes from memory
 * and from the last cache, FLOPs, stalls on memory, instructions a cycle. "idle" is a phase whose
 * power is at the level of an idle power that the user gives, within three standard errors and 3%
 * of drift, unless a rate or the GPU's utilisation says otherwise. All else is "unknown", with the
 * reason: power or utilisation alone do not tell what limits a phase.
 *
 * FLOP/s whose column does not name a precision count against the f64 and the f32 roof; only what
 * both say is said. Units: FLOP/s, B/s, W; NaN: not known.
 */
#ifndef ERGON_UNDERSTAND_PHASE_CLASS_H
#define ERGON_UNDERSTAND_PHASE_CLASS_H

#include <jansson.h>

#include "base/csv.h"
#include "understand/classify.h"

enum phase_quantity {
	PHASE_IPC,
	PHASE_BYTES,
	PHASE_FLOPS, /* of a precision that is not known */
	PHASE_F64,
	PHASE_F32,
	PHASE_GPU,   /* share of the time that the GPU is busy */
	PHASE_CACHE, /* bytes from the last cache, a second */
	PHASE_STALL, /* share of the cycles that wait for memory */
	PHASE_QUANTITIES
};

struct phase_columns {
	const char *name[PHASE_QUANTITIES]; /* NULL: the table has none */
	double *values[PHASE_QUANTITIES];   /* [rows]; NaN where a cell holds no such number */
};

struct phase_means {
	double of[PHASE_QUANTITIES];
	double power_w, power_error_w; /* mean and its standard error */
};

struct phase_machine {
	bool has_roofs;
	struct class_roofs roofs;
	double idle_power_w; /* NaN: not given */
};

/* Values are the arena's, names the table's. */
ERGON_MUST_USE enum ergon_code phase_columns_read(const struct csv *csv, struct arena *arena,
                                                  struct phase_columns *columns,
                                                  struct ergon_error *err);
/* Over the samples [begin, end); power NULL: not known. */
struct phase_means phase_means_of(const struct phase_columns *columns, const double *power_w,
                                  size_t begin, size_t end);
double phase_flops_per_s(const struct phase_means *means);

/* The roofs of a document of `ergon bench --json`; what else machine holds stays. */
ERGON_MUST_USE enum ergon_code phase_machine_from_json(const json_t *root, const char *name,
                                                       struct phase_machine *machine,
                                                       struct ergon_error *err);
ERGON_MUST_USE enum ergon_code phase_machine_read(const char *path, struct phase_machine *machine,
                                                  struct ergon_error *err);

/* Pure. */
struct workload_verdict phase_classify(const struct phase_means *means,
                                       const struct phase_machine *machine);

#endif
