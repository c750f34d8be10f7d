/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/sim/crossing.h"

#include <math.h>

#include "base/units.h"

/* The published simulator's rule: in the round in which the mark is reached, at the nearest whole
 * second (half to even) after the round's, or the segment's, beginning. */
uint64_t crossing_key(uint64_t quantum, uint64_t interval, uint64_t from_ns, double need_s)
{
	if (quantum == 1)
		return (from_ns + ns_from_seconds(need_s)) * 2;
	double quanta = need_s * 1e9 / (double)quantum;
	if (interval == 0 || interval % quantum)
		return (from_ns + (uint64_t)nearbyint(quanta) * quantum) * 2;
	double per_round = (double)(interval / quantum);
	uint64_t within = interval - from_ns % interval; /* left of this round */
	double left = (double)within / (double)quantum;
	if (quanta <= left)
		return (from_ns + (uint64_t)nearbyint(quanta) * quantum) * 2;
	double rounds = ceil((quanta - left) / per_round) - 1;
	double rest = nearbyint(quanta - left - rounds * per_round);
	uint64_t at = from_ns + within + (uint64_t)rounds * interval + (uint64_t)rest * quantum;
	return at * 2 + (rest <= 0); /* late: the policy of that instant does not see it */
}
