/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/pivot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/units.h"

struct pivot {
	const struct csv *csv;
	struct arena *arena;
	struct ergon_error *err;
	size_t run, metric, value; /* columns of csv */
	size_t *kept;              /* [kept_count]: the other columns, run_id among them */
	size_t kept_count;
	const char *metrics[PIVOT_METRICS_MAX];
	size_t metric_count;
	size_t *row_of; /* [csv->rows]: row of the wide table */
	size_t runs;
};

bool pivot_wanted(const struct csv *csv)
{
	return csv_column(csv, "run_id") >= 0 && csv_column(csv, "metric") >= 0 &&
	       csv_column(csv, "value") >= 0;
}

static enum ergon_code no_memory(struct pivot *p)
{
	return ergon_fail(p->err, ERGON_NO_MEMORY, "out of memory");
}

struct run_key {
	const char *run;
	size_t row;
};

static int by_run(const void *a, const void *b)
{
	const struct run_key *x = a, *y = b;
	int order = strcmp(x->run, y->run);
	return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Numbers the runs in the order of their first lines. */
static enum ergon_code number_runs(struct pivot *p)
{
	size_t rows = p->csv->rows;
	struct run_key *keys = calloc(rows + 1, sizeof *keys);
	size_t *first = calloc(rows + 1, sizeof *first);
	p->row_of = ARENA_ARRAY(p->arena, size_t, rows + 1);
	if (!keys || !first || !p->row_of) {
		free(keys);
		free(first);
		return no_memory(p);
	}
	for (size_t i = 0; i < rows; i++)
		keys[i] = (struct run_key){ csv_cell(p->csv, i, p->run), i };
	qsort(keys, rows, sizeof *keys, by_run);
	for (size_t i = 0; i < rows; i++) {
		bool same = i > 0 && strcmp(keys[i].run, keys[i - 1].run) == 0;
		first[keys[i].row] = same ? first[keys[i - 1].row] : keys[i].row;
	}
	for (size_t i = 0; i < rows; i++)
		p->row_of[i] = first[i] == i ? p->runs++ : p->row_of[first[i]];
	free(keys);
	free(first);
	return ERGON_OK;
}

static enum ergon_code find_columns(struct pivot *p)
{
	p->run = (size_t)csv_column(p->csv, "run_id");
	p->metric = (size_t)csv_column(p->csv, "metric");
	p->value = (size_t)csv_column(p->csv, "value");
	p->kept = ARENA_ARRAY(p->arena, size_t, p->csv->columns);
	if (!p->kept)
		return no_memory(p);
	for (size_t i = 0; i < p->csv->columns; i++)
		if (i != p->metric && i != p->value)
			p->kept[p->kept_count++] = i;
	return ERGON_OK;
}

static size_t metric_index(const struct pivot *p, const char *name)
{
	size_t m = 0;
	while (m < p->metric_count && strcmp(p->metrics[m], name) != 0)
		m++;
	return m;
}

static enum ergon_code find_metrics(struct pivot *p)
{
	for (size_t i = 0; i < p->csv->rows; i++) {
		const char *name = csv_cell(p->csv, i, p->metric);
		if (metric_index(p, name) < p->metric_count)
			continue;
		long line = p->csv->line[i];
		if (*name == '\0' || csv_column(p->csv, name) >= 0)
			return ergon_fail_at(p->err, ERGON_BAD_INPUT, p->csv->file, line,
			                     "metric: expected a name that is no column, found "
			                     "'%.40s'",
			                     name);
		if (p->metric_count == PIVOT_METRICS_MAX)
			return ergon_fail_at(p->err, ERGON_BAD_INPUT, p->csv->file, line,
			                     "more than %d different metrics", PIVOT_METRICS_MAX);
		p->metrics[p->metric_count++] = name;
	}
	return ERGON_OK;
}

/* Does one of the "; "-joined texts equal cell? */
static bool holds(const char *joined, const char *cell)
{
	size_t length = strlen(cell);
	for (const char *at = joined; (at = strstr(at, cell)); at++) {
		bool begins = at == joined || (at >= joined + 2 && strncmp(at - 2, "; ", 2) == 0);
		bool ends = at[length] == '\0' || strncmp(at + length, "; ", 2) == 0;
		if (begins && ends)
			return true;
	}
	return false;
}

static enum ergon_code keep_cell(struct pivot *p, const char **into, const char *cell)
{
	if (*into == NULL || **into == '\0') {
		*into = cell;
		return ERGON_OK;
	}
	if (*cell == '\0' || strcmp(*into, cell) == 0 || holds(*into, cell))
		return ERGON_OK;
	size_t size = strlen(*into) + strlen(cell) + 3;
	char *joined = arena_alloc(p->arena, size, 1);
	if (!joined)
		return no_memory(p);
	snprintf(joined, size, "%s; %s", *into, cell);
	*into = joined;
	return ERGON_OK;
}

static enum ergon_code place_row(struct pivot *p, size_t row, struct csv *wide)
{
	const char **cells = wide->cells + p->row_of[row] * wide->columns;
	if (cells[0] == NULL)
		wide->line[p->row_of[row]] = p->csv->line[row];
	for (size_t k = 0; k < p->kept_count; k++) {
		enum ergon_code code = keep_cell(p, &cells[k], csv_cell(p->csv, row, p->kept[k]));
		if (code)
			return code;
	}
	const char *value = csv_cell(p->csv, row, p->value);
	double number;
	if (*value && !parse_real(value, &number))
		return ergon_fail_at(p->err, ERGON_BAD_INPUT, p->csv->file, p->csv->line[row],
		                     "value: expected a number, found '%.40s'", value);
	const char *metric = csv_cell(p->csv, row, p->metric);
	const char **cell = &cells[p->kept_count + metric_index(p, metric)];
	if (*cell)
		return ergon_fail_at(p->err, ERGON_BAD_INPUT, p->csv->file, p->csv->line[row],
		                     "run '%.40s' has the metric '%.40s' twice",
		                     csv_cell(p->csv, row, p->run), metric);
	*cell = value;
	return ERGON_OK;
}

static enum ergon_code lay_out(struct pivot *p, struct csv *wide)
{
	*wide = (struct csv){ .file = p->csv->file,
		              .columns = p->kept_count + p->metric_count,
		              .rows = p->runs };
	if (p->runs > SIZE_MAX / 2 / wide->columns / sizeof(char *))
		return no_memory(p);
	wide->header = ARENA_ARRAY(p->arena, const char *, wide->columns);
	wide->cells = ARENA_ARRAY(p->arena, const char *, p->runs * wide->columns + 1);
	wide->line = ARENA_ARRAY(p->arena, long, p->runs + 1);
	if (!wide->header || !wide->cells || !wide->line)
		return no_memory(p);
	for (size_t k = 0; k < p->kept_count; k++)
		wide->header[k] = p->csv->header[p->kept[k]];
	for (size_t m = 0; m < p->metric_count; m++)
		wide->header[p->kept_count + m] = p->metrics[m];
	return ERGON_OK;
}

enum ergon_code pivot_table(const struct csv *csv, struct arena *arena, struct csv *wide,
                            struct ergon_error *err)
{
	struct pivot p = { .csv = csv, .arena = arena, .err = err };
	enum ergon_code code = find_columns(&p);
	if (!code)
		code = number_runs(&p);
	if (!code)
		code = find_metrics(&p);
	if (!code)
		code = lay_out(&p, wide);
	for (size_t i = 0; !code && i < csv->rows; i++)
		code = place_row(&p, i, wide);
	for (size_t i = 0; !code && i < wide->rows * wide->columns; i++)
		if (!wide->cells[i])
			wide->cells[i] = "";
	return code;
}
