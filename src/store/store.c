/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"

enum { SCHEMA_VERSION = 1, BUSY_MS = 5000, PATH_SIZE = 1200 };

struct store {
	sqlite3 *db;
	char path[PATH_SIZE];
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS runs ("
    " id INTEGER PRIMARY KEY, started_unix_ns INTEGER NOT NULL,"
    " finished_unix_ns INTEGER NOT NULL DEFAULT 0, energy_j REAL NOT NULL DEFAULT 0,"
    " duration_s REAL NOT NULL DEFAULT 0, status INTEGER NOT NULL DEFAULT 0,"
    " command TEXT NOT NULL, channels TEXT NOT NULL, document TEXT);"
    "CREATE TABLE IF NOT EXISTS batches ("
    " id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(id),"
    " rows INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS batches_of_run ON batches(run);"
    "PRAGMA user_version = 1;";

static enum ergon_code fail(const struct store *store, const char *doing, struct ergon_error *err)
{
	int code = sqlite3_errcode(store->db);
	return ergon_fail_at(
	    err, code == SQLITE_READONLY || code == SQLITE_PERM ? ERGON_NO_PERMISSION : ERGON_IO,
	    store->path, 0, "cannot %s: %s", doing, sqlite3_errmsg(store->db));
}

static int schema_version(struct store *store)
{
	sqlite3_stmt *statement;
	int version = -1;
	if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL) ==
	        SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return version;
}

static enum ergon_code set_up(struct store *store, struct ergon_error *err)
{
	sqlite3_busy_timeout(store->db, BUSY_MS);
	int version = schema_version(store);
	if (version < 0)
		return fail(store, "read the history", err);
	if (version > SCHEMA_VERSION)
		return ergon_fail_at(err, ERGON_BAD_INPUT, store->path, 0,
		                     "expected a history of version %d, found %d: a newer ergon "
		                     "wrote it",
		                     SCHEMA_VERSION, version);
	/* NORMAL in WAL mode: a killed process loses nothing committed; a power cut may lose the
	 * last transactions but never the file. */
	if (sqlite3_exec(store->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;", NULL,
	                 NULL, NULL) != SQLITE_OK)
		return fail(store, "open the history", err);
	if (version < SCHEMA_VERSION &&
	    sqlite3_exec(store->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return fail(store, "make the history", err);
	return ERGON_OK;
}

enum ergon_code store_open(struct store **out, const char *state_dir, bool create,
                           struct ergon_error *err)
{
	*out = NULL;
	struct store *store = calloc(1, sizeof *store);
	if (!store)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = ERGON_OK;
	if (!file_join(store->path, sizeof store->path, state_dir, "runs.sqlite"))
		code = ergon_fail(err, ERGON_BAD_INPUT, "the state folder's path is too long");
	else if (create)
		code = file_make_dirs(state_dir, err);
	else if (!file_exists(store->path))
		code =
		    ergon_fail(err, ERGON_NOT_FOUND, "no run has been kept yet in %s", state_dir);
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
	if (!code && sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK)
		code = fail(store, "open the history", err);
	if (!code)
		code = set_up(store, err);
	if (code)
		store_close(store);
	else
		*out = store;
	return code;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	sqlite3_close(store->db);
	free(store);
}

static enum ergon_code prepare(struct store *store, const char *sql, sqlite3_stmt **statement,
                               struct ergon_error *err)
{
	if (sqlite3_prepare_v2(store->db, sql, -1, statement, NULL) != SQLITE_OK)
		return fail(store, "use the history", err);
	return ERGON_OK;
}

/* Runs a statement that gives no row. */
static enum ergon_code run(struct store *store, sqlite3_stmt *statement, const char *doing,
                           struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	if (sqlite3_step(statement) != SQLITE_DONE)
		code = fail(store, doing, err);
	sqlite3_finalize(statement);
	return code;
}

enum ergon_code store_begin(struct store *store, int64_t started_unix_ns, const char *command,
                            const char *channels, int64_t *id, struct ergon_error *err)
{
	sqlite3_stmt *s;
	enum ergon_code code =
	    prepare(store, "INSERT INTO runs (started_unix_ns, command, channels) VALUES (?, ?, ?)",
	            &s, err);
	if (code)
		return code;
	sqlite3_bind_int64(s, 1, started_unix_ns);
	sqlite3_bind_text(s, 2, command, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, channels, -1, SQLITE_STATIC);
	code = run(store, s, "begin a run", err);
	*id = sqlite3_last_insert_rowid(store->db);
	return code;
}

enum ergon_code store_append(struct store *store, int64_t id, uint64_t rows, const void *data,
                             size_t size, struct ergon_error *err)
{
	sqlite3_stmt *s;
	enum ergon_code code =
	    prepare(store, "INSERT INTO batches (run, rows, data) VALUES (?, ?, ?)", &s, err);
	if (code)
		return code;
	sqlite3_bind_int64(s, 1, id);
	sqlite3_bind_int64(s, 2, (int64_t)rows);
	sqlite3_bind_blob64(s, 3, data, size, SQLITE_STATIC);
	return run(store, s, "keep samples", err);
}

enum ergon_code store_finish(struct store *store, int64_t id, const struct store_run *result,
                             struct ergon_error *err)
{
	sqlite3_stmt *s;
	enum ergon_code code = prepare(store,
	                               "UPDATE runs SET finished_unix_ns = ?, energy_j = ?, "
	                               "duration_s = ?, status = ?, document = ? WHERE id = ?",
	                               &s, err);
	if (code)
		return code;
	sqlite3_bind_int64(s, 1, result->finished_unix_ns);
	sqlite3_bind_double(s, 2, result->energy_j);
	sqlite3_bind_double(s, 3, result->duration_s);
	sqlite3_bind_int(s, 4, result->status);
	sqlite3_bind_text(s, 5, result->document, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 6, id);
	return run(store, s, "finish a run", err);
}

static const char *text_or(sqlite3_stmt *s, int column, const char *fallback)
{
	const unsigned char *text = sqlite3_column_text(s, column);
	return text ? (const char *)text : fallback;
}

#define RUN_COLUMNS                                                                                \
	"id, started_unix_ns, finished_unix_ns, energy_j, duration_s, status, command, channels, " \
	"document"

static struct store_run run_of(sqlite3_stmt *s)
{
	return (struct store_run){ .id = sqlite3_column_int64(s, 0),
		                   .started_unix_ns = sqlite3_column_int64(s, 1),
		                   .finished_unix_ns = sqlite3_column_int64(s, 2),
		                   .energy_j = sqlite3_column_double(s, 3),
		                   .duration_s = sqlite3_column_double(s, 4),
		                   .status = sqlite3_column_int(s, 5),
		                   .command = text_or(s, 6, ""),
		                   .channels = text_or(s, 7, "[]"),
		                   .document = text_or(s, 8, NULL) };
}

enum ergon_code store_list(struct store *store, uint64_t limit,
                           bool (*take)(void *user, const struct store_run *run), void *user,
                           struct ergon_error *err)
{
	sqlite3_stmt *s;
	enum ergon_code code =
	    prepare(store, "SELECT " RUN_COLUMNS " FROM runs ORDER BY id DESC LIMIT ?", &s, err);
	if (code)
		return code;
	sqlite3_bind_int64(s, 1, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
	int step;
	bool more = true;
	while (more && (step = sqlite3_step(s)) != SQLITE_DONE) {
		if (step != SQLITE_ROW) {
			code = fail(store, "list the runs", err);
			break;
		}
		struct store_run one = run_of(s);
		more = take(user, &one);
	}
	sqlite3_finalize(s);
	return code;
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
	sqlite3_stmt *s;
	enum ergon_code code =
	    prepare(store,
	            last ? "SELECT id FROM runs ORDER BY id DESC LIMIT 1 OFFSET ?"
	                 : "SELECT id FROM runs WHERE id = ?",
	            &s, err);
	if (code)
		return code;
	sqlite3_bind_int64(s, 1, (int64_t)number);
	if (sqlite3_step(s) == SQLITE_ROW)
		*id = sqlite3_column_int64(s, 0);
	else
		code = ergon_fail(err, ERGON_NOT_FOUND, "no run '%.40s'; see ergon runs", name);
	sqlite3_finalize(s);
	return code;
}

enum ergon_code store_get(struct store *store, int64_t id,
                          void (*take)(void *user, const struct store_run *run), void *user,
                          struct ergon_error *err)
{
	sqlite3_stmt *s;
	enum ergon_code code =
	    prepare(store, "SELECT " RUN_COLUMNS " FROM runs WHERE id = ?", &s, err);
	if (code)
		return code;
	sqlite3_bind_int64(s, 1, id);
	if (sqlite3_step(s) == SQLITE_ROW) {
		struct store_run one = run_of(s);
		take(user, &one);
	} else {
		code = ergon_fail(err, ERGON_NOT_FOUND, "no run %lld", (long long)id);
	}
	sqlite3_finalize(s);
	return code;
}

enum ergon_code store_samples(struct store *store, int64_t id,
                              bool (*take)(void *user, uint64_t rows, const void *data,
                                           size_t size),
                              void *user, struct ergon_error *err)
{
	sqlite3_stmt *s;
	enum ergon_code code =
	    prepare(store, "SELECT rows, data FROM batches WHERE run = ? ORDER BY id", &s, err);
	if (code)
		return code;
	sqlite3_bind_int64(s, 1, id);
	int step;
	bool more = true;
	while (more && (step = sqlite3_step(s)) != SQLITE_DONE) {
		if (step != SQLITE_ROW) {
			code = fail(store, "read samples", err);
			break;
		}
		more = take(user, (uint64_t)sqlite3_column_int64(s, 0), sqlite3_column_blob(s, 1),
		            (size_t)sqlite3_column_bytes(s, 1));
	}
	sqlite3_finalize(s);
	return code;
}
