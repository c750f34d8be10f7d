/* SPDX-License-Identifier: Apache-2.0
 *
 * Long tables made wide.
 *
 * Published measurements often come with one line per metric: columns run_id, metric and value
 * among others. pivot_table() turns them into one row per run whose metrics are columns. Rows keep
 * the order and the line of each run's first line. A column whose cells differ between the lines of
 * one run (remarks, mostly) keeps every text, joined by "; ". A metric that a run lacks is an empty
 * cell.
 */
#ifndef ERGON_UNDERSTAND_PIVOT_H
#define ERGON_UNDERSTAND_PIVOT_H

#include <stdbool.h>

#include "base/csv.h"

enum { PIVOT_METRICS_MAX = 256 };

/* Are there columns run_id, metric and value? */
bool pivot_wanted(const struct csv *csv);

/* wide borrows from csv and from arena. Errors: a value that is no number, a run with the same
 * metric twice, a metric named like a column, over PIVOT_METRICS_MAX metrics. */
ERGON_MUST_USE enum ergon_code pivot_table(const struct csv *csv, struct arena *arena,
                                           struct csv *wide, struct ergon_error *err);

#endif
