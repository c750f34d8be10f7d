/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording: the energy or power of some channels over time, as `ergon export` writes it and the
 * replay sensor reads it.
 *
 * CSV: the header is time_s and one NAME:energy_j or NAME:power_w a channel; times rise; an empty
 * cell is a gap. JSON: {"kind":"ergon.record","version":1,
 *   "channels":[{"name":"package-0","quantity":"energy_j","provenance":"measured"}],
 *   "samples":[[time_s, value or null, ...], ...]}.
 * Values are cumulative joules from any zero, or watts; never negative.
 */
#ifndef ERGON_MEASURE_RECORD_H
#define ERGON_MEASURE_RECORD_H

#include <stddef.h>

#include "base/arena.h"
#include "measure/sensor.h"

struct record_channel {
	char name[CHANNEL_NAME_SIZE];
	bool is_power;
	enum provenance provenance;
};

struct record {
	struct record_channel *channels; /* [channel_count] */
	size_t channel_count, sample_count;
	double *time_s; /* [sample_count], rising */
	double *values; /* [sample_count * channel_count]; NaN in a gap */
};

/* Everything lives in the arena. name stands in errors; JSON is told by its first character. */
ERGON_MUST_USE enum ergon_code record_parse(const char *text, size_t length, const char *name,
                                            struct arena *arena, struct record *record,
                                            struct ergon_error *err);
ERGON_MUST_USE enum ergon_code record_read(const char *path, struct arena *arena,
                                           struct record *record, struct ergon_error *err);

#endif
