/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/pareto_table.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"
#include "understand/pivot.h"

/* A time of a million years, an energy of ten exajoules: above this a cell is a slip. */
static const double CELL_MAX = 1e19;

struct analysis {
	struct pareto_table *table;
	struct arena *arena;
	struct ergon_error *err;
	size_t time, cost;
	bool cost_is_power;
	struct pareto_column filters[PARETO_FILTERS_MAX];
	const char *patterns[PARETO_FILTERS_MAX];
	size_t filter_count;
	const char **keys; /* [used]: the group's values in one text */
};

static enum ergon_code no_memory(struct analysis *a)
{
	return ergon_fail(a->err, ERGON_NO_MEMORY, "out of memory");
}

/* ---- columns ---- */

static enum ergon_code find_column(struct analysis *a, const char *name, struct pareto_column *out)
{
	const struct csv *csv = &a->table->csv;
	*out = (struct pareto_column){ .name = name };
	int column = csv_column(csv, name);
	if (column >= 0) {
		out->column = (size_t)column;
		return ERGON_OK;
	}
	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
		char *head = arena_strndup(a->arena, name, (size_t)(dot - name));
		if (!head)
			return no_memory(a);
		column = csv_column(csv, head);
		if (column < 0 || dot[1] == '\0')
			continue;
		out->column = (size_t)column;
		out->key = dot + 1;
		return ERGON_OK;
	}
	return csv_need_column(csv, name, &out->column, a->err);
}

/* The value of key in "text;key=value;..."; "" where the cell lacks it. */
static enum ergon_code cell_value(struct analysis *a, size_t row, const struct pareto_column *c,
                                  const char **value)
{
	*value = csv_cell(&a->table->csv, row, c->column);
	if (!c->key)
		return ERGON_OK;
	size_t length = strlen(c->key);
	for (const char *p = *value; *p;) {
		p += strspn(p, " ");
		size_t field = strcspn(p, ";");
		if (field > length && strncmp(p, c->key, length) == 0 && p[length] == '=') {
			*value = arena_strndup(a->arena, p + length + 1, field - length - 1);
			return *value ? ERGON_OK : no_memory(a);
		}
		p += field + (p[field] == ';');
	}
	*value = "";
	return ERGON_OK;
}

/* A key that no cell of its column holds is a slip of the user's. */
static enum ergon_code check_key(struct analysis *a, const struct pareto_column *c)
{
	const char *value = "";
	for (size_t i = 0; c->key && *value == '\0' && i < a->table->csv.rows; i++) {
		enum ergon_code code = cell_value(a, i, c, &value);
		if (code)
			return code;
	}
	if (c->key && *value == '\0')
		return ergon_fail_at(a->err, ERGON_BAD_INPUT, a->table->csv.file, 1,
		                     "no cell of column '%s' holds '%s=...'",
		                     a->table->csv.header[c->column], c->key);
	return ERGON_OK;
}

static enum ergon_code find_groups(struct analysis *a)
{
	struct pareto_table *t = a->table;
	char *list = arena_strdup(a->arena, t->request.groups ? t->request.groups : "");
	if (!list)
		return no_memory(a);
	char *rest = list;
	while (*list && rest) {
		char *name = strsep(&rest, ",");
		if (t->group_column_count == PARETO_GROUP_COLUMNS_MAX)
			return ergon_fail(a->err, ERGON_BAD_INPUT, "--group: at most %d columns",
			                  PARETO_GROUP_COLUMNS_MAX);
		struct pareto_column *c = &t->group_columns[t->group_column_count++];
		enum ergon_code code = find_column(a, name, c);
		if (!code)
			code = check_key(a, c);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code find_filters(struct analysis *a)
{
	const struct pareto_request *r = &a->table->request;
	for (size_t i = 0; i < r->filter_count; i++) {
		if (i == PARETO_FILTERS_MAX)
			return ergon_fail(a->err, ERGON_BAD_INPUT, "--filter: at most %d",
			                  PARETO_FILTERS_MAX);
		const char *equals = strchr(r->filters[i], '=');
		if (!equals || equals == r->filters[i])
			return ergon_fail(a->err, ERGON_BAD_INPUT,
			                  "--filter: expected COLUMN=VALUE, found '%.60s'",
			                  r->filters[i]);
		char *name =
		    arena_strndup(a->arena, r->filters[i], (size_t)(equals - r->filters[i]));
		if (!name)
			return no_memory(a);
		enum ergon_code code = find_column(a, name, &a->filters[i]);
		if (code)
			return code;
		a->patterns[i] = equals + 1;
		a->filter_count++;
	}
	return ERGON_OK;
}

static enum ergon_code find_columns(struct analysis *a)
{
	struct pareto_table *t = a->table;
	const struct pareto_request *r = &t->request;
	if (!r->time)
		return ergon_fail(a->err, ERGON_BAD_INPUT,
		                  "--time: expected the column that holds the time in seconds");
	if (!r->power == !r->energy)
		return ergon_fail(a->err, ERGON_BAD_INPUT,
		                  "expected one of --power COLUMN (W) and --energy COLUMN (J)");
	a->cost_is_power = r->power != NULL;
	enum ergon_code code = csv_need_column(&t->csv, r->time, &a->time, a->err);
	if (!code)
		code = csv_need_column(&t->csv, r->power ? r->power : r->energy, &a->cost, a->err);
	t->lever_column = csv_column(&t->csv, "power_limit_w");
	if (!code && r->lever) {
		size_t column;
		code = csv_need_column(&t->csv, r->lever, &column, a->err);
		t->lever_column = code ? -1 : (int)column;
	}
	if (!code)
		code = find_groups(a);
	return code ? code : find_filters(a);
}

/* ---- rows ---- */

static enum ergon_code filter_row(struct analysis *a, size_t row, bool *keep)
{
	*keep = true;
	for (size_t i = 0; *keep && i < a->filter_count; i++) {
		const char *value;
		enum ergon_code code = cell_value(a, row, &a->filters[i], &value);
		if (code)
			return code;
		*keep = strcmp(value, a->patterns[i]) == 0 ||
		        fnmatch(a->patterns[i], value, FNM_NOESCAPE) == 0;
	}
	return ERGON_OK;
}

static bool is_blank(const char *cell)
{
	return cell[strspn(cell, " \t")] == '\0';
}

static enum ergon_code positive(struct analysis *a, size_t row, size_t column, double *value)
{
	const struct csv *csv = &a->table->csv;
	const char *cell = csv_cell(csv, row, column);
	if (parse_real(cell, value) && *value > 0 && *value < CELL_MAX)
		return ERGON_OK;
	return ergon_fail_at(a->err, ERGON_BAD_INPUT, csv->file, csv->line[row],
	                     "%s: expected a positive number, found '%.40s'", csv->header[column],
	                     cell);
}

/* The values of the group columns in one text; the separator is no printable character. */
static enum ergon_code make_key(struct analysis *a, size_t row, const char **key)
{
	const struct pareto_table *t = a->table;
	const char *values[PARETO_GROUP_COLUMNS_MAX];
	size_t size = 1;
	for (size_t i = 0; i < t->group_column_count; i++) {
		enum ergon_code code = cell_value(a, row, &t->group_columns[i], &values[i]);
		if (code)
			return code;
		size += strlen(values[i]) + 1;
	}
	char *out = arena_alloc(a->arena, size, 1);
	if (!out)
		return no_memory(a);
	*key = out;
	for (size_t i = 0; i < t->group_column_count; i++) {
		size_t length = strlen(values[i]);
		memcpy(out, values[i], length);
		out[length] = '\x1f';
		out += length + 1;
	}
	return ERGON_OK;
}

static enum ergon_code take_row(struct analysis *a, size_t row)
{
	struct pareto_table *t = a->table;
	bool keep;
	enum ergon_code code = filter_row(a, row, &keep);
	if (code)
		return code;
	if (!keep) {
		t->filtered_out++;
		return ERGON_OK;
	}
	bool no_time = is_blank(csv_cell(&t->csv, row, a->time));
	if (no_time || is_blank(csv_cell(&t->csv, row, a->cost))) {
		t->skipped_time += no_time;
		t->skipped_cost += !no_time;
		if (!t->skipped_line)
			t->skipped_line = t->csv.line[row];
		return ERGON_OK;
	}
	double time_s, cost;
	code = positive(a, row, a->time, &time_s);
	if (!code)
		code = positive(a, row, a->cost, &cost);
	if (!code)
		code = make_key(a, row, &a->keys[t->used]);
	if (code)
		return code;
	t->points[t->used] =
	    (struct tradeoff_point){ time_s, a->cost_is_power ? cost * time_s : cost };
	t->rows[t->used++] = row;
	return ERGON_OK;
}

static enum ergon_code no_rows(struct analysis *a)
{
	const struct pareto_table *t = a->table;
	size_t skipped = t->skipped_time + t->skipped_cost;
	if (skipped)
		return ergon_fail_at(a->err, ERGON_BAD_INPUT, t->csv.file, t->skipped_line,
		                     "no row has both a time and a power or energy (%zu lack one)",
		                     skipped);
	if (t->csv.rows == 0)
		return ergon_fail_at(a->err, ERGON_BAD_INPUT, t->csv.file, 1,
		                     "expected rows below the header");
	const char *names[16];
	size_t count = 0;
	for (size_t row = 0; row < t->csv.rows && count < 16; row++) {
		const char *value;
		if (cell_value(a, row, &a->filters[0], &value))
			return no_memory(a);
		bool seen = false;
		for (size_t i = 0; i < count; i++)
			seen = seen || strcmp(names[i], value) == 0;
		if (!seen)
			names[count++] = value;
	}
	char hint[256];
	return ergon_fail_at(a->err, ERGON_BAD_INPUT, t->csv.file, 0,
	                     "no row passes the filter %s=%.60s%s", a->filters[0].name,
	                     a->patterns[0],
	                     suggest_hint(hint, sizeof hint, a->patterns[0], names, count));
}

static enum ergon_code take_rows(struct analysis *a)
{
	struct pareto_table *t = a->table;
	t->points = ARENA_ARRAY(a->arena, struct tradeoff_point, t->csv.rows + 1);
	t->rows = ARENA_ARRAY(a->arena, size_t, t->csv.rows + 1);
	a->keys = ARENA_ARRAY(a->arena, const char *, t->csv.rows + 1);
	if (!t->points || !t->rows || !a->keys)
		return no_memory(a);
	for (size_t row = 0; row < t->csv.rows; row++) {
		enum ergon_code code = take_row(a, row);
		if (code)
			return code;
	}
	return t->used ? ERGON_OK : no_rows(a);
}

/* ---- groups ---- */

struct keyed {
	const char *key;
	size_t first; /* index of the key's first row: groups stand in the file's order */
	size_t index;
};

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int order = strcmp(x->key, y->key);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int by_first(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static enum ergon_code split_key(struct analysis *a, const char *key, struct pareto_group *group)
{
	size_t columns = a->table->group_column_count;
	group->values = ARENA_ARRAY(a->arena, const char *, columns + 1);
	if (!group->values)
		return no_memory(a);
	for (size_t i = 0; i < columns; i++) {
		const char *end = strchr(key, '\x1f');
		group->values[i] = arena_strndup(a->arena, key, (size_t)(end - key));
		if (!group->values[i])
			return no_memory(a);
		key = end + 1;
	}
	return ERGON_OK;
}

static enum ergon_code cut_groups(struct analysis *a, struct keyed *keyed)
{
	struct pareto_table *t = a->table;
	size_t n = t->used;
	struct tradeoff_point *points = ARENA_ARRAY(a->arena, struct tradeoff_point, n);
	size_t *rows = ARENA_ARRAY(a->arena, size_t, n);
	t->groups = ARENA_ARRAY(a->arena, struct pareto_group, n);
	if (!points || !rows || !t->groups)
		return no_memory(a);
	for (size_t i = 0; i < n; i++) {
		points[i] = t->points[keyed[i].index];
		rows[i] = t->rows[keyed[i].index];
		if (i == 0 || keyed[i].first != keyed[i - 1].first) {
			t->groups[t->group_count].begin = i;
			enum ergon_code code =
			    split_key(a, keyed[i].key, &t->groups[t->group_count++]);
			if (code)
				return code;
		}
		t->groups[t->group_count - 1].count++;
	}
	t->points = points;
	t->rows = rows;
	return ERGON_OK;
}

static enum ergon_code make_groups(struct analysis *a)
{
	size_t n = a->table->used;
	struct keyed *keyed = calloc(n, sizeof *keyed);
	if (!keyed)
		return no_memory(a);
	for (size_t i = 0; i < n; i++)
		keyed[i] = (struct keyed){ .key = a->keys[i], .index = i };
	qsort(keyed, n, sizeof *keyed, by_key);
	for (size_t i = 0; i < n; i++) {
		bool same = i > 0 && strcmp(keyed[i].key, keyed[i - 1].key) == 0;
		keyed[i].first = same ? keyed[i - 1].first : keyed[i].index;
	}
	qsort(keyed, n, sizeof *keyed, by_first);
	enum ergon_code code = cut_groups(a, keyed);
	free(keyed);
	return code;
}

/* The row with the highest value of the lever; the faster one of equals. */
static enum ergon_code find_baseline(struct analysis *a, struct pareto_group *group)
{
	const struct pareto_table *t = a->table;
	group->baseline = group->best.fastest;
	if (t->lever_column < 0)
		return ERGON_OK;
	size_t column = (size_t)t->lever_column;
	double highest = 0;
	bool found = false;
	for (size_t i = 0; i < group->count; i++) {
		size_t row = t->rows[group->begin + i];
		double value;
		if (is_blank(csv_cell(&t->csv, row, column)))
			continue; /* not stated: cannot be the baseline */
		enum ergon_code code =
		    csv_real(&t->csv, row, column, -CELL_MAX, CELL_MAX, &value, a->err);
		if (code)
			return code;
		const struct tradeoff_point *points = t->points + group->begin;
		if (!found || value > highest ||
		    (value == highest && points[i].time_s < points[group->baseline].time_s)) {
			group->baseline = i;
			highest = value;
			found = true;
		}
	}
	return ERGON_OK;
}

static enum ergon_code judge_group(struct analysis *a, struct pareto_group *group)
{
	struct pareto_table *t = a->table;
	const struct tradeoff_point *points = t->points + group->begin;
	size_t *front = ARENA_ARRAY(a->arena, size_t, group->count);
	if (!front)
		return no_memory(a);
	enum ergon_code code =
	    pareto_front(points, group->count, front, &group->front_count, a->err);
	if (code)
		return code;
	group->front = front;
	group->best = tradeoff_best(points, group->count);
	code = find_baseline(a, group);
	if (!code)
		group->within = tradeoff_within(
		    points, group->count, points[group->baseline].time_s, t->request.slowdown);
	return code;
}

/* Results are JSON, which is UTF-8 only. By RFC 3629, overlong forms and surrogates refused. */
static bool is_utf8(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		unsigned c = *p++, more = 0, least = 0;
		if (c < 0x80)
			continue;
		if (c >= 0xc2 && c < 0xe0)
			more = 1, least = 0x80, c &= 0x1f;
		else if (c >= 0xe0 && c < 0xf0)
			more = 2, least = 0x800, c &= 0x0f;
		else if (c >= 0xf0 && c < 0xf5)
			more = 3, least = 0x10000, c &= 0x07;
		else
			return false;
		for (; more; more--, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*p & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

static enum ergon_code check_text(const struct csv *csv, struct ergon_error *err)
{
	if (csv->columns > PARETO_COLUMNS_MAX)
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 1,
		                     "%zu columns: expected at most %d", csv->columns,
		                     PARETO_COLUMNS_MAX);
	for (size_t i = 0; i < csv->columns; i++)
		if (!is_utf8(csv->header[i]))
			return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 1,
			                     "column %zu: the name is not UTF-8 text", i + 1);
	for (size_t i = 0; i < csv->columns; i++)
		if (csv_column(csv, csv->header[i]) != (int)i)
			return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 1,
			                     "two columns are named '%.60s'", csv->header[i]);
	for (size_t i = 0; i < csv->rows * csv->columns; i++)
		if (!is_utf8(csv->cells[i]))
			return ergon_fail_at(
			    err, ERGON_BAD_INPUT, csv->file, csv->line[i / csv->columns],
			    "%s: the cell is not UTF-8 text", csv->header[i % csv->columns]);
	return ERGON_OK;
}

enum ergon_code pareto_table_analyse(const struct csv *csv, const struct pareto_request *request,
                                     struct arena *arena, struct pareto_table *table,
                                     struct ergon_error *err)
{
	*table = (struct pareto_table){ .csv = *csv, .request = *request };
	struct analysis a = { .table = table, .arena = arena, .err = err };
	enum ergon_code code = check_text(csv, err);
	table->pivoted = pivot_wanted(csv);
	if (!code && table->pivoted)
		code = pivot_table(csv, arena, &table->csv, err);
	if (!code)
		code = find_columns(&a);
	if (!code)
		code = take_rows(&a);
	if (!code)
		code = make_groups(&a);
	for (size_t g = 0; !code && g < table->group_count; g++)
		code = judge_group(&a, &table->groups[g]);
	return code;
}

enum ergon_code pareto_table_read(const char *path, const struct pareto_request *request,
                                  struct arena *arena, struct pareto_table *table,
                                  struct ergon_error *err)
{
	struct csv csv;
	enum ergon_code code = csv_read(path, arena, &csv, err);
	return code ? code : pareto_table_analyse(&csv, request, arena, table, err);
}
