/* SPDX-License-Identifier: Apache-2.0
 *
 * Energy of parts of a program: open a meter once, mark regions, read their energy.
 *
 *     struct ergon_meter *meter;
 *     struct ergon_region *region;
 *     struct ergon_energy energy;
 *     struct ergon_error err;
 *     if (ergon_meter_open(&meter, NULL, NULL, 0, &err)) ...
 *     if (ergon_region_begin(meter, &region, &err)) ...
 *     work();
 *     if (ergon_region_end(region, &energy, &err)) ...
 *     printf("%g J\n", energy.energy_j);
 *     ergon_meter_close(meter);
 *
 * Regions may nest and overlap and be used from any thread; each begin and end reads the sensors
 * once (microseconds for RAPL). With a NULL meter begin and end do nothing, in a few nanoseconds,
 * so that instrumented code can stay as it is where nothing is measured. Energies are the whole
 * machine's during the region, not the thread's own.
 */
#ifndef ERGON_MEASURE_H
#define ERGON_MEASURE_H

#include <stdint.h>

#include "ergon/env.h"
#include "ergon/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ergon_meter;
struct ergon_region;

struct ergon_energy {
	double duration_s;
	double energy_j;      /* total, every joule once; NaN where nothing could be read */
	double low_j, high_j; /* about 95% */
	int measured;         /* a sensor contributed */
	int modelled;         /* a model contributed */
};

/* Opens the sensors and starts sampling. env: NULL for this machine; it must outlive the meter.
 * sensors: NULL for all, or a list such as "rapl_powercap,nvml". interval_ns: 0 for 100 ms. */
ERGON_MUST_USE enum ergon_code ergon_meter_open(struct ergon_meter **meter,
                                                const struct ergon_env *env, const char *sensors,
                                                uint64_t interval_ns, struct ergon_error *err);
/* NULL is allowed. All regions must have ended. */
void ergon_meter_close(struct ergon_meter *meter);

ERGON_MUST_USE enum ergon_code ergon_region_begin(struct ergon_meter *meter,
                                                  struct ergon_region **region,
                                                  struct ergon_error *err);
/* Ends and frees the region, whatever it returns. energy may be NULL. */
ERGON_MUST_USE enum ergon_code ergon_region_end(struct ergon_region *region,
                                                struct ergon_energy *energy,
                                                struct ergon_error *err);

/* The same, with every domain: *json is the object that `ergon measure --json` writes for its
 * measurement (duration_s, domains[], total, sampling); free it with ergon_free. */
ERGON_MUST_USE enum ergon_code ergon_region_end_json(struct ergon_region *region, char **json,
                                                     struct ergon_error *err);
void ergon_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
