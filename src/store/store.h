/* SPDX-License-Identifier: Apache-2.0
 *
 * The history of runs: one SQLite file, STATE_DIR/runs.sqlite, or a PostgreSQL database for a fleet
 * (env->store_url, which is --store and $ERGON_STORE). backend.h is what a database must do.
 *
 * A run is begun, gets batches of samples (at least one a second while it lasts), and is finished
 * with its result document. Every batch is a transaction of its own (in SQLite's WAL mode), so a
 * kill -9 loses what came after the last one and never the file. A run that was never finished
 * stays listed as such, with its samples. Several processes may use the store at once.
 *
 * Samples are opaque here: rows of (uint64 time_ns, int64 energy_uj[channels]), little endian, as
 * measure/recorder.h packs them.
 */
#ifndef ERGON_STORE_STORE_H
#define ERGON_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"
#include "ergon/error.h"

struct store;

struct store_run {
	int64_t id;
	int64_t started_unix_ns;
	int64_t finished_unix_ns; /* 0: not finished */
	double energy_j, duration_s;
	int status;
	const char *command;
	const char *channels; /* JSON array of {"name","driver","provenance"} */
	const char *document; /* the result; NULL while unfinished */
};

/* Makes folder and file, or tables, where they are missing if create; else NOT_FOUND. env outlives
 * the store. */
ERGON_MUST_USE enum ergon_code store_open(struct store **store, const struct ergon_env *env,
                                          bool create, struct ergon_error *err);
void store_close(struct store *store); /* NULL is allowed */

ERGON_MUST_USE enum ergon_code store_begin(struct store *store, int64_t started_unix_ns,
                                           const char *command, const char *channels, int64_t *id,
                                           struct ergon_error *err);
ERGON_MUST_USE enum ergon_code store_append(struct store *store, int64_t id, uint64_t rows,
                                            const void *data, size_t size, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code store_finish(struct store *store, int64_t id,
                                            const struct store_run *result,
                                            struct ergon_error *err);

/* Newest first, at most limit; take returns false to stop. Borrowed for the call only. */
ERGON_MUST_USE enum ergon_code store_list(struct store *store, uint64_t limit,
                                          bool (*take)(void *user, const struct store_run *run),
                                          void *user, struct ergon_error *err);

/* "12", "last", "last-1". NOT_FOUND where there is no such run. */
ERGON_MUST_USE enum ergon_code store_find(struct store *store, const char *name, int64_t *id,
                                          struct ergon_error *err);

/* Hands one run to take (its texts are borrowed for the call). */
ERGON_MUST_USE enum ergon_code store_get(struct store *store, int64_t id,
                                         void (*take)(void *user, const struct store_run *run),
                                         void *user, struct ergon_error *err);

/* All batches of a run in order. */
ERGON_MUST_USE enum ergon_code store_samples(struct store *store, int64_t id,
                                             bool (*take)(void *user, uint64_t rows,
                                                          const void *data, size_t size),
                                             void *user, struct ergon_error *err);

#endif
