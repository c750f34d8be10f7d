/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording as text for other tools.
 *
 *   csv       as record.h describes; read again by the replay sensor
 *   json      likewise
 *   influx    InfluxDB line protocol: ergon,domain=NAME,provenance=P energy_j=E,power_w=W TIME
 *   perfetto  Chrome trace events (counters in W), which ui.perfetto.dev opens
 */
#ifndef ERGON_MEASURE_EXPORT_H
#define ERGON_MEASURE_EXPORT_H

#include <stdint.h>

#include "base/grow.h"
#include "measure/record.h"

enum export_format { EXPORT_CSV, EXPORT_JSON, EXPORT_INFLUX, EXPORT_PERFETTO, EXPORT_FORMATS };

/* NOT_FOUND with the nearest name. */
ERGON_MUST_USE enum ergon_code export_format_find(const char *name, enum export_format *format,
                                                  struct ergon_error *err);

/* Appends the whole text; begin_unix_ns is time zero of the recording. */
ERGON_MUST_USE enum ergon_code export_text(const struct record *record, enum export_format format,
                                           int64_t begin_unix_ns, struct text *text,
                                           struct ergon_error *err);

#endif
