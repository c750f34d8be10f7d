/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/recorder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/grow.h"
#include "base/json.h"
#include "base/units.h"

static const uint64_t flush_ns = NS_PER_S / 2;

static char *describe_channels(const struct meter *meter)
{
	json_t *list = json_array();
	for (size_t i = 0; i < meter_channel_count(meter); i++) {
		const struct channel *channel = meter_channel(meter, i);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", channel->name,
		                                      "quantity", "energy_j", "driver",
		                                      meter_channel_driver(meter, i), "provenance",
		                                      provenance_name(channel->provenance)));
	}
	char *text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

enum ergon_code recorder_begin(struct recorder *recorder, struct store *store, struct meter *meter,
                               const char *command, uint64_t unix_ns, struct ergon_error *err)
{
	*recorder = (struct recorder){ .store = store, .meter = meter };
	char *channels = describe_channels(meter);
	if (!channels)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code =
	    store_begin(store, (int64_t)unix_ns, command, channels, &recorder->id, err);
	free(channels);
	return code;
}

static void take_sample(void *user, const struct meter_sample *sample)
{
	struct recorder *recorder = user;
	size_t n = meter_channel_count(recorder->meter), bytes = 8 * (n + 1);
	if (recorder->series)
		series_take(recorder->series, sample);
	if (recorder->failed)
		return;
	if (!GROW(recorder->rows, recorder->capacity, recorder->size + bytes)) {
		recorder->lost++;
		return;
	}
	unsigned char *at = recorder->rows + recorder->size;
	put_u64(at, sample->time_ns);
	for (size_t i = 0; i < n; i++)
		put_u64(at + 8 * (i + 1), (uint64_t)sample->energy_uj[i]);
	recorder->size += bytes;
	recorder->count++;
	if (!recorder->flushed_ns)
		recorder->flushed_ns = sample->time_ns;
}

static void flush(struct recorder *recorder)
{
	if (recorder->count == 0 || recorder->failed)
		return;
	if (store_append(recorder->store, recorder->id, recorder->count, recorder->rows,
	                 recorder->size, &recorder->error))
		recorder->failed = true;
	recorder->flushed_ns = get_u64(recorder->rows + recorder->size -
	                               8 * (meter_channel_count(recorder->meter) + 1));
	recorder->size = recorder->count = 0;
}

void recorder_poll(struct recorder *recorder)
{
	recorder->lost += meter_drain(recorder->meter, take_sample, recorder);
	if (recorder->count == 0)
		return;
	uint64_t latest_ns = get_u64(recorder->rows + recorder->size -
	                             8 * (meter_channel_count(recorder->meter) + 1));
	if (latest_ns >= recorder->flushed_ns + flush_ns)
		flush(recorder);
}

enum ergon_code recorder_finish(struct recorder *recorder, const struct run_result *result,
                                const char *document, struct ergon_error *err)
{
	recorder->lost += meter_drain(recorder->meter, take_sample, recorder);
	flush(recorder);
	if (recorder->failed) {
		if (err)
			*err = recorder->error;
		return recorder->error.code;
	}
	struct store_run row = {
		.finished_unix_ns =
		    (int64_t)(result->energy.unix_ns + ns_from_seconds(result->energy.duration_s)),
		.energy_j = result->energy.energy_j,
		.duration_s = result->energy.duration_s,
		.status = result->status,
		.document = document,
	};
	return store_finish(recorder->store, recorder->id, &row, err);
}

void recorder_fini(struct recorder *recorder)
{
	free(recorder->rows);
	recorder->rows = NULL;
}

/* --- back out of the store ------------------------------------------------- */

struct loading {
	struct arena *arena;
	struct record *record;
	struct ergon_error *err;
	enum ergon_code code;
	size_t capacity;
	uint64_t zero_ns;
	double *times, *values; /* malloc'd while they grow */
	size_t times_capacity, values_capacity;
};

static void take_channels(void *user, const struct store_run *run)
{
	struct loading *loading = user;
	json_t *list, *entry;
	size_t i;
	loading->code =
	    json_parse(run->channels, strlen(run->channels), "runs.sqlite", &list, loading->err);
	if (loading->code)
		return;
	struct record *record = loading->record;
	record->channel_count = json_array_size(list);
	record->channels =
	    ARENA_ARRAY(loading->arena, struct record_channel, record->channel_count + 1);
	json_array_foreach(list, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "name"));
		const char *provenance = json_string_value(json_object_get(entry, "provenance"));
		if (!record->channels)
			break;
		snprintf(record->channels[i].name, CHANNEL_NAME_SIZE, "%s", name ? name : "?");
		record->channels[i].provenance = provenance && strcmp(provenance, "modelled") == 0
		                                     ? PROVENANCE_MODELLED
		                                     : PROVENANCE_MEASURED;
	}
	json_decref(list);
	if (!record->channels)
		loading->code = ergon_fail(loading->err, ERGON_NO_MEMORY, "out of memory");
}

static bool take_batch(void *user, uint64_t rows, const void *data, size_t size)
{
	struct loading *loading = user;
	struct record *record = loading->record;
	size_t n = record->channel_count, bytes = 8 * (n + 1);
	if (size / bytes < rows) {
		loading->code = ergon_fail_at(loading->err, ERGON_BAD_INPUT, "runs.sqlite", 0,
		                              "a batch is shorter than its %llu rows",
		                              (unsigned long long)rows);
		return false;
	}
	size_t count = record->sample_count;
	if (!GROW(loading->times, loading->times_capacity, count + rows) ||
	    !GROW(loading->values, loading->values_capacity, (count + rows) * n + 1)) {
		loading->code = ergon_fail(loading->err, ERGON_NO_MEMORY, "out of memory");
		return false;
	}
	for (uint64_t r = 0; r < rows; r++) {
		const unsigned char *at = (const unsigned char *)data + r * bytes;
		uint64_t time_ns = get_u64(at);
		if (count == 0)
			loading->zero_ns = time_ns;
		loading->times[count] = seconds_from_ns(time_ns - loading->zero_ns);
		for (size_t i = 0; i < n; i++) {
			int64_t energy_uj = (int64_t)get_u64(at + 8 * (i + 1));
			loading->values[count * n + i] =
			    energy_uj < 0 ? (double)NAN : (double)energy_uj / 1e6;
		}
		count++;
	}
	record->sample_count = count;
	return true;
}

enum ergon_code record_load(struct store *store, int64_t id, struct arena *arena,
                            struct record *record, struct ergon_error *err)
{
	struct loading loading = { .arena = arena, .record = record, .err = err };
	*record = (struct record){ 0 };
	enum ergon_code code = store_get(store, id, take_channels, &loading, err);
	if (!code && !loading.code)
		code = store_samples(store, id, take_batch, &loading, err);
	code = code ? code : loading.code;
	if (!code && record->sample_count) {
		size_t values = record->sample_count * record->channel_count;
		record->time_s = ARENA_ARRAY(arena, double, record->sample_count);
		record->values = ARENA_ARRAY(arena, double, values + 1);
		if (!record->time_s || !record->values) {
			code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		} else {
			memcpy(record->time_s, loading.times,
			       record->sample_count * sizeof *loading.times);
			memcpy(record->values, loading.values, values * sizeof *loading.values);
		}
	}
	free(loading.times);
	free(loading.values);
	return code;
}
