/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/calibration.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/units.h"
#include "measure/tree.h"

/* --- the file -------------------------------------------------------------------------- */

static bool file_of(const struct ergon_env *env, char *path, size_t size)
{
	return file_join(path, size, env->state_dir, "calibration.json");
}

enum ergon_code calibrations_load(const struct ergon_env *env, const char *kind, json_t **entry,
                                  struct ergon_error *err)
{
	char path[1100];
	json_t *root;
	*entry = NULL;
	if (!file_of(env, path, sizeof path) || !file_exists(path))
		return ERGON_OK;
	enum ergon_code code = json_load(path, &root, err);
	if (code)
		return code;
	*entry = json_incref(json_object_get(root, kind));
	json_decref(root);
	if (*entry && !json_is_object(*entry)) {
		json_decref(*entry);
		*entry = NULL;
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "%s: expected an object", kind);
	}
	return ERGON_OK;
}

enum ergon_code calibrations_save(const struct ergon_env *env, const char *kind, json_t *entry,
                                  struct ergon_error *err)
{
	char path[1100];
	json_t *root = NULL;
	enum ergon_code code = file_make_dirs(env->state_dir, err);
	if (code)
		return code;
	if (!file_of(env, path, sizeof path))
		return ergon_fail(err, ERGON_BAD_INPUT, "the state folder's path is too long");
	if (file_exists(path) && (code = json_load(path, &root, err)))
		return code;
	if (!root)
		root = json_pack("{s:s, s:i}", "kind", "ergon.calibrations", "version", 1);
	if (!root || json_object_set(root, kind, entry))
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	else
		code = json_save(root, path, err);
	json_decref(root);
	return code;
}

/* --- a wattmeter's trace ------------------------------------------------------------------ */

static int find_column(const struct csv *csv, const char *const *names)
{
	for (; *names; names++) {
		int column = csv_column(csv, *names);
		if (column >= 0)
			return column;
	}
	return -1;
}

/* Seconds, or a moment of the calendar (taken as UTC: only differences count). */
static bool parse_time(const char *text, double *time_s)
{
	struct tm calendar = { 0 };
	if (parse_real(text, time_s))
		return fabs(*time_s) < 1e11;
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &calendar);
	if (!rest)
		rest = strptime(text, "%Y-%m-%d %H:%M:%S", &calendar);
	if (!rest)
		return false;
	char *end = (char *)(uintptr_t)rest;
	double part = *rest == '.' ? strtod(rest, &end) : 0;
	*time_s = (double)timegm(&calendar) + part;
	return (*end == '\0' || strcmp(end, "Z") == 0) && part >= 0 && part < 1;
}

static enum ergon_code read_rows(const struct csv *csv, size_t time, size_t power,
                                 struct trace *trace, struct ergon_error *err)
{
	for (size_t row = 0; row < csv->rows; row++) {
		double time_s, power_w;
		if (!parse_time(csv_cell(csv, row, time), &time_s))
			return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[row],
			                     "%s: expected seconds or a time such as "
			                     "2026-01-31T12:00:00.5, found '%.40s'",
			                     csv->header[time], csv_cell(csv, row, time));
		if (row && time_s <= trace->time_s[row - 1])
			return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[row],
			                     "%s: expected a time behind the one before",
			                     csv->header[time]);
		enum ergon_code code = csv_real(csv, row, power, 0, 1e9, &power_w, err);
		if (code)
			return code;
		trace->time_s[row] = time_s;
		trace->value[row] = power_w;
	}
	trace->count = csv->rows;
	return ERGON_OK;
}

static enum ergon_code read_trace(const struct csv *csv, const char *column, struct arena *arena,
                                  struct trace *trace, struct ergon_error *err)
{
	static const char *const times[] = { "time_s", "time", "timestamp", "unix_s", NULL };
	static const char *const powers[] = { "power_w", "power", "watts", "w", NULL };
	const char *const given[] = { column, NULL };
	int time = find_column(csv, times);
	int power = find_column(csv, column ? given : powers);
	*trace = (struct trace){ NULL, NULL, 0 };
	if (time < 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 1,
		                     "expected a column time_s, time, timestamp or unix_s");
	if (power < 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 1,
		                     "expected a column %s (or name it with --column)",
		                     column ? column : "power_w, power, watts or w");
	if (csv->rows == 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 0, "expected rows");
	trace->time_s = ARENA_ARRAY(arena, double, csv->rows);
	trace->value = ARENA_ARRAY(arena, double, csv->rows);
	if (!trace->time_s || !trace->value)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return read_rows(csv, (size_t)time, (size_t)power, trace, err);
}

enum ergon_code calibration_trace(const char *path, const char *column, struct arena *arena,
                                  struct trace *trace, struct ergon_error *err)
{
	struct csv csv;
	enum ergon_code code = csv_read(path, arena, &csv, err);
	return code ? code : read_trace(&csv, column, arena, trace, err);
}

enum ergon_code calibration_trace_parse(const char *text, size_t length, const char *name,
                                        const char *column, struct arena *arena,
                                        struct trace *trace, struct ergon_error *err)
{
	struct csv csv;
	enum ergon_code code = csv_parse(text, length, name, ',', arena, &csv, err);
	return code ? code : read_trace(&csv, column, arena, trace, err);
}

/* --- a run's sum ---------------------------------------------------------------------------- */

static bool is_named(const char *names, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = names; *at;) {
		size_t word = strcspn(at, "+");
		if (word == length && strncmp(at, name, length) == 0)
			return true;
		at += word + (at[word] == '+');
	}
	return false;
}

static double last_value(const struct record *record, size_t channel)
{
	for (size_t i = record->sample_count; i-- > 0;) {
		double value = record->values[i * record->channel_count + channel];
		if (!isnan(value))
			return value;
	}
	return (double)NAN;
}

/* in: which channels make the sum. The node's own wattmeter is what one would compare with. */
static enum ergon_code choose(const struct record *record, const char *names, bool *in,
                              struct ergon_error *err)
{
	size_t n = record->channel_count, chosen = 0;
	struct tree_entry *entries = calloc(n, sizeof *entries);
	if (!entries)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct record_channel *channel = &record->channels[i];
		double energy_j = last_value(record, i);
		entries[i] = (struct tree_entry){
			.name = channel->name,
			.energy_j = energy_j,
			.counts = !channel->is_power && !isnan(energy_j) &&
			          !strchr(channel->name, '@') &&
			          tree_kind(channel->name) != TREE_NODE,
		};
	}
	tree_select(entries, n);
	for (size_t i = 0; i < n; i++) {
		in[i] = names ? is_named(names, record->channels[i].name) : entries[i].in_total;
		chosen += in[i];
	}
	free(entries);
	if (chosen == 0)
		return ergon_fail(err, ERGON_NOT_FOUND, "the run has no channel %s%s",
		                  names ? names : "to compare with a meter",
		                  names ? "" : " besides the node's own");
	return ERGON_OK;
}

enum ergon_code calibration_sum(const struct record *record, const char *names, struct arena *arena,
                                struct trace *sum, char *chosen, size_t size,
                                struct ergon_error *err)
{
	size_t k = record->channel_count, used = 0;
	bool *in = ARENA_ARRAY(arena, bool, k);
	*sum = (struct trace){ .time_s = ARENA_ARRAY(arena, double, record->sample_count + 1),
		               .value = ARENA_ARRAY(arena, double, record->sample_count + 1) };
	if (!in || !sum->time_s || !sum->value)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = choose(record, names, in, err);
	chosen[0] = '\0';
	for (size_t c = 0; c < k && !code; c++)
		if (in[c] && used < size)
			used += (size_t)snprintf(chosen + used, size - used, "%s%s",
			                         used ? "+" : "", record->channels[c].name);
	for (size_t i = 0; i < record->sample_count && !code; i++) {
		double energy_j = 0;
		for (size_t c = 0; c < k; c++)
			energy_j += in[c] ? record->values[i * k + c] : 0;
		if (isnan(energy_j) ||
		    (sum->count && record->time_s[i] <= sum->time_s[sum->count - 1]))
			continue;
		sum->time_s[sum->count] = record->time_s[i];
		sum->value[sum->count++] = energy_j;
	}
	return code;
}

/* --- the result ------------------------------------------------------------------------------ */

json_t *calibration_meter_json(const struct alignment *a, const char *sum)
{
	return json_pack(
	    "{s:s, s:i, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I}",
	    "kind", "ergon.calibration", "version", 1, "what", "meter", "sum", sum, "gain", a->gain,
	    "gain_ci95", a->gain_half, "offset_w", a->offset_w, "offset_ci95_w", a->offset_half_w,
	    "shift_s", a->shift_s, "shift_ci95_s", a->shift_half_s, "drift_ppm", a->drift * 1e6,
	    "drift_ci95_ppm", a->drift_half * 1e6, "window_s", a->window_s, "period_s", a->period_s,
	    "correlation", a->correlation, "residual_w", a->rms_w, "samples",
	    (json_int_t)a->samples);
}

enum ergon_code calibration_apply(const json_t *entry, json_t *document, struct ergon_error *err)
{
	const struct json_place place = { "calibration.json", "meter" };
	const char *sum;
	double gain, gain_half, offset_w, offset_half_w, duration_s, energy_j = 0;
	json_t *domains, *domain;
	size_t i, found = 0, wanted = 1;
	enum ergon_code code;
	if ((code = json_need_text(entry, place, "sum", &sum, err)) ||
	    (code = json_need_real(entry, place, "gain", -1e6, 1e6, &gain, err)) ||
	    (code = json_need_real(entry, place, "gain_ci95", 0, 1e6, &gain_half, err)) ||
	    (code = json_need_real(entry, place, "offset_w", -1e9, 1e9, &offset_w, err)) ||
	    (code = json_need_real(entry, place, "offset_ci95_w", 0, 1e9, &offset_half_w, err)) ||
	    (code = json_need_real(document, (struct json_place){ "result", "" }, "duration_s", 0,
	                           1e12, &duration_s, err)) ||
	    (code = json_need_array(document, (struct json_place){ "result", "" }, "domains",
	                            &domains, err)))
		return code;
	for (const char *c = sum; *c; c++)
		wanted += *c == '+';
	json_array_foreach(domains, i, domain)
	{
		const char *name = json_string_value(json_object_get(domain, "name"));
		if (!name || !is_named(sum, name))
			continue;
		found++;
		energy_j += json_number_value(json_object_get(domain, "energy_j"));
	}
	if (found != wanted)
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "calibrated is %s, of which this measurement has %zu of %zu", sum,
		                  found, wanted);
	double half_j = hypot(gain_half * energy_j, offset_half_w * duration_s);
	double calibrated_j = gain * energy_j + offset_w * duration_s;
	json_t *result =
	    json_pack("{s:s, s:f, s:f, s:f, s:f, s:f}", "sum", sum, "energy_j", calibrated_j,
	              "energy_low_j", fmax(0, calibrated_j - half_j), "energy_high_j",
	              calibrated_j + half_j, "gain", gain, "offset_w", offset_w);
	if (!result || json_object_set_new(document, "calibrated", result))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}
