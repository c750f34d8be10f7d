/* SPDX-License-Identifier: Apache-2.0
 *
 * Estimates by three 64-bit keys: a hash table that grows; entries never move.
 */
#ifndef ERGON_OPTIMIZE_ORACLES_ESTIMATE_CACHE_H
#define ERGON_OPTIMIZE_ORACLES_ESTIMATE_CACHE_H

#include "base/arena.h"
#include "optimize/oracle.h"

struct estimate_slot {
	uint64_t a, b, c;
	struct estimate *estimate; /* NULL: free */
};

/* Zero-initialise. */
struct estimate_cache {
	struct arena arena;
	struct estimate_slot *slots;
	size_t capacity, count;
};

extern const struct estimate estimate_no_memory; /* infeasible: out of memory */

/* The entry of the keys; *made: it is new and zeroed. NULL when memory is out. */
struct estimate *estimate_cache_get(struct estimate_cache *cache, uint64_t a, uint64_t b,
                                    uint64_t c, bool *made);
void estimate_cache_fini(struct estimate_cache *cache);

#endif
