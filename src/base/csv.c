/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/suggest.h"
#include "base/units.h"

struct parser {
	const char *p, *end;
	char separator;
	long line;
	const char *name;
	struct arena *arena;
	struct ergon_error *err;
	const char **cells; /* of all rows, header included */
	size_t count, capacity;
	long *lines;
	size_t rows, lines_capacity;
};

static enum ergon_code bad(struct parser *parser, const char *what)
{
	return ergon_fail_at(parser->err, ERGON_BAD_INPUT, parser->name, parser->line, "%s", what);
}

static enum ergon_code no_memory(struct parser *parser)
{
	return ergon_fail_at(parser->err, ERGON_NO_MEMORY, parser->name, parser->line,
	                     "out of memory");
}

static enum ergon_code keep(struct parser *parser, const char *bytes, size_t length)
{
	if (memchr(bytes, '\0', length))
		return bad(parser, "a NUL byte: this is not a text file");
	char *cell = arena_strndup(parser->arena, bytes, length);
	if (!cell || !GROW(parser->cells, parser->capacity, parser->count + 1))
		return no_memory(parser);
	parser->cells[parser->count++] = cell;
	return ERGON_OK;
}

/* "..." with "" for a quote; parser->p stands behind the opening quote. */
static enum ergon_code quoted_cell(struct parser *parser)
{
	struct text text = { 0 };
	text_puts(&text, "");
	while (parser->p < parser->end) {
		char c = *parser->p++;
		if (c == '"' && (parser->p >= parser->end || *parser->p != '"'))
			goto closed;
		if (c == '"')
			parser->p++;
		if (c == '\n')
			parser->line++;
		text_append(&text, &c, 1);
	}
	text_fini(&text);
	return bad(parser, "a quoted cell is not closed");
closed:;
	enum ergon_code code =
	    text.failed ? no_memory(parser) : keep(parser, text.data, text.length);
	text_fini(&text);
	if (!code && parser->p < parser->end && *parser->p != parser->separator &&
	    *parser->p != '\n' && *parser->p != '\r')
		return bad(parser, "text behind a closing quote");
	return code;
}

static enum ergon_code plain_cell(struct parser *parser)
{
	const char *begin = parser->p;
	while (parser->p < parser->end && *parser->p != parser->separator && *parser->p != '\n' &&
	       *parser->p != '\r')
		parser->p++;
	return keep(parser, begin, (size_t)(parser->p - begin));
}

static enum ergon_code row(struct parser *parser)
{
	long line = parser->line;
	size_t before = parser->count;
	for (;;) {
		bool quoted = parser->p < parser->end && *parser->p == '"';
		if (quoted)
			parser->p++;
		enum ergon_code code = quoted ? quoted_cell(parser) : plain_cell(parser);
		if (code)
			return code;
		if (parser->p >= parser->end || *parser->p != parser->separator)
			break;
		parser->p++;
	}
	if (parser->p < parser->end && *parser->p == '\r')
		parser->p++;
	if (parser->p < parser->end && *parser->p != '\n')
		return bad(parser, "a carriage return inside a line");
	if (parser->p < parser->end)
		parser->p++;
	parser->line++;
	if (parser->count == before + 1 && parser->cells[before][0] == '\0') {
		parser->count = before; /* a blank line */
		return ERGON_OK;
	}
	if (!GROW(parser->lines, parser->lines_capacity, parser->rows + 1))
		return no_memory(parser);
	parser->lines[parser->rows++] = line;
	return ERGON_OK;
}

static enum ergon_code check_shape(struct parser *parser, size_t columns, size_t row_count)
{
	if (row_count != columns)
		return ergon_fail_at(
		    parser->err, ERGON_BAD_INPUT, parser->name, parser->lines[parser->rows - 1],
		    "expected %zu cells as in the header, found %zu", columns, row_count);
	return ERGON_OK;
}

static enum ergon_code parse_rows(struct parser *parser, size_t *columns)
{
	*columns = 0;
	while (parser->p < parser->end) {
		size_t before = parser->count, rows = parser->rows;
		enum ergon_code code = row(parser);
		if (code)
			return code;
		if (parser->rows == rows)
			continue;
		if (*columns == 0)
			*columns = parser->count - before;
		code = check_shape(parser, *columns, parser->count - before);
		if (code)
			return code;
	}
	if (parser->rows == 0)
		return ergon_fail_at(parser->err, ERGON_BAD_INPUT, parser->name, 0,
		                     "empty: expected a header line");
	return ERGON_OK;
}

static enum ergon_code hand_over(struct parser *parser, size_t columns, struct csv *csv)
{
	const char **cells = ARENA_ARRAY(parser->arena, const char *, parser->count);
	long *lines = ARENA_ARRAY(parser->arena, long, parser->rows);
	if (!cells || !lines)
		return no_memory(parser);
	memcpy(cells, parser->cells, parser->count * sizeof *cells);
	memcpy(lines, parser->lines, parser->rows * sizeof *lines);
	*csv = (struct csv){ .file = arena_strdup(parser->arena, parser->name),
		             .header = cells,
		             .cells = cells + columns,
		             .line = lines + 1,
		             .columns = columns,
		             .rows = parser->rows - 1 };
	return csv->file ? ERGON_OK : no_memory(parser);
}

enum ergon_code csv_parse(const char *text, size_t length, const char *name, char separator,
                          struct arena *arena, struct csv *csv, struct ergon_error *err)
{
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3; /* a byte-order mark */
		length -= 3;
	}
	struct parser parser = { .p = text,
		                 .end = text + length,
		                 .separator = separator,
		                 .line = 1,
		                 .name = name,
		                 .arena = arena,
		                 .err = err };
	size_t columns;
	enum ergon_code code = parse_rows(&parser, &columns);
	if (!code)
		code = hand_over(&parser, columns, csv);
	free(parser.cells);
	free(parser.lines);
	return code;
}

enum ergon_code csv_read(const char *path, struct arena *arena, struct csv *csv,
                         struct ergon_error *err)
{
	char *text;
	size_t length;
	enum ergon_code code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = csv_parse(text, length, path, ',', arena, csv, err);
	free(text);
	return code;
}

int csv_column(const struct csv *csv, const char *name)
{
	for (size_t i = 0; i < csv->columns; i++)
		if (strcmp(csv->header[i], name) == 0)
			return (int)i;
	return -1;
}

enum ergon_code csv_need_column(const struct csv *csv, const char *name, size_t *column,
                                struct ergon_error *err)
{
	int found = csv_column(csv, name);
	if (found >= 0) {
		*column = (size_t)found;
		return ERGON_OK;
	}
	char hint[256];
	return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 1, "no column '%s'%s", name,
	                     suggest_hint(hint, sizeof hint, name, csv->header, csv->columns));
}

enum ergon_code csv_real(const struct csv *csv, size_t row_index, size_t column, double min,
                         double max, double *value, struct ergon_error *err)
{
	const char *cell = csv_cell(csv, row_index, column);
	if (parse_real(cell, value) && *value >= min && *value <= max)
		return ERGON_OK;
	return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[row_index],
	                     "%s: expected a number from %g to %g, found '%.40s'",
	                     csv->header[column], min, max, cell);
}

enum ergon_code csv_count(const struct csv *csv, size_t row_index, size_t column, uint64_t min,
                          uint64_t max, uint64_t *value, struct ergon_error *err)
{
	const char *cell = csv_cell(csv, row_index, column);
	if (parse_u64(cell, value) && *value >= min && *value <= max)
		return ERGON_OK;
	return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[row_index],
	                     "%s: expected a whole number from %llu to %llu, found '%.40s'",
	                     csv->header[column], (unsigned long long)min, (unsigned long long)max,
	                     cell);
}
