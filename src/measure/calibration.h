/* SPDX-License-Identifier: Apache-2.0
 *
 * What was calibrated on this machine: STATE_DIR/calibration.json, one entry a kind ("meter",
 * "dram", "cpu"), each with its residual error. And the calibration of a run's energy by a
 * wattmeter: from a trace file and a kept run to that entry, and its use on a measurement.
 */
#ifndef ERGON_MEASURE_CALIBRATION_H
#define ERGON_MEASURE_CALIBRATION_H

#include "base/arena.h"
#include "base/json.h"
#include "ergon/env.h"
#include "measure/align.h"
#include "measure/measurement.h"
#include "measure/record.h"

/* The entry of that kind (a new reference), or NULL with ERGON_OK where there is none. */
ERGON_MUST_USE enum ergon_code calibrations_load(const struct ergon_env *env, const char *kind,
                                                 json_t **entry, struct ergon_error *err);
/* Replaces that entry (borrowed), keeps the others. */
ERGON_MUST_USE enum ergon_code calibrations_save(const struct ergon_env *env, const char *kind,
                                                 json_t *entry, struct ergon_error *err);

/* A wattmeter's CSV: a time column (time_s, time, timestamp, unix_s: seconds from any zero; or
 * 2026-01-31T12:00:00.5 with or without Z) and a power column in W (`column`, or with NULL power_w,
 * power, watts, w). Times must rise. */
ERGON_MUST_USE enum ergon_code calibration_trace(const char *path, const char *column,
                                                 struct arena *arena, struct trace *trace,
                                                 struct ergon_error *err);
ERGON_MUST_USE enum ergon_code calibration_trace_parse(const char *text, size_t length,
                                                       const char *name, const char *column,
                                                       struct arena *arena, struct trace *trace,
                                                       struct ergon_error *err);

/* The cumulative energy of some channels of a recording. names: "package-0+gpu-0", or NULL for
 * those that add up to the machine without overlap (never the node's own wattmeter). chosen: the
 * names joined by '+'. Samples with a gap in any of them are left out. */
ERGON_MUST_USE enum ergon_code calibration_sum(const struct record *record, const char *names,
                                               struct arena *arena, struct trace *sum, char *chosen,
                                               size_t size, struct ergon_error *err);

/* {"kind":"ergon.calibration","version":1,"what":"meter","sum":"package-0+dram","gain",
 * "gain_ci95","offset_w",...}; NULL: out of memory. */
json_t *calibration_meter_json(const struct alignment *alignment, const char *sum);

/* Adds "calibrated" {"sum","energy_j","energy_low_j","energy_high_j","gain","offset_w"} to the
 * document of a measurement, whose domains of the entry's sum must all be there. */
ERGON_MUST_USE enum ergon_code calibration_apply(const json_t *entry, json_t *document,
                                                 struct ergon_error *err);

#endif
