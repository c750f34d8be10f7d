/* SPDX-License-Identifier: Apache-2.0
 *
 * The one visible list of databases, and the tables that they hold.
 */
#include "store/backend.h"

extern const struct store_backend store_sqlite, store_postgres;

const struct store_backend *const store_backends[] = { &store_sqlite, &store_postgres, NULL };

const struct sql_column store_columns[] = {
	{ "runs", "id", SQL_INT, SQL_KEY },
	{ "runs", "started_unix_ns", SQL_INT, SQL_REQUIRED },
	{ "runs", "finished_unix_ns", SQL_INT, SQL_ZERO },
	{ "runs", "energy_j", SQL_REAL, SQL_ZERO },
	{ "runs", "duration_s", SQL_REAL, SQL_ZERO },
	{ "runs", "status", SQL_INT, SQL_ZERO },
	{ "runs", "command", SQL_TEXT, SQL_REQUIRED },
	{ "runs", "channels", SQL_TEXT, SQL_REQUIRED },
	{ "runs", "document", SQL_TEXT, SQL_PLAIN },
	{ "batches", "id", SQL_INT, SQL_KEY },
	{ "batches", "run", SQL_INT, SQL_REQUIRED },
	{ "batches", "rows", SQL_INT, SQL_REQUIRED },
	{ "batches", "data", SQL_BLOB, SQL_REQUIRED },
	{ NULL, NULL, SQL_NULL, SQL_PLAIN },
};
