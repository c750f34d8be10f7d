/* SPDX-License-Identifier: Apache-2.0
 *
 * The history of a fleet in a PostgreSQL database: --store postgres://USER@HOST/DATABASE.
 *
 * libpq is opened at run time; the few entry points below are declared after its published API
 * (PostgreSQL 15, chapter "libpq"). Values travel as binary parameters, rows one at a time, so that
 * neither is ever part of a statement's text nor in memory all at once. A password belongs into
 * ~/.pgpass or PGPASSWORD; one in the URL is never shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/library.h"
#include "store/backend.h"

enum { CONNECTION_OK = 0, PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2, PGRES_SINGLE_TUPLE = 9 };
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_FLOAT8 = 701 };
enum { CELLS_MAX = 16, VALUES_MAX = 8, SHOWN_SIZE = 200 };
/* Any number that other programs on the server are unlikely to lock. */
#define SCHEMA_LOCK "5243071994"

struct pq_api {
	void *(*connect)(const char *const *keywords, const char *const *values, int expand);
	int (*status)(const void *connection);
	char *(*message)(const void *connection);
	void (*finish)(void *connection);
	int (*send)(void *connection, const char *sql, int count, const unsigned *types,
	            const char *const *values, const int *lengths, const int *formats, int format);
	int (*single)(void *connection);
	void *(*result)(void *connection);
	int (*result_status)(const void *result);
	char *(*result_message)(const void *result);
	int (*rows)(const void *result);
	int (*columns)(const void *result);
	unsigned (*type)(const void *result, int column);
	int (*is_null)(const void *result, int row, int column);
	int (*length)(const void *result, int row, int column);
	char *(*value)(const void *result, int row, int column);
	void (*clear)(void *result);
	void *(*set_notice)(void *connection, void (*processor)(void *, const char *), void *user);
};

static const struct entry_point entries[] = {
	ENTRY_POINT(struct pq_api, "PQconnectdbParams", connect, true),
	ENTRY_POINT(struct pq_api, "PQstatus", status, true),
	ENTRY_POINT(struct pq_api, "PQerrorMessage", message, true),
	ENTRY_POINT(struct pq_api, "PQfinish", finish, true),
	ENTRY_POINT(struct pq_api, "PQsendQueryParams", send, true),
	ENTRY_POINT(struct pq_api, "PQsetSingleRowMode", single, true),
	ENTRY_POINT(struct pq_api, "PQgetResult", result, true),
	ENTRY_POINT(struct pq_api, "PQresultStatus", result_status, true),
	ENTRY_POINT(struct pq_api, "PQresultErrorMessage", result_message, true),
	ENTRY_POINT(struct pq_api, "PQntuples", rows, true),
	ENTRY_POINT(struct pq_api, "PQnfields", columns, true),
	ENTRY_POINT(struct pq_api, "PQftype", type, true),
	ENTRY_POINT(struct pq_api, "PQgetisnull", is_null, true),
	ENTRY_POINT(struct pq_api, "PQgetlength", length, true),
	ENTRY_POINT(struct pq_api, "PQgetvalue", value, true),
	ENTRY_POINT(struct pq_api, "PQclear", clear, true),
	ENTRY_POINT(struct pq_api, "PQsetNoticeProcessor", set_notice, true),
};

struct postgres_store {
	const struct ergon_env *env;
	struct pq_api api;
	void *library, *connection;
	char shown[SHOWN_SIZE];
};

/* The URL without its password. */
static void show_place(char *out, size_t size, const char *url)
{
	const char *start = strstr(url, "://") + 3, *at = start + strcspn(start, "/?");
	while (at > start && *at != '@')
		at--;
	const char *colon = *at == '@' ? memchr(start, ':', (size_t)(at - start)) : NULL;
	if (colon)
		snprintf(out, size, "%.*s:...%.*s", (int)(colon - url), url, (int)strcspn(at, "?"),
		         at);
	else
		snprintf(out, size, "%.*s", (int)strcspn(url, "?"), url);
}

/* libpq's messages have a newline at the end, and may have several lines. */
static enum ergon_code fail(const struct postgres_store *store, enum ergon_code code,
                            const char *doing, const char *message, struct ergon_error *err)
{
	char line[300];
	snprintf(line, sizeof line, "%s", message);
	size_t length = strlen(line);
	while (length && (line[length - 1] == '\n' || line[length - 1] == ' '))
		line[--length] = '\0';
	for (char *c = line; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	return ergon_fail_at(err, code, store->shown, 0, "cannot %s: %s", doing, line);
}

static void big_endian(unsigned char *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)(value >> (8 * (7 - i)));
}

static uint64_t from_big_endian(const char *in, int size)
{
	uint64_t value = 0;
	for (int i = 0; i < size; i++)
		value = value << 8 | (unsigned char)in[i];
	return value;
}

/* --- values ------------------------------------------------------------------------- */

/* How many bytes of UTF-8 begin here; 0: none that PostgreSQL takes. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
	size_t n = at[0] < 0x80                    ? 1
	           : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
	           : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
	           : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
	                                           : 0;
	if (n == 0 || n > left || at[0] == 0)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return n;
}

/* A command's words may be any bytes, a text of the database may not: '?' stands for the rest. */
static char *clean_text(const struct sql_value *value)
{
	const unsigned char *in = value->bytes;
	char *out = malloc(value->size + 1);
	for (size_t i = 0; out && i < value->size;) {
		size_t n = utf8_length(in + i, value->size - i);
		if (n)
			memcpy(out + i, in + i, n);
		else
			out[i] = '?';
		i += n ? n : 1;
	}
	if (out)
		out[value->size] = '\0';
	return out;
}

struct parameters {
	unsigned types[VALUES_MAX];
	const char *values[VALUES_MAX];
	int lengths[VALUES_MAX], formats[VALUES_MAX];
	unsigned char numbers[VALUES_MAX][8];
	char *texts[VALUES_MAX]; /* malloc'd */
};

static bool pack(struct parameters *p, const struct sql_value *values, int count)
{
	memset(p, 0, sizeof *p);
	for (int i = 0; i < count; i++) {
		uint64_t bits = (uint64_t)values[i].integer;
		p->formats[i] = 1;
		p->values[i] = (const char *)p->numbers[i];
		p->lengths[i] = 8;
		switch (values[i].kind) {
		case SQL_NULL:
			p->types[i] = OID_TEXT;
			p->values[i] = NULL;
			break;
		case SQL_REAL:
			memcpy(&bits, &values[i].real, sizeof bits);
			/* fall through */
		case SQL_INT:
			p->types[i] = values[i].kind == SQL_REAL ? OID_FLOAT8 : OID_INT8;
			big_endian(p->numbers[i], bits);
			break;
		case SQL_TEXT:
			p->types[i] = OID_TEXT;
			p->values[i] = p->texts[i] = clean_text(&values[i]);
			p->lengths[i] = (int)values[i].size;
			if (!p->texts[i])
				return false;
			break;
		case SQL_BLOB:
			p->types[i] = OID_BYTEA;
			p->values[i] = values[i].bytes;
			p->lengths[i] = (int)values[i].size;
			break;
		}
	}
	return true;
}

static struct sql_value cell(const struct pq_api *api, const void *result, int column)
{
	struct sql_value value = { .kind = SQL_NULL };
	if (api->is_null(result, 0, column))
		return value;
	const char *bytes = api->value(result, 0, column);
	int size = api->length(result, 0, column);
	uint64_t bits;
	switch (api->type(result, column)) {
	case OID_INT4:
		value.kind = SQL_INT;
		value.integer = (int32_t)from_big_endian(bytes, size < 4 ? size : 4);
		break;
	case OID_INT8:
		value.kind = SQL_INT;
		value.integer = (int64_t)from_big_endian(bytes, size < 8 ? size : 8);
		break;
	case OID_FLOAT8:
		value.kind = SQL_REAL;
		bits = from_big_endian(bytes, size < 8 ? size : 8);
		memcpy(&value.real, &bits, sizeof bits);
		break;
	case OID_BYTEA:
	case OID_TEXT:
		value.kind = api->type(result, column) == OID_TEXT ? SQL_TEXT : SQL_BLOB;
		value.bytes = bytes; /* libpq ends every value with 0 */
		value.size = (size_t)size;
		break;
	default:
		break;
	}
	return value;
}

/* --- statements ------------------------------------------------------------------------ */

/* All results must be fetched, whatever became of the first. */
static enum ergon_code fetch(struct postgres_store *store, sql_take take, void *user,
                             const char *doing, struct ergon_error *err)
{
	const struct pq_api *api = &store->api;
	enum ergon_code code = ERGON_OK;
	bool more = true;
	void *result;
	while ((result = api->result(store->connection))) {
		int status = api->result_status(result);
		if (status == PGRES_SINGLE_TUPLE && more && take && !code) {
			struct sql_value cells[CELLS_MAX];
			int columns = api->columns(result);
			columns = columns < CELLS_MAX ? columns : CELLS_MAX;
			for (int i = 0; i < columns; i++)
				cells[i] = cell(api, result, i);
			more = take(user, cells, columns);
		} else if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK &&
		           status != PGRES_COMMAND_OK && !code) {
			code = fail(store, ERGON_IO, doing, api->result_message(result), err);
		}
		api->clear(result);
	}
	return code;
}

static enum ergon_code postgres_run(void *state, const char *sql, const struct sql_value *values,
                                    int count, sql_take take, void *user, const char *doing,
                                    struct ergon_error *err)
{
	struct postgres_store *store = state;
	const struct pq_api *api = &store->api;
	struct parameters p;
	enum ergon_code code = ERGON_OK;
	if (count > VALUES_MAX)
		return ergon_fail(err, ERGON_INTERNAL, "a statement with %d values", count);
	if (!pack(&p, values, count))
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!code && (!api->send(store->connection, sql, count, p.types, p.values, p.lengths,
	                         p.formats, 1) ||
	              !api->single(store->connection)))
		code = fail(store, ERGON_IO, doing, api->message(store->connection), err);
	if (!code)
		code = fetch(store, take, user, doing, err);
	for (int i = 0; i < count; i++)
		free(p.texts[i]);
	return code;
}

/* --- opening ----------------------------------------------------------------------- */

static bool take_number(void *user, const struct sql_value *cells, int count)
{
	if (count == 1 && cells[0].kind == SQL_INT)
		*(int64_t *)user = cells[0].integer;
	return true;
}

/* The tables of backends.c in PostgreSQL's words, one statement each. */
static enum ergon_code make_tables(struct postgres_store *store, struct ergon_error *err)
{
	static const char *const types[] = { "", "BIGINT", "DOUBLE PRECISION", "TEXT", "BYTEA" };
	static const char *const roles[] = { " GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "",
		                             " NOT NULL", " NOT NULL DEFAULT 0" };
	struct text sql = { 0 };
	enum ergon_code code = ERGON_OK;
	for (const struct sql_column *c = store_columns; !code && c->table; c++) {
		bool first = c == store_columns || strcmp(c[-1].table, c->table) != 0;
		bool last = !c[1].table || strcmp(c[1].table, c->table) != 0;
		if (first)
			text_printf(&sql, "CREATE TABLE IF NOT EXISTS %s (", c->table);
		text_printf(&sql, "%s%s %s%s", first ? "" : ", ", c->name, types[c->kind],
		            roles[c->role]);
		if (!last)
			continue;
		text_puts(&sql, ")");
		code = sql.failed
		           ? ergon_fail(err, ERGON_NO_MEMORY, "out of memory")
		           : postgres_run(store, sql.data, NULL, 0, NULL, NULL, "make tables", err);
		text_fini(&sql);
		sql = (struct text){ 0 };
	}
	if (!code)
		code =
		    postgres_run(store, "CREATE INDEX IF NOT EXISTS batches_of_run ON batches(run)",
		                 NULL, 0, NULL, NULL, "make tables", err);
	if (!code)
		code =
		    postgres_run(store, "CREATE TABLE IF NOT EXISTS ergon_schema (version BIGINT)",
		                 NULL, 0, NULL, NULL, "make tables", err);
	const struct sql_value version = { .kind = SQL_INT, .integer = STORE_SCHEMA_VERSION };
	if (!code)
		code = postgres_run(store, "INSERT INTO ergon_schema VALUES ($1)", &version, 1,
		                    NULL, NULL, "make tables", err);
	return code;
}

static enum ergon_code set_up(struct postgres_store *store, bool create, struct ergon_error *err)
{
	int64_t there = 0, version = 0;
	/* Of two that begin at once one makes the tables; the lock goes with the connection. */
	enum ergon_code code = postgres_run(store, "SELECT pg_advisory_lock(" SCHEMA_LOCK ")", NULL,
	                                    0, NULL, NULL, "open the history", err);
	if (!code)
		code = postgres_run(store,
		                    "SELECT count(*) FROM pg_class WHERE relname = 'ergon_schema' "
		                    "AND pg_table_is_visible(oid)",
		                    NULL, 0, take_number, &there, "open the history", err);
	if (!code && there)
		code = postgres_run(store, "SELECT max(version) FROM ergon_schema", NULL, 0,
		                    take_number, &version, "open the history", err);
	if (!code && version > STORE_SCHEMA_VERSION)
		code = ergon_fail_at(err, ERGON_BAD_INPUT, store->shown, 0,
		                     "expected a history of version %d, found %lld: a newer ergon "
		                     "wrote it",
		                     (int)STORE_SCHEMA_VERSION, (long long)version);
	if (!code && !version && !create)
		code = ergon_fail(err, ERGON_NOT_FOUND, "no run has been kept yet in %s",
		                  store->shown);
	if (!code && !version)
		code = make_tables(store, err);
	enum ergon_code unlocked =
	    postgres_run(store, "SELECT pg_advisory_unlock(" SCHEMA_LOCK ")", NULL, 0, NULL, NULL,
	                 "open the history", code ? NULL : err);
	return code ? code : unlocked;
}

static void silent(void *user, const char *message)
{
	(void)user;
	(void)message;
}

static enum ergon_code connect_to(struct postgres_store *store, const char *url,
                                  struct ergon_error *err)
{
	/* Later words win: the URL may set its own time limit. */
	static const char *const keywords[] = { "connect_timeout", "application_name", "dbname",
		                                NULL };
	const char *const values[] = { "10", "ergon", url, NULL };
	store->connection = store->api.connect(keywords, values, 1);
	if (!store->connection)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (store->api.status(store->connection) != CONNECTION_OK)
		return fail(store, ERGON_IO, "connect", store->api.message(store->connection), err);
	store->api.set_notice(store->connection, silent, NULL);
	return ERGON_OK;
}

static void postgres_close(void *state)
{
	struct postgres_store *store = state;
	if (store->connection)
		store->api.finish(store->connection);
	library_close(store->env, store->library);
	free(store);
}

static enum ergon_code postgres_open(void **out, const struct ergon_env *env, const char *place,
                                     bool create, const char **shown, struct ergon_error *err)
{
	static const char *const sonames[] = { "libpq.so.5", "libpq.so", NULL };
	char why[256];
	struct postgres_store *store = calloc(1, sizeof *store);
	if (!store)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	store->env = env;
	show_place(store->shown, sizeof store->shown, place);
	enum ergon_code code = ERGON_OK;
	store->library = library_open(env, sonames, entries, sizeof entries / sizeof *entries,
	                              &store->api, why, sizeof why);
	if (!store->library)
		code = ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "no PostgreSQL without libpq (%.160s): sudo apt install libpq5",
		                  why);
	if (!code)
		code = connect_to(store, place, err);
	if (!code)
		code = set_up(store, create, err);
	if (code) {
		postgres_close(store);
		return code;
	}
	*shown = store->shown;
	*out = store;
	return ERGON_OK;
}

static const char *const schemes[] = { "postgres://", "postgresql://", NULL };

const struct store_backend store_postgres = {
	.name = "postgres",
	.schemes = schemes,
	.open = postgres_open,
	.close = postgres_close,
	.run = postgres_run,
};
