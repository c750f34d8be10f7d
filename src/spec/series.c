/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/series.h"

#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/units.h"

enum { HOURS = 24 };
static const double time_max_s = 4e9;

static enum ergon_code reserve(struct series *series, size_t count, struct arena *arena,
                               const char *path, struct ergon_error *err)
{
	if (count == 0 || count > SERIES_POINTS_MAX)
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "%zu points; 1 to %d", count,
		                     SERIES_POINTS_MAX);
	series->time_ns = ARENA_ARRAY(arena, uint64_t, count);
	series->value = ARENA_ARRAY(arena, double, count);
	return series->time_ns && series->value ? ERGON_OK
	                                        : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

/* Times must ascend. */
static enum ergon_code add(struct series *series, double time_s, double value, const char *path,
                           long line, struct ergon_error *err)
{
	uint64_t time_ns = ns_from_seconds(time_s);
	if (series->count && time_ns <= series->time_ns[series->count - 1])
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, line,
		                     "times must ascend; %g s does not follow %g s", time_s,
		                     (double)series->time_ns[series->count - 1] * 1e-9);
	series->time_ns[series->count] = time_ns;
	series->value[series->count++] = value;
	return ERGON_OK;
}

static enum ergon_code read_csv(const char *path, const char *column, double min, double max,
                                struct arena *arena, struct series *series, struct ergon_error *err)
{
	struct csv csv;
	size_t value_at, time_at;
	enum ergon_code code = csv_read(path, arena, &csv, err);
	if (!code)
		code = csv_need_column(&csv, column, &value_at, err);
	if (code)
		return code;
	bool daily = csv_column(&csv, "time_s") < 0 && csv_column(&csv, "hour") >= 0;
	code = csv_need_column(&csv, daily ? "hour" : "time_s", &time_at, err);
	if (!code)
		code = reserve(series, csv.rows, arena, path, err);
	for (size_t row = 0; row < csv.rows && !code; row++) {
		double time = 0, value = 0;
		code =
		    csv_real(&csv, row, time_at, 0, daily ? HOURS - 1e-9 : time_max_s, &time, err);
		if (!code)
			code = csv_real(&csv, row, value_at, min, max, &value, err);
		if (!code)
			code = add(series, daily ? time * 3600 : time, value, path, csv.line[row],
			           err);
	}
	if (daily)
		series->period_ns = (uint64_t)HOURS * 3600 * NS_PER_S;
	return code;
}

static enum ergon_code read_points(const json_t *points, const char *path, double min, double max,
                                   struct series *series, struct ergon_error *err)
{
	size_t i;
	json_t *point;
	json_array_foreach(points, i, point)
	{
		const json_t *time = json_array_get(point, 0), *value = json_array_get(point, 1);
		double time_s = json_number_value(time), number = json_number_value(value);
		bool good = json_array_size(point) == 2 && json_is_number(time) &&
		            json_is_number(value) && time_s >= 0 && time_s <= time_max_s &&
		            number >= min && number <= max;
		if (!good)
			return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0,
			                     "points[%zu]: [seconds, value], the value from %g to "
			                     "%g",
			                     i, min, max);
		enum ergon_code code = add(series, time_s, number, path, 0, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code read_json(const char *path, double min, double max, struct arena *arena,
                                 struct series *series, struct ergon_error *err)
{
	static const char *const known[] = { "period_s", "unit", "source", "points", NULL };
	json_t *root = NULL, *points = NULL;
	double period_s = 0;
	struct json_place place = { path, "" };
	enum ergon_code code = json_load(path, &root, err);
	if (code)
		return code;
	if (!json_is_object(root))
		code = ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "a series is an object");
	if (!code)
		code = json_only_keys(root, place, known, err);
	if (!code)
		code = json_want_real(root, place, "period_s", 1, time_max_s, &period_s, err);
	if (!code)
		code = json_need_array(root, place, "points", &points, err);
	if (!code)
		code = reserve(series, json_array_size(points), arena, path, err);
	if (!code)
		code = read_points(points, path, min, max, series, err);
	json_decref(root);
	series->period_ns = ns_from_seconds(period_s);
	if (!code && series->period_ns && series->time_ns[series->count - 1] >= series->period_ns)
		code = ergon_fail_at(err, ERGON_BAD_INPUT, path, 0,
		                     "points: the last time lies behind period_s");
	return code;
}

enum ergon_code series_load(const char *path, const char *column, double min, double max,
                            struct arena *arena, struct series *series, struct ergon_error *err)
{
	size_t length = strlen(path);
	*series = (struct series){ .origin = arena_strdup(arena, path) };
	if (!series->origin)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (length > 5 && strcmp(path + length - 5, ".json") == 0)
		return read_json(path, min, max, arena, series, err);
	return read_csv(path, column, min, max, arena, series, err);
}

enum ergon_code series_constant(double value, const char *origin, struct arena *arena,
                                struct series *series, struct ergon_error *err)
{
	*series = (struct series){ .origin = arena_strdup(arena, origin) };
	enum ergon_code code = reserve(series, 1, arena, origin, err);
	if (code || !series->origin)
		return code ? code : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	series->value[0] = value;
	series->count = 1;
	return ERGON_OK;
}

/* The last point at or before a time within the period. */
static uint32_t point_at(const struct series *series, uint64_t within_ns)
{
	uint32_t low = 0, high = series->count;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (series->time_ns[middle] <= within_ns)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static uint64_t within(const struct series *series, uint64_t time_ns)
{
	return series->period_ns ? time_ns % series->period_ns : time_ns;
}

double series_at(const struct series *series, uint64_t time_ns)
{
	return series->value[point_at(series, within(series, time_ns))];
}

uint64_t series_next(const struct series *series, uint64_t time_ns)
{
	uint64_t at = within(series, time_ns), begin = time_ns - at;
	uint32_t next = point_at(series, at) + 1;
	if (next < series->count)
		return begin + series->time_ns[next];
	if (!series->period_ns || series->count == 1)
		return UINT64_MAX;
	return begin + series->period_ns;
}

double series_least(const struct series *series, uint64_t from_ns, uint64_t to_ns)
{
	double least = series_at(series, from_ns);
	for (uint64_t at = series_next(series, from_ns); at < to_ns; at = series_next(series, at))
		least = fmin(least, series_at(series, at));
	return least;
}

double series_integral(const struct series *series, uint64_t from_ns, uint64_t to_ns)
{
	double sum = 0;
	while (from_ns < to_ns) {
		uint64_t next = series_next(series, from_ns), until = next < to_ns ? next : to_ns;
		sum += series_at(series, from_ns) * ((double)(until - from_ns) * 1e-9);
		from_ns = until;
	}
	return sum;
}
