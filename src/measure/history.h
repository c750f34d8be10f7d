/* SPDX-License-Identifier: Apache-2.0
 *
 * Kept runs as documents, and the comparison of two.
 */
#ifndef ERGON_MEASURE_HISTORY_H
#define ERGON_MEASURE_HISTORY_H

#include "base/json.h"
#include "store/store.h"

/* The result document of a run, with "run" and "finished" added. Of a run that was killed, what its
 * samples tell: duration_s, domains[] and no total (what overlaps is not known any more). */
ERGON_MUST_USE enum ergon_code history_document(struct store *store, int64_t id, json_t **document,
                                                struct ergon_error *err);

/* Adds "series" (series.h) to the document of a run, from its samples; nothing where it has none.
 */
ERGON_MUST_USE enum ergon_code history_add_series(struct store *store, int64_t id, json_t *document,
                                                  struct ergon_error *err);

/* {"kind":"ergon.compare","a":..,"b":..,"rows":[{"name","unit","a","b","difference","ratio",
 * "significant","by","ci95"?}]} of times, totals, carbon, cost and common domains, of two documents
 * of kind ergon.measure. a and b: the runs' numbers, or the names given. Where both were repeated,
 * time and total are held against each other by Welch's test at 95% (by "repeats"; ci95 is the half
 * width of the difference's interval); else their 95% intervals must not overlap (by "intervals").
 * NULL: out of memory. */
json_t *history_compare(const json_t *a, const json_t *b, const char *name_a, const char *name_b);

#endif
