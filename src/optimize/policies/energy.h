/* SPDX-License-Identifier: Apache-2.0
 *
 * What the energy in an objective counts: joules, or what each joule costs or emits when it is
 * used (--objective cost, co2).
 */
#ifndef ERGON_OPTIMIZE_POLICIES_ENERGY_H
#define ERGON_OPTIMIZE_POLICIES_ENERGY_H

#include <math.h>

#include "base/units.h"
#include "optimize/policy.h"

/* Price or carbon intensity over time; NULL: joules. */
static inline const struct series *energy_series(const struct policy_setup *setup)
{
	switch (setup->options->energy_measure) {
	case ENERGY_COST:
		return setup->cluster->price;
	case ENERGY_CARBON:
		return setup->cluster->carbon;
	case ENERGY_JOULES:
		break;
	}
	return NULL;
}

/* Of so much power from now on, above 0: joules, or in the unit of the series x s. */
static inline double energy_counted(const struct series *series, uint64_t now_ns, double time_s,
                                    double power_w)
{
	double weighted_s = time_s;
	if (series && time_s < 4e9)
		weighted_s = series_integral(series, now_ns, now_ns + ns_from_seconds(time_s));
	return fmax(power_w * weighted_s, 1e-12);
}

#endif
