/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/measurements.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COLUMN_RUN,
	COLUMN_SOURCE,
	COLUMN_GPU,
	COLUMN_GPUS,
	COLUMN_MODEL,
	COLUMN_CONFIG,
	COLUMN_TASK,
	COLUMN_PRECISION,
	COLUMN_BATCH,
	COLUMN_SIZE,
	COLUMN_LIMIT,
	COLUMN_METRIC,
	COLUMN_VALUE,
	COLUMN_NOTES,
	COLUMN_COUNT
};
static const char *const column_names[COLUMN_COUNT] = {
	"run_id",
	"source",
	"gpu",
	"gpu_count",
	"model",
	"model_config",
	"task",
	"precision",
	"batch_size_per_gpu",
	"seq_len_or_resolution",
	"power_limit_w",
	"metric",
	"value",
	"notes",
};

struct columns {
	size_t at[COLUMN_COUNT];
	int split; /* -1: none */
};

struct entry {
	const char *id;
	size_t row;
};

bool measurements_fit(const struct csv *csv)
{
	return csv_column(csv, "run_id") >= 0 && csv_column(csv, "metric") >= 0 &&
	       csv_column(csv, "value") >= 0;
}

const char *file_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

bool config_text(const char *config, const char *key, char *out, size_t size)
{
	size_t length = strlen(key);
	for (const char *at = config; at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL) {
		while (*at == ' ')
			at++;
		if (strncmp(at, key, length) != 0 || at[length] != '=')
			continue;
		at += length + 1;
		size_t used = strcspn(at, ";");
		snprintf(out, size, "%.*s", (int)(used < 4096 ? used : 4096), at);
		return used > 0;
	}
	return false;
}

bool config_number(const char *config, const char *key, double *value)
{
	char text[64], *end;
	if (!config_text(config, key, text, sizeof text))
		return false;
	double number = strtod(text, &end);
	if (end == text || *end || !isfinite(number))
		return false;
	*value = number;
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->id, y->id);
	return order ? order : (x->row > y->row) - (x->row < y->row);
}

static int by_line(const void *a, const void *b)
{
	const struct measured_run *x = a, *y = b;
	return (x->line > y->line) - (x->line < y->line);
}

/* A number in [min, 1e15], or NAN for an empty cell. */
static enum ergon_code want_real(const struct csv *csv, size_t row, size_t column, double min,
                                 double *value, struct ergon_error *err)
{
	*value = (double)NAN;
	if (!csv_cell(csv, row, column)[0])
		return ERGON_OK;
	return csv_real(csv, row, column, min, 1e15, value, err);
}

static enum ergon_code need_text(const struct csv *csv, size_t row, size_t column,
                                 const char **text, struct ergon_error *err)
{
	*text = csv_cell(csv, row, column);
	if (**text)
		return ERGON_OK;
	return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[row],
	                     "column '%s' is empty", csv->header[column]);
}

static enum ergon_code read_run(const struct csv *csv, const struct columns *c, size_t row,
                                struct measured_run *run, struct ergon_error *err)
{
	enum ergon_code code = need_text(csv, row, c->at[COLUMN_RUN], &run->id, err);
	run->source = csv_cell(csv, row, c->at[COLUMN_SOURCE]);
	run->config = csv_cell(csv, row, c->at[COLUMN_CONFIG]);
	run->notes = csv_cell(csv, row, c->at[COLUMN_NOTES]);
	run->task = csv_cell(csv, row, c->at[COLUMN_TASK]);
	run->precision = csv_cell(csv, row, c->at[COLUMN_PRECISION]);
	run->size = csv_cell(csv, row, c->at[COLUMN_SIZE]);
	run->line = csv->line[row];
	if (!code)
		code = need_text(csv, row, c->at[COLUMN_GPU], &run->gpu, err);
	if (!code)
		code = need_text(csv, row, c->at[COLUMN_MODEL], &run->model, err);
	if (!code)
		code = want_real(csv, row, c->at[COLUMN_GPUS], 1, &run->gpus, err);
	if (!code && isnan(run->gpus))
		run->gpus = 1;
	if (!code)
		code = want_real(csv, row, c->at[COLUMN_BATCH], 1e-9, &run->batch, err);
	if (!code)
		code = want_real(csv, row, c->at[COLUMN_LIMIT], 1, &run->power_limit_w, err);
	return code;
}

static enum ergon_code same_run(const struct csv *csv, const struct columns *c, size_t first,
                                size_t row, struct ergon_error *err)
{
	for (int i = COLUMN_RUN; i < COLUMN_METRIC; i++) {
		const char *a = csv_cell(csv, first, c->at[i]), *b = csv_cell(csv, row, c->at[i]);
		if (strcmp(a, b) != 0)
			return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[row],
			                     "run '%s' has %s '%.64s' here but '%.64s' in line %ld",
			                     csv_cell(csv, row, c->at[COLUMN_RUN]), column_names[i],
			                     b, a, csv->line[first]);
	}
	return ERGON_OK;
}

static enum ergon_code read_value(const struct csv *csv, const struct columns *c, size_t row,
                                  struct measured_value *value, struct ergon_error *err)
{
	value->line = csv->line[row];
	value->notes = csv_cell(csv, row, c->at[COLUMN_NOTES]);
	value->split = c->split < 0 ? "" : csv_cell(csv, row, (size_t)c->split);
	enum ergon_code code = need_text(csv, row, c->at[COLUMN_METRIC], &value->metric, err);
	if (code)
		return code;
	return csv_real(csv, row, c->at[COLUMN_VALUE], 0, 1e30, &value->value, err);
}

/* entries are in order of run_id, then of line. */
static enum ergon_code join(const struct csv *csv, const struct columns *c,
                            const struct entry *entries, struct measured_run *runs,
                            struct measured_value *values, size_t *run_count,
                            struct ergon_error *err)
{
	size_t first = 0;
	*run_count = 0;
	for (size_t i = 0; i < csv->rows; i++) {
		size_t row = entries[i].row;
		bool begins = i == 0 || strcmp(entries[i].id, entries[i - 1].id) != 0;
		enum ergon_code code;
		if (begins) {
			first = row;
			code = read_run(csv, c, row, &runs[*run_count], err);
			runs[(*run_count)++].values = values + i;
		} else {
			code = same_run(csv, c, first, row, err);
		}
		if (!code)
			code = read_value(csv, c, row, &values[i], err);
		if (code)
			return code;
		runs[*run_count - 1].value_count++;
	}
	return ERGON_OK;
}

enum ergon_code measurements_from_csv(const struct csv *csv, struct arena *arena,
                                      struct measurements *measurements, struct ergon_error *err)
{
	struct columns columns = { .split = csv_column(csv, "split") };
	*measurements =
	    (struct measurements){ .file = csv->file, .name = file_base_name(csv->file) };
	for (int i = 0; i < COLUMN_COUNT; i++) {
		enum ergon_code code = csv_need_column(csv, column_names[i], &columns.at[i], err);
		if (code)
			return code;
	}
	if (!csv->rows)
		return ERGON_OK;
	struct entry *entries = ARENA_ARRAY(arena, struct entry, csv->rows);
	struct measured_run *runs = ARENA_ARRAY(arena, struct measured_run, csv->rows);
	struct measured_value *values = ARENA_ARRAY(arena, struct measured_value, csv->rows);
	if (!entries || !runs || !values)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory for %zu rows", csv->rows);
	for (size_t i = 0; i < csv->rows; i++)
		entries[i] = (struct entry){ csv_cell(csv, i, columns.at[COLUMN_RUN]), i };
	qsort(entries, csv->rows, sizeof *entries, by_id);
	enum ergon_code code =
	    join(csv, &columns, entries, runs, values, &measurements->run_count, err);
	if (code)
		return code;
	qsort(runs, measurements->run_count, sizeof *runs, by_line);
	measurements->runs = runs;
	measurements->value_count = csv->rows;
	return ERGON_OK;
}
