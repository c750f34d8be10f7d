/* SPDX-License-Identifier: Apache-2.0
 *
 * The history in a file: STATE_DIR/runs.sqlite.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "store/backend.h"

enum { BUSY_MS = 5000, PATH_SIZE = 1200, CELLS_MAX = 16 };

struct sqlite_store {
	sqlite3 *db;
	char path[PATH_SIZE];
};

static enum ergon_code fail(const struct sqlite_store *store, const char *doing,
                            struct ergon_error *err)
{
	int code = sqlite3_errcode(store->db);
	return ergon_fail_at(
	    err, code == SQLITE_READONLY || code == SQLITE_PERM ? ERGON_NO_PERMISSION : ERGON_IO,
	    store->path, 0, "cannot %s: %s", doing, sqlite3_errmsg(store->db));
}

/* The tables of backends.c in SQLite's words. */
static void write_schema(struct text *sql)
{
	static const char *const types[] = { "", "INTEGER", "REAL", "TEXT", "BLOB" };
	static const char *const roles[] = { " PRIMARY KEY", "", " NOT NULL",
		                             " NOT NULL DEFAULT 0" };
	for (const struct sql_column *c = store_columns; c->table; c++) {
		bool first = c == store_columns || strcmp(c[-1].table, c->table) != 0;
		bool last = !c[1].table || strcmp(c[1].table, c->table) != 0;
		if (first)
			text_printf(sql, "CREATE TABLE IF NOT EXISTS %s (", c->table);
		text_printf(sql, "%s%s %s%s", first ? "" : ", ", c->name, types[c->kind],
		            roles[c->role]);
		if (last)
			text_puts(sql, ");");
	}
	text_printf(sql,
	            "CREATE INDEX IF NOT EXISTS batches_of_run ON batches(run);"
	            "PRAGMA user_version = %d;",
	            (int)STORE_SCHEMA_VERSION);
}

static int schema_version(struct sqlite_store *store)
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

static enum ergon_code set_up(struct sqlite_store *store, struct ergon_error *err)
{
	sqlite3_busy_timeout(store->db, BUSY_MS);
	int version = schema_version(store);
	if (version < 0)
		return fail(store, "read the history", err);
	if (version > STORE_SCHEMA_VERSION)
		return ergon_fail_at(err, ERGON_BAD_INPUT, store->path, 0,
		                     "expected a history of version %d, found %d: a newer ergon "
		                     "wrote it",
		                     (int)STORE_SCHEMA_VERSION, version);
	/* NORMAL in WAL mode: a killed process loses nothing committed; a power cut may lose the
	 * last transactions but never the file. */
	if (sqlite3_exec(store->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;", NULL,
	                 NULL, NULL) != SQLITE_OK)
		return fail(store, "open the history", err);
	if (version == STORE_SCHEMA_VERSION)
		return ERGON_OK;
	struct text sql = { 0 };
	write_schema(&sql);
	enum ergon_code code = ERGON_OK;
	if (sql.failed)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	else if (sqlite3_exec(store->db, sql.data, NULL, NULL, NULL) != SQLITE_OK)
		code = fail(store, "make the history", err);
	text_fini(&sql);
	return code;
}

static void sqlite_close(void *state)
{
	struct sqlite_store *store = state;
	sqlite3_close(store->db);
	free(store);
}

static enum ergon_code sqlite_open(void **out, const struct ergon_env *env, const char *place,
                                   bool create, const char **shown, struct ergon_error *err)
{
	(void)env;
	struct sqlite_store *store = calloc(1, sizeof *store);
	if (!store)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = ERGON_OK;
	if (!file_join(store->path, sizeof store->path, place, "runs.sqlite"))
		code = ergon_fail(err, ERGON_BAD_INPUT, "the state folder's path is too long");
	else if (create)
		code = file_make_dirs(place, err);
	else if (!file_exists(store->path))
		code = ergon_fail(err, ERGON_NOT_FOUND, "no run has been kept yet in %s", place);
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
	if (!code && sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK)
		code = fail(store, "open the history", err);
	if (!code)
		code = set_up(store, err);
	if (code) {
		sqlite_close(store);
		return code;
	}
	*shown = store->path;
	*out = store;
	return ERGON_OK;
}

static void bind(sqlite3_stmt *statement, int at, const struct sql_value *value)
{
	switch (value->kind) {
	case SQL_NULL:
		sqlite3_bind_null(statement, at);
		break;
	case SQL_INT:
		sqlite3_bind_int64(statement, at, value->integer);
		break;
	case SQL_REAL:
		sqlite3_bind_double(statement, at, value->real);
		break;
	case SQL_TEXT:
		sqlite3_bind_text64(statement, at, value->bytes, value->size, SQLITE_STATIC,
		                    SQLITE_UTF8);
		break;
	case SQL_BLOB:
		sqlite3_bind_blob64(statement, at, value->bytes, value->size, SQLITE_STATIC);
		break;
	}
}

static struct sql_value cell(sqlite3_stmt *statement, int column)
{
	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER:
		return (struct sql_value){ .kind = SQL_INT,
			                   .integer = sqlite3_column_int64(statement, column) };
	case SQLITE_FLOAT:
		return (struct sql_value){ .kind = SQL_REAL,
			                   .real = sqlite3_column_double(statement, column) };
	case SQLITE_TEXT:
		return (struct sql_value){ .kind = SQL_TEXT,
			                   .bytes = sqlite3_column_text(statement, column),
			                   .size =
			                       (size_t)sqlite3_column_bytes(statement, column) };
	case SQLITE_BLOB:
		return (struct sql_value){ .kind = SQL_BLOB,
			                   .bytes = sqlite3_column_blob(statement, column),
			                   .size =
			                       (size_t)sqlite3_column_bytes(statement, column) };
	default:
		return (struct sql_value){ .kind = SQL_NULL };
	}
}

static enum ergon_code sqlite_run(void *state, const char *sql, const struct sql_value *values,
                                  int count, sql_take take, void *user, const char *doing,
                                  struct ergon_error *err)
{
	struct sqlite_store *store = state;
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return fail(store, doing, err);
	for (int i = 0; i < count; i++)
		bind(statement, i + 1, &values[i]); /* $1 is the first by its place */
	enum ergon_code code = ERGON_OK;
	int columns = sqlite3_column_count(statement), step;
	bool more = true;
	while (more && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW) {
			code = fail(store, doing, err);
			break;
		}
		struct sql_value cells[CELLS_MAX];
		for (int i = 0; i < columns && i < CELLS_MAX; i++)
			cells[i] = cell(statement, i);
		more = !take || take(user, cells, columns < CELLS_MAX ? columns : CELLS_MAX);
	}
	sqlite3_finalize(statement);
	return code;
}

const struct store_backend store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.run = sqlite_run,
};
