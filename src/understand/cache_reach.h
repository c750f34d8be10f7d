/* SPDX-License-Identifier: Apache-2.0
 *
 * How far the caches reach: the most bytes in which a load still takes clearly less time than one
 * from memory. The processor states the size of its last cache, but on a shared or virtual machine
 * most of that is others'; what is left shows in the time of loads at random, one after the other.
 *
 * The probe uses huge pages where it gets them: with small ones, page walks would make loads slower
 * as the memory grows, and memory would look farther away than it is.
 */
#ifndef ERGON_UNDERSTAND_CACHE_REACH_H
#define ERGON_UNDERSTAND_CACHE_REACH_H

#include <stddef.h>
#include <stdint.h>

#include "understand/machine.h"

/* In bytes, at least the core's own cache; half a second of CPU time. 0: not known. */
double cache_reach_measure(const struct machine *machine);
/* Pure: from sizes that ascend and the time of a load in each, the last of which is memory's. */
double cache_reach_of(const uint64_t *bytes, const double *load_s, size_t count);

#endif
