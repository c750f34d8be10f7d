/* SPDX-License-Identifier: Apache-2.0
 *
 * The trade-off analysis of anybody's table of measurements.
 *
 * One row is one measured configuration. Rows are grouped by the columns that name the work (model,
 * batch size, ...); inside a group the rest was varied (power limit, clock, threads, ...). Each
 * group gets its exact Pareto front, the points of least energy, least EDP and least ED2P, the
 * thriftiest point that is at most so much slower, and a sentence against its baseline: the row
 * with the highest value of the lever column (power_limit_w where there is one), else the fastest.
 *
 * A column may be named as COLUMN.KEY: then the value of KEY in a cell such as
 * "ResNet-50;dataset=imagenet;optimizer=adam" counts. Long tables (run_id, metric, value) are
 * pivoted first, see pivot.h. Energy is the energy column, or power x time.
 *
 * Rows whose time, power or energy cell is empty are counted and reported, with the line of the
 * first; a cell that is no positive number is an error. Everything lives in the caller's arena.
 */
#ifndef ERGON_UNDERSTAND_PARETO_TABLE_H
#define ERGON_UNDERSTAND_PARETO_TABLE_H

#include <jansson.h>

#include "base/csv.h"
#include "understand/pareto.h"

enum { PARETO_COLUMNS_MAX = 2048, PARETO_GROUP_COLUMNS_MAX = 16, PARETO_FILTERS_MAX = 32 };

struct pareto_request {
	const char *groups;                /* "COL,COL"; NULL or "": one group of all rows */
	const char *time, *power, *energy; /* columns; exactly one of power and energy */
	const char *lever;                 /* column that was varied; NULL: power_limit_w or none */
	const char *const *filters;        /* "COL=VALUE", VALUE may hold * and ? */
	size_t filter_count;
	double slowdown; /* of the "at most so much slower" point */
};

/* A column, or one key inside a column's cells. */
struct pareto_column {
	const char *name; /* as given */
	size_t column;
	const char *key; /* NULL: the whole cell */
};

struct pareto_group {
	const char **values; /* [group_columns] */
	size_t begin, count; /* in pareto_table.points and .rows */
	const size_t *front; /* [front_count], indexes from begin */
	size_t front_count;
	struct tradeoff_best best;
	size_t within; /* TRADEOFF_NONE where no row is fast enough */
	size_t baseline;
};

struct pareto_table {
	struct csv csv; /* as analysed: pivoted where it was long */
	bool pivoted;
	struct pareto_request request;
	struct pareto_column group_columns[PARETO_GROUP_COLUMNS_MAX];
	size_t group_column_count;
	int lever_column;              /* -1: the baseline is the fastest row */
	struct tradeoff_point *points; /* [used], group by group */
	size_t *rows;                  /* [used]: row of csv of each point */
	size_t used;
	size_t filtered_out;               /* rows that a filter left aside */
	size_t skipped_time, skipped_cost; /* rows with an empty cell */
	long skipped_line;                 /* line of the first of them; 0 for none */
	struct pareto_group *groups;
	size_t group_count;
};

ERGON_MUST_USE enum ergon_code pareto_table_analyse(const struct csv *csv,
                                                    const struct pareto_request *request,
                                                    struct arena *arena, struct pareto_table *table,
                                                    struct ergon_error *err);
ERGON_MUST_USE enum ergon_code pareto_table_read(const char *path,
                                                 const struct pareto_request *request,
                                                 struct arena *arena, struct pareto_table *table,
                                                 struct ergon_error *err);

/* Means over the groups, at the point of least EDP against the baseline: fractions. */
struct pareto_summary {
	double energy_saved_min_edp, time_lost_min_edp;
	double energy_saved_min_energy, time_lost_min_energy;
};
struct pareto_summary pareto_table_summary(const struct pareto_table *table);

/* "resnet50, 256, adadelta: 19% less energy at 3% more time at power_limit_w 175". */
char *pareto_group_sentence(const struct pareto_table *table, size_t group, char *out, size_t size);

/* The document "ergon.pareto"; NULL when memory is out. */
json_t *pareto_table_to_json(const struct pareto_table *table);

#endif
