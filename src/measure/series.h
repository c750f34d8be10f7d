/* SPDX-License-Identifier: Apache-2.0
 *
 * Power over time, small enough to stand in a result document: at most SERIES_POINTS_MAX points,
 * however long the run. Samples are energies since the begin of the window, so that leaving out
 * every other one keeps each mean power between two points exact.
 *
 * series_take is what meter_drain calls. A struct series owns its memory; zeroed it is empty.
 */
#ifndef ERGON_MEASURE_SERIES_H
#define ERGON_MEASURE_SERIES_H

#include "base/json.h"
#include "measure/meter.h"

enum { SERIES_POINTS_MAX = 2000, SERIES_DOMAINS_MAX = 16 };

struct series {
	size_t channels, count, stride, left_out;
	uint64_t *times_ns; /* [SERIES_POINTS_MAX] */
	int64_t *energy_uj; /* [SERIES_POINTS_MAX * channels]; negative: in a gap */
	bool failed;        /* out of memory: no series, and no harm */
};

void series_begin(struct series *series, size_t channels);
void series_take(struct series *series, const struct meter_sample *sample);
void series_fini(struct series *series);

/* {"time_s": [...], "power_w": {"total": [...], DOMAIN: [...]}}: mean powers up to each time, null
 * in a gap; the domains of the total, the greatest SERIES_DOMAINS_MAX. NULL where there are no two
 * points, or memory is out. */
json_t *series_to_json(const struct series *series, const struct measurement *measurement);

#endif
