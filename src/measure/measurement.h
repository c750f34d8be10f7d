/* SPDX-License-Identifier: Apache-2.0
 *
 * What a meter says about one window of time: energy and power of each domain, and a total that
 * counts every joule once.
 *
 * A domain whose readings failed has gaps: energy is what was seen, high_j allows for the rest.
 * Energies in joules, powers in watts, times in seconds. A struct measurement owns its arrays;
 * measurement_fini releases them; a zeroed one is empty.
 */
#ifndef ERGON_MEASURE_MEASUREMENT_H
#define ERGON_MEASURE_MEASUREMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "measure/sensor.h"

struct domain_energy {
	char name[CHANNEL_NAME_SIZE];
	char duplicate_of[CHANNEL_NAME_SIZE]; /* "" for the one that counts */
	const char *driver;                   /* static */
	enum provenance provenance;
	enum channel_behaviour behaviour;
	bool valid;    /* at least one step could be integrated */
	bool in_total; /* counted in the total: neither overlaps nor repeats another */
	double energy_j;
	double low_j, high_j;   /* about 95%: sensor error, refresh at both ends, gaps */
	double average_power_w; /* over covered_s */
	double peak_power_w;    /* over at least a sampling interval */
	double relative_error;  /* of the sensor or model, 1 sigma; 0 unknown */
	double covered_s;       /* of the window, time that readings account for */
	double gap_s;           /* and time that they do not */
	double stuck_s;         /* time for which a counter did not move though it should have */
	uint32_t gaps, failures, wraps;
	uint32_t refresh_us;
	double observed_share; /* part of the time that the source looks at all; 0: all of it */
	double unseen_half_j;  /* half width that comes from the rest; part of low_j and high_j */
};

struct measurement {
	double duration_s;
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t unix_ns;          /* begin, since 1970-01-01 UTC */
	struct domain_energy *domains;
	size_t count;
	double energy_j, low_j, high_j; /* total */
	double average_power_w, peak_power_w;
	bool measured, modelled; /* what the total is made of; neither: nothing could be read */
	double modelled_j;       /* part of energy_j that is modelled */
	uint64_t samples, late;  /* late: deadlines missed by more than an interval */
	double interval_s;
	double own_cpu_s; /* CPU time that the sampler took in this window */
	double suspended_s;
};

void measurement_fini(struct measurement *measurement);
ERGON_MUST_USE enum ergon_code measurement_copy(struct measurement *to,
                                                const struct measurement *from,
                                                struct ergon_error *err);

/* The domain of that name, or NULL. */
const struct domain_energy *measurement_domain(const struct measurement *measurement,
                                               const char *name);

/* {"duration_s":..., "domains":[...], "total":{...}, "sampling":{...}}; NULL: out of memory. */
json_t *measurement_to_json(const struct measurement *measurement);

#endif
