/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "store/backend.h"

struct store {
	const struct store_backend *backend;
	void *state;
	const char *shown;
};

/* NULL for a URL of a database that we do not know. */
static const struct store_backend *backend_of(const char *place)
{
	if (!place || !strstr(place, "://"))
		return store_backends[0];
	for (const struct store_backend *const *b = store_backends; *b; b++)
		for (const char *const *s = (*b)->schemes; s && *s; s++)
			if (strncmp(place, *s, strlen(*s)) == 0)
				return *b;
	return NULL;
}

enum ergon_code store_open(struct store **out, const struct ergon_env *env, bool create,
                           struct ergon_error *err)
{
	*out = NULL;
	struct store *store = calloc(1, sizeof *store);
	if (!store)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	const char *place = env->store_url ? env->store_url : env->state_dir;
	enum ergon_code code = ERGON_OK;
	store->backend = backend_of(place);
	if (!store->backend)
		code = ergon_fail(err, ERGON_BAD_INPUT,
		                  "--store: expected a folder or postgres://..., found '%.*s'",
		                  (int)(strstr(place, "://") - place) + 3, place);
	if (!code)
		code = store->backend->open(&store->state, env, place, create, &store->shown, err);
	if (code)
		free(store);
	else
		*out = store;
	return code;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store->backend->close(store->state);
	free(store);
}

static struct sql_value integer(int64_t value)
{
	return (struct sql_value){ .kind = SQL_INT, .integer = value };
}

static struct sql_value real(double value)
{
	return (struct sql_value){ .kind = SQL_REAL, .real = value };
}

static struct sql_value text(const char *value)
{
	if (!value)
		return (struct sql_value){ .kind = SQL_NULL };
	return (struct sql_value){ .kind = SQL_TEXT, .bytes = value, .size = strlen(value) };
}

static enum ergon_code run(struct store *store, const char *sql, const struct sql_value *values,
                           int count, sql_take take, void *user, const char *doing,
                           struct ergon_error *err)
{
	return store->backend->run(store->state, sql, values, count, take, user, doing, err);
}

/* --- writing -------------------------------------------------------------------- */

static bool take_id(void *user, const struct sql_value *cells, int count)
{
	if (count == 1 && cells[0].kind == SQL_INT)
		*(int64_t *)user = cells[0].integer;
	return true;
}

enum ergon_code store_begin(struct store *store, int64_t started_unix_ns, const char *command,
                            const char *channels, int64_t *id, struct ergon_error *err)
{
	const struct sql_value values[] = { integer(started_unix_ns), text(command),
		                            text(channels) };
	*id = -1;
	enum ergon_code code = run(store,
	                           "INSERT INTO runs (started_unix_ns, command, channels) "
	                           "VALUES ($1, $2, $3) RETURNING id",
	                           values, 3, take_id, id, "begin a run", err);
	if (!code && *id < 0)
		code = ergon_fail(err, ERGON_INTERNAL, "%s gave the run no number", store->shown);
	return code;
}

enum ergon_code store_append(struct store *store, int64_t id, uint64_t rows, const void *data,
                             size_t size, struct ergon_error *err)
{
	const struct sql_value values[] = { integer(id),
		                            integer((int64_t)rows),
		                            { .kind = SQL_BLOB, .bytes = data, .size = size } };
	return run(store, "INSERT INTO batches (run, rows, data) VALUES ($1, $2, $3)", values, 3,
	           NULL, NULL, "keep samples", err);
}

enum ergon_code store_finish(struct store *store, int64_t id, const struct store_run *result,
                             struct ergon_error *err)
{
	const struct sql_value values[] = {
		integer(result->finished_unix_ns), real(result->energy_j), real(result->duration_s),
		integer(result->status),           text(result->document), integer(id)
	};
	return run(store,
	           "UPDATE runs SET finished_unix_ns = $1, energy_j = $2, duration_s = $3, "
	           "status = $4, document = $5 WHERE id = $6",
	           values, 6, NULL, NULL, "finish a run", err);
}

/* --- reading -------------------------------------------------------------------- */

#define RUN_COLUMNS                                                                                \
	"id, started_unix_ns, finished_unix_ns, energy_j, duration_s, status, command, channels, " \
	"document"
enum { RUN_CELLS = 9 };

static const char *text_or(const struct sql_value *cell, const char *fallback)
{
	return cell->kind == SQL_TEXT ? cell->bytes : fallback;
}

/* A whole number in a REAL column may come back as one. */
static double real_of(const struct sql_value *cell)
{
	return cell->kind == SQL_INT ? (double)cell->integer : cell->real;
}

static struct store_run run_of(const struct sql_value *cells)
{
	return (struct store_run){ .id = cells[0].integer,
		                   .started_unix_ns = cells[1].integer,
		                   .finished_unix_ns = cells[2].integer,
		                   .energy_j = real_of(&cells[3]),
		                   .duration_s = real_of(&cells[4]),
		                   .status = (int)cells[5].integer,
		                   .command = text_or(&cells[6], ""),
		                   .channels = text_or(&cells[7], "[]"),
		                   .document = text_or(&cells[8], NULL) };
}

struct listing {
	bool (*take)(void *user, const struct store_run *run);
	void *user;
};

static bool take_listed(void *user, const struct sql_value *cells, int count)
{
	const struct listing *listing = user;
	if (count != RUN_CELLS)
		return false;
	struct store_run one = run_of(cells);
	return listing->take(listing->user, &one);
}

enum ergon_code store_list(struct store *store, uint64_t limit,
                           bool (*take)(void *user, const struct store_run *run), void *user,
                           struct ergon_error *err)
{
	struct listing listing = { take, user };
	const struct sql_value values[] = { integer(limit > INT64_MAX ? INT64_MAX
		                                                      : (int64_t)limit) };
	return run(store, "SELECT " RUN_COLUMNS " FROM runs ORDER BY id DESC LIMIT $1", values, 1,
	           take_listed, &listing, "list the runs", err);
}

enum ergon_code store_find(struct store *store, const char *name, int64_t *id,
                           struct ergon_error *err)
{
	uint64_t number = 0;
	bool last = strncmp(name, "last", 4) == 0;
	bool good = last ? name[4] == '\0' || (name[4] == '-' && parse_u64(name + 5, &number))
	                 : parse_u64(name, &number);
	if (!good || number > INT64_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "expected a run's number, last or last-N, found '%.40s'", name);
	const struct sql_value values[] = { integer((int64_t)number) };
	int64_t found = -1;
	enum ergon_code code = run(store,
	                           last ? "SELECT id FROM runs ORDER BY id DESC LIMIT 1 OFFSET $1"
	                                : "SELECT id FROM runs WHERE id = $1",
	                           values, 1, take_id, &found, "find a run", err);
	if (!code && found < 0)
		code = ergon_fail(err, ERGON_NOT_FOUND, "no run '%.40s'; see ergon runs", name);
	if (!code)
		*id = found;
	return code;
}

struct getting {
	void (*take)(void *user, const struct store_run *run);
	void *user;
	bool found;
};

static bool take_one(void *user, const struct sql_value *cells, int count)
{
	struct getting *getting = user;
	if (count != RUN_CELLS)
		return false;
	struct store_run one = run_of(cells);
	getting->found = true;
	getting->take(getting->user, &one);
	return false;
}

enum ergon_code store_get(struct store *store, int64_t id,
                          void (*take)(void *user, const struct store_run *run), void *user,
                          struct ergon_error *err)
{
	struct getting getting = { take, user, false };
	const struct sql_value values[] = { integer(id) };
	enum ergon_code code = run(store, "SELECT " RUN_COLUMNS " FROM runs WHERE id = $1", values,
	                           1, take_one, &getting, "read a run", err);
	if (!code && !getting.found)
		code = ergon_fail(err, ERGON_NOT_FOUND, "no run %lld", (long long)id);
	return code;
}

struct batches {
	bool (*take)(void *user, uint64_t rows, const void *data, size_t size);
	void *user;
};

static bool take_batch(void *user, const struct sql_value *cells, int count)
{
	const struct batches *batches = user;
	if (count != 2 || cells[1].kind != SQL_BLOB)
		return count == 2; /* an empty batch */
	return batches->take(batches->user, (uint64_t)cells[0].integer, cells[1].bytes,
	                     cells[1].size);
}

enum ergon_code store_samples(struct store *store, int64_t id,
                              bool (*take)(void *user, uint64_t rows, const void *data,
                                           size_t size),
                              void *user, struct ergon_error *err)
{
	struct batches batches = { take, user };
	const struct sql_value values[] = { integer(id) };
	return run(store, "SELECT rows, data FROM batches WHERE run = $1 ORDER BY id", values, 1,
	           take_batch, &batches, "read samples", err);
}
