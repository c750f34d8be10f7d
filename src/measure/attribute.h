/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose energy: a window's energy shared out among processes. Pure functions on integers:
 * microjoules go in, and every one of them comes out once.
 *
 * The window's total falls into pools, each shared by what its users did: processors and memory by
 * CPU time (times frequency, where that is known), each GPU by its processes' utilisation. From
 * each pool the idle baseline is split off first: nobody's, or everybody's. What no activity says
 * anything about (a board's other parts, a GPU without processes) stays unattributed:
 *
 *     shares of consumers + unseen + idle + unattributed = total, to the last microjoule
 *
 * Rounding is by the largest remainders, so no share is off by a microjoule or more. Without a
 * baseline the idle part is unknown: it is taken as 0, and documents say so.
 */
#ifndef ERGON_MEASURE_ATTRIBUTE_H
#define ERGON_MEASURE_ATTRIBUTE_H

#include "base/json.h"
#include "measure/measurement.h"

/* Shares amount among count consumers and one more, whose weight is unseen and whose share is
 * returned. Where nobody has any weight the whole amount is the unseen one's. */
uint64_t apportion(uint64_t amount, const uint64_t *weights, size_t count, uint64_t unseen,
                   uint64_t *shares);

enum { ATTRIBUTE_GPUS_MAX = 64, ATTRIBUTE_POOLS_MAX = 1 + ATTRIBUTE_GPUS_MAX };

/* Energy that one kind of activity shares out. Pool 0 is the processors' and memory's. */
struct energy_pool {
	int gpu; /* its number in the names gpu-N; -1 for pool 0 */
	uint64_t energy_uj, idle_uj;
};

struct energy_pools {
	struct energy_pool pools[ATTRIBUTE_POOLS_MAX];
	size_t count;
	uint64_t total_uj;        /* of the counted domains */
	uint64_t unattributed_uj; /* what belongs to no pool */
};

/* Mean power of what CPU time can share: counted packages, memory, psys, node. */
double attribute_cpu_power_w(const struct measurement *measurement);

/* The counted domains of a window as pools; idle: a window of the idle machine, NULL where none was
 * measured. */
void attribute_pools(const struct measurement *measurement, const struct measurement *idle,
                     struct energy_pools *pools);

/* The command against all the rest, by CPU time alone. */
struct attribution {
	uint64_t total_uj, command_uj, idle_uj, others_uj, unattributed_uj;
	double command_j, idle_j, others_j, unattributed_j; /* the same in J */
	double command_cpu_s, machine_cpu_s;
	double baseline_w; /* NaN: none was measured */
};
struct attribution attribute(const struct measurement *measurement, double command_cpu_s,
                             double machine_cpu_s, double baseline_w);

json_t *attribution_to_json(const struct attribution *attribution);

#endif
