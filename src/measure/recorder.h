/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps a run's samples in the store while it lasts: drains the meter's stream and writes a batch
 * at least every half second, so that a kill -9 loses no more than the last second.
 *
 * A store that cannot be written (full disk, read-only home) stops the recording, never the run:
 * recorder.failed says so, with its error.
 */
#ifndef ERGON_MEASURE_RECORDER_H
#define ERGON_MEASURE_RECORDER_H

#include "measure/meter.h"
#include "measure/record.h"
#include "measure/run.h"
#include "measure/series.h"
#include "store/store.h"

/* What stands for the command where nothing was started. */
#define RECORDING "(recording)"

struct recorder {
	struct store *store; /* borrowed */
	struct meter *meter; /* opened with .stream */
	int64_t id;
	uint64_t flushed_ns, lost;
	unsigned char *rows; /* packed */
	size_t size, capacity, count;
	bool failed;
	struct ergon_error error;
	struct series *series; /* gets every sample too; NULL: none. Borrowed */
};

ERGON_MUST_USE enum ergon_code recorder_begin(struct recorder *recorder, struct store *store,
                                              struct meter *meter, const char *command,
                                              uint64_t unix_ns, struct ergon_error *err);
/* Call often: struct run_options.poll. */
void recorder_poll(struct recorder *recorder);
/* Writes what is left and the result; document: the run's JSON text. */
ERGON_MUST_USE enum ergon_code recorder_finish(struct recorder *recorder,
                                               const struct run_result *result,
                                               const char *document, struct ergon_error *err);
void recorder_fini(struct recorder *recorder);

/* The samples of a kept run as a recording (record.h). */
ERGON_MUST_USE enum ergon_code record_load(struct store *store, int64_t id, struct arena *arena,
                                           struct record *record, struct ergon_error *err);

#endif
