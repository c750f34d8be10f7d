/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/record.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"

static const double value_max = 1e13; /* J or W; keeps uJ within 64 bits */

static enum ergon_code out_of_memory(struct ergon_error *err)
{
	return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

static enum ergon_code make_room(struct arena *arena, struct record *record,
                                 struct ergon_error *err)
{
	size_t n = record->sample_count, k = record->channel_count;
	if (k == 0 || k > CHANNELS_MAX || n == 0)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "a recording needs 1 to %d channels and a sample", CHANNELS_MAX);
	if (n > SIZE_MAX / k)
		return out_of_memory(err);
	record->time_s = ARENA_ARRAY(arena, double, n);
	record->values = ARENA_ARRAY(arena, double, n *k);
	return record->time_s && record->values ? ERGON_OK : out_of_memory(err);
}

/* --- CSV ------------------------------------------------------------------ */

static enum ergon_code csv_header(const struct csv *csv, struct record *record,
                                  struct ergon_error *err)
{
	for (size_t c = 1; c < csv->columns; c++) {
		struct record_channel *channel = &record->channels[c - 1];
		const char *text = csv->header[c], *colon = strrchr(text, ':');
		bool energy = colon && strcmp(colon, ":energy_j") == 0;
		bool power = colon && strcmp(colon, ":power_w") == 0;
		if ((!energy && !power) || colon == text ||
		    (size_t)(colon - text) >= sizeof channel->name - 24)
			return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 1,
			                     "column %zu: expected NAME:energy_j or NAME:power_w, "
			                     "found '%.60s'",
			                     c + 1, text);
		snprintf(channel->name, sizeof channel->name, "%.*s", (int)(colon - text), text);
		channel->is_power = power;
		channel->provenance = PROVENANCE_MEASURED;
	}
	return ERGON_OK;
}

static enum ergon_code csv_row(const struct csv *csv, size_t row, struct record *record,
                               struct ergon_error *err)
{
	enum ergon_code code = csv_real(csv, row, 0, 0, 1e12, &record->time_s[row], err);
	if (code)
		return code;
	if (row > 0 && record->time_s[row] <= record->time_s[row - 1])
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[row],
		                     "time_s: expected more than %g, the row before's",
		                     record->time_s[row - 1]);
	double *values = record->values + row * record->channel_count;
	for (size_t c = 1; c < csv->columns; c++) {
		if (csv_cell(csv, row, c)[0] == '\0')
			values[c - 1] = NAN;
		else if ((code = csv_real(csv, row, c, 0, value_max, &values[c - 1], err)))
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code parse_csv(const char *text, size_t length, const char *name,
                                 struct arena *arena, struct record *record,
                                 struct ergon_error *err)
{
	struct csv csv;
	enum ergon_code code = csv_parse(text, length, name, ',', arena, &csv, err);
	if (code)
		return code;
	if (csv.columns < 2 || strcmp(csv.header[0], "time_s") != 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, name, 1,
		                     "expected the header time_s,NAME:energy_j,...");
	record->channel_count = csv.columns - 1;
	record->sample_count = csv.rows;
	record->channels = ARENA_ARRAY(arena, struct record_channel, record->channel_count);
	if (!record->channels)
		return out_of_memory(err);
	if ((code = make_room(arena, record, err)) || (code = csv_header(&csv, record, err)))
		return code;
	for (size_t row = 0; row < csv.rows && !code; row++)
		code = csv_row(&csv, row, record, err);
	return code;
}

/* --- JSON ----------------------------------------------------------------- */

static enum ergon_code json_channel(const json_t *object, const char *name,
                                    struct record_channel *channel, struct ergon_error *err)
{
	struct json_place place = { name, "channels[]" };
	const char *text, *quantity, *provenance = "measured";
	enum ergon_code code = json_need_text(object, place, "name", &text, err);
	if (code || (code = json_need_text(object, place, "quantity", &quantity, err)) ||
	    (code = json_want_text(object, place, "provenance", &provenance, err)))
		return code;
	channel->is_power = strcmp(quantity, "power_w") == 0;
	if (!channel->is_power && strcmp(quantity, "energy_j") != 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
		                     "channels[].quantity: expected energy_j or power_w, found "
		                     "'%.40s'",
		                     quantity);
	if (!text[0] || strlen(text) >= sizeof channel->name - 24)
		return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
		                     "channels[].name: expected 1 to %zu characters",
		                     sizeof channel->name - 25);
	snprintf(channel->name, sizeof channel->name, "%s", text);
	channel->provenance = strcmp(provenance, "modelled") == 0     ? PROVENANCE_MODELLED
	                      : strcmp(provenance, "attributed") == 0 ? PROVENANCE_ATTRIBUTED
	                                                              : PROVENANCE_MEASURED;
	return ERGON_OK;
}

static enum ergon_code json_sample(const json_t *row, const char *name, size_t i,
                                   struct record *record, struct ergon_error *err)
{
	if (!json_is_array(row) || json_array_size(row) != record->channel_count + 1)
		return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
		                     "samples[%zu]: expected an array of %zu numbers", i,
		                     record->channel_count + 1);
	for (size_t c = 0; c <= record->channel_count; c++) {
		const json_t *cell = json_array_get(row, c);
		double value = json_is_null(cell) && c > 0 ? (double)NAN : json_number_value(cell);
		if ((!json_is_number(cell) && !(json_is_null(cell) && c > 0)) || value < 0 ||
		    value > value_max)
			return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
			                     "samples[%zu][%zu]: expected a number from 0 to %g%s",
			                     i, c, value_max, c ? " or null" : "");
		if (c == 0)
			record->time_s[i] = value;
		else
			record->values[i * record->channel_count + c - 1] = value;
	}
	if (i > 0 && record->time_s[i] <= record->time_s[i - 1])
		return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
		                     "samples[%zu][0]: expected a time after %g", i,
		                     record->time_s[i - 1]);
	return ERGON_OK;
}

static enum ergon_code read_document(const json_t *root, const char *name, struct arena *arena,
                                     struct record *record, struct ergon_error *err)
{
	json_t *channels, *samples, *entry;
	size_t i;
	struct json_place place = { name, "" };
	const char *kind;
	enum ergon_code code = json_need_text(root, place, "kind", &kind, err);
	if (code)
		return code;
	if (strcmp(kind, "ergon.record") != 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
		                     "kind: expected ergon.record, found '%.40s'", kind);
	if ((code = json_need_array(root, place, "channels", &channels, err)) ||
	    (code = json_need_array(root, place, "samples", &samples, err)))
		return code;
	record->channel_count = json_array_size(channels);
	record->sample_count = json_array_size(samples);
	record->channels = ARENA_ARRAY(arena, struct record_channel, record->channel_count + 1);
	if (!record->channels)
		return out_of_memory(err);
	if ((code = make_room(arena, record, err)))
		return code;
	json_array_foreach(
	    channels, i,
	    entry) if ((code = json_channel(entry, name, &record->channels[i], err))) return code;
	json_array_foreach(
	    samples, i, entry) if ((code = json_sample(entry, name, i, record, err))) return code;
	return ERGON_OK;
}

/* --- either ----------------------------------------------------------------- */

static enum ergon_code names_differ(const struct record *record, const char *name,
                                    struct ergon_error *err)
{
	for (size_t i = 0; i < record->channel_count; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(record->channels[i].name, record->channels[k].name) == 0)
				return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
				                     "channel '%s' stands there twice",
				                     record->channels[i].name);
	return ERGON_OK;
}

enum ergon_code record_parse(const char *text, size_t length, const char *name, struct arena *arena,
                             struct record *record, struct ergon_error *err)
{
	*record = (struct record){ 0 };
	size_t at = 0;
	while (at < length && isspace((unsigned char)text[at]))
		at++;
	enum ergon_code code;
	if (at < length && text[at] == '{') {
		json_t *root;
		if ((code = json_parse(text, length, name, &root, err)))
			return code;
		code = read_document(root, name, arena, record, err);
		json_decref(root);
	} else {
		code = parse_csv(text, length, name, arena, record, err);
	}
	return code ? code : names_differ(record, name, err);
}

enum ergon_code record_read(const char *path, struct arena *arena, struct record *record,
                            struct ergon_error *err)
{
	char *text;
	size_t length;
	enum ergon_code code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = record_parse(text, length, path, arena, record, err);
	free(text);
	return code;
}
