/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables with one header line: CSV by RFC 4180 (quotes allowed, CRLF accepted), or another
 * separator.
 *
 * The whole file is parsed into an arena; cells are borrowed strings. A row with the wrong number
 * of cells is an error that names file and line. Blank lines are skipped.
 */
#ifndef ERGON_BASE_CSV_H
#define ERGON_BASE_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ergon/error.h"

struct csv {
	const char *file;    /* named in errors */
	const char **header; /* [columns] */
	const char **cells;  /* [rows * columns], row by row */
	long *line;          /* [rows], from 1 */
	size_t columns, rows;
};

ERGON_MUST_USE enum ergon_code csv_read(const char *path, struct arena *arena, struct csv *csv,
                                        struct ergon_error *err);
/* text is not changed; name stands in errors. */
ERGON_MUST_USE enum ergon_code csv_parse(const char *text, size_t length, const char *name,
                                         char separator, struct arena *arena, struct csv *csv,
                                         struct ergon_error *err);

/* -1 where there is no such column. */
int csv_column(const struct csv *csv, const char *name);
/* The error names the file, the column and the nearest one that exists. */
ERGON_MUST_USE enum ergon_code csv_need_column(const struct csv *csv, const char *name,
                                               size_t *column, struct ergon_error *err);

static inline const char *csv_cell(const struct csv *csv, size_t row, size_t column)
{
	return csv->cells[row * csv->columns + column];
}

/* A number in [min, max]; the error names file, line, column and what was expected. */
ERGON_MUST_USE enum ergon_code csv_real(const struct csv *csv, size_t row, size_t column,
                                        double min, double max, double *value,
                                        struct ergon_error *err);
ERGON_MUST_USE enum ergon_code csv_count(const struct csv *csv, size_t row, size_t column,
                                         uint64_t min, uint64_t max, uint64_t *value,
                                         struct ergon_error *err);

#endif
