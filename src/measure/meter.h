/* SPDX-License-Identifier: Apache-2.0
 *
 * The meter: reads every sensor at absolute deadlines on one thread of its own and turns readings
 * into energy.
 *
 *     struct meter *meter;
 *     struct measurement m = { 0 };
 *     if (meter_open(&meter, env, &(struct meter_options){ 0 }, &err)) ...
 *     if (meter_begin(meter, &err)) ...
 *     work();
 *     if (meter_end(meter, &m, &err)) ...   // may begin again
 *     measurement_fini(&m);
 *     meter_close(meter);
 *
 * States: open -> running (begin) -> open (end). Regions are windows inside a running one; they may
 * nest and overlap, from any thread. Between begin and end the sampler neither allocates nor locks
 * longer than one round of reads. Counters are differenced modulo their range, exactly; powers are
 * integrated by the trapezoid between real timestamps; what could not be read is a gap.
 *
 * With no sensor at all the models of sensors.c stand in; measurement.measured is then false.
 */
#ifndef ERGON_MEASURE_METER_H
#define ERGON_MEASURE_METER_H

#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"
#include "ergon/error.h"
#include "measure/measurement.h"
#include "measure/sensor.h"

struct meter;

struct meter_options {
	uint64_t interval_ns; /* 0: 100 ms; 100 us at the least */
	const char *sensors;  /* "rapl_powercap,hwmon", "replay:run.json"; NULL: all that are ready,
	                       * and models for what none covers */
	const char *dram_model; /* "ea2p"; NULL: ergon's own model of memory without a sensor */
	bool stream;            /* keep every sample until meter_drain takes it */
	bool manual;            /* no thread: the caller calls meter_tick (tests, benchmarks) */
};

/* env outlives the meter. NOT_FOUND for an unknown driver's name, NOT_SUPPORTED where a named
 * driver is not ready here. */
ERGON_MUST_USE enum ergon_code meter_open(struct meter **meter, const struct ergon_env *env,
                                          const struct meter_options *options,
                                          struct ergon_error *err);
void meter_close(struct meter *meter); /* NULL is allowed; ends a running window */

size_t meter_channel_count(const struct meter *meter);
const struct channel *meter_channel(const struct meter *meter, size_t index);
const char *meter_channel_driver(const struct meter *meter, size_t index);
uint64_t meter_interval_ns(const struct meter *meter);

ERGON_MUST_USE enum ergon_code meter_begin(struct meter *meter, struct ergon_error *err);
/* Fills *out, which must be empty (zeroed); NULL throws the window away. */
ERGON_MUST_USE enum ergon_code meter_end(struct meter *meter, struct measurement *out,
                                         struct ergon_error *err);

/* Reads all channels now, off the deadlines. Only while running. */
void meter_tick(struct meter *meter);

/* A window inside a running one. region_end frees the region, whatever it returns. */
struct meter_region;
ERGON_MUST_USE enum ergon_code meter_region_begin(struct meter *meter, struct meter_region **region,
                                                  struct ergon_error *err);
ERGON_MUST_USE enum ergon_code meter_region_end(struct meter *meter, struct meter_region *region,
                                                struct measurement *out, struct ergon_error *err);

/* One round of readings, for whoever records: energy of each channel since begin. */
struct meter_sample {
	uint64_t time_ns;         /* CLOCK_MONOTONIC, of the round */
	const int64_t *energy_uj; /* [meter_channel_count]; -1 - energy while in a gap */
};
/* Hands all waiting samples to take(), oldest first, on the caller's thread; returns how many were
 * lost since the last call because nobody drained. Needs options.stream. */
uint64_t meter_drain(struct meter *meter, void (*take)(void *user, const struct meter_sample *),
                     void *user);

#endif
