/* SPDX-License-Identifier: Apache-2.0
 *
 * Published measurements: a long table with one line a measured number, joined into runs.
 *
 * Columns: run_id, source, gpu, gpu_count, model, model_config, task, precision,
 * batch_size_per_gpu, seq_len_or_resolution, power_limit_w, metric, value, notes, and optionally
 * split. Lines of one run_id are one run: they state the same configuration and differ in metric,
 * value, notes and split. An empty cell is "not stated": NAN for a number, "" for a text. Units are
 * in the metric's name (step_time_s, avg_power_w).
 */
#ifndef ERGON_SPEC_MEASUREMENTS_H
#define ERGON_SPEC_MEASUREMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/csv.h"
#include "ergon/error.h"

struct measured_value {
	const char *metric, *notes, *split; /* split "" where there is no such column */
	double value;                       /* finite, at least 0 */
	long line;
};

struct measured_run {
	const char *id, *source, *gpu, *model, *task, *precision;
	const char *config; /* "layers=24;d=1024;full activation recomputation" */
	const char *size;   /* seq_len_or_resolution as stated: "384", "1280x720" */
	const char *notes;  /* of the first value */
	double gpus;        /* at least 1 */
	double batch;       /* a GPU; NAN where not stated */
	double power_limit_w;
	const struct measured_value *values; /* [value_count], in order of line */
	size_t value_count;
	long line; /* of the first value */
};

struct measurements {
	const char *file; /* as given */
	const char *name; /* its last part: "zeus_training_power.csv" */
	const struct measured_run *runs;
	size_t run_count; /* in order of the first line */
	size_t value_count;
};

/* Whether a table has this schema (columns run_id, metric and value). */
bool measurements_fit(const struct csv *csv);
/* Everything lives in arena; csv (and its arena) must outlive it. */
ERGON_MUST_USE enum ergon_code measurements_from_csv(const struct csv *csv, struct arena *arena,
                                                     struct measurements *measurements,
                                                     struct ergon_error *err);

/* The value of "key=..." in a list separated by ';', into out (cut at size); false where absent or
 * empty. */
bool config_text(const char *config, const char *key, char *out, size_t size);
/* The same as a number; false where absent, empty or no number. */
bool config_number(const char *config, const char *key, double *value);

/* The file's name without its folders. */
const char *file_base_name(const char *path);

#endif
