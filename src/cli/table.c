/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdbool.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

static void add_cells(struct table *table, const char *line, size_t length)
{
	size_t base = table->rows * table->columns;
	if (!GROW(table->cells, table->capacity, base + table->columns))
		return; /* the row is left out; a table is for people, JSON for machines */
	for (size_t i = 0; i < table->columns; i++) {
		const char *tab = memchr(line, '\t', length);
		size_t cell = tab ? (size_t)(tab - line) : length;
		table->cells[base + i] = strndup(line, cell);
		line += cell + (tab != NULL);
		length -= cell + (tab != NULL);
	}
	table->rows++;
}

void table_init(struct table *table, const char *align, const char *const *header)
{
	*table = (struct table){ .columns = strlen(align) };
	if (table->columns > TABLE_COLUMNS_MAX)
		table->columns = TABLE_COLUMNS_MAX;
	memcpy(table->align, align, table->columns);
	struct text line = { 0 };
	for (size_t i = 0; i < table->columns; i++)
		text_printf(&line, "%s%s", i ? "\t" : "", header[i]);
	if (!line.failed)
		add_cells(table, line.data, line.length);
	text_fini(&line);
}

void table_row(struct table *table, const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (length < 0)
		return;
	add_cells(table, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

/* Columns of a terminal that a UTF-8 text takes: its code points. */
static int columns_of(const char *text)
{
	int columns = 0;
	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

static const char *cell_at(const struct table *table, size_t row, size_t column)
{
	const char *cell = table->cells[row * table->columns + column];
	return cell ? cell : "";
}

/* The columns' widths; 0 for one that is left out. */
static void measure_widths(const struct table *table, int *width)
{
	int total = -2;
	for (size_t i = 0; i < table->rows * table->columns; i++) {
		int columns = columns_of(cell_at(table, 0, i));
		if (columns > width[i % table->columns])
			width[i % table->columns] = columns;
	}
	for (size_t i = 0; i < table->columns; i++)
		total += width[i] + 2;
	for (size_t i = table->columns; i-- > 0 && total > TABLE_WIDTH_MAX;) {
		if (table->align[i] != 'L' && table->align[i] != 'R')
			continue;
		total -= width[i] + 2;
		width[i] = 0;
	}
}

static void print_rule(const struct table *table, const int *width, FILE *out)
{
	for (size_t i = 0; i < table->columns; i++) {
		for (int k = 0; k < width[i]; k++)
			fputc('-', out);
		if (width[i] || i + 1 == table->columns)
			fputs(i + 1 == table->columns ? "\n" : "  ", out);
	}
}

void table_print(const struct table *table, FILE *out)
{
	int width[TABLE_COLUMNS_MAX] = { 0 };
	measure_widths(table, width);
	for (size_t row = 0; row < table->rows; row++) {
		for (size_t i = 0; i < table->columns; i++) {
			const char *cell = cell_at(table, row, i);
			int pad = width[i] - columns_of(cell);
			bool last = i + 1 == table->columns;
			if (width[i] == 0)
				continue;
			if (table->align[i] == 'r' || table->align[i] == 'R')
				fprintf(out, "%*s%s%s", pad, "", cell, last ? "" : "  ");
			else
				fprintf(out, "%s%*s", cell, last ? 0 : pad + 2, "");
		}
		fputc('\n', out);
		if (row == 0)
			print_rule(table, width, out);
	}
}

void table_fini(struct table *table)
{
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}
