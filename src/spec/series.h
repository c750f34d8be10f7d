/* SPDX-License-Identifier: Apache-2.0
 *
 * A value that changes over time in steps: a power budget, the carbon intensity or the price of
 * electricity. Each value holds from its time until the next one; before the first, the first.
 *
 * Read from a CSV file with one of two forms of time:
 *     time_s,g_per_kwh     seconds from the trace's zero, ascending; the last value holds for ever
 *     hour,g_per_kwh       hours 0 to 23 of a day, which then repeats; the trace begins at hour 0
 * or from a JSON file { "period_s": 86400, "source": "...", "points": [[0, 410], [3600, 395]] },
 * where without period_s the last value holds for ever.
 */
#ifndef ERGON_SPEC_SERIES_H
#define ERGON_SPEC_SERIES_H

#include <stdint.h>

#include "base/arena.h"
#include "ergon/error.h"

enum { SERIES_POINTS_MAX = 1000000 };

struct series {
	uint32_t count;     /* 0: nothing is known */
	uint64_t period_ns; /* repeats; 0: does not */
	uint64_t *time_ns;  /* [count], ascending, the first is 0 or counts as 0 */
	double *value;      /* [count] */
	const char *origin; /* file, or what was stated: for results */
};

/* column: of the CSV form, with its unit, such as "power_w". Values lie in [min, max]. */
ERGON_MUST_USE enum ergon_code series_load(const char *path, const char *column, double min,
                                           double max, struct arena *arena, struct series *series,
                                           struct ergon_error *err);
/* One value for ever. */
ERGON_MUST_USE enum ergon_code series_constant(double value, const char *origin,
                                               struct arena *arena, struct series *series,
                                               struct ergon_error *err);

/* The value at that time; count must not be 0. */
double series_at(const struct series *series, uint64_t time_ns);
/* The first time after time_ns at which another point begins; UINT64_MAX: none. */
uint64_t series_next(const struct series *series, uint64_t time_ns);
/* The least value in [from_ns, to_ns). */
double series_least(const struct series *series, uint64_t from_ns, uint64_t to_ns);
/* Integral over [from_ns, to_ns), value x seconds. */
double series_integral(const struct series *series, uint64_t from_ns, uint64_t to_ns);

#endif
