/* SPDX-License-Identifier: Apache-2.0
 *
 * A table for the terminal: columns as wide as their cells, numbers to the right, a rule under the
 * header. Cells are copied. At most 80 columns are the caller's duty, who may name columns that a
 * table can do without: they are left out, the last first, where it would be wider.
 */
#ifndef ERGON_CLI_TABLE_H
#define ERGON_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "ergon/error.h"

enum { TABLE_COLUMNS_MAX = 16, TABLE_WIDTH_MAX = 80 };

struct table {
	char **cells; /* [rows * columns]; row 0 is the header */
	size_t rows, capacity;
	size_t columns;
	char align[TABLE_COLUMNS_MAX]; /* 'l' or 'r'; 'L' or 'R' of a column that may go */
};

/* align: one letter a column, "lrR"; header: that many strings. */
void table_init(struct table *table, const char *align, const char *const *header);
/* One printf-formatted text whose cells are separated by tabs. */
void table_row(struct table *table, const char *format, ...) ERGON_PRINTF(2, 3);
void table_print(const struct table *table, FILE *out);
void table_fini(struct table *table);

#endif
