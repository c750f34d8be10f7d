/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "understand/pareto_table.h"

struct pareto_summary pareto_table_summary(const struct pareto_table *table)
{
	struct pareto_summary s = { 0 };
	for (size_t g = 0; g < table->group_count; g++) {
		const struct pareto_group *group = &table->groups[g];
		const struct tradeoff_point *p = table->points + group->begin;
		struct tradeoff_point base = p[group->baseline];
		struct tradeoff_point edp = p[group->best.min_edp];
		struct tradeoff_point energy = p[group->best.min_energy];
		s.energy_saved_min_edp += 1 - edp.energy_j / base.energy_j;
		s.time_lost_min_edp += edp.time_s / base.time_s - 1;
		s.energy_saved_min_energy += 1 - energy.energy_j / base.energy_j;
		s.time_lost_min_energy += energy.time_s / base.time_s - 1;
	}
	double n = (double)table->group_count;
	s.energy_saved_min_edp /= n;
	s.time_lost_min_edp /= n;
	s.energy_saved_min_energy /= n;
	s.time_lost_min_energy /= n;
	return s;
}

char *pareto_group_sentence(const struct pareto_table *table, size_t index, char *out, size_t size)
{
	const struct pareto_group *group = &table->groups[index];
	const struct tradeoff_point *p = table->points + group->begin;
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < table->group_column_count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
		                         group->values[i]);
	if (used < size && table->group_column_count)
		used += (size_t)snprintf(out + used, size - used, ": ");
	if (used >= size)
		return out;
	size_t best = group->best.min_edp;
	if (best == group->baseline) {
		snprintf(out + used, size - used, "the baseline is the sweet spot");
		return out;
	}
	tradeoff_sentence(out + used, size - used, p[best], p[group->baseline]);
	used += strlen(out + used);
	if (table->lever_column < 0 || used >= size)
		return out;
	size_t column = (size_t)table->lever_column;
	const char *value = csv_cell(&table->csv, table->rows[group->begin + best], column);
	if (strcmp(table->csv.header[column], "power_limit_w") == 0)
		snprintf(out + used, size - used, " at %s W", value);
	else
		snprintf(out + used, size - used, " at %s %s", table->csv.header[column], value);
	return out;
}

/* A cell as a number where it is written as JSON writes numbers, as a text otherwise. */
static json_t *cell_to_json(const char *cell)
{
	int64_t whole;
	double real;
	size_t digits = strlen(cell);
	bool plain =
	    cell[0] != '+' && digits < 18 && !(cell[0] == '0' && digits > 1 && cell[1] != '.');
	if (plain && parse_i64(cell, &whole))
		return json_integer(whole);
	if (plain && parse_real(cell, &real))
		return json_real(real);
	return json_string(cell);
}

static json_t *point_to_json(const struct pareto_table *table, const struct pareto_group *group,
                             size_t index)
{
	if (index == TRADEOFF_NONE)
		return json_null();
	size_t at = group->begin + index;
	struct tradeoff_point p = table->points[at];
	json_t *object = json_object();
	for (size_t i = 0; i < table->csv.columns; i++)
		json_object_set_new(object, table->csv.header[i],
		                    cell_to_json(csv_cell(&table->csv, table->rows[at], i)));
	json_object_set_new(object, "time_s", json_number(p.time_s));
	json_object_set_new(object, "energy_j", json_number(p.energy_j));
	json_object_set_new(object, "power_w", json_number(p.energy_j / p.time_s));
	json_object_set_new(object, "edp_js", json_number(tradeoff_edp(p)));
	json_object_set_new(object, "line", json_integer(table->csv.line[table->rows[at]]));
	return object;
}

static void set_saving(json_t *object, struct tradeoff_point p, struct tradeoff_point base)
{
	json_object_set_new(object, "energy_saved", json_number(1 - p.energy_j / base.energy_j));
	json_object_set_new(object, "time_lost", json_number(p.time_s / base.time_s - 1));
}

static json_t *judged(const struct pareto_table *table, const struct pareto_group *group,
                      size_t index)
{
	json_t *object = point_to_json(table, group, index);
	const struct tradeoff_point *p = table->points + group->begin;
	if (index != TRADEOFF_NONE)
		set_saving(object, p[index], p[group->baseline]);
	return object;
}

/* Where every row's lever is a number. */
static json_t *curve_to_json(const struct pareto_table *table, const struct pareto_group *group)
{
	char text[256] = "";
	if (table->lever_column < 0)
		return json_null();
	const char *name = table->csv.header[table->lever_column];
	bool is_power = strstr(name, "power") || strstr(name, "cap");
	double *levers = calloc(group->count, sizeof *levers);
	bool numbers = levers != NULL;
	for (size_t i = 0; numbers && i < group->count; i++)
		numbers = parse_real(csv_cell(&table->csv, table->rows[group->begin + i],
		                              (size_t)table->lever_column),
		                     &levers[i]);
	if (numbers && group->count > 0)
		tradeoff_curve_text(
		    text, sizeof text,
		    tradeoff_curve(levers, table->points + group->begin, group->count, is_power));
	free(levers);
	return *text ? json_string(text) : json_null();
}

static json_t *group_to_json(const struct pareto_table *table, size_t index)
{
	const struct pareto_group *group = &table->groups[index];
	json_t *names = json_object(), *front = json_array();
	for (size_t i = 0; i < table->group_column_count; i++)
		json_object_set_new(names, table->group_columns[i].name,
		                    json_string(group->values[i]));
	for (size_t i = 0; i < group->front_count; i++)
		json_array_append_new(front, point_to_json(table, group, group->front[i]));
	json_t *points = json_array();
	for (size_t i = 0; i < group->count; i++) {
		struct tradeoff_point p = table->points[group->begin + i];
		json_t *lever = json_null();
		if (table->lever_column >= 0)
			lever = cell_to_json(csv_cell(&table->csv, table->rows[group->begin + i],
			                              (size_t)table->lever_column));
		json_array_append_new(points, json_pack("{s:o, s:o, s:o}", "time_s",
		                                        json_number(p.time_s), "energy_j",
		                                        json_number(p.energy_j), "lever", lever));
	}
	char sentence[512];
	pareto_group_sentence(table, index, sentence, sizeof sentence);
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "group", names,
	                 "rows", (json_int_t)group->count, "baseline",
	                 point_to_json(table, group, group->baseline), "min_energy",
	                 judged(table, group, group->best.min_energy), "min_edp",
	                 judged(table, group, group->best.min_edp), "min_ed2p",
	                 judged(table, group, group->best.min_ed2p), "within_slowdown",
	                 judged(table, group, group->within), "front", front, "points", points,
	                 "sentence", sentence, "curve", curve_to_json(table, group));
}

static json_t *rows_to_json(const struct pareto_table *table)
{
	const struct pareto_request *r = &table->request;
	size_t skipped = table->skipped_time + table->skipped_cost;
	json_t *reasons = json_array();
	const char *names[] = { r->time, r->power ? r->power : r->energy };
	size_t counts[] = { table->skipped_time, table->skipped_cost };
	for (size_t i = 0; i < 2; i++)
		if (counts[i])
			json_array_append_new(
			    reasons, json_pack("{s:s, s:s, s:I}", "reason", "the cell is empty",
			                       "column", names[i], "rows", (json_int_t)counts[i]));
	json_t *object = json_pack("{s:I, s:I, s:I, s:I, s:o}", "read", (json_int_t)table->csv.rows,
	                           "filtered_out", (json_int_t)table->filtered_out, "skipped",
	                           (json_int_t)skipped, "used", (json_int_t)table->used,
	                           "skipped_because", reasons);
	if (skipped)
		json_object_set_new(object, "first_skipped_line",
		                    json_integer(table->skipped_line));
	return object;
}

json_t *pareto_table_to_json(const struct pareto_table *table)
{
	const struct pareto_request *r = &table->request;
	json_t *groups = json_array(), *filters = json_array();
	for (size_t g = 0; g < table->group_count; g++)
		json_array_append_new(groups, group_to_json(table, g));
	for (size_t i = 0; i < r->filter_count; i++)
		json_array_append_new(filters, json_string(r->filters[i]));
	struct pareto_summary s = pareto_table_summary(table);
	json_t *summary =
	    json_pack("{s:I, s:{s:o, s:o}, s:{s:o, s:o}}", "groups", (json_int_t)table->group_count,
	              "min_edp", "mean_energy_saved", json_number(s.energy_saved_min_edp),
	              "mean_time_lost", json_number(s.time_lost_min_edp), "min_energy",
	              "mean_energy_saved", json_number(s.energy_saved_min_energy), "mean_time_lost",
	              json_number(s.time_lost_min_energy));
	const char *lever =
	    table->lever_column >= 0 ? table->csv.header[table->lever_column] : NULL;
	return json_pack(
	    "{s:s, s:i, s:s, s:b, s:s, s:s?, s:s?, s:s?, s:s, s:f, s:o, s:o, s:o, s:o}", "kind",
	    "ergon.pareto", "version", 1, "file", table->csv.file, "pivoted", table->pivoted,
	    "time_column", r->time, "power_column", r->power, "energy_column", r->energy,
	    "lever_column", lever, "baseline_is",
	    lever ? "the highest value of the lever column" : "the fastest row", "slowdown",
	    r->slowdown, "filters", filters, "rows", rows_to_json(table), "summary", summary,
	    "groups", groups);
}
