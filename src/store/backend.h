/* SPDX-License-Identifier: Apache-2.0
 *
 * What a store needs of a database: open, close, run one statement. store.c writes every statement
 * once, in SQL that both databases understand, with values as parameters $1, $2, ... and never in
 * its text.
 *
 * To add a database: one file beside this one that fills a struct store_backend, one line in
 * backends.c.
 */
#ifndef ERGON_STORE_BACKEND_H
#define ERGON_STORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"
#include "ergon/error.h"

enum sql_kind { SQL_NULL, SQL_INT, SQL_REAL, SQL_TEXT, SQL_BLOB };

/* A parameter or a cell of a row. Texts end with 0; bytes are borrowed for the call. */
struct sql_value {
	enum sql_kind kind;
	int64_t integer;
	double real;
	const void *bytes; /* TEXT, BLOB */
	size_t size;
};

/* Both databases' tables, from which each makes its own CREATE TABLE. */
enum sql_role { SQL_KEY, SQL_PLAIN, SQL_REQUIRED, SQL_ZERO }; /* ZERO: required, 0 if not given */
struct sql_column {
	const char *table, *name;
	enum sql_kind kind;
	enum sql_role role;
};
extern const struct sql_column store_columns[]; /* of one table after the other; ends with NULL */
enum { STORE_SCHEMA_VERSION = 1 };

/* A row of a statement; false: no more are wanted. */
typedef bool (*sql_take)(void *user, const struct sql_value *cells, int count);

struct store_backend {
	const char *name;
	const char *const
	    *schemes; /* of URLs that are its own, ending with NULL; NULL: a folder's */

	/* place: what followed --store, or the state folder. create: make what is missing; else
	 * NOT_FOUND. *shown: how the place may be called in errors (no password); lives as long as
	 * the state. */
	enum ergon_code (*open)(void **state, const struct ergon_env *env, const char *place,
	                        bool create, const char **shown, struct ergon_error *err);
	void (*close)(void *state);

	/* Runs one statement, which is a transaction of its own. doing: "keep samples", for errors.
	 */
	enum ergon_code (*run)(void *state, const char *sql, const struct sql_value *values,
	                       int count, sql_take take, void *user, const char *doing,
	                       struct ergon_error *err);
};

/* Every database, the folder's first. Ends with NULL. */
extern const struct store_backend *const store_backends[];

#endif
