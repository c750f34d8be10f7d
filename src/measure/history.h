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

/* {"kind":"ergon.compare","a":..,"b":..,"rows":[{"name","a","b","difference","ratio",
 * "significant"}]} of times, totals and common domains; significant: the 95% intervals do not
 * overlap. NULL: out of memory. */
json_t *history_compare(const json_t *a, const json_t *b);

#endif
