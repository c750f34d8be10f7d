/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/phase_record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/tree.h"

enum { CELL_SIZE = 32, SAMPLES_LEAST = 3 };

struct power_column {
	size_t channel;
	bool in_total;
};

static double value_at(const struct record *r, size_t sample, size_t channel)
{
	return r->values[sample * r->channel_count + channel];
}

/* Mean power between a sample and the next; NaN where one of them is a gap. */
static double step_w(const struct record *r, size_t sample, size_t channel)
{
	double a = value_at(r, sample, channel), b = value_at(r, sample + 1, channel);
	if (r->channels[channel].is_power)
		return (a + b) / 2;
	return (b - a) / (r->time_s[sample + 1] - r->time_s[sample]);
}

/* Which channels have a power at all, and which make up the whole. */
static size_t choose(const struct record *r, struct power_column *columns,
                     struct tree_entry *entries)
{
	size_t n = 0;
	for (size_t c = 0; c < r->channel_count; c++) {
		double sum = 0;
		size_t steps = 0;
		for (size_t i = 0; i + 1 < r->sample_count; i++) {
			double power = step_w(r, i, c);
			sum += isnan(power) ? 0 : power;
			steps += !isnan(power);
		}
		if (steps == 0)
			continue;
		entries[n] = (struct tree_entry){ .name = r->channels[c].name,
			                          .energy_j = sum / (double)steps,
			                          .counts = !strchr(r->channels[c].name, '@') };
		columns[n++].channel = c;
	}
	tree_select(entries, n);
	for (size_t i = 0; i < n; i++)
		columns[i].in_total = entries[i].in_total;
	return n;
}

static const char *cell(struct arena *arena, double value)
{
	char text[CELL_SIZE];
	snprintf(text, sizeof text, "%.9g", value);
	return arena_strdup(arena, text);
}

static bool fill_row(const struct record *r, size_t i, const struct power_column *columns,
                     size_t count, double *before, const char **cells, struct arena *arena)
{
	double total = 0;
	for (size_t k = 0; k < count; k++) {
		double power = step_w(r, i, columns[k].channel);
		before[k] = isnan(power) ? before[k] : power;
		total += columns[k].in_total ? before[k] : 0;
		cells[k + 2] = cell(arena, before[k]);
	}
	cells[0] = cell(arena, (r->time_s[i] + r->time_s[i + 1]) / 2);
	cells[1] = cell(arena, total);
	for (size_t k = 0; k < count + 2; k++)
		if (!cells[k])
			return false;
	return true;
}

static bool fill(const struct record *r, const struct power_column *columns, size_t count,
                 struct arena *arena, struct csv *csv)
{
	double *before = ARENA_ARRAY(arena, double, count);
	csv->columns = count + 2;
	csv->rows = r->sample_count - 1;
	csv->header = ARENA_ARRAY(arena, const char *, csv->columns);
	csv->cells = ARENA_ARRAY(arena, const char *, csv->rows * csv->columns);
	csv->line = ARENA_ARRAY(arena, long, csv->rows);
	if (!before || !csv->header || !csv->cells || !csv->line)
		return false;
	csv->header[0] = "time_s";
	csv->header[1] = "power_w";
	for (size_t k = 0; k < count; k++) {
		char text[CHANNEL_NAME_SIZE + 16];
		snprintf(text, sizeof text, "%s:power_w", r->channels[columns[k].channel].name);
		csv->header[k + 2] = arena_strdup(arena, text);
		if (!csv->header[k + 2])
			return false;
	}
	for (size_t i = 0; i < csv->rows; i++) {
		csv->line[i] = (long)i + 2;
		if (!fill_row(r, i, columns, count, before, csv->cells + i * csv->columns, arena))
			return false;
	}
	return true;
}

enum ergon_code phase_record_table(const struct record *record, const char *name,
                                   struct arena *arena, struct csv *csv, struct ergon_error *err)
{
	*csv = (struct csv){ .file = name };
	if (record->sample_count < SAMPLES_LEAST)
		return ergon_fail_at(err, ERGON_INFEASIBLE, name, 0,
		                     "expected %d samples or more, found %zu", SAMPLES_LEAST,
		                     record->sample_count);
	struct power_column *columns =
	    ARENA_ARRAY(arena, struct power_column, record->channel_count + 1);
	struct tree_entry *entries =
	    ARENA_ARRAY(arena, struct tree_entry, record->channel_count + 1);
	if (!columns || !entries)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	size_t count = choose(record, columns, entries);
	if (count == 0)
		return ergon_fail_at(err, ERGON_INFEASIBLE, name, 0, "no domain has a power");
	if (!fill(record, columns, count, arena, csv))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

bool phase_record_is(const struct csv *csv)
{
	const char *colon = csv->columns > 1 ? strrchr(csv->header[1], ':') : NULL;
	return colon && strcmp(csv->header[0], "time_s") == 0 &&
	       (strcmp(colon, ":energy_j") == 0 || strcmp(colon, ":power_w") == 0);
}
