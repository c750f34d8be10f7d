/* SPDX-License-Identifier: Apache-2.0
 *
 * When a job that works at a constant rate reaches its next mark: the engine's rule, for those who
 * must foresee it to the nanosecond.
 */
#ifndef ERGON_OPTIMIZE_SIM_CROSSING_H
#define ERGON_OPTIMIZE_SIM_CROSSING_H

#include <stdint.h>

/* The time twice, plus 1 where the policy of that very instant does not see it yet. quantum_ns: the
 * oracle's; interval_ns: between decisions, 0: none; need_s: seconds of work from from_ns on. */
uint64_t crossing_key(uint64_t quantum_ns, uint64_t interval_ns, uint64_t from_ns, double need_s);

#endif
